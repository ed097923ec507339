//! Bulk API 2.0: jobs that take or give rows as CSV.
//!
//! An upload is kept as it came; its rows are read in batches of 10,000, each a commit of its own, and
//! read once more when their results are asked for. A query job keeps the rows it found as they were,
//! which costs a pointer a row, and writes its pages piece by piece while they are sent.

mod columns;
mod csv;
mod export;
mod http;
mod ingest;
mod job;
mod jobs;
mod layout;
mod multipart;
mod query;
mod results;
mod rows;
mod settings;
mod worker;

pub use settings::{BulkPace, BulkSettings};

pub(crate) use http::serve;
pub(crate) use jobs::{Failure, Jobs};
pub(crate) use worker::run;
