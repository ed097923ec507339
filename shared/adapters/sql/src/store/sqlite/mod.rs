//! The case store in one SQLite file.
//!
//! Writes go through one group commit ([`writes`]); reads share a few connections that never write.
//! The tables stand in `shared/migrations/sqlite`.

mod audit;
mod batch;
mod cases;
mod changed_records;
mod changes;
mod costs;
mod detail;
mod imports;
mod incidents;
mod ledger;
mod many;
mod migrations;
mod new_records;
mod overview;
mod row_statements;
mod runs;
mod search;
mod shadow;
mod sqlite_case_store;
mod view;
mod walls;
mod writes;

pub(super) use migrations::MIGRATOR;
pub use migrations::{migration_status, move_to_version};
pub(super) use shadow::{MANY, digest};
pub use sqlite_case_store::SqliteCaseStore;
