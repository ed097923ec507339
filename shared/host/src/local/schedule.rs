//! Runs one handler again and again, never twice at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use shared::ports::{Clock, Random};
use shared::worker::{Backoff, Failure, Tick};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::app::ScheduleTrigger;
use crate::metrics::count_run;

/// One schedule with all it needs.
pub(crate) struct Schedule {
    pub(crate) trigger: ScheduleTrigger,
    pub(crate) run_now: Arc<Notify>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) backoff: Backoff,
}

impl Schedule {
    /// Runs at once and then at every interval until `stop`; a run in hand goes on until `cut`.
    pub(crate) async fn keep(self, stop: CancellationToken, cut: CancellationToken) {
        let mut n_failures: u32 = 0;
        loop {
            let started = Instant::now();
            let finished = cut.run_until_cancelled(self.run_once()).await;
            let wait = match finished {
                None => {
                    warn!(schedule = self.trigger.name, "run was cut off at the drain limit");
                    return;
                }
                Some(Ok(())) => {
                    n_failures = 0;
                    self.trigger.every
                }
                Some(Err(failure)) => {
                    n_failures = n_failures.saturating_add(1);
                    self.wait_after(&failure, n_failures)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.run_now.notified() => {}
                () = tokio::time::sleep_until(started + wait) => {}
            }
        }
    }

    async fn run_once(&self) -> Result<(), Failure> {
        let tick = Tick::endless(self.clock.now());
        let span =
            info_span!("schedule", schedule = self.trigger.name, otel.name = self.trigger.name);
        let run = AssertUnwindSafe(self.trigger.handler.run(tick)).catch_unwind();
        let result = run.instrument(span).await.unwrap_or_else(|_| {
            error!(schedule = self.trigger.name, "schedule `{}` panicked", self.trigger.name);
            Err(Failure::transient("the handler panicked"))
        });
        count_run(self.trigger.name, result.is_ok());
        if result.is_ok() {
            info!(schedule = self.trigger.name, "schedule `{}` ran", self.trigger.name);
        }
        result
    }

    /// A failed run comes back sooner than the next interval, but ever later.
    fn wait_after(&self, failure: &Failure, n_failures: u32) -> Duration {
        let asked = match failure.retry() {
            shared::Retry::After(asked) => asked,
            shared::Retry::Never => Some(self.trigger.every),
        };
        let delay = self.backoff.delay(n_failures, asked, self.random.as_ref());
        let wait = delay.min(self.trigger.every.max(asked.unwrap_or_default()));
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        warn!(
            schedule = self.trigger.name, attempt = n_failures, wait_ms, error = %failure,
            "schedule `{}` failed", self.trigger.name
        );
        wait
    }
}

#[cfg(test)]
mod tests;
