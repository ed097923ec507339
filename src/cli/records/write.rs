//! Changing rows: the store and its outbox only. The running process, or `sync run`, sends.

use std::collections::BTreeMap;
use std::fmt;

use clap::Args;
use serde::Serialize;
use shared::config::Env;
use shared::ids::{ConnectionId, EntityId, ObjectName, PersonId, RecordId};
use shared::model::{Entity, Fields};
use shared::sync::{Author, Changed, Desk, DeskError, EditError, RowStanding, Stand};

use super::find;
use crate::cli::desk::desk_of;
use crate::exit::CommandError;
use crate::process::Parts;
use crate::settings::Settings;

/// One field and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    field: String,
    value: String,
}

impl Assignment {
    /// Reads `FIELD=VALUE`; what stands behind the first `=` is the value, nothing empties the field.
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((field, value)) if !field.is_empty() => {
                Ok(Self { field: field.to_owned(), value: value.to_owned() })
            }
            _ => Err("write `FIELD=VALUE`, such as `court=Superior Court`".to_owned()),
        }
    }
}

/// Who makes the change.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Who makes it, for the audit log; without, the user of this machine.
    #[arg(long, value_name = "PERSON")]
    author: Option<PersonId>,
}

impl By {
    pub(crate) fn person(&self, env: &Env) -> String {
        let of_machine = || {
            let mut names = ["USER", "LOGNAME", "USERNAME"].into_iter();
            names.find_map(|it| PersonId::parse(env.get(it)?).ok())
        };
        self.author
            .clone()
            .or_else(of_machine)
            .map_or_else(|| "command-line".to_owned(), Into::into)
    }
}

/// Which fields of which row change.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Its id, or that of its record at a connection.
    id: String,
    /// Our fields and their new values; `FIELD=` empties one.
    #[arg(required = true, value_name = "FIELD=VALUE", value_parser = Assignment::parse)]
    fields: Vec<Assignment>,
    #[command(flatten)]
    by: By,
}

/// What a new row holds.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Our fields and their values; a reference is our id of a row.
    #[arg(required = true, value_name = "FIELD=VALUE", value_parser = Assignment::parse)]
    fields: Vec<Assignment>,
    /// The connection that takes it; needed when several do.
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionId>,
    #[command(flatten)]
    by: By,
}

/// Which row.
#[derive(Debug, Args)]
pub(crate) struct RowArgs {
    /// Its id, or that of its record at a connection.
    id: String,
    #[command(flatten)]
    by: By,
}

/// Which row becomes part of which.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The row that goes: its id, or that of its record.
    id: String,
    /// The row that stays: its id, or that of its record.
    #[arg(long, value_name = "ID")]
    into: String,
    #[command(flatten)]
    by: By,
}

/// A change that is asked for.
pub(super) enum Wish {
    Set(SetArgs),
    Create(CreateArgs),
    Delete(RowArgs),
    Restore(RowArgs),
    Merge(MergeArgs),
}

/// What was made of it.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Done),
    Refused(Refused),
}

/// The row as it stands now; after a merge the one that stays.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    entity: Entity,
    id: EntityId,
    is_new: bool,
    is_changed: bool,
    change_seq: Option<u64>,
    is_deleted: bool,
    connection: ConnectionId,
    object: ObjectName,
    record_id: Option<RecordId>,
    /// Fields that differ over there, and have to be sent or decided.
    not_in_step: Vec<String>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entity, id, connection, object, record_id, not_in_step, .. } = self;
        let made = match (self.is_new, self.is_changed) {
            (true, _) => "made",
            (false, true) => "changed",
            (false, false) => "not changed, it was so already",
        };
        let presence = if self.is_deleted { ", deleted" } else { "" };
        write!(f, "{entity} {id}: {made}{presence}")?;
        match record_id {
            Some(record_id) => write!(f, "\n  record   {connection}/{object}/{record_id}")?,
            None => write!(f, "\n  record   {connection}/{object}, not made over there yet")?,
        }
        if !not_in_step.is_empty() {
            write!(f, "\n  waiting  {}", not_in_step.join(", "))?;
        }
        Ok(())
    }
}

