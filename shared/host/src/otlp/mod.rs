//! Traces over OTLP: spans are gathered in memory and sent in batches, and never hold up the work.

mod buffer;
mod client;
mod start;
mod tracer;

pub(crate) use start::{exporter, start};
