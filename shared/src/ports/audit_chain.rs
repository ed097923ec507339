//! The audit log row by row, exactly as it is stored: what its proof is made of.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::sync::AuditColumns;

/// One row of the audit log as it is stored, with the hashes that chain it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainedRow {
    /// Its number.
    pub seq: u64,
    /// When it was committed, in milliseconds since 1970.
    pub at: i64,
    /// Who did it.
    pub actor: String,
    /// What it did.
    pub kind: String,
    /// The kind of row that changed.
    pub entity: String,
    /// The row that changed.
    pub entity_id: String,
    /// How the change reached us.
    pub channel: String,
    /// The event that caused it.
    pub event_id: String,
    /// Follows the change back to its webhook.
    pub correlation_id: String,
    /// The version of the source, in milliseconds since 1970.
    pub source_version: i64,
    /// When the event was accepted, in milliseconds since 1970.
    pub received_at: i64,
    /// What changed, as the stored JSON text.
    pub changes: String,
    /// The hash of the row before.
    pub previous_hash: String,
    /// Its own.
    pub hash: String,
}

impl ChainedRow {
    /// Returns what its hash is computed over.
    pub fn columns(&self) -> AuditColumns<'_> {
        AuditColumns {
            seq: self.seq,
            at: self.at,
            actor: &self.actor,
            kind: &self.kind,
            entity: &self.entity,
            entity_id: &self.entity_id,
            channel: &self.channel,
            event_id: &self.event_id,
            correlation_id: &self.correlation_id,
            source_version: self.source_version,
            received_at: self.received_at,
            changes: &self.changes,
        }
    }
}

/// Reads the audit log as it is stored, for whoever keeps a copy of it.
#[async_trait]
pub trait AuditChain: Send + Sync {
    /// Lists up to `limit` rows in order, behind the row `after`; 0 stands before the first.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn chained_after(&self, after: u64, limit: u32) -> Result<Vec<ChainedRow>, PortError>;
}
