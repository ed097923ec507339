//! Starts to keep traces.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use shared::secret::Secret;
use shared::telemetry::{LogFormat, start_with, trace};
use tracing::level_filters::LevelFilter;
use tracing::warn;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

use super::buffer::{Buffer, Exporter};
use super::client::{Client, WITHIN};
use super::tracer::OtelTracer;
use crate::flush::Flush;
use crate::telemetry::{Endpoint, TelemetryError, TelemetrySettings};

/// How long a span waits for company at most.
const EVERY: Duration = Duration::from_secs(1);

static EXPORTER: OnceLock<Arc<dyn Flush>> = OnceLock::new();

/// Returns what sends spans, when traces are kept.
pub(crate) fn exporter() -> Option<Arc<dyn Flush>> {
    EXPORTER.get().cloned()
}

/// Starts logging, and keeps a trace of everything besides; needs a runtime.
///
/// # Errors
///
/// When the collector's address or headers cannot be used.
pub(crate) fn start(
    level: &str,
    format: LogFormat,
    settings: &TelemetrySettings,
    endpoint: &Endpoint,
    headers: Option<&Secret>,
) -> Result<(), TelemetryError> {
    let unusable = |source| TelemetryError::Unusable { source };
    let client = Client::new().map_err(|error| unusable(Box::new(error)))?;
    let mut sender = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint.traces().as_str())
        .with_timeout(WITHIN);
    if let Some(headers) = headers {
        sender = sender.with_headers(crate::telemetry::headers_of(headers)?);
    }
    let sender = sender.build().map_err(|error| unusable(Box::new(error)))?;
    let resource = Resource::builder()
        .with_service_name(settings.service_name().to_owned())
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    // First: it starts the recorder, and a counter looked up earlier would count nowhere.
    let _ = crate::metrics::page();
    let buffer = Buffer::default();
    let mut provider = SdkTracerProvider::builder()
        .with_span_processor(buffer.clone())
        .with_resource(resource.clone());
    if let Some(ratio) = settings.sample_ratio {
        let sampler = Sampler::TraceIdRatioBased(ratio);
        provider = provider.with_sampler(Sampler::ParentBased(Box::new(sampler)));
    }
    let provider = provider.build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("moodbridge"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(of_interest());
    if start_with(level, format, spans.boxed()) {
        trace::install(Box::new(OtelTracer::new(settings.propagate_to_hosts())));
        let exporter = Arc::new(Exporter::new(buffer.clone(), sender, &resource));
        let _ = EXPORTER.set(exporter.clone());
        tokio::spawn(keep_sending(buffer, exporter));
    }
    Ok(())
}

/// Spans of ours and of nobody below us: a driver's own would double each. The span of a Lambda
/// invocation is for the log; a request or message within goes on with its sender's trace.
fn of_interest() -> Targets {
    let below = [
        "invocation",
        "sqlx",
        "hyper",
        "hyper_util",
        "reqwest",
        "rustls",
        "tower",
        "opentelemetry",
    ];
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(below.map(|it| (it, LevelFilter::OFF)))
}

/// Sends whenever a batch is full, and at least once a second. What fails is counted each time and
/// logged once, until it works again.
async fn keep_sending(buffer: Buffer, exporter: Arc<dyn Flush>) {
    let mut has_failed = false;
    loop {
        buffer.wait(EVERY).await;
        let sent = exporter.flush().await;
        if let Err(error) = &sent
            && !has_failed
        {
            warn!(error, "traces do not reach the collector");
        }
        has_failed = sent.is_err();
    }
}
