//! What is told of each attempt: to the metrics, to the log, and to whoever watches.

use std::time::Duration;

use metrics::{counter, histogram};
use shared::ports::PlatformCall;
use tracing::debug;

use crate::client::Hooks;
use crate::request::Request;

/// Counts a call under `outcome`.
pub(crate) fn count(request: &Request, outcome: &'static str) {
    counter!("platform_calls_total", "platform" => request.platform,
        "operation" => request.operation, "outcome" => outcome)
    .increment(1);
}

/// Tells of an attempt, which is what platforms bill.
pub(crate) fn observe(
    hooks: &Hooks,
    request: &Request,
    host: &str,
    attempt: u32,
    elapsed: Duration,
    n_bytes_in: u64,
    outcome: &'static str,
) {
    let Request { platform, operation, .. } = *request;
    count(request, outcome);
    histogram!("platform_call_seconds", "platform" => platform, "operation" => operation)
        .record(elapsed.as_secs_f64());
    debug!(
        platform,
        operation,
        attempt,
        outcome,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "called `{operation}` of {platform}"
    );
    if let Some(observer) = &hooks.observer {
        let n_bytes_out = request.body.n_bytes();
        observer.called(&PlatformCall {
            platform,
            operation,
            host,
            outcome,
            n_bytes_out,
            n_bytes_in,
            n_billed: 1,
            elapsed,
        });
    }
}
