//! Conflicts: fields that both sides changed and that wait for a person.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, EntityId, ObjectName};
use crate::model::{Entity, FieldValue, RecordKey};
use crate::sync::ConflictPolicy;
use crate::time::Timestamp;

/// The name of the "field" that is the record's own presence: one side deleted what the other
/// changed.
pub const PRESENCE_FIELD: &str = "is_deleted";

/// The name under which the audit log tells which row a record was merged into.
pub const MERGED_FIELD: &str = "merged_into";

/// Who decided a conflict, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// For the value here.
    Local,
    /// For the value over there.
    Remote,
    /// For another value.
    Other,
    /// It ended by itself: both sides came to the same value.
    Converged,
}

impl Resolution {
    /// Returns the name used in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Other => "other",
            Self::Converged => "converged",
        }
    }
}

/// A conflict that opens, or whose values moved on while it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictDraft {
    /// The remote field, or [`PRESENCE_FIELD`].
    pub field: String,
    /// Our field.
    pub local_field: String,
    /// The value here, in the form of our row.
    pub local_value: FieldValue,
    /// The value over there, in the form of our row.
    pub remote_value: FieldValue,
    /// As of when.
    pub remote_version: Timestamp,
    /// By what rule a person is asked.
    pub policy: ConflictPolicy,
    /// Follows the change that opened it.
    pub correlation_id: CorrelationId,
}

/// What a write says about the conflicts of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictMark {
    /// It is open, with these values.
    Open(ConflictDraft),
    /// It has ended.
    Close {
        /// The remote field.
        field: String,
        /// For what.
        resolution: Resolution,
        /// Who decided, such as `person:anna`.
        by: String,
    },
}

/// One conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// Its number.
    pub id: u64,
    /// The record.
    #[serde(flatten)]
    pub key: RecordKey,
    /// The table of its row.
    pub entity: Entity,
    /// Its row.
    pub entity_id: EntityId,
    /// Names the row for people.
    pub label: Option<String>,
    /// The remote field, or `is_deleted` when one side deleted what the other changed.
    pub field: String,
    /// Our field.
    pub local_field: String,
    /// The value here.
    pub local_value: FieldValue,
    /// The value over there.
    pub remote_value: FieldValue,
    /// As of when.
    pub remote_version: Timestamp,
    /// By what rule a person is asked.
    pub policy: ConflictPolicy,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// For what.
    pub resolution: Option<Resolution>,
    /// Who decided.
    pub resolved_by: Option<String>,
    /// Follows the change that opened it.
    pub correlation_id: CorrelationId,
}

/// Which conflicts to list.
#[derive(Clone, Debug, Default)]
pub struct ConflictFilter {
    /// Those that ended, instead of the open ones.
    pub is_resolved: bool,
    /// Of this row only.
    pub entity_id: Option<EntityId>,
    /// Of this connection only.
    pub connection: Option<ConnectionId>,
    /// Of this object only.
    pub object: Option<ObjectName>,
    /// With a smaller number than this.
    pub before: Option<u64>,
    /// How many at most; the newest first.
    pub limit: u32,
}

/// Reads conflicts; writes open and end them.
///
/// # Contract
///
/// - There is at most one open conflict of a record's field.
/// - Conflicts of a case that `sight` does not show are left out.
#[async_trait]
pub trait Conflicts: Send + Sync {
    /// Lists conflicts.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn conflicts(
        &self,
        sight: &Sight,
        filter: &ConflictFilter,
    ) -> Result<Vec<Conflict>, PortError>;

    /// Returns the conflict `id`; `None` when there is none, or it is not to be seen.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn conflict(&self, sight: &Sight, id: u64) -> Result<Option<Conflict>, PortError>;

    /// Counts the open ones.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn n_open_conflicts(&self) -> Result<u64, PortError>;
}
