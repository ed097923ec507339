//! A row as it stood at an instant, and who made it so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::audit_log::AuditRow;
use super::case_store::Decision;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, Entity, FieldValue};
use crate::time::Timestamp;

/// The audit row by which something became as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetBy {
    /// The number of the audit row.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// How the change reached us.
    pub channel: Channel,
    /// The event that caused it.
    pub event_id: String,
    /// Follows the change back to its webhook.
    pub correlation_id: CorrelationId,
    /// The version of the source that was applied.
    pub source_version: Timestamp,
    /// How conflicts about it were settled, when there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

impl SetBy {
    /// Names `row` as the cause, with what was decided about the one field.
    pub fn new(row: &AuditRow, decisions: Vec<Decision>) -> Self {
        Self {
            seq: row.seq,
            at: row.at,
            actor: row.actor.clone(),
            channel: row.channel,
            event_id: row.event_id.clone(),
            correlation_id: row.correlation_id.clone(),
            source_version: row.source_version,
            decisions,
        }
    }
}

/// One field as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PastField {
    /// Its value.
    pub value: FieldValue,
    /// What set it; `None` when no audit row up to that instant did.
    pub set_by: Option<SetBy>,
}

/// A row as it stood at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PastRow {
    /// Which table.
    pub entity: Entity,
    /// Which row.
    pub entity_id: EntityId,
    /// The instant.
    pub as_of: Timestamp,
    /// Since when the row is there.
    pub created_at: Timestamp,
    /// When the first change of the row was recorded; `None` when none ever was. When it is later
    /// than [`as_of`](PastRow::as_of), the fields are the oldest that are known.
    pub recorded_since: Option<Timestamp>,
    /// Whether it counted as deleted.
    pub is_deleted: bool,
    /// What deleted it or brought it back; `None` when no audit row up to that instant did.
    pub presence_set_by: Option<SetBy>,
    /// Its fields by our names, custom ones included.
    pub fields: BTreeMap<String, PastField>,
}

impl PastRow {
    /// Tells whether changes of the row were recorded at that instant.
    pub fn is_recorded(&self) -> bool {
        self.recorded_since.is_some_and(|since| since <= self.as_of)
    }
}

/// Tells how rows once stood.
///
/// # Contract
///
/// - What the audit log holds up to the instant counts, by the order of its numbers: a field has
///   the value that the last audit row gave it. A field that was changed only later has the value
///   before that, and one that was never changed has the value of the row.
/// - A reference is given as it was recorded: the row that it names may since have been merged into
///   another.
/// - Decisions about a case, such as its walls, are no fields of it.
/// - The id of a row that stands for another one, which is not there itself, means that one.
#[async_trait]
pub trait History: Send + Sync {
    /// Returns the row `id` as it stood at `at`; `None` when it was not there yet, or is not to be
    /// seen.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn as_of(
        &self,
        sight: &Sight,
        entity: Entity,
        id: &EntityId,
        at: Timestamp,
    ) -> Result<Option<PastRow>, PortError>;
}
