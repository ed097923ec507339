//! One method of a port, counted and timed.

use std::time::Instant;

use metrics::{Counter, Histogram, counter, histogram};
use shared::telemetry::trace;
use shared::{PortError, PortErrorKind};
use tracing::{Instrument, Span, info_span};

/// The counts of one method.
pub(crate) struct Method {
    port: &'static str,
    method: &'static str,
    /// `port.method`, the name of its spans.
    name: &'static str,
    n_succeeded: Counter,
    seconds: Histogram,
}

impl Method {
    /// Counts calls of `method` of `port`.
    pub(crate) fn new(port: &'static str, method: &'static str, name: &'static str) -> Self {
        let labels = [("port", port), ("method", method)];
        Self {
            port,
            method,
            name,
            n_succeeded: counter!("port_calls_total", "port" => port, "method" => method,
                "outcome" => "ok"),
            seconds: histogram!("port_call_seconds", &labels),
        }
    }

    /// Awaits `call` and counts how it ended.
    pub(crate) async fn watch<T>(
        &self,
        call: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let started = Instant::now();
        let result = match self.span() {
            None => call.await,
            Some(span) => call.instrument(span).await,
        };
        self.seconds.record(started.elapsed().as_secs_f64());
        match &result {
            Ok(_) => self.n_succeeded.increment(1),
            Err(error) => self.count_failure(error.kind()),
        }
        result
    }

    /// Opens a span within the trace at hand; a call outside of any begins none.
    fn span(&self) -> Option<Span> {
        if !trace::is_on() || Span::current().is_none() {
            return None;
        }
        let Self { port, method, name, .. } = *self;
        Some(info_span!("port", port, method, otel.name = name))
    }

    fn count_failure(&self, kind: PortErrorKind) {
        let outcome = match kind {
            PortErrorKind::NotFound => "not_found",
            PortErrorKind::Conflict => "conflict",
            PortErrorKind::Denied => "denied",
            PortErrorKind::RateLimited => "rate_limited",
            PortErrorKind::Unavailable => "unavailable",
            PortErrorKind::Rejected => "rejected",
        };
        counter!("port_calls_total", "port" => self.port, "method" => self.method,
            "outcome" => outcome)
        .increment(1);
    }
}
