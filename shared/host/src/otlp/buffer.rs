//! Spans that ended and were not sent yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Counter, counter};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::sync::Notify;

use crate::flush::Flush;

/// The most spans that wait; one more is dropped and counted.
pub(crate) const MAX_WAITING: usize = 8_192;

/// Spans sent in one request. Source: OpenTelemetry SDK environment variables, `OTEL_BSP_*`.
const MAX_BATCH: usize = 512;

/// Holds spans until somebody sends them.
#[derive(Clone)]
pub(crate) struct Buffer(Arc<Shared>);

struct Shared {
    waiting: Mutex<Vec<SpanData>>,
    is_full_batch: Notify,
    n_dropped: Counter,
    n_refused: Counter,
    n_sent: Counter,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("n_waiting", &self.lock().len()).finish()
    }
}

impl Default for Buffer {
    fn default() -> Self {
        let count = |outcome: &'static str| counter!("trace_spans_total", "outcome" => outcome);
        Self(Arc::new(Shared {
            waiting: Mutex::default(),
            is_full_batch: Notify::new(),
            n_dropped: count("dropped"),
            n_refused: count("refused"),
            n_sent: count("sent"),
        }))
    }
}

impl Buffer {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SpanData>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, span: SpanData) {
        let mut waiting = self.lock();
        if waiting.len() >= MAX_WAITING {
            self.0.n_dropped.increment(1);
            return;
        }
        waiting.push(span);
        if waiting.len() == MAX_BATCH {
            self.0.is_full_batch.notify_one();
        }
    }

    fn take(&self) -> Vec<SpanData> {
        let mut waiting = self.lock();
        let n_taken = waiting.len().min(MAX_BATCH);
        waiting.drain(..n_taken).collect()
    }

    /// Waits until a batch is full, or `longest` has passed.
    pub(crate) async fn wait(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.0.is_full_batch.notified()).await;
    }
}

impl SpanProcessor for Buffer {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        // Kept only to know its children's trace: the sampler left it out.
        if span.span_context.is_sampled() {
            self.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends what the buffer holds.
pub(crate) struct Exporter {
    buffer: Buffer,
    /// One request at a time, as the exporter asks.
    sender: tokio::sync::Mutex<SpanExporter>,
}

impl Exporter {
    /// Sends the spans of `buffer` by `sender`, on behalf of `resource`.
    pub(crate) fn new(buffer: Buffer, mut sender: SpanExporter, resource: &Resource) -> Self {
        sender.set_resource(resource);
        Self { buffer, sender: tokio::sync::Mutex::new(sender) }
    }
}

#[async_trait]
impl Flush for Exporter {
    fn name(&self) -> &'static str {
        "spans"
    }

    async fn flush(&self) -> Result<(), String> {
        let sender = self.sender.lock().await;
        loop {
            let batch = self.buffer.take();
            if batch.is_empty() {
                return Ok(());
            }
            let n_spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            // A collector that refuses a batch refuses it again: it is dropped, not kept.
            match sender.export(batch).await {
                Ok(()) => self.buffer.0.n_sent.increment(n_spans),
                Err(error) => {
                    self.buffer.0.n_refused.increment(n_spans);
                    return Err(format!("{n_spans} spans were not taken: {error}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[test]
    fn buffer_is_bounded_and_never_waits() {
        let buffer = Buffer::default();
        let provider = SdkTracerProvider::builder().with_span_processor(buffer.clone()).build();
        let tracer = provider.tracer("test");
        for _ in 0..MAX_WAITING + 10 {
            tracer.start("work").end();
        }
        assert_eq!(buffer.lock().len(), MAX_WAITING);
        assert_eq!(buffer.take().len(), MAX_BATCH);
    }
}
