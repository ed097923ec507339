//! `moodbridge cases`, `contacts` and `accounts`: one row as it stands or once stood, and changing it.

mod write;

use std::fmt;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::auth::Sight;
use shared::ids::{EntityId, RecordId, SalesforceId};
use shared::model::{Entity, FieldValue, RecordKey};
use shared::ports::{Clock, PastField, PastRow, SetBy, SystemClock};
use shared::sync::Side;
use shared::time::Timestamp;
use wiring::CaseStores;

pub(crate) use self::write::By;
use self::write::{Answer, CreateArgs, MergeArgs, RowArgs, SetArgs, Wish};
use crate::exit::{CommandError, FAILURE, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do with rows of one kind.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Shows one row, and what set each of its fields.
    Get(GetArgs),
    /// Changes fields of a row; they wait to be sent to the platform.
    Set(SetArgs),
    /// Makes a row; it waits to be made at the platform.
    Create(CreateArgs),
    /// Deletes a row, here and at the platform.
    Delete(RowArgs),
    /// Brings a deleted row back, here and at the platform.
    Restore(RowArgs),
    /// Merges a row into another: what points to it points there from now on.
    Merge(MergeArgs),
}

/// Which row, and when.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Its id, or that of its record at a connection.
    id: String,
    /// Shows it as it stood then, such as `2026-01-31T09:30:00Z`; without, as it stands now.
    #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
    as_of: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(PastRow);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PastRow { entity, entity_id, as_of, created_at, .. } = &self.0;
        let presence = if self.0.is_deleted { ", deleted" } else { "" };
        write!(f, "{entity} {entity_id} as of {as_of}, here since {created_at}{presence}")?;
        if let Some(set_by) = &self.0.presence_set_by {
            write!(f, "\n  {:<22} {}", "", Cause(set_by))?;
        }
        for (name, PastField { value, set_by }) in &self.0.fields {
            if value.is_null() && set_by.is_none() {
                continue;
            }
            write!(f, "\n  {name:<22} {}", Plain(value))?;
            if let Some(set_by) = set_by {
                write!(f, "\n  {:<22}   {}", "", Cause(set_by))?;
            }
        }
        match self.0.recorded_since {
            _ if self.0.is_recorded() => Ok(()),
            Some(since) => write!(
                f,
                "\nchanges of this row are recorded since {since} only: this is its oldest known \
                 state"
            ),
            None => {
                f.write_str("\nno change of this row was recorded: this is its only known state")
            }
        }
    }
}

/// What set a field, on one line.
struct Cause<'a>(&'a SetBy);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SetBy { seq, at, actor, channel, event_id, correlation_id, .. } = self.0;
        let (actor, event_id) = (PlainText(actor), PlainText(event_id));
        let channel = channel.as_str();
        write!(
            f,
            "{at} {actor} by {channel} {event_id}, correlation {correlation_id}, audit row {seq}"
        )?;
        for decision in &self.0.decisions {
            let stands = match decision.winner {
                Side::Local => "our value stands",
                Side::Remote => "theirs stands",
            };
            write!(f, ", {}: {stands}, not {}", decision.policy, Plain(&decision.other))?;
        }
        Ok(())
    }
}

/// A value that somebody else wrote: on a terminal its control characters must do nothing.
struct Plain<'a>(&'a FieldValue);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_text() {
            Some(text) => PlainText(text).fmt(f),
            None => self.0.fmt(f),
        }
    }
}

/// Likewise, of text.
struct PlainText<'a>(&'a str);

impl fmt::Display for PlainText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|it| match it.is_control() {
            true => write!(f, "{}", it.escape_default()),
            false => write!(f, "{it}"),
        })
    }
}

/// Runs `command` on rows of `entity`.
///
/// # Errors
///
/// When a part cannot be opened or the store does not answer, or the row is not there.
pub(crate) async fn run(
    entity: Entity,
    command: RecordCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let wish = match command {
        RecordCommand::Get(args) => return get(entity, args, settings, output).await,
        RecordCommand::Set(args) => Wish::Set(args),
        RecordCommand::Create(args) => Wish::Create(args),
        RecordCommand::Delete(args) => Wish::Delete(args),
        RecordCommand::Restore(args) => Wish::Restore(args),
        RecordCommand::Merge(args) => Wish::Merge(args),
    };
    let printed = match (write::make(entity, wish, settings).await?, output) {
        (Answer::Done(done), _) => output.answer(&done).map(|()| SUCCESS),
        // A script reads it where it reads every answer.
        (Answer::Refused(refused), Output::Json) => output.answer(&refused).map(|()| FAILURE),
        (Answer::Refused(refused), Output::Text) => {
            return Err(CommandError::failed(format!("change a row of `{entity}`"), refused));
        }
    };
    let code = printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

async fn get(
    entity: Entity,
    args: GetArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let GetArgs { id, as_of } = args;
    let tried = || format!("show {entity} `{id}`");
    let stores = settings.open_stores().await?;
    let at = as_of.unwrap_or_else(|| SystemClock.now());
    let row = match find(entity, &id, settings, &stores).await? {
        Some(id) => stores
            .history
            .as_of(&Sight::Everything, entity, &id, at)
            .await
            .map_err(|error| CommandError::failed(tried(), error))?,
        None => None,
    };
    let row = row.ok_or_else(|| {
        CommandError::failed(tried(), format!("no row or record with that id was here at {at}"))
    })?;
    output.answer(&Shown(row)).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

/// Finds the id of a row by itself, or by that of its record at one of the connections.
pub(super) async fn find(
    entity: Entity,
    id: &str,
    settings: &Settings,
    stores: &CaseStores,
) -> Result<Option<EntityId>, CommandError> {
    if let Ok(id) = EntityId::parse(id) {
        return Ok(Some(id));
    }
    let record_id = match SalesforceId::parse(id) {
        Ok(id) => id.to_record_id(),
        Err(_) => match RecordId::parse(id) {
            Ok(id) => id,
            Err(_) => return Ok(None),
        },
    };
    for connection in &settings.connections {
        let streams = connection.platform().describe();
        for stream in streams.into_iter().filter(|it| it.entity == Some(entity)) {
            let key = RecordKey {
                connection: connection.name().clone(),
                object: stream.object,
                record_id: record_id.clone(),
            };
            let shadow = stores.store.shadow(&key).await;
            let shadow = shadow.map_err(|error| CommandError::failed("find the record", error))?;
            if let Some(shadow) = shadow {
                return Ok(Some(shadow.entity_id));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_value_do_nothing_on_a_terminal() {
        let value = FieldValue::text("a\u{1b}[2Jb\nc");

        assert_eq!(Plain(&value).to_string(), "a\\u{1b}[2Jb\\nc");
    }
}
