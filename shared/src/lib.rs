//! The words of the domain, the ports, and the engines behind every function.
//!
//! This package knows no cloud, no HTTP client and no database driver: adapters stand above it,
//! functions use it, and nothing of ours stands below it.

#[cfg(feature = "analytics")]
pub mod analytics;
pub mod auth;
pub mod config;
pub mod cost;
pub mod deploy;
pub mod dispatch;
pub mod error;
pub mod etl;
pub mod ids;
pub mod lake;
pub mod loader;
pub mod logs;
pub mod model;
pub mod platform;
pub mod ports;
pub mod queries;
#[cfg(feature = "analytics")]
pub mod reports;
pub mod schedule;
pub mod sealed;
pub mod secret;
pub mod sync;
pub mod telemetry;
pub mod time;
pub mod transfer;
pub mod worker;

pub use error::{PortError, PortErrorKind, Retry, chain};
