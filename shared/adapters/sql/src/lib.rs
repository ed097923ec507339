//! The case store, the queue and the ledger on SQLite.
//!
//! Each file is opened by `Database`, and written by one task, `Writer`, that lets callers who
//! write at the same time share one commit.

pub mod import;
pub mod postgres;
pub mod queue;
pub mod store;
pub mod tables;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

mod database;
mod error;
mod field_views;
mod group;
mod steps;
mod turnstile;
mod writer;

pub use database::MigrationPolicy;
pub use error::OpenError;
