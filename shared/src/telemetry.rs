//! Logs: one line of JSON a time, on standard output.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One short line, for a person at a terminal.
    Text,
}

/// Starts logging at `level` (such as `info` or `info,sqlx=warn`); a second call changes nothing.
///
/// Lines go to standard output: the Azure Functions host takes standard error for errors.
/// Source: azure-functions-host, "Process model".
pub fn start(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match format {
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(true))
            .try_init(),
        LogFormat::Text => {
            registry.with(tracing_subscriber::fmt::layer().compact().with_target(false)).try_init()
        }
    };
}
