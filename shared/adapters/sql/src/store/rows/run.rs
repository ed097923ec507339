//! Sync runs.

use shared::ids::{ConnectionId, CorrelationId, ObjectName};
use shared::ports::{RunOutcome, SyncRun};
use sqlx::FromRow;

use crate::store::decode::{checked, count, instant, word};
use crate::store::text::StoredText;

/// A run as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredRun {
    id: String,
    connection: String,
    object: String,
    started_at: i64,
    ended_at: Option<i64>,
    outcome: String,
    n_read: i64,
    n_queued: i64,
    error: Option<StoredText>,
}

impl StoredRun {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<SyncRun, sqlx::Error> {
        Ok(SyncRun {
            id: checked(CorrelationId::parse(self.id))?,
            connection: checked(ConnectionId::parse(self.connection))?,
            object: checked(ObjectName::parse(self.object))?,
            started_at: instant(self.started_at),
            ended_at: self.ended_at.map(instant),
            outcome: word(&self.outcome)?,
            n_read: count(self.n_read),
            n_queued: count(self.n_queued),
            error: self.error.map(Into::into),
        })
    }
}

/// Returns the word that is stored for `outcome`.
pub(in crate::store) const fn outcome_word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Running => "running",
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Failed => "failed",
    }
}
