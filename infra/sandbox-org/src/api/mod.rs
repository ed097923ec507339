//! The REST API of the org.

mod call;
mod collections;
mod composite;
mod conditions;
mod cursors;
mod dispatch;
mod meta;
mod query;
mod records;
mod replication;
mod reply;

pub(crate) use call::Call;
pub(crate) use conditions::{Conditions, http_date};
pub(crate) use cursors::Cursors;
pub(crate) use dispatch::dispatch;
pub(crate) use meta::versions;
pub(crate) use reply::{ApiError, Reply};

/// Rows a page unless asked otherwise, and the most.
pub(crate) fn max_batch() -> usize {
    query::MAX_BATCH
}
