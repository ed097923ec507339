//! What a pass would write, on both sides, without writing it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::mapping::ObjectMapping;
use super::merge::{Authority, MergeContext, Merged, merge};
use super::state::Cursor;
use crate::error::Retry;
use crate::ids::{ConnectionId, CorrelationId, RecordId};
use crate::model::{Change, ChangeEvent, Channel, FieldValue, Presence, RecordKey, Scope};
use crate::ports::{
    CaseStore, Crm, DeltaPage, DeltaQuery, Ledger, Outbox, OutboxEntry, OutboxStatus, RemoteRecord,
    Shadow, Write, WriteKind,
};
use crate::time::Timestamp;
use crate::worker::Failure;

/// How far a window reaches back, as the poller's does.
const OVERLAP: Duration = Duration::from_secs(300);

/// Entries of the outbox read at once.
const PAGE: u32 = 500;

/// One field that would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedField {
    /// Its name on the side that is written to.
    pub field: String,
    /// What it holds, as far as is known.
    pub from: FieldValue,
    /// What it would hold.
    pub to: FieldValue,
    /// Both sides changed it, and a person decides.
    pub waits: bool,
}

/// One record that would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedWrite {
    /// The record over there, or the name of a row that is not there yet.
    pub record_id: RecordId,
    /// What would be done, such as `update`.
    pub action: &'static str,
    /// The fields, by name.
    pub fields: Vec<PlannedField>,
    /// Why it is not known yet what would be written, or why nothing is for now.
    pub note: Option<String>,
}

impl fmt::Display for PlannedWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.record_id)?;
        for PlannedField { field, from, to, waits } in &self.fields {
            let waits = if *waits { " (waits for a person)" } else { "" };
            write!(f, "\n           {field}: {from} -> {to}{waits}")?;
        }
        match &self.note {
            Some(note) => write!(f, "\n           {note}"),
            None => Ok(()),
        }
    }
}

/// Plans passes over one connection.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// How it is read.
    pub crm: &'a dyn Crm,
    /// Where rows are kept.
    pub store: &'a dyn CaseStore,
    /// What waits to be sent.
    pub outbox: &'a dyn Outbox,
    /// Where cursors are kept.
    pub ledger: &'a dyn Ledger,
}

