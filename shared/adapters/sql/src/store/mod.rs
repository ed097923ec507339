//! The case store: records, shadows, audit, change rows, ledger and sync runs in one database.
//!
//! What both engines share stands here; [`sqlite`] and [`postgres`] hold their statements.

mod batch;
mod case_store;
mod case_tally;
mod chain;
mod copy;
mod costs;
mod current_rows;
mod cursor;
mod decode;
mod documents;
mod field_views;
mod figures;
mod history;
mod imports;
mod jobs;
mod migrations;
mod pipeline_runs;
mod postgres;
mod prepared;
mod reports;
mod rows;
mod search;
mod sight;
mod sqlite;
mod text;
mod two_way;

pub use copy::{Copied, CopiedTable, CopyError, copy_to_postgres};
pub(crate) use migrations::hex;
pub use migrations::{MigrationState, MigrationStatus};
pub use postgres::{PostgresCaseStore, move_postgres_to_version, postgres_migration_status};
pub(crate) use prepared::table;
pub use sqlite::{SqliteCaseStore, migration_status, move_to_version};

#[cfg(test)]
mod tests;
