//! Runs pipelines that were asked for, and asks for those that are due by the clock: each file of a source
//! is a message of its own.

mod app;
mod clock;
mod config;
mod failed;
mod ports;
mod runner;
mod watch;
mod work;

pub use app::{app, assemble};
pub use config::Config;
pub use ports::{RunnerPorts, RunnerSettings};
pub use runner::PipelineRunner;
