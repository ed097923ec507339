//! MoodBridge in one process: the command line, and the host that wires every function together.

mod audit_watch;
mod auth;
mod cli;
mod dashboard;
mod dev;
mod exit;
mod output;
mod process;
mod progress;
mod settings;

pub use cli::run;
