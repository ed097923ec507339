//! The case store: records, shadows, audit, change rows, ledger and sync runs in one database.
//!
//! What both engines share stands here; [`sqlite`] and [`postgres`] hold their statements.

mod batch;
mod costs;
mod cursor;
mod decode;
mod figures;
mod jobs;
mod migrations;
mod postgres;
mod prepared;
mod rows;
mod search;
mod sight;
mod sqlite;
mod text;

pub use migrations::{MigrationState, MigrationStatus};
pub use postgres::{PostgresCaseStore, postgres_migration_status};
pub use sqlite::{SqliteCaseStore, migration_status};

#[cfg(test)]
mod tests;
