//! The lake in Parquet as a whole: what other implementations read, and how much memory it takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod firm;
mod memory;
mod peers;
