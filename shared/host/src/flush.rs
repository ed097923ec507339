//! What a process gathers in memory, written out before it sleeps or ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
#[cfg(any(feature = "azure", feature = "local"))]
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often a host that does not sleep writes out.
#[cfg(any(feature = "azure", feature = "local"))]
const EVERY: Duration = Duration::from_secs(5);

/// The longest that an invocation waits for what it did not itself ask for.
const WITHIN: Duration = Duration::from_secs(2);

/// Gathers in memory what can wait a moment: costs, spans, metrics.
///
/// On Lambda the process may be frozen after an invocation and never wake, so that the host asks
/// before it answers; elsewhere it asks every five seconds and once more at the end.
#[async_trait]
pub trait Flush: Send + Sync {
    /// Returns what is gathered, such as `costs`.
    fn name(&self) -> &str;

    /// Writes out what was gathered; what cannot be written is kept for the next time.
    ///
    /// # Errors
    ///
    /// The reason, in one line without secrets.
    async fn flush(&self) -> Result<(), String>;
}

/// Returns what every process writes out, whichever apps it runs, behind `flushes`.
pub(crate) fn with_own(mut flushes: Vec<Arc<dyn Flush>>) -> Vec<Arc<dyn Flush>> {
    #[cfg(feature = "otlp")]
    flushes.extend(crate::otlp::exporter());
    flushes
}

/// Writes everything out; what fails or takes too long is logged and left for the next time.
pub(crate) async fn flush_all(flushes: &[Arc<dyn Flush>]) {
    join_all(flushes.iter().map(|it| flush_one(it.as_ref()))).await;
}

async fn flush_one(flush: &dyn Flush) {
    let name = flush.name();
    match tokio::time::timeout(WITHIN, flush.flush()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(error, "{name} were not written and are kept"),
        Err(_) => warn!("{name} were not written within {} s", WITHIN.as_secs()),
    }
}

/// Writes everything out now and then until `stop`.
#[cfg(any(feature = "azure", feature = "local"))]
pub(crate) async fn keep_flushing(flushes: Vec<Arc<dyn Flush>>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        flush_all(&flushes).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicU32);

    #[async_trait]
    impl Flush for Counted {
        fn name(&self) -> &'static str {
            "counts"
        }

        async fn flush(&self) -> Result<(), String> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    struct Stuck;

    #[async_trait]
    impl Flush for Stuck {
        fn name(&self) -> &'static str {
            "stuck"
        }

        async fn flush(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_keeps_nobody_else_from_writing() {
        let counted = Arc::new(Counted::default());
        let flushes: [Arc<dyn Flush>; 2] = [Arc::new(Stuck), counted.clone()];
        let started = tokio::time::Instant::now();

        flush_all(&flushes).await;

        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        assert_eq!(started.elapsed(), WITHIN);
    }
}
