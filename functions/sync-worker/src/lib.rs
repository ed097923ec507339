//! Merges each change into the case store: version compare, shadow, audit and change row in one
//! transaction.

mod app;
mod config;
mod worker;

pub use app::{app, assemble};
pub use config::Config;
pub use worker::{Remote, SyncWorker};
