//! The case store on PostgreSQL.
//!
//! Writes go through one group commit a process ([`writes`]), and one at a time over all processes:
//! whoever writes holds the ends of the audit log until the commit. Reads share a few connections.
//! The tables stand in `shared/migrations/postgres`, in the schema `moodbridge`.

mod apply;
mod audit;
mod batch;
mod cases;
mod changes;
mod costs;
mod detail;
mod imports;
mod incidents;
mod ledger;
mod listener;
mod migrations;
mod overview;
mod postgres_case_store;
mod runs;
mod shadow;
mod view;
mod walls;
mod writes;

pub(super) use migrations::{SCHEMA, tables};
pub use migrations::{move_postgres_to_version, postgres_migration_status};
pub use postgres_case_store::PostgresCaseStore;
pub(super) use shadow::{MANY, digest};
