//! Compares what both sides hold, once a day, and puts right what differs.

mod app;
mod config;
mod reconcile;

pub use app::{app, assemble};
pub use config::Config;
pub use reconcile::{Compared, ComparedObject, ReconcilePorts, ReconcileRuns, comparable};
