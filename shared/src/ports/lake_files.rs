//! The files of the lake, whatever their format.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;

use super::blob_digest::Sha256Digest;
use super::blob_names::BlobKey;
use crate::error::PortError;
use crate::lake::{Cell, TableSchema};

/// Rows of a file, some at a time, each with its values in the order of the columns.
pub type LakeRows = Pin<Box<dyn Stream<Item = Result<Vec<Vec<Cell>>, PortError>> + Send>>;

/// A file that was written to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// How many rows it has.
    pub n_rows: u64,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// The digest of all its bytes.
    pub sha256: Sha256Digest,
}

/// Writes and reads the files of the lake.
///
/// # Contract
///
/// - A file is seen by nobody before [`finish`](TableWriter::finish), which returns when it is durable.
/// - What was written comes back, row for row, in order. Read with a later schema, columns that were
///   added since have no value, and those that were widened the same value.
/// - Neither side holds a whole file in memory: a writer a group of rows and a part of an upload, a
///   reader a group of rows.
///
/// `shared::ports::lake_files_contract` checks these for every adapter.
#[async_trait]
pub trait LakeFiles: Send + Sync {
    /// Returns what the names of files end with, such as `parquet`.
    fn extension(&self) -> &'static str;

    /// Begins a file with the columns of `schema`.
    ///
    /// # Errors
    ///
    /// As the blob store answers.
    async fn create(
        &self,
        key: &BlobKey,
        schema: &TableSchema,
    ) -> Result<Box<dyn TableWriter>, PortError>;

    /// Reads a file in the columns of `schema`, its own or a later one.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not there, `Rejected` when it is not of this format or has a column of
    /// another type, else as the blob store answers.
    async fn read(&self, key: &BlobKey, schema: &TableSchema) -> Result<LakeRows, PortError>;
}

/// A file that is being written. Dropped, it leaves at most parts of an upload that nobody sees.
#[async_trait]
pub trait TableWriter: Send {
    /// Adds rows, each with its values in the order of the columns.
    ///
    /// # Errors
    ///
    /// `Rejected` when a row has more or fewer values than there are columns, or one that does not fit
    /// its column; the error names it. Else as the blob store answers. The writer is to be abandoned.
    async fn write(&mut self, rows: Vec<Vec<Cell>>) -> Result<(), PortError>;

    /// Returns about how many bytes the file would have if it ended here.
    fn n_bytes(&self) -> u64;

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// As the blob store answers: then nobody knows whether it is there.
    async fn finish(self: Box<Self>) -> Result<WrittenFile, PortError>;

    /// Throws away what was written.
    ///
    /// # Errors
    ///
    /// As the blob store answers.
    async fn abandon(self: Box<Self>) -> Result<(), PortError>;
}
