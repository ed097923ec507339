//! The change rows: what was committed, in order, for everything downstream.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::case_store::WriteKind;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId};
use crate::model::Entity;
use crate::time::Timestamp;

/// One committed change: the outbox row that stands in the same transaction as the change itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeRow {
    /// Its number; it grows, and may skip.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// The kind of row that changed.
    pub entity: Entity,
    /// The row that changed.
    pub entity_id: EntityId,
    /// What happened to it.
    pub kind: WriteKind,
    /// A line that names it for people: a case's docket number and title, a person's name.
    pub label: Option<String>,
    /// The local fields that changed.
    pub fields: Vec<String>,
    /// From accepted event to commit, in milliseconds; `None` for what reading a whole object
    /// brought.
    pub lag_ms: Option<u64>,
    /// Follows it back to its webhook.
    pub correlation_id: CorrelationId,
}

/// Follows the change rows.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Returns up to `limit` rows after the row `after`, in order.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError>;

    /// Returns the number of the newest row, 0 when there is none.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn newest_change(&self) -> Result<u64, PortError>;

    /// Waits until a row after `after` may be there, at most `wait`. It wakes at once for a commit
    /// of the same process, and within 250 ms for one of another.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn wait_for_change(&self, after: u64, wait: Duration) -> Result<(), PortError>;
}
