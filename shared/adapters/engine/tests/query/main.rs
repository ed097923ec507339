//! Questions to the lake as a whole: what `DuckDB` says to the same files, walls, memory, and what is read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bounds;
mod judged;
mod live;
mod made;
mod place;
mod walls;
