//! The client against the sandbox org, over real HTTP and over a line that fails.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod bulk_ingest;
mod bulk_query;
mod ports;
mod rest;
mod setup;
mod soap;
mod support;
