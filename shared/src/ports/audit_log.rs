//! The audit log: who changed what, when and why, chained so that no row can be altered unseen.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::case_store::{FieldChange, WriteKind};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, Entity};
use crate::time::Timestamp;

/// One row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRow {
    /// Its number: 1, 2, 3, without a gap.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What it did.
    pub kind: WriteKind,
    /// The kind of row that changed.
    pub entity: Entity,
    /// The row that changed.
    pub entity_id: EntityId,
    /// How the change reached us.
    pub channel: Channel,
    /// The event that caused it.
    pub event_id: String,
    /// Follows the change back to its webhook.
    pub correlation_id: CorrelationId,
    /// The version of the source that was applied.
    pub source_version: Timestamp,
    /// When the source's event was accepted.
    pub received_at: Timestamp,
    /// What changed.
    pub changes: Vec<FieldChange>,
    /// SHA-256 over this row and the hash of the row before, in lower-case hex.
    pub hash: String,
}

/// What a walk along the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerification {
    /// Rows that were checked.
    pub n_rows: u64,
    /// The hash of the last good row; keep it elsewhere to notice a cut-off end.
    pub head: String,
    /// The first row that does not fit, and why.
    pub fault: Option<AuditFault>,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFault {
    /// The row.
    pub seq: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads and proves the audit log.
///
/// # Contract
///
/// - Rows of a case that `sight` does not show are left out; [`Sight::Only`] shows rows of cases
///   alone.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Lists up to `limit` rows, the newest first, of one entity or of all, before the row `before`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn audit(
        &self,
        sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError>;

    /// Walks along the whole chain, streaming; calls `progress` with the rows checked so far.
    ///
    /// # Errors
    ///
    /// As the platform answers. A broken chain is not an error but a [`AuditVerification::fault`].
    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError>;
}
