//! Snowflake by its SQL API v2: statements with bound values, bulk loads from a stage, merges by key.
//!
//! Every statement is asynchronous, so that its handle outlives the process that sent it, and goes
//! under an id that the caller chose, so that none runs twice. `docs/snowflake.md` says what is sent.

mod answer;
mod bind;
mod cell;
mod client;
mod copy;
mod credentials;
mod fault;
mod key_pair;
mod merge;
mod settings;
mod spending;
mod sql;
mod warehouse;

pub use client::SnowflakeClient;
pub use fault::SnowflakeFault;
pub use key_pair::{KeyPair, UnusableKey};
pub use settings::{FileFormat, SnowflakeAuth, SnowflakeSettings};
pub use warehouse::SnowflakeWarehouse;

/// The platform's name in errors, logs and metrics.
pub(crate) const PLATFORM: &str = "snowflake";
