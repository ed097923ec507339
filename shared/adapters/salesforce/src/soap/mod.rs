//! The partner API, for what REST cannot do: taking records out of the recycle bin, and merging them.

mod element;
mod envelope;
mod merge;
mod undelete;

pub use merge::{MergeRequest, Merged};
