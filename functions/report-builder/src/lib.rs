//! Builds reports: those that are asked for, and those that are due by the clock.

mod app;
mod config;
mod handlers;

pub use app::{app, assemble};
pub use config::Config;
pub use handlers::{ReportPorts, ReportRuns};
