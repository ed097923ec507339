//! Tables of databases outside, which pipelines read and write.

use async_trait::async_trait;

use crate::error::PortError;
use crate::etl::{DatabaseTable, PlannedColumn, WriteMode};
use crate::time::Timestamp;

/// A row as text, in the order of columns; `None` for no value.
pub type TextRow = Vec<Option<String>>;

/// Why a table is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The database failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The table is not what the pipeline says, or does not take a row of it; with the way out. It holds
    /// no value of a row.
    #[error("{0}")]
    Unfit(String),
}

/// Rows to write, and how.
#[derive(Clone, Debug)]
pub struct TableLoad {
    /// The table. One that is not there is made.
    pub table: DatabaseTable,
    /// The columns of the rows.
    pub columns: Vec<PlannedColumn>,
    /// What becomes of the rows that are there.
    pub mode: WriteMode,
    /// What tells this load from every other.
    pub id: LoadId,
}

/// What tells a load from every other. One that is done again, because nobody knows how it ended, has the
/// same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadId {
    /// The pipeline.
    pub pipeline: String,
    /// Where its rows came from.
    pub source: String,
    /// The time of its run.
    pub run_at: Timestamp,
}

/// What became of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Rows that came in.
    pub n_new: u64,
    /// Rows that were there and became others.
    pub n_changed: u64,
    /// Whether the same load had been done before, and so was not done again.
    pub was_there: bool,
}

/// Rows of a table, as they were at one moment.
#[async_trait]
pub trait TableRows: Send {
    /// Lists the columns of the table that are not read.
    fn unread_columns(&self) -> &[String];

    /// Returns the next rows; none behind the last. Dates are written as `2026-01-31`, instants in RFC 3339
    /// and UTC, numbers with all of their digits.
    ///
    /// # Errors
    ///
    /// As the database answers.
    async fn next(&mut self) -> Result<Vec<TextRow>, TableError>;
}

/// A load that is under way. Dropped, it leaves nothing.
#[async_trait]
pub trait TableLoading: Send {
    /// Adds rows. Nobody sees them yet.
    ///
    /// # Errors
    ///
    /// [`TableError::Unfit`] when a value is none of its column; the load is to be dropped.
    async fn write(&mut self, rows: &[TextRow]) -> Result<(), TableError>;

    /// Ends it: from now on all of its rows are seen.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and when two rows are the same one of a merge. Nothing is seen then,
    /// unless the database is lost while it answers: the same load again makes sure.
    async fn finish(self: Box<Self>) -> Result<Loaded, TableError>;
}

/// Reads and writes tables.
///
/// # Contract
///
/// - A load is seen whole or not at all, and under one id at most once.
/// - No value is changed by the table's type: what would be rounded or cut is refused before any row.
#[async_trait]
pub trait Tables: Send + Sync {
    /// Begins to read `columns` of `table`.
    ///
    /// # Errors
    ///
    /// [`TableError::Unfit`] when the database, the table or a column is not there.
    async fn read(
        &self,
        table: &DatabaseTable,
        columns: &[String],
    ) -> Result<Box<dyn TableRows>, TableError>;

    /// Begins a load.
    ///
    /// # Errors
    ///
    /// [`TableError::Unfit`] when the database is not there, or the table has other columns.
    async fn load(&self, load: TableLoad) -> Result<Box<dyn TableLoading>, TableError>;
}
