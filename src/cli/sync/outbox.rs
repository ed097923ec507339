//! What could not be sent, and what a person can do about it.

use std::fmt;

use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::RecordKey;
use shared::ports::{Clock as _, OutboxEntry, OutboxStatus, Setback, SystemClock};
use shared::sync::DeleteGuard;
use shared::time::Timestamp;

use crate::exit::CommandError;
use crate::settings::Settings;

#[derive(Serialize)]
pub(super) struct Failed {
    items: Vec<FailedLine>,
}

#[derive(Serialize)]
struct FailedLine {
    connection: ConnectionId,
    object: ObjectName,
    record_id: RecordId,
    entity_id: String,
    kind: &'static str,
    n_attempts: u32,
    since: Timestamp,
    reason: Option<Setback>,
}

impl From<OutboxEntry> for FailedLine {
    fn from(entry: OutboxEntry) -> Self {
        let OutboxEntry { key, entity_id, kind, n_attempts, last, changed_at, .. } = entry;
        Self {
            connection: key.connection,
            object: key.object,
            record_id: key.record_id,
            entity_id: entity_id.to_string(),
            kind: kind.as_str(),
            n_attempts,
            since: changed_at,
            reason: last,
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no record waits for a person");
        }
        for (idx, line) in self.items.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            let FailedLine { connection, object, record_id, kind, n_attempts, since, .. } = line;
            write!(
                f,
                "{connection}  {object}/{record_id}  {kind} since {since}, tried {n_attempts} times"
            )?;
            if let Some(Setback { code, words, fields }) = &line.reason {
                write!(f, "\n    {code}: {words}")?;
                if !fields.is_empty() {
                    write!(f, " ({})", fields.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

/// Lists records that wait for a person.
///
/// # Errors
///
/// When the store cannot be opened or does not answer.
pub(super) async fn failed(settings: &Settings, limit: u32) -> Result<Failed, CommandError> {
    let stores = settings.open_stores().await?;
    let entries = stores
        .outbox
        .waiting(OutboxStatus::Failed, None, limit)
        .await
        .map_err(|error| CommandError::failed("list what could not be sent", error))?;
    Ok(Failed { items: entries.into_iter().map(FailedLine::from).collect() })
}

#[derive(Serialize)]
pub(super) struct Resent {
    n_records: u64,
}

impl fmt::Display for Resent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records are sent again", self.n_records)
    }
}

/// Lets records be sent again.
///
/// # Errors
///
/// When `record` is not an object and an id, or the store does not answer.
pub(super) async fn resend(
    settings: &Settings,
    connection: &ConnectionId,
    record: Option<&str>,
) -> Result<Resent, CommandError> {
    let key = record.map(|it| parse_record(connection, it)).transpose()?;
    let stores = settings.open_stores().await?;
    let n_records = stores
        .outbox
        .resend(connection, key.as_ref())
        .await
        .map_err(|error| CommandError::failed("send records again", error))?;
    Ok(Resent { n_records })
}

fn parse_record(connection: &ConnectionId, text: &str) -> Result<RecordKey, CommandError> {
    let read = || {
        let (object, id) = text.split_once('/')?;
        let object = ObjectName::parse(object).ok()?;
        Some(RecordKey {
            connection: connection.clone(),
            object,
            record_id: RecordId::parse(id).ok()?,
        })
    };
    read().ok_or_else(|| {
        let what = format!("`{text}` is not an object and an id: write such as `Case/5005f…`");
        CommandError::failed("read `--record`", what)
    })
}

#[derive(Serialize)]
pub(super) struct Allowed {
    connection: ConnectionId,
    object: ObjectName,
    until: Timestamp,
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, object, until } = self;
        write!(f, "deletions of `{object}` of `{connection}` go through until {until}")
    }
}

/// Lets the deletions of an object through for a while.
///
/// # Errors
///
/// When the store does not answer.
pub(super) async fn allow_deletes(
    settings: &Settings,
    connection: &ConnectionId,
    object: &ObjectName,
) -> Result<Allowed, CommandError> {
    let stores = settings.open_stores().await?;
    let until = DeleteGuard::let_through(&*stores.ledger, connection, object, SystemClock.now())
        .await
        .map_err(|error| CommandError::failed("let deletions through", error))?;
    Ok(Allowed { connection: connection.clone(), object: object.clone(), until })
}