impl Planner<'_> {
    /// Tells `tell` every write that reading `mapping`'s object would make here.
    ///
    /// # Errors
    ///
    /// [`Failure`] as the platform, the store or the ledger answers.
    pub async fn inbound(
        &self,
        mapping: &ObjectMapping,
        tell: &mut (dyn FnMut(PlannedWrite) + Send),
    ) -> Result<(), Failure> {
        let remote_now = self.crm.health().await?.remote_now;
        let cursor = self.cursor(mapping).await?;
        let at = cursor.map_or(Timestamp::EPOCH, |it| it.at);
        let query = DeltaQuery {
            object: mapping.object.clone(),
            fields: mapping.remote_fields(),
            from: at.minus(OVERLAP).max(Timestamp::EPOCH),
            after_id: None,
            until: remote_now.plus(Duration::from_secs(1)).to_second(),
        };
        let mut page = self.crm.changes(&query).await?;
        loop {
            let DeltaPage { records, next, .. } = page;
            self.plan_page(mapping, records, tell).await?;
            let Some(next) = next else { return Ok(()) };
            page = self.crm.more_changes(&query, &next).await?;
        }
    }

    async fn cursor(&self, mapping: &ObjectMapping) -> Result<Option<Cursor>, Failure> {
        let name = Cursor::ledger_name(self.connection, &mapping.object);
        let Some(entry) = self.ledger.get(&name).await? else { return Ok(None) };
        let cursor = serde_json::from_str(&entry.value);
        cursor.map(Some).map_err(|error| Failure::of(&error, Retry::Never))
    }

    async fn plan_page(
        &self,
        mapping: &ObjectMapping,
        records: Vec<RemoteRecord>,
        tell: &mut (dyn FnMut(PlannedWrite) + Send),
    ) -> Result<(), Failure> {
        let events: Vec<_> = records.into_iter().map(|it| self.event_of(mapping, it)).collect();
        let keys: Vec<_> = events.iter().map(|it| it.key.clone()).collect();
        let shadows = self.store.shadows(&keys).await?;
        for (event, shadow) in events.iter().zip(&shadows) {
            let context = MergeContext {
                mapping,
                actor: self.connection.as_str(),
                authority: Authority::Reported,
                reported: None,
            };
            match merge(event, shadow.as_ref(), context) {
                Ok(Merged::Nothing) => {}
                Ok(Merged::Write(write)) => {
                    if let Some(planned) = inbound_write(&event.key.record_id, &write) {
                        tell(planned);
                    }
                }
                Ok(Merged::ReadRecord(why)) => tell(noted(event, "read", why.to_owned())),
                Err(error) => tell(noted(event, "set aside", error.to_string())),
            }
        }
        Ok(())
    }

    fn event_of(&self, mapping: &ObjectMapping, record: RemoteRecord) -> ChangeEvent {
        let RemoteRecord { record_id, version, is_deleted, fields, unread } = record;
        ChangeEvent {
            event_id: "plan".to_owned(),
            key: RecordKey {
                connection: self.connection.clone(),
                object: mapping.object.clone(),
                record_id,
            },
            change: if is_deleted { Change::Delete } else { Change::Upsert },
            version: Some(version),
            scope: Scope::Full,
            fields,
            unread,
            channel: Channel::Poll,
            received_at: version,
            is_backfill: false,
            correlation_id: CorrelationId::from_random(0),
        }
    }

    /// Tells `tell` every write that sending what waits of `mapping`'s object would make there.
    ///
    /// # Errors
    ///
    /// [`Failure`] as the store answers.
    pub async fn outbound(
        &self,
        mapping: &ObjectMapping,
        tell: &mut (dyn FnMut(PlannedWrite) + Send),
    ) -> Result<(), Failure> {
        for status in [OutboxStatus::Waiting, OutboxStatus::Failed] {
            let mut after: Option<RecordKey> = None;
            loop {
                let entries = self.outbox.waiting(status, after.as_ref(), PAGE).await?;
                let Some(last) = entries.last() else { break };
                after = Some(last.key.clone());
                let is_ours = |it: &OutboxEntry| {
                    (&it.key.connection, &it.key.object) == (self.connection, &mapping.object)
                };
                let entries: Vec<_> = entries.into_iter().filter(is_ours).collect();
                let keys: Vec<_> = entries.iter().map(|it| it.key.clone()).collect();
                let shadows = self.store.shadows(&keys).await?;
                for (entry, shadow) in entries.iter().zip(shadows) {
                    if let Some(shadow) = shadow {
                        tell(outbound_write(entry, &shadow, status));
                    }
                }
            }
        }
        Ok(())
    }
}

fn noted(event: &ChangeEvent, action: &'static str, note: String) -> PlannedWrite {
    let record_id = event.key.record_id.clone();
    PlannedWrite { record_id, action, fields: Vec::new(), note: Some(note) }
}

/// Returns what a write does to the row; `None` when only what is known of the record moves.
fn inbound_write(record_id: &RecordId, write: &Write) -> Option<PlannedWrite> {
    let audit = write.audit.as_ref()?;
    let field = |it: &crate::ports::FieldChange| PlannedField {
        field: it.field.clone(),
        from: it.before.clone(),
        to: it.after.clone(),
        waits: false,
    };
    Some(PlannedWrite {
        record_id: record_id.clone(),
        action: match write.kind {
            WriteKind::Created => "create",
            WriteKind::Updated => "update",
            WriteKind::Deleted => "delete",
            WriteKind::Restored => "restore",
        },
        fields: audit.changes.iter().map(field).collect(),
        note: None,
    })
}

fn outbound_write(entry: &OutboxEntry, shadow: &Shadow, status: OutboxStatus) -> PlannedWrite {
    let fields = shadow.edits.fields.iter().map(|(name, edit)| PlannedField {
        field: name.clone(),
        from: shadow.fields.get(name).cloned().unwrap_or(FieldValue::Null),
        to: edit.value.clone(),
        waits: edit.is_parked,
    });
    let wanted = shadow.edits.presence.as_ref().map(|it| &it.wanted);
    let note = match (wanted, &entry.last) {
        (Some(Presence::MergedInto(winner)), _) => Some(format!("into {winner}")),
        (_, Some(setback)) if status == OutboxStatus::Failed => {
            Some(format!("failed before: {}", setback.words))
        }
        _ => None,
    };
    PlannedWrite {
        record_id: entry.key.record_id.clone(),
        action: entry.kind.as_str(),
        fields: fields.collect(),
        note,
    }
}
