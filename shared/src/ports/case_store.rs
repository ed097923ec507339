//! The case store, write side: what one change does, all of it or nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::RecordId;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, Edits, Entity, FieldValue, Fields, RecordKey};
use crate::ports::conflicts::ConflictMark;
use crate::ports::outbox::OutboxMark;
use crate::sync::{ConflictPolicy, Side};
use crate::time::Timestamp;

/// What is known of a record over there, and what was changed of it here since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The record.
    pub key: RecordKey,
    /// Our row. It is derived from the key, unless the row was made here.
    pub entity_id: EntityId,
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
    /// What was changed here and the platform does not have yet.
    pub edits: Edits,
    /// Grows by one with each write; guards against two workers at once.
    pub revision: u64,
}

impl Shadow {
    /// Returns what is known of a record that was never seen: nothing.
    pub fn unseen(key: RecordKey) -> Self {
        Self {
            entity_id: key.entity_id(),
            key,
            fields: Fields::new(),
            version: Timestamp::EPOCH,
            field_versions: BTreeMap::new(),
            presence_version: Timestamp::EPOCH,
            is_deleted: false,
            edits: Edits::default(),
            revision: 0,
        }
    }

    /// Returns the latest version that is known of any part of it.
    pub fn newest_version(&self) -> Timestamp {
        let fields = self.field_versions.values().copied().max();
        self.version.max(self.presence_version).max(fields.unwrap_or(Timestamp::EPOCH))
    }

    /// Returns the version as of which `field` is known.
    pub fn version_of(&self, field: &str) -> Timestamp {
        *self.field_versions.get(field).unwrap_or(&self.version)
    }
}

/// How two changes of one field were settled, so that neither is lost without a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// By what rule.
    pub policy: ConflictPolicy,
    /// Whose value stands; with `manual` that is the local one, until a person decides.
    pub winner: Side,
    /// The value that does not stand, in the form of our row.
    pub other: FieldValue,
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
    /// How conflicts were settled, when there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

impl FieldChange {
    /// Tells that `field` went from `before` to `after`.
    pub fn new(field: impl Into<String>, before: FieldValue, after: FieldValue) -> Self {
        Self { field: field.into(), before, after, decisions: Vec::new() }
    }
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
    /// Names that begin with `custom.` are kept together in one column.
    pub row: Fields,
    /// Whether the row counts as deleted.
    pub is_deleted: bool,
    /// The shadow afterwards; its `revision` is the one that was read (0: there was none).
    pub shadow: Shadow,
    /// The audit row; `None` when only the shadow moves and no local value changes.
    pub audit: Option<AuditDraft>,
    /// What the write adds to the timeline of its case; empty for other entities.
    pub timeline: Vec<TimelineDraft>,
    /// What else belongs to it when rows travel both ways.
    pub marks: Marks,
}

/// What belongs to a write when rows travel both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The id that the shadow was kept under until now, when the platform has named the record.
    pub was_named: Option<RecordId>,
    /// Whether the record waits to be sent.
    pub outbox: OutboxMark,
    /// Conflicts that opened or ended.
    pub conflicts: Vec<ConflictMark>,
    /// The row that took this one's place: whatever points here points there from now on.
    pub merged_into: Option<EntityId>,
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
/// - The marks of a write are part of its transaction. With `was_named` the shadow moves to its new
///   key and the row keeps its id: the id that would be derived from the new key is an alias of it
///   from then on, as is the id of a row that was merged into another.
/// - References to an alias are stored as references to what it stands for.
#[async_trait]
pub trait CaseStore: Send + Sync {
    /// Loads the shadow of a record.
    ///
    /// # Errors
    ///
    /// As the platform answers. A record that was never seen is not an error.
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError>;

    /// Loads the shadows of many records, in the order of `keys`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn shadows(&self, keys: &[RecordKey]) -> Result<Vec<Option<Shadow>>, PortError>;

    /// Finds the record of our row `id`, or of the row that took its place.
    ///
    /// # Errors
    ///
    /// As the platform answers. A row that is not there is not an error.
    async fn locate(&self, entity: Entity, id: &EntityId) -> Result<Option<RecordKey>, PortError>;

    /// Applies one write.
    ///
    /// # Errors
    ///
    /// `Conflict` when somebody else wrote the record in between; `Rejected` when the row names a
    /// column the entity does not have.
    async fn apply(&self, write: Write) -> Result<Committed, PortError>;
}
