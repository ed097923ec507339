//! Runs a function as an AWS Lambda, as an Azure Functions custom handler, or inside a local
//! process: the same [`App`], three envelopes.

mod app;
#[cfg(feature = "azure")]
mod azure;
mod costs;
mod described;
#[cfg(feature = "azure")]
mod envelope;
mod error;
mod flush;
mod frame;
mod health;
#[cfg(feature = "lambda")]
mod lambda;
#[cfg(feature = "local")]
pub mod local;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "lambda")]
mod page;
mod problem;
mod ready;
#[cfg(test)]
mod samples;
mod server;
mod settings;
mod shedding;
mod signal;
mod start;
mod telemetry;

pub use app::{App, ReadyCheck};
pub use costs::CostKeeper;
pub use error::HostError;
pub use flush::Flush;
pub use frame::CORRELATION_HEADER;
pub use problem::problem;
pub use ready::{LedgerReady, QueueReady};
pub use settings::HostSettings;
pub use signal::shutdown_signal;
pub use start::{EXIT_BAD_SETTINGS, start};
pub use telemetry::{TelemetryError, TelemetrySettings, start_telemetry};

/// Keeps the example of the guide true.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/powertools.md")]
struct Guide;
