//! What jobs that take and jobs that give rows have in common.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::csv::Dialect;
use super::settings::BulkPace;
use crate::api::ApiError;
use crate::ids::RecordId;
use crate::org::{Author, instant_text};

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum JobState {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Aborted,
    Failed,
}

impl JobState {
    /// Tells whether the job has nothing left to do.
    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::JobComplete | Self::Aborted | Self::Failed)
    }

    /// Tells whether the org is at work on it.
    pub(super) fn is_moving(self) -> bool {
        matches!(self, Self::UploadComplete | Self::InProgress)
    }
}

/// What changes while a job runs.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) state: JobState,
    /// When the state last changed, in milliseconds.
    pub(super) changed_ms: i64,
    /// When the last step was due, in milliseconds.
    stepped_ms: i64,
    pub(super) n_processed: usize,
    pub(super) n_failed: usize,
    pub(super) error: Option<String>,
    /// How long the org was at work.
    pub(super) worked: Duration,
}

/// What jobs that take and jobs that give rows have in common.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) id: RecordId,
    pub(super) author: Author,
    /// Version in the path, such as `66.0`.
    pub(super) version: String,
    pub(super) created_ms: i64,
    pub(super) operation: String,
    pub(super) object: String,
    pub(super) dialect: Dialect,
    progress: Mutex<Progress>,
}

/// What a job is made of when it is created.
pub(super) struct NewJob {
    pub(super) id: RecordId,
    pub(super) author: Author,
    pub(super) now_ms: i64,
    pub(super) operation: String,
    pub(super) object: String,
    pub(super) dialect: Dialect,
}

impl Core {
    pub(super) fn new(job: NewJob, state: JobState) -> Self {
        let NewJob { id, author, now_ms, operation, object, dialect } = job;
        let progress = Progress {
            state,
            changed_ms: now_ms,
            stepped_ms: now_ms,
            n_processed: 0,
            n_failed: 0,
            error: None,
            worked: Duration::ZERO,
        };
        let (version, created_ms) = (author.version.clone(), now_ms);
        let progress = Mutex::new(progress);
        Self { id, author, version, created_ms, operation, object, dialect, progress }
    }

    /// Returns how far the job has come, to be read or changed.
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> JobState {
        self.progress().state
    }

    /// Moves the job to a state.
    pub(super) fn enter(&self, state: JobState, now_ms: i64) {
        let mut progress = self.progress();
        if progress.state == JobState::Open {
            progress.stepped_ms = now_ms;
        }
        progress.state = state;
        progress.changed_ms = now_ms;
    }

    /// Ends the job with what went wrong, in the platform's words.
    pub(super) fn fail(&self, error: String, now_ms: i64) {
        self.progress().error = Some(error);
        self.enter(JobState::Failed, now_ms);
    }

    /// Takes the next step when it is due; `is_poll` when somebody asks for the state.
    pub(super) fn takes_step(&self, pace: BulkPace, now_ms: i64, is_poll: bool) -> bool {
        let mut progress = self.progress();
        if !progress.state.is_moving() {
            return false;
        }
        match pace {
            BulkPace::Polls => is_poll,
            BulkPace::Ticks(tick) => {
                let tick_ms = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX);
                let due_ms = progress.stepped_ms.saturating_add(tick_ms);
                if due_ms <= now_ms {
                    progress.stepped_ms = due_ms;
                }
                due_ms <= now_ms
            }
        }
    }

    /// Ends the job because its owner wants so.
    pub(super) fn abort(&self, author: &Author, now_ms: i64) -> Result<(), ApiError> {
        if author.user != self.author.user {
            let message = "insufficient access rights on cross-reference id";
            return Err(ApiError::new(403, "INSUFFICIENT_ACCESS_OR_READONLY", message));
        }
        let state = self.state();
        if state.is_terminal() {
            return Err(wrong_state("Aborting", state));
        }
        self.enter(JobState::Aborted, now_ms);
        Ok(())
    }

    /// Refuses to delete a job that is still at work.
    pub(super) fn check_delete(&self, may_wait: bool) -> Result<(), ApiError> {
        let state = self.state();
        if state.is_terminal() || (may_wait && state == JobState::UploadComplete) {
            return Ok(());
        }
        let message = "Error encountered when deleting the job because the job is not terminated";
        Err(ApiError::new(400, "API_ERROR", message))
    }

    /// Returns what both kinds of jobs tell about themselves.
    pub(super) fn facts(&self) -> Map<String, Json> {
        let progress = self.progress();
        let instant = |ms: i64| instant_text(ms.div_euclid(1000), "+0000");
        let all = json!({
            "id": self.id.to_string(), "operation": self.operation, "object": self.object,
            "createdById": self.author.user.to_string(), "createdDate": instant(self.created_ms),
            "systemModstamp": instant(progress.changed_ms), "state": progress.state,
            "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": self.version.parse::<f64>().unwrap_or(66.0),
            "lineEnding": self.dialect.line_ending, "columnDelimiter": self.dialect.delimiter,
        });
        if let Json::Object(map) = all { map } else { Map::new() }
    }

    /// Adds how far the job has come.
    pub(super) fn add_counters(&self, facts: &mut Map<String, Json>, kind: &str) {
        let progress = self.progress();
        let worked_ms = u64::try_from(progress.worked.as_millis()).unwrap_or(u64::MAX);
        facts.insert("jobType".into(), json!(kind));
        facts.insert("numberRecordsProcessed".into(), json!(progress.n_processed));
        facts.insert("retries".into(), json!(0));
        facts.insert("totalProcessingTime".into(), json!(worked_ms));
        if let Some(error) = &progress.error {
            facts.insert("errorMessage".into(), json!(error));
        }
    }
}

/// Refuses what cannot be done in this state, such as to abort a job that is done.
pub(super) fn wrong_state(doing: &str, state: JobState) -> ApiError {
    let already = match state {
        JobState::JobComplete => "Completed",
        JobState::Failed => "Failed",
        JobState::Aborted => "Aborted",
        JobState::UploadComplete | JobState::InProgress => "Closed",
        JobState::Open => "Open",
    };
    let message = format!("{doing} already {already} Job not allowed");
    ApiError::new(400, "INVALIDJOBSTATE", message)
}
