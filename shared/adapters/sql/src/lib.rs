//! The case store, the queue and the ledger on SQLite.
//!
//! Each file is opened by `Database`, and written by one task, `Writer`, that lets callers who
//! write at the same time share one commit.

pub mod queue;
pub mod store;

mod database;
mod error;
mod turnstile;
mod writer;

pub use database::MigrationPolicy;
pub use error::OpenError;
