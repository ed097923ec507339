//! Asks a cloud what its functions have logged, and waits for the answer as long as somebody wants it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::config::Span;
use crate::error::{PortError, chain};
use crate::ports::{BegunSearch, LogAnswer, LogQuestion, LogSearch};

/// The first pause between two looks; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a search that is begun just now is waited for, so that it can be stopped.
const GRACE: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The platform refused or failed.
    #[error("the cloud did not answer")]
    Failed(#[source] PortError),
    /// It took too long. The search was stopped.
    #[error("no answer within {0}: ask for a shorter time or fewer functions, or wait longer")]
    TooLate(Span),
    /// Somebody wanted it no more. The search was stopped.
    #[error("interrupted, and the search was stopped")]
    Interrupted,
}

/// Asks `question` and waits for at most `patience`, or until `interrupted` ends. A search that nobody
/// waits for any more is stopped.
///
/// # Errors
///
/// [`NoAnswer`] says why.
pub async fn search(
    logs: &dyn LogSearch,
    question: &LogQuestion,
    patience: Duration,
    interrupted: impl Future<Output = ()>,
) -> Result<LogAnswer, NoAnswer> {
    let until = Instant::now() + patience;
    let mut interrupted = pin!(interrupted);
    let begun = match select(logs.begin(question), interrupted.as_mut()).await {
        Either::Left((begun, _)) => begun.map_err(NoAnswer::Failed)?,
        Either::Right(((), beginning)) => {
            // It may have begun over there already.
            if let Ok(Ok(begun)) = timeout(GRACE, beginning).await {
                stop(logs, &begun).await;
            }
            return Err(NoAnswer::Interrupted);
        }
    };
    let awaited = {
        let waiting = pin!(wait(logs, &begun, until, patience));
        match select(waiting, interrupted).await {
            Either::Left((awaited, _)) => awaited,
            Either::Right(_) => Err(NoAnswer::Interrupted),
        }
    };
    if awaited.is_err() {
        stop(logs, &begun).await;
    }
    awaited
}

async fn wait(
    logs: &dyn LogSearch,
    begun: &BegunSearch,
    until: Instant,
    patience: Duration,
) -> Result<LogAnswer, NoAnswer> {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(answer) = logs.answer(begun).await.map_err(NoAnswer::Failed)? {
            return Ok(answer);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoAnswer::TooLate(Span(patience)));
        }
        sleep(pause.min(left)).await;
        pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
    }
}

async fn stop(logs: &dyn LogSearch, begun: &BegunSearch) {
    let stopped = timeout(GRACE, logs.stop(begun)).await;
    if let Ok(Err(error)) = stopped {
        warn!(error = %chain(&error), "search `{}` was not stopped; it ends by itself", begun.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::ports::{LineFilter, LogWish, MemoryLogSearch};
    use crate::time::Timestamp;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn question() -> LogQuestion {
        LogQuestion {
            functions: Vec::new(),
            from: Timestamp::EPOCH,
            until: Timestamp::from_millis(1000),
            limit: Some(10),
            wish: LogWish::Lines(LineFilter::default()),
        }
    }

    fn logs() -> MemoryLogSearch {
        let logs = MemoryLogSearch::default();
        logs.write("sync-worker", Timestamp::from_millis(1), "hello");
        logs
    }

    #[tokio::test(start_paused = true)]
    async fn answer_is_asked_for_less_and_less_often() {
        let logs = logs();
        logs.answer_after(Duration::from_secs(30));

        let answer = search(&logs, &question(), PATIENCE, pending()).await.unwrap();

        assert_eq!(answer.n_matched, 1);
        let n_looks = logs.n_looks();
        assert!((8..=16).contains(&n_looks), "{n_looks} looks");
        assert_eq!(logs.n_stopped(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn search_that_takes_too_long_is_stopped_in_time() {
        let logs = logs();
        logs.answer_after(Duration::from_secs(3600));
        let begun = Instant::now();

        let error = search(&logs, &question(), PATIENCE, pending()).await.unwrap_err();

        assert!(error.to_string().contains("no answer within 1m"), "{error}");
        assert_eq!((begun.elapsed(), logs.n_stopped()), (PATIENCE, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn interrupted_search_is_stopped_whether_it_waits_or_begins() {
        let logs = logs();
        logs.answer_after(Duration::from_secs(3600));
        let later = sleep(Duration::from_secs(2));
        let error = search(&logs, &question(), PATIENCE, later).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Interrupted));
        assert_eq!(logs.n_stopped(), 1);

        logs.begin_after(Duration::from_secs(1));
        let error = search(&logs, &question(), PATIENCE, ready(())).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Interrupted));
        assert_eq!(logs.n_stopped(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_is_told_and_nothing_is_left_to_stop() {
        let logs = logs();
        let unknown = LogQuestion { functions: vec!["nobody".to_owned()], ..question() };
        let error = search(&logs, &unknown, PATIENCE, pending()).await.unwrap_err();
        assert!(chain(&error).to_string().contains("sync-worker"), "{}", chain(&error));
        assert_eq!(logs.n_stopped(), 0);
    }
}