/// Every field that was refused, each with its fix; nothing was changed.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    refused: Vec<Fault>,
}

#[derive(Debug, Serialize)]
struct Fault {
    field: Option<String>,
    fault: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was changed")?;
        self.refused.iter().try_for_each(|it| write!(f, "\n  - {}", it.fault))
    }
}

impl std::error::Error for Refused {}

impl Refused {
    fn of(errors: &[EditError]) -> Self {
        let mut refused: Vec<Fault> = Vec::with_capacity(errors.len());
        for error in errors {
            let field = match error {
                EditError::UnknownField { field, .. }
                | EditError::ReadOnly { field, .. }
                | EditError::Invalid { field, .. }
                | EditError::TooLong { field, .. }
                | EditError::UnknownReference { field } => Some(field.clone()),
                _ => None,
            };
            let fault = shared::chain(error).to_string();
            if !refused.iter().any(|it| it.fault == fault) {
                refused.push(Fault { field, fault });
            }
        }
        Self { refused }
    }
}

/// Makes the change that `wish` names to a row of `entity`.
///
/// # Errors
///
/// When a part cannot be opened, there is no such row, or the store fails. Refused fields are an
/// answer.
pub(super) async fn make(
    entity: Entity,
    wish: Wish,
    settings: &Settings,
) -> Result<Answer, CommandError> {
    let parts = Parts::open(settings).await?;
    let desk = desk_of(&parts, settings)?;
    let correlation_id = parts.random.correlation_id();
    let event_id = format!("command:{correlation_id}");
    let author = move |by: By| {
        let actor = format!("person:{}", by.person(&Env::of_process()));
        Author { actor, event_id, correlation_id }
    };
    let row = async |id: &str| {
        let found = find(entity, id, settings, &parts.stores).await?;
        found.ok_or_else(|| unknown(entity, id))
    };
    match wish {
        Wish::Set(SetArgs { id, fields, by }) => {
            let id = row(&id).await?;
            set(&desk, entity, &id, texts(fields)?, &author(by)).await
        }
        Wish::Create(CreateArgs { fields, connection, by }) => {
            create(&desk, entity, connection.as_ref(), texts(fields)?, &author(by)).await
        }
        Wish::Delete(RowArgs { id, by }) => {
            let made = desk.delete(entity, &row(&id).await?, &author(by)).await;
            answer(&desk, entity, made).await
        }
        Wish::Restore(RowArgs { id, by }) => {
            let made = desk.restore(entity, &row(&id).await?, &author(by)).await;
            answer(&desk, entity, made).await
        }
        Wish::Merge(MergeArgs { id, into, by }) => {
            let (loser, winner) = (row(&id).await?, row(&into).await?);
            merge(&desk, entity, &loser, &winner, &author(by)).await
        }
    }
}

fn tried(entity: Entity) -> String {
    format!("change a row of `{entity}`")
}

fn unknown(entity: Entity, id: &str) -> CommandError {
    let why = format!("no row or record has the id `{id}`");
    CommandError::failed(tried(entity), why)
}

/// Collects fields by name.
fn texts(fields: Vec<Assignment>) -> Result<BTreeMap<String, String>, CommandError> {
    let mut texts = BTreeMap::new();
    for Assignment { field, value } in fields {
        let twice = format!("`{field}` is given twice: give it once");
        if texts.insert(field, value).is_some() {
            return Err(CommandError::failed("read the fields", twice));
        }
    }
    Ok(texts)
}

