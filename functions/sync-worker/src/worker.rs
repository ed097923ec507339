//! Handles one change event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::{counter, histogram};
use shared::ids::{ConnectionId, SalesforceId};
use shared::model::{Change, ChangeEvent};
use shared::ports::{CaseStore, Committed, Crm, Ledger};
use shared::sync::{Absorbed, Authority, Cursor, Inbound, Mappings, ObjectMapping};
use shared::time::Timestamp;
use shared::worker::{Failure, Message, MessageHandler};
use shared::{PortError, PortErrorKind};
use tracing::{Span, info, warn};
use wiring::OpenConnection;

/// A connection that events come from and records can be read from.
pub struct Remote {
    /// Its name.
    pub connection: ConnectionId,
    /// How to read it.
    pub crm: Arc<dyn Crm>,
    /// Which of its objects and fields are ours.
    pub mappings: Mappings,
}

impl From<OpenConnection> for Remote {
    fn from(opened: OpenConnection) -> Self {
        let OpenConnection { connection, crm, mappings, .. } = opened;
        Self { connection, crm, mappings }
    }
}

/// Merges change events into the case store.
pub struct SyncWorker {
    store: Arc<dyn CaseStore>,
    ledger: Arc<dyn Ledger>,
    remotes: BTreeMap<ConnectionId, Remote>,
}

/// What became of an event.
enum Done {
    /// All of it was known, or something later.
    Known,
    /// The store holds it.
    Applied(Committed),
    /// The poller will read its object from the start.
    Resync,
}

impl SyncWorker {
    /// Merges events of `remotes` into `store`; a lost object is read again by way of `ledger`.
    pub fn new(store: Arc<dyn CaseStore>, ledger: Arc<dyn Ledger>, remotes: Vec<Remote>) -> Self {
        let remotes = remotes.into_iter().map(|it| (it.connection.clone(), it)).collect();
        Self { store, ledger, remotes }
    }

    async fn apply(&self, event: &mut ChangeEvent) -> Result<Done, Failure> {
        let connection = &event.key.connection;
        let remote = self.remotes.get(connection).ok_or_else(|| {
            Failure::permanent(format!(
                "connection `{connection}` is not configured for this worker: add it to its \
                 connections, then replay"
            ))
        })?;
        let mapping = remote.mappings.get(&event.key.object).ok_or_else(|| {
            Failure::permanent(format!(
                "object `{}` has no mapping: add one, or stop sending its changes, then replay",
                event.key.object
            ))
        })?;
        put_right(event, remote, mapping);
        if names_no_record(event) {
            self.read_object_again(event).await?;
            return Ok(Done::Resync);
        }
        let actor = format!("{}:{}", remote.mappings.platform(), remote.connection);
        let inbound = Inbound { store: &*self.store, crm: &*remote.crm, mapping, actor: &actor };
        Ok(match inbound.absorb(event, Authority::Reported).await? {
            Absorbed::Known => Done::Known,
            Absorbed::Applied(committed) => Done::Applied(committed),
        })
    }

    /// Names the event's object in metrics: one that has no mapping could be any text.
    fn object_label(&self, event: &ChangeEvent) -> String {
        let remote = self.remotes.get(&event.key.connection);
        let mapping = remote.and_then(|it| it.mappings.get(&event.key.object));
        mapping.map_or_else(|| "unmapped".to_owned(), |it| it.object.to_string())
    }

    /// Sets the poller back to the start of an object whose changes were lost on the way.
    async fn read_object_again(&self, event: &ChangeEvent) -> Result<(), PortError> {
        let name = Cursor::ledger_name(&event.key.connection, &event.key.object);
        let start = Cursor::resting(Timestamp::EPOCH);
        let value = serde_json::to_string(&start).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "ledger", "put", name.clone())
                .with_source(error)
        })?;
        let revision = self.ledger.get(&name).await?.map_or(0, |entry| entry.revision);
        self.ledger.put(&name, &value, revision).await?;
        warn!(correlation.id = %event.correlation_id,
            "changes of `{}` were lost at the source: reading all of it again", event.key.object);
        Ok(())
    }
}

/// A version later than its arrival by more than this came from a clock that is wrong. Taken as it
/// is, it would hide every later change of the record.
const MAX_AHEAD: Duration = Duration::from_hours(24);

/// Brings the event's names into the one form that rows and shadows are kept under, and drops a
/// version that cannot be: the record is read instead.
///
/// Salesforce tells neither `Case` from `CASE` nor an id of 15 characters from the same one of 18.
fn put_right(event: &mut ChangeEvent, remote: &Remote, mapping: &ObjectMapping) {
    event.key.object = mapping.object.clone();
    if remote.mappings.platform() == "salesforce"
        && let Ok(id) = SalesforceId::parse(event.key.record_id.as_str())
    {
        event.key.record_id = id.to_record_id();
    }
    let latest = event.received_at.plus(MAX_AHEAD);
    event.version = event.version.filter(|version| *version <= latest);
}

/// Tells whether the event stands for a whole object: Salesforce names the empty id after it lost
/// changes (`GAP_OVERFLOW`), or a wildcard after a field's type was converted.
fn names_no_record(event: &ChangeEvent) -> bool {
    let id = event.key.record_id.as_str();
    event.change == Change::Unknown && (id == "000000000000000AAA" || id.ends_with('*'))
}

#[async_trait]
impl MessageHandler for SyncWorker {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let mut event: ChangeEvent = serde_json::from_str(&message.body).map_err(|error| {
            Failure::permanent(format!(
                "the message is not a change event: {} at column {}",
                category(&error),
                error.column()
            ))
        })?;
        Span::current().record("correlation.id", event.correlation_id.as_str());
        let object = self.object_label(&event);
        let done = self.apply(&mut event).await.inspect_err(|_| {
            counter!("sync_events_total", "object" => object.clone(), "outcome" => "failed")
                .increment(1);
        })?;
        let outcome = match done {
            Done::Known => "known",
            Done::Applied(_) => "applied",
            Done::Resync => "resync",
        };
        counter!("sync_events_total", "object" => object, "outcome" => outcome).increment(1);
        if let Done::Applied(committed) = done
            && !event.is_backfill
        {
            histogram!("sync_lag_seconds", "channel" => event.channel.as_str())
                .record(committed.at.since(event.received_at).as_secs_f64());
        }
        info!(correlation.id = %event.correlation_id, event.id = %event.event_id,
            record.id = %event.key.record_id, attempt = message.attempt, outcome,
            "event `{}` {outcome}", event.event_id);
        Ok(())
    }
}

/// Says what kind of fault it is without repeating what was sent.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "a field is missing or of the wrong kind"
        }
    }
}

#[cfg(test)]
mod tests;
