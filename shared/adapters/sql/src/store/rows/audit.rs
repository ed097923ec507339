//! Rows of the audit log.

use shared::ids::CorrelationId;
use shared::ports::{AuditRow, ChainedRow};
use shared::sync::AuditColumns;
use sqlx::FromRow;

use crate::store::decode::{checked, count, entity_id, instant, json, word};
use crate::store::text::StoredText;

/// One row as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredAudit {
    seq: i64,
    at: i64,
    actor: StoredText,
    kind: String,
    entity: String,
    entity_id: String,
    channel: String,
    event_id: StoredText,
    correlation_id: String,
    source_version: i64,
    received_at: i64,
    changes: String,
    /// The hash of the row before.
    pub(in crate::store) previous_hash: String,
    /// Its own.
    pub(in crate::store) hash: String,
}

impl StoredAudit {
    /// Returns what its hash is computed over.
    pub(in crate::store) fn columns(&self) -> AuditColumns<'_> {
        AuditColumns {
            seq: count(self.seq),
            at: self.at,
            actor: self.actor.as_ref(),
            kind: &self.kind,
            entity: &self.entity,
            entity_id: &self.entity_id,
            channel: &self.channel,
            event_id: self.event_id.as_ref(),
            correlation_id: &self.correlation_id,
            source_version: self.source_version,
            received_at: self.received_at,
            changes: &self.changes,
        }
    }

    /// Returns it as it is stored, in the form of the port.
    pub(in crate::store) fn chained(self) -> ChainedRow {
        ChainedRow {
            seq: count(self.seq),
            at: self.at,
            actor: self.actor.into(),
            kind: self.kind,
            entity: self.entity,
            entity_id: self.entity_id,
            channel: self.channel,
            event_id: self.event_id.into(),
            correlation_id: self.correlation_id,
            source_version: self.source_version,
            received_at: self.received_at,
            changes: self.changes,
            previous_hash: self.previous_hash,
            hash: self.hash,
        }
    }

    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<AuditRow, sqlx::Error> {
        Ok(AuditRow {
            seq: count(self.seq),
            at: instant(self.at),
            actor: self.actor.into(),
            kind: word(&self.kind)?,
            entity: word(&self.entity)?,
            entity_id: entity_id(self.entity_id)?,
            channel: word(&self.channel)?,
            event_id: self.event_id.into(),
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
            source_version: instant(self.source_version),
            received_at: instant(self.received_at),
            changes: json(&self.changes)?,
            hash: self.hash,
        })
    }
}
