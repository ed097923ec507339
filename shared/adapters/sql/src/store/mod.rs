//! The case store: records, shadows, audit, change rows, ledger and sync runs in one file.
//!
//! Writes go through one group commit ([`writes`]); reads share a few connections that never write.
//! The tables stand in `shared/migrations/sqlite`.

mod audit;
mod batch;
mod cases;
mod changes;
mod cursor;
mod decode;
mod detail;
mod ledger;
mod migrations;
mod overview;
mod prepared;
mod runs;
mod search;
mod shadow;
mod sqlite_case_store;
mod view;
mod writes;

pub use migrations::{MigrationState, MigrationStatus, migration_status};
pub use sqlite_case_store::SqliteCaseStore;

#[cfg(test)]
mod tests;
