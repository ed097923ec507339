//! The bounds of the platform, checked before a query is sent.

mod condition;
mod fault;
mod items;
mod parents;
mod statement;
mod transport;

pub use fault::BoundFault;
pub(super) use statement::{check, check_text};
pub use transport::{Transport, encoded_bytes};

/// Longest statement, in characters. Source: SOQL and SOSL limits.
pub(super) const MAX_CHARACTERS: usize = 100_000;

/// Most records of a query with `FIELDS(ALL)` or `FIELDS(CUSTOM)`. Source: SOQL, `FIELDS()`.
pub(super) const MAX_FIELDS_RECORDS: usize = 200;