async fn set(
    desk: &Desk,
    entity: Entity,
    id: &EntityId,
    texts: BTreeMap<String, String>,
    author: &Author,
) -> Result<Answer, CommandError> {
    let typed = desk.typed(entity, Some(id), None, &texts).await;
    let fields = typed.map_err(|error| CommandError::failed(tried(entity), error))?;
    match desk.change(entity, id, fields.clone(), author).await {
        Err(DeskError::Edit(first)) => refused(desk, entity, Some(id), None, &fields, first).await,
        made => answer(desk, entity, made).await,
    }
}

async fn create(
    desk: &Desk,
    entity: Entity,
    connection: Option<&ConnectionId>,
    texts: BTreeMap<String, String>,
    author: &Author,
) -> Result<Answer, CommandError> {
    let typed = desk.typed(entity, None, connection, &texts).await;
    let fields = typed.map_err(|error| CommandError::failed(tried(entity), error))?;
    match desk.create(entity, connection, fields.clone(), author).await {
        Err(DeskError::Edit(first)) => {
            refused(desk, entity, None, connection, &fields, first).await
        }
        made => match answer(desk, entity, made).await? {
            Answer::Done(done) => Ok(Answer::Done(Done { is_new: true, ..done })),
            refused @ Answer::Refused(_) => Ok(refused),
        },
    }
}

async fn merge(
    desk: &Desk,
    entity: Entity,
    loser: &EntityId,
    winner: &EntityId,
    author: &Author,
) -> Result<Answer, CommandError> {
    let failed = |error| CommandError::failed(tried(entity), error);
    let of_loser = desk.standing(entity, loser).await.map_err(failed)?.key;
    let of_winner = desk.standing(entity, winner).await.map_err(failed)?.key;
    if of_loser == of_winner {
        return Err(CommandError::failed(tried(entity), "a row is not merged into itself"));
    }
    if of_loser.connection != of_winner.connection {
        let (left, right) = (of_loser.connection, of_winner.connection);
        let why = format!("one is of `{left}`, the other of `{right}`: only rows of one merge");
        return Err(CommandError::failed(tried(entity), why));
    }
    let made = desk.merge(entity, loser, winner, author).await;
    let made = made.map(|it| Changed { entity_id: winner.clone(), ..it });
    answer(desk, entity, made).await
}

/// Names every field that was refused, not the first alone.
async fn refused(
    desk: &Desk,
    entity: Entity,
    id: Option<&EntityId>,
    connection: Option<&ConnectionId>,
    fields: &Fields,
    first: EditError,
) -> Result<Answer, CommandError> {
    let all = desk.faults(entity, id, connection, fields).await;
    let all = all.map_err(|error| CommandError::failed(tried(entity), error))?;
    // Between the change and this look somebody else may have made it possible.
    let all = if all.is_empty() { vec![first] } else { all };
    Ok(Answer::Refused(Refused::of(&all)))
}

async fn answer(
    desk: &Desk,
    entity: Entity,
    made: Result<Changed, DeskError>,
) -> Result<Answer, CommandError> {
    let Changed { entity_id, committed } = match made {
        Ok(changed) => changed,
        Err(DeskError::Edit(error)) => return Ok(Answer::Refused(Refused::of(&[error]))),
        Err(error) => return Err(CommandError::failed(tried(entity), error)),
    };
    let standing = desk.standing(entity, &entity_id).await;
    let standing = standing.map_err(|error| CommandError::failed("look at the row", error))?;
    let RowStanding { key, entity_id, is_deleted, fields, .. } = standing;
    let fields = fields.into_iter().filter(|it| it.stand != Stand::InStep);
    Ok(Answer::Done(Done {
        entity,
        id: entity_id,
        is_new: false,
        is_changed: committed.is_some(),
        change_seq: committed.and_then(|it| it.change_seq),
        is_deleted,
        connection: key.connection,
        object: key.object,
        record_id: Some(key.record_id).filter(|it| it.as_local().is_none()),
        not_in_step: fields.map(|it| it.field).collect(),
    }))
}

#[cfg(test)]
mod tests;
