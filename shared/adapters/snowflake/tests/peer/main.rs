//! The adapter against a strict peer of the SQL API with an SQL engine behind it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod faults;
mod loads;
mod merges;
mod signing;
mod spending;
mod statements;
mod support;
