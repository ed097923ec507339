//! Pipelines as a whole: from files to files, what is rejected, and how much memory it takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fake_warehouse;
mod gate;
mod json;
mod memory;
mod page;
mod peers;
mod place;
mod pushed;
mod replay;
mod rows;
mod rules;
mod sets;
mod sets_model;
mod sets_peers;
mod spill;
mod store;
