//! The lake: every change as a row of a file that is never changed again, each exactly once.
//!
//! [`Exporter`] follows the change rows; [`Compactor`] makes large files of small ones; [`sweep_lake`]
//! deletes what nobody names any more. All of them may run at once, be killed, and run again: what is
//! part of the lake is what the head of the manifest names, and [`Catalog::commit`] alone replaces it,
//! under the condition that it is still the one that was read.

mod batch;
mod blob_writer;
mod catalog;
mod cell;
mod commit;
mod compact;
mod error;
mod export;
mod hiding;
mod manifest;
mod row;
mod schema;
mod sweep;
mod table;
#[cfg(test)]
mod tests;

pub use blob_writer::BlobWriter;
pub use catalog::{Catalog, CommitOutcome, GRACE, LAKE_PREFIX, LoadedHead};
pub use cell::Cell;
pub use commit::Commit;
pub use compact::{CompactTally, Compactor};
pub use error::LakeError;
pub use export::{ExportTally, Exporter, LakePorts, LakeSettings};
pub use hiding::{Hiding, NoMaskKey};
pub use manifest::{FORMAT, Head, LakeFile, LakeSize, Retired, Segment, SegmentRef};
pub use row::{LakeKind, LakeRow, ShownRow};
pub use schema::{Column, ColumnType, SchemaRefusal, TableSchema};
pub use sweep::sweep_lake;
pub use table::LakeTable;
