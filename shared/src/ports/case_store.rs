//! The case store, write side: what one change does, all of it or nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, Entity, FieldValue, Fields, RecordKey};
use crate::time::Timestamp;

/// The last state of a remote record that both sides agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The record.
    pub key: RecordKey,
    /// Its mapped fields by remote name, canonical.
    pub fields: Fields,
    /// Every field is known as of this version.
    pub version: Timestamp,
    /// The fields that are known as of a later version than [`Shadow::version`].
    pub field_versions: BTreeMap<String, Timestamp>,
    /// The version at which it was last deleted or undeleted.
    pub presence_version: Timestamp,
    /// Whether it is deleted as of [`Shadow::presence_version`].
    pub is_deleted: bool,
    /// Grows by one with each write; guards against two workers at once.
    pub revision: u64,
}

/// One field that a write changes, by its local name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The local field, such as `status`.
    pub field: String,
    /// Its value before.
    pub before: FieldValue,
    /// Its value after.
    pub after: FieldValue,
}

/// What a write does to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// The row is new.
    Created,
    /// Fields changed.
    Updated,
    /// The row is marked deleted.
    Deleted,
    /// The row is back.
    Restored,
}

impl WriteKind {
    /// Returns the name used in audit and change rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
        }
    }
}

/// The audit row to be: the store adds its number and the hash that chains it to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    /// Who did it, such as `salesforce:main` or `person:anna`.
    pub actor: String,
    /// How the change reached us.
    pub channel: Channel,
    /// The event that caused it.
    pub event_id: String,
    /// Follows the change back to its webhook.
    pub correlation_id: CorrelationId,
    /// What changed, by local names, ordered by field.
    pub changes: Vec<FieldChange>,
    /// The version of the source that was applied.
    pub source_version: Timestamp,
    /// When the source's event was accepted; the write's own instant less this is the sync lag.
    pub received_at: Timestamp,
    /// It was found by reading a whole object, so that its lag says nothing; not part of the row.
    pub is_backfill: bool,
}

/// A timeline event that a write adds to its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineDraft {
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// Its kind, such as `status_change`.
    pub event_type: &'static str,
    /// One line.
    pub title: String,
    /// 1 (note) to 5 (critical).
    pub importance: u8,
}

/// One change with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which table.
    pub entity: Entity,
    /// Which row.
    pub entity_id: EntityId,
    /// What it does.
    pub kind: WriteKind,
    /// The whole row by local column, canonical; the store ignores none and adds `updated_at`.
    pub row: Fields,
    /// The shadow afterwards; its `revision` is the one that was read (0: there was none).
    pub shadow: Shadow,
    /// The audit row; `None` when only the shadow moves and no local value changes.
    pub audit: Option<AuditDraft>,
    /// What the write adds to the timeline of its case; empty for other entities.
    pub timeline: Vec<TimelineDraft>,
}

/// What the store did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The number of the change row that downstream readers follow; `None` without an audit row.
    pub change_seq: Option<u64>,
    /// When it was committed.
    pub at: Timestamp,
}

/// Keeps cases, contacts and accounts in step with their remote records.
///
/// # Contract
///
/// - [`apply`](CaseStore::apply) writes row, shadow, audit row and change row in one transaction
///   that is durable when it returns, or nothing at all.
/// - It answers `Conflict` and writes nothing when the stored shadow's revision is not that of the
///   write: load the shadow again, merge again, apply again.
/// - Audit rows form one chain: each carries the hash of the one before.
#[async_trait]
pub trait CaseStore: Send + Sync {
    /// Loads the shadow of a record.
    ///
    /// # Errors
    ///
    /// As the platform answers. A record that was never seen is not an error.
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError>;

    /// Applies one write.
    ///
    /// # Errors
    ///
    /// `Conflict` when somebody else wrote the record in between; `Rejected` when the row names a
    /// column the entity does not have.
    async fn apply(&self, write: Write) -> Result<Committed, PortError>;
}
