//! Runs a function as an AWS Lambda, as an Azure Functions custom handler, or inside a local
//! process: the same [`App`], three envelopes.

mod app;
mod error;
#[cfg(feature = "local")]
pub mod local;
mod settings;
mod signal;
mod start;

pub use app::{App, ReadyCheck};
pub use error::HostError;
pub use settings::HostSettings;
pub use signal::shutdown_signal;
pub use start::{EXIT_BAD_SETTINGS, start};
