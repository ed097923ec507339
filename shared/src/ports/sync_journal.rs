//! A record of every sync run, for people and for the dashboard.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, ObjectName};
use crate::time::Timestamp;

/// How a run ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It is under way, or its process died.
    Running,
    /// It read all it set out to read.
    Succeeded,
    /// It stopped early; the next run goes on where it stood.
    Failed,
}

/// One pass of the poller over one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncRun {
    /// Its own id.
    pub id: CorrelationId,
    /// The connection it read from.
    pub connection: ConnectionId,
    /// The object it read.
    pub object: ObjectName,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Rows read.
    pub n_read: u64,
    /// Rows queued: those the queue had not seen before.
    pub n_queued: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// Keeps the sync runs.
#[async_trait]
pub trait SyncJournal: Send + Sync {
    /// Writes `run`, replacing what stands under its id.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn record(&self, run: &SyncRun) -> Result<(), PortError>;

    /// Lists up to `limit` runs, the newest first.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn recent(&self, limit: u32) -> Result<Vec<SyncRun>, PortError>;
}
