//! A warehouse: statements that run elsewhere, files loaded in bulk, merges by key.

mod load;
mod merge;
mod name;
mod spending;
mod value;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::error::PortError;

pub use load::{
    BadRows, FileFault, FileOutcome, InvalidLoad, Load, LoadReport, LoadedFile, MAX_LOAD_FILES,
    Shortfall, StagedFile,
};
pub use merge::{InvalidMerge, Merge, MergeReport};
pub use name::{Identifier, StatementHandle, StatementId, TableName};
pub use spending::{Spending, SpendingView};
pub use value::{Column, Decimal, InvalidDecimal, ValueKind, WarehouseValue};
pub use wait::{Patience, execute, load_within, merge_within, poll_within, query};

/// How long a statement may run when nobody says.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Whether a statement may have been sent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sending {
    /// Nobody sent it yet: its id is new.
    #[default]
    First,
    /// It may have been sent by a process that was stopped before it saved the handle, or whose
    /// message is delivered again: it must not run twice.
    Again,
}

/// A statement to run. `Debug` shows no text and no values: they may name a person.
#[derive(Clone)]
pub struct Statement {
    /// Its id, saved before it is sent; a statement that failed for good is sent under a new one.
    pub id: StatementId,
    /// Whether it may have been sent before. It is then the same, to the letter.
    pub sending: Sending,
    /// One SQL statement; `?` stands for a bound value.
    pub text: String,
    /// The bound values in order. Never write a value into the text.
    pub binds: Vec<WarehouseValue>,
    /// When the warehouse gives up.
    pub timeout: Duration,
}

impl Statement {
    /// Names a statement without bound values that runs a quarter of an hour at most.
    pub fn new(id: StatementId, text: impl Into<String>) -> Self {
        let sending = Sending::First;
        Self { id, sending, text: text.into(), binds: Vec::new(), timeout: TIMEOUT }
    }

    /// Binds `value` to the next `?`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<WarehouseValue>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// Says whether it may have been sent before.
    #[must_use]
    pub fn sent(self, sending: Sending) -> Self {
        Self { sending, ..self }
    }

    /// Lets the warehouse give up after `timeout`.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("id", &self.id)
            .field("sending", &self.sending)
            .field("n_binds", &self.binds.len())
            .finish_non_exhaustive()
    }
}

/// What a statement that has ended did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The columns of its rows.
    pub columns: Arc<[Column]>,
    /// How many rows it returns.
    pub n_rows: u64,
    /// How many rows it inserted.
    pub n_inserted: u64,
    /// How many rows it updated.
    pub n_updated: u64,
    /// How many rows it deleted.
    pub n_deleted: u64,
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It waits or runs.
    Running,
    /// It ended well.
    Done(Summary),
}

/// Work of one or more statements, looked at from time to time.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<T> {
    /// It runs: save the handle and ask again with it, from any process.
    Running(StatementHandle),
    /// It is done.
    Done(T),
}

/// The rows of a statement, in pieces: memory stays flat however many there are.
pub struct Rows {
    /// The columns.
    pub columns: Arc<[Column]>,
    /// How many rows there are.
    pub n_rows: u64,
    /// The rows in order, each with one value a column. After an error there are no more.
    pub rows: BoxStream<'static, Result<Vec<WarehouseValue>, PortError>>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("columns", &self.columns)
            .field("n_rows", &self.n_rows)
            .finish_non_exhaustive()
    }
}

/// Runs SQL, loads files and merges tables.
///
/// # Contract
///
/// - A statement that is sent again under its id, marked [`Sending::Again`], does not run twice: the
///   handle of the first one is returned, for as long as the warehouse remembers it.
/// - A handle can be saved, and looked at by another process, for a day.
/// - Dropping a call does not stop the statement; [`cancel`](Warehouse::cancel) does.
/// - Loading the same files again loads none of them twice, and merging the same rows again changes
///   nothing, whatever the warehouse remembers of ids: both may be repeated under new ones.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Sends `statement` and returns its handle; it may still wait or run.
    ///
    /// # Errors
    ///
    /// `Rejected` when it cannot run as it stands, `Denied` when the credentials do not allow it,
    /// `RateLimited` and `Unavailable` when the same statement may be sent again, as
    /// [`Sending::Again`].
    async fn submit(&self, statement: &Statement) -> Result<StatementHandle, PortError>;

    /// Looks once where the statement stands.
    ///
    /// # Errors
    ///
    /// As [`submit`](Warehouse::submit) when the statement failed; `Rejected` also when it was
    /// cancelled or ran out of time, `NotFound` when the warehouse does not know the handle.
    async fn poll(&self, handle: &StatementHandle) -> Result<Progress, PortError>;

    /// Returns the rows of a statement that has ended.
    ///
    /// # Errors
    ///
    /// As [`poll`](Warehouse::poll); `Conflict` while it runs.
    async fn rows(&self, handle: &StatementHandle) -> Result<Rows, PortError>;

    /// Stops the statement; one that has ended is left as it is.
    ///
    /// # Errors
    ///
    /// As the warehouse answers.
    async fn cancel(&self, handle: &StatementHandle) -> Result<(), PortError>;

    /// Loads staged files into a table: begins when `begun` is `None`, else looks at what was begun.
    ///
    /// Without files it is done at once, and nothing is sent.
    ///
    /// # Errors
    ///
    /// `Rejected` with a [`FileFault`] as its source when a file holds a bad row and
    /// [`BadRows::FailLoad`] is set: none of the files is loaded then. Else as
    /// [`submit`](Warehouse::submit).
    async fn load(
        &self,
        load: &Load,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<LoadReport>, PortError>;

    /// Lists rows that a load with [`BadRows::LoadRest`] left out, at most `limit`, each as a fault of its
    /// file without the value. `begun` is the handle of the load, which is done.
    ///
    /// # Errors
    ///
    /// `Rejected` or `NotFound` when the warehouse cannot tell; else as [`submit`](Warehouse::submit).
    async fn rejected_rows(
        &self,
        load: &Load,
        begun: &StatementHandle,
        limit: u32,
    ) -> Result<Vec<FileFault>, PortError>;

    /// Merges the rows of a staging table into its target by key, the newest version of each:
    /// begins when `begun` is `None`, else looks at what was begun.
    ///
    /// Rows that are no newer than those of the target change nothing. When there is nothing to
    /// merge, the target is not touched.
    ///
    /// # Errors
    ///
    /// `Rejected` when a row has no key; else as [`submit`](Warehouse::submit).
    async fn merge(
        &self,
        merge: &Merge,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<MergeReport>, PortError>;
}

#[cfg(test)]
mod tests;
