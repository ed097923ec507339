//! The REST API of the org.

mod call;
mod collections;
mod composite;
mod cursors;
mod dispatch;
mod meta;
mod query;
mod records;
mod replication;
mod reply;

pub(crate) use call::Call;
pub(crate) use cursors::Cursors;
pub(crate) use dispatch::{check_version, dispatch};
pub(crate) use meta::versions;
pub(crate) use records::http_date;
pub(crate) use reply::{ApiError, Reply};

/// Rows a page unless asked otherwise, and the most.
pub(crate) fn max_batch() -> usize {
    query::MAX_BATCH
}
