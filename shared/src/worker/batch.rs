//! Runs a batch: groups side by side, each group in order, and one bad message fails alone.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, StreamExt, stream};
use tracing::field::Empty;
use tracing::{Instrument, Span, error, info_span, warn};

use super::failure::Failure;
use super::handler::{Message, MessageHandler};
use crate::telemetry::trace;

/// What became of a batch: the messages that did not finish, with why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// The id of each message that failed, in no particular order.
    pub failed: Vec<(String, Failure)>,
    /// The id of each message that was not begun, because the time was over.
    pub not_begun: Vec<String>,
}

impl BatchReport {
    fn with(mut self, other: Self) -> Self {
        self.failed.extend(other.failed);
        self.not_begun.extend(other.not_begun);
        self
    }
}

/// Runs every message of `batch`, up to `width` groups side by side.
///
/// A message without a group is a group of its own. Within a group the first failure that may be
/// tried again fails the rest too, so that their order survives the retry. A panic is a failure.
pub async fn run_batch(
    handler: &dyn MessageHandler,
    batch: Vec<Message>,
    width: usize,
) -> BatchReport {
    run_batch_while(handler, batch, width, &|| true).await
}

/// The same, but begins no message any more once `has_time` says no.
pub async fn run_batch_while(
    handler: &dyn MessageHandler,
    batch: Vec<Message>,
    width: usize,
    has_time: &(dyn Fn() -> bool + Send + Sync),
) -> BatchReport {
    let mut groups: BTreeMap<(bool, String), Vec<Message>> = BTreeMap::new();
    for message in batch {
        let name = match &message.group {
            Some(group) => (true, group.clone()),
            None => (false, message.id.clone()),
        };
        groups.entry(name).or_default().push(message);
    }
    stream::iter(groups.into_values().map(|group| run_group(handler, group, has_time)))
        .buffer_unordered(width.max(1))
        .fold(BatchReport::default(), async |all, group| all.with(group))
        .await
}

async fn run_group(
    handler: &dyn MessageHandler,
    group: Vec<Message>,
    has_time: &(dyn Fn() -> bool + Send + Sync),
) -> BatchReport {
    let mut report = BatchReport::default();
    let mut is_blocked = false;
    for message in group {
        if is_blocked {
            let failure = Failure::transient("an earlier message of its group failed");
            report.failed.push((message.id, failure));
            continue;
        }
        if !has_time() {
            report.not_begun.push(message.id);
            continue;
        }
        if let Err(failure) = run_one(handler, &message).instrument(span_of(&message)).await {
            is_blocked = failure.retry() != crate::error::Retry::Never;
            report.failed.push((message.id, failure));
        }
    }
    report
}

/// Opens the span of a message: the trace that it was sent with goes on. The handler adds what it
/// knows. Names: OpenTelemetry semantic conventions, messaging.
fn span_of(message: &Message) -> Span {
    let span = info_span!(
        "message",
        message.id = %message.id,
        attempt = message.attempt,
        correlation.id = Empty,
        trace.id = Empty,
        otel.kind = "consumer",
        otel.name = "process message",
        otel.status_code = Empty,
    );
    if trace::is_on() {
        trace::continue_from(&span, message.trace_parent.as_deref());
        if let Some(trace) = trace::parent_of(&span) {
            span.record("trace.id", trace.trace_id());
        }
    }
    span
}

async fn run_one(handler: &dyn MessageHandler, message: &Message) -> Result<(), Failure> {
    match AssertUnwindSafe(handler.handle(message)).catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            Span::current().record("otel.status_code", "ERROR");
            warn!(message.id = %message.id, attempt = message.attempt, error = %failure,
                "message `{}` failed", message.id);
            Err(failure)
        }
        Err(_) => {
            Span::current().record("otel.status_code", "ERROR");
            error!(message.id = %message.id, attempt = message.attempt,
                "handler panicked on message `{}`", message.id);
            Err(Failure::transient("the handler panicked"))
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    struct Script;

    #[async_trait]
    impl MessageHandler for Script {
        async fn handle(&self, message: &Message) -> Result<(), Failure> {
            match message.body.as_str() {
                "ok" => Ok(()),
                "never" => Err(Failure::permanent("no")),
                "later" => Err(Failure::transient("busy")),
                _ => panic!("boom"),
            }
        }
    }

    fn message(id: &str, body: &str, group: Option<&str>) -> Message {
        Message {
            id: id.into(),
            body: body.into(),
            group: group.map(Into::into),
            attempt: 1,
            trace_parent: None,
        }
    }

    async fn failed_ids(batch: Vec<Message>) -> Vec<String> {
        let report = run_batch(&Script, batch, 8).await;
        let mut ids: Vec<_> = report.failed.into_iter().map(|(id, _)| id).collect();
        ids.sort();
        ids
    }

    #[tokio::test]
    async fn panic_fails_its_message_alone() {
        let batch = vec![message("1", "ok", None), message("2", "boom", None)];
        assert_eq!(failed_ids(batch).await, ["2"]);
    }

    #[tokio::test]
    async fn retryable_failure_holds_back_the_rest_of_its_group() {
        let batch = vec![
            message("1", "later", Some("a")),
            message("2", "ok", Some("a")),
            message("3", "ok", Some("b")),
        ];
        assert_eq!(failed_ids(batch).await, ["1", "2"]);
    }

    #[tokio::test]
    async fn nothing_is_begun_when_the_time_is_over() {
        let n_asked = std::sync::atomic::AtomicU32::new(0);
        let has_time = || n_asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        let batch = (1..=4).map(|id| message(&id.to_string(), "ok", Some("a"))).collect();
        let report = run_batch_while(&Script, batch, 8, &has_time).await;
        assert!(report.failed.is_empty(), "{report:?}");
        assert_eq!(report.not_begun, ["3", "4"]);
    }

    #[tokio::test]
    async fn poison_does_not_hold_back_its_group() {
        let batch = vec![message("1", "never", Some("a")), message("2", "ok", Some("a"))];
        assert_eq!(failed_ids(batch).await, ["1"]);
    }
}
