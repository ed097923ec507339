//! The case store: records, shadows, audit, change rows, ledger and sync runs in one database.
//!
//! What both engines share stands here; [`sqlite`] holds the texts of one.

mod batch;
mod cursor;
mod decode;
mod figures;
mod jobs;
mod migrations;
mod prepared;
mod rows;
mod sight;
mod sqlite;
mod text;

pub use migrations::{MigrationState, MigrationStatus};
pub use sqlite::{SqliteCaseStore, migration_status};

#[cfg(test)]
mod tests;
