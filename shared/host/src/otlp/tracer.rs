//! Tells the rest of the process which trace a span belongs to.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use shared::telemetry::trace::{TraceParent, Tracer};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of the one header that is carried. Source: W3C Trace Context, section 3.2.
const NAME: &str = "traceparent";

/// Reads and writes the context of spans.
#[derive(Debug)]
pub(crate) struct OtelTracer {
    propagator: TraceContextPropagator,
    /// Hosts that are told the trace of the calls they get.
    hosts: Vec<String>,
}

impl OtelTracer {
    /// Tells the trace to `hosts` only.
    pub(crate) fn new(hosts: Vec<String>) -> Self {
        Self { propagator: TraceContextPropagator::new(), hosts }
    }
}

impl Tracer for OtelTracer {
    fn parent_of(&self, span: &Span) -> Option<TraceParent> {
        let mut carried = Carried(None);
        self.propagator.inject_context(&span.context(), &mut carried);
        TraceParent::parse(&carried.0?)
    }

    fn continue_from(&self, span: &Span, parent: &TraceParent) {
        let carried = Carried(Some(parent.as_str().to_owned()));
        // Fails for a span that nobody exports, which then needs no parent.
        let _ = span.set_parent(self.propagator.extract(&carried));
    }

    fn may_tell(&self, host: &str) -> bool {
        self.hosts.iter().any(|it| it == host)
    }
}

struct Carried(Option<String>);

impl Injector for Carried {
    fn set(&mut self, key: &str, value: String) {
        if key == NAME {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carried {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == NAME)
    }

    fn keys(&self) -> Vec<&str> {
        vec![NAME]
    }
}
