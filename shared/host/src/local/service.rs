//! Keeps work without an end at work.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use shared::ports::Random;
use shared::worker::{Backoff, Failure, Stop};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::app::ServiceTrigger;
use crate::metrics::count_run;

/// One that worked for so long is not one that cannot start.
const WORKED: Duration = Duration::from_mins(1);

/// One service with all it needs.
pub(crate) struct KeptService {
    pub(crate) trigger: ServiceTrigger,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) backoff: Backoff,
}

impl KeptService {
    /// Runs the service until `stop`, and starts it again when it ends before; it is dropped at `cut`.
    pub(crate) async fn keep(self, stop: CancellationToken, cut: CancellationToken) {
        let name = self.trigger.name;
        let mut n_failures: u32 = 0;
        loop {
            let started = Instant::now();
            let Some(result) = cut.run_until_cancelled(self.run_once(&stop)).await else {
                warn!(service = name, "service was cut off at the drain limit");
                return;
            };
            if stop.is_cancelled() {
                info!(service = name, "service `{name}` stopped");
                return;
            }
            let reason = match result {
                Ok(()) => "it ended by itself".to_owned(),
                Err(failure) => failure.to_string(),
            };
            count_run(name, false);
            n_failures = if started.elapsed() < WORKED { n_failures.saturating_add(1) } else { 1 };
            let wait = self.backoff.delay(n_failures, None, self.random.as_ref());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            warn!(service = name, attempt = n_failures, wait_ms, error = %reason,
                "service `{name}` ended and is started again");
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    async fn run_once(&self, stop: &CancellationToken) -> Result<(), Failure> {
        let name = self.trigger.name;
        let span = info_span!("service", service = name, otel.name = name);
        let stopped: Stop = stop.clone().cancelled_owned().boxed();
        let run = AssertUnwindSafe(self.trigger.service.run(stopped)).catch_unwind();
        run.instrument(span).await.unwrap_or_else(|_| {
            error!(service = name, "service `{name}` panicked");
            Err(Failure::transient("the service panicked"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use shared::ports::SystemRandom;
    use shared::worker::Service;

    use super::*;

    /// Panics, fails and ends by itself, then works until it is told to stop.
    #[derive(Default)]
    struct Unsteady(AtomicU32);

    #[async_trait]
    impl Service for Unsteady {
        async fn run(&self, stop: Stop) -> Result<(), Failure> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("told to panic"),
                1 => Err(Failure::transient("org is away")),
                2 => Ok(()),
                _ => {
                    stop.await;
                    Ok(())
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn service_that_ends_is_started_again_until_the_stop() {
        let service = Arc::new(Unsteady::default());
        let kept = KeptService {
            trigger: ServiceTrigger { name: "events", service: service.clone() },
            random: Arc::new(SystemRandom),
            backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) },
        };
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(kept.keep(stop.clone(), cut));

        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(service.0.load(Ordering::SeqCst), 4);
        assert!(!task.is_finished());
        stop.cancel();
        task.await.unwrap();
    }

    struct Deaf;

    #[async_trait]
    impl Service for Deaf {
        async fn run(&self, _: Stop) -> Result<(), Failure> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn service_that_does_not_stop_is_dropped_at_the_cut() {
        let kept = KeptService {
            trigger: ServiceTrigger { name: "events", service: Arc::new(Deaf) },
            random: Arc::new(SystemRandom),
            backoff: Backoff::default(),
        };
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(kept.keep(stop.clone(), cut.clone()));
        stop.cancel();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!task.is_finished());
        cut.cancel();
        task.await.unwrap();
    }
}
