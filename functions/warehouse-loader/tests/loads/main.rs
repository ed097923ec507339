//! The loader against the strict peer of Snowflake (`tests/support/snowflake`): a lake of Parquet files
//! in the folder that its stage points to, and every change of it once in the tables.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[expect(dead_code, reason = "the adapter's own tests use the rest")]
#[path = "../../../../shared/adapters/snowflake/tests/peer/support.rs"]
mod support;

mod faults;
mod firm;
mod fragile;
mod kills;
mod loads;
mod rejects;
