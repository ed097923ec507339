//! Logs, one line of JSON a time on standard output, and the trace that work belongs to.

mod json_lines;
pub mod trace;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use json_lines::JsonLines;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One short line, for a person at a terminal.
    Text,
}

/// Takes spans beside the log, such as for a trace; it brings a filter of its own.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging at `level` (such as `info` or `info,sqlx=warn`); a second call changes nothing.
///
/// Lines go to standard output: the Azure Functions host takes standard error for errors.
/// Source: azure-functions-host, "Process model".
pub fn start(level: &str, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let _ = match format {
        LogFormat::Json => registry.with(JsonLines).try_init(),
        LogFormat::Text => {
            registry.with(tracing_subscriber::fmt::layer().compact().with_target(false)).try_init()
        }
    };
}

/// Starts logging like [`start`] and hands every span to `spans` too, whatever is logged; `false`
/// when this process logs already.
pub fn start_with(level: &str, format: LogFormat, spans: SpanLayer) -> bool {
    let registry = tracing_subscriber::registry().with(spans);
    match format {
        LogFormat::Json => registry.with(JsonLines.with_filter(filter(level))).try_init(),
        LogFormat::Text => {
            let lines = tracing_subscriber::fmt::layer().compact().with_target(false);
            registry.with(lines.with_filter(filter(level))).try_init()
        }
    }
    .is_ok()
}

fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"))
}
