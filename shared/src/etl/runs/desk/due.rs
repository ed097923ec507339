//! What is due by the clock: each pipeline with a schedule, once for each instant of it.

use std::time::Duration;

use tracing::{info, warn};

use super::PipelineDesk;
use crate::error::PortError;
use crate::etl::runs::{KEPT_RUNS, RunRequest};
use crate::ports::{PipelineRun, PipelineRunFilter, PipelineRunKind, PipelineRunState};
use crate::schedule::Schedule;
use crate::time::Timestamp;

/// Who asks, when it is the clock.
const STARTED_BY: &str = "schedule";
/// An instant that is longer ago is let go: who was off for a week does not want last Monday's run.
const MAX_LATE: Duration = Duration::from_hours(24);
/// How long a run that nobody began may wait before it is queued again: its message may be lost.
const QUEUED_AGAIN_AFTER: Duration = Duration::from_mins(10);

impl PipelineDesk {
    /// Starts every run that is due by the clock; returns how many were new. Looking again, or twice at
    /// once, starts nothing twice.
    ///
    /// Of each schedule only the newest instant counts, and not one that is more than a day ago. None is
    /// started while a run of an earlier instant has not ended. A definition that is broken keeps no other
    /// from being looked at.
    ///
    /// # Errors
    ///
    /// As the folder, the journal or the queue answers.
    pub async fn open_due(&self) -> Result<u64, PortError> {
        let (now, mut n_new) = (self.ports.clock.now(), 0);
        for listed in self.ports.definitions.list().await? {
            let name = listed.name;
            match listed.found.map(|it| it.pipeline.schedule) {
                Ok(None) => {}
                Ok(Some(schedule)) => {
                    n_new += u64::from(self.open_one(name, &schedule, now).await?);
                }
                Err(faults) => {
                    let first = faults.first().map(ToString::to_string).unwrap_or_default();
                    warn!(error = %first, "the pipeline `{name}` is broken, and is not looked at");
                }
            }
        }
        Ok(n_new)
    }

    /// Starts the run that `pipeline` is due for; says whether it is new.
    async fn open_one(
        &self,
        pipeline: String,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        let due_at = schedule.last_due(now);
        let key = Some(format!("{STARTED_BY}-{pipeline}-{due_at}"));
        if let Some(run) = self.not_ended(&pipeline).await? {
            self.queue_again(&run, now).await?;
            if run.idempotency_key != key {
                info!(run.id = %run.id, correlation.id = %run.correlation_id,
                    "`{pipeline}` is due since {due_at}, and waits: its run `{}` has not ended", run.id);
            }
            return Ok(false);
        }
        if now.since(due_at) > MAX_LATE {
            return Ok(false);
        }
        let request = RunRequest {
            pipeline,
            only: Vec::new(),
            started_by: STARTED_BY.to_owned(),
            idempotency_key: key,
            correlation_id: None,
        };
        Ok(self.open(request, PipelineRunKind::Source, None).await?.is_new)
    }

    /// Returns the newest run of the clock that has not ended.
    async fn not_ended(&self, pipeline: &str) -> Result<Option<PipelineRun>, PortError> {
        let mut newest: Option<PipelineRun> = None;
        // In this order: one that goes from the first to the second in between is seen.
        for state in [PipelineRunState::Queued, PipelineRunState::Running] {
            let (pipeline, state) = (Some(pipeline.to_owned()), Some(state));
            let filter = PipelineRunFilter { pipeline, state, before: None, limit: KEPT_RUNS };
            let runs = self.ports.journal.pipeline_runs(&filter).await?.into_iter();
            let found = runs.filter(|it| it.started_by == STARTED_BY);
            newest = newest.into_iter().chain(found).max_by_key(|it| it.requested_at);
        }
        Ok(newest)
    }

    /// Queues a run once more that nobody has begun for long, which does no harm: whoever opened it may
    /// have died before it was queued, and would keep every later one from being opened.
    async fn queue_again(&self, run: &PipelineRun, now: Timestamp) -> Result<(), PortError> {
        let is_begun = run.definition.is_some();
        if is_begun || now.since(run.requested_at) < QUEUED_AGAIN_AFTER {
            return Ok(());
        }
        self.send(run).await
    }
}

#[cfg(test)]
mod tests;
