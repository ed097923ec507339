//! Waits for a job's end, through whatever happens to the org meanwhile.

use std::time::Duration;

use adapter_http::HttpFault;
use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};
use tokio::time::sleep;
use tracing::debug;

use super::fault::BulkFault;
use super::job::{JobAnswer, JobKind, is_passing};
use crate::client::{PLATFORM, SalesforceClient};

/// How often a job is asked for. Each question costs one of the day's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollPace {
    /// The first wait; each is twice the last.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for PollPace {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), cap: Duration::from_secs(30) }
    }
}

impl PollPace {
    /// Returns the wait after the one before.
    pub(crate) fn next(self, last: Option<Duration>) -> Duration {
        last.map_or(self.first, |it| (it * 2).min(self.cap))
    }
}

/// The longest that a limit is waited for here; a longer one goes to the caller, whose state stays.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Tells whether no call is left for long: whoever waits should not do so here.
fn is_budget_spent(error: &PortError) -> bool {
    let is_ours = std::error::Error::source(error)
        .and_then(|it| it.downcast_ref::<HttpFault>())
        .is_some_and(|it| matches!(it, HttpFault::QuotaSpent(_)));
    let is_long = error.retry_after().is_some_and(|it| it > LONGEST_PAUSE);
    error.kind() == PortErrorKind::RateLimited && (is_ours || is_long)
}

impl SalesforceClient {
    /// Waits until the job `id` has ended, however long that takes. An org that is not reachable ends
    /// the waiting for nobody.
    ///
    /// # Errors
    ///
    /// `RateLimited` when the day's calls are used, `NotFound` when the job is gone, `Denied` when
    /// the org no longer lets us in: the job itself goes on, and can be waited for again.
    pub(super) async fn wait_for_job(
        &self,
        kind: JobKind,
        id: &SalesforceId,
        pace: PollPace,
    ) -> Result<JobAnswer, PortError> {
        let mut wait = None;
        loop {
            let asked = match self.job(kind, id).await {
                Ok(Some(job)) if job.state.is_final() => return Ok(job),
                Ok(Some(_)) => None,
                Ok(None) => {
                    let fault = BulkFault::JobGone { job: id.as_str().to_owned() };
                    return Err(PortError::new(
                        fault.kind(),
                        PLATFORM,
                        "wait for job",
                        id.as_str(),
                    )
                    .with_source(fault));
                }
                Err(error) => {
                    let pause = error.retry_after();
                    if !is_passing(&error) || is_budget_spent(&error) {
                        return Err(error);
                    }
                    debug!(job.id = %id.as_str(), error = %shared::chain(&error),
                        "the state of job `{}` is not known just now", id.as_str());
                    pause
                }
            };
            let next = pace.next(wait);
            sleep(asked.map_or(next, |it| it.max(next))).await;
            wait = Some(next);
        }
    }
}
