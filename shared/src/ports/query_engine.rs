//! What answers questions about the lake and the case store.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;

use crate::auth::Sight;
use crate::queries::{NamedQuery, QueryColumn, QueryError, QueryFigures, QueryValue};

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// One SELECT; `$name` stands for a parameter.
    pub sql: String,
    /// The values of its parameters. They are bound as values: nothing in them is read as SQL.
    pub parameters: BTreeMap<String, QueryValue>,
}

/// How much one question may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Rows that are answered; more are cut off.
    pub max_rows: usize,
    /// How long it may take.
    pub within: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { max_rows: 10_000, within: Duration::from_secs(60) }
    }
}

/// Rows of an answer, some at a time, each with its values in the order of the columns.
pub type QueryRows = Pin<Box<dyn Stream<Item = Result<Vec<Vec<QueryValue>>, QueryError>> + Send>>;

/// An answer that comes. Dropped, it is worked out no further.
pub struct OpenAnswer {
    /// Its columns.
    pub columns: Vec<QueryColumn>,
    /// Its rows: at most one more than were asked for, which tells that there are more.
    pub rows: QueryRows,
    /// Tells what it has cost so far.
    pub figures: Box<dyn Fn() -> QueryFigures + Send + Sync>,
}

/// A question that was read, of one state of the tables.
#[async_trait]
pub trait PreparedQuery: Send + Sync {
    /// Names the statement, its parameters, the versions of the tables that it reads, and what the asker
    /// sees: equal tags have equal answers.
    fn tag(&self) -> &str;

    /// Begins to answer.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    async fn open(&self, limits: QueryLimits) -> Result<OpenAnswer, QueryError>;
}

/// Answers questions about the lake and the case store.
///
/// # Contract
///
/// - A question only reads. What does anything else is refused before anything is read.
/// - All of an answer is of one state of the lake: that of the moment of [`prepare`](Self::prepare).
/// - Rows of cases that `sight` does not show count nowhere: not in a row, not in a sum. Whoever sees
///   only some cases sees no account and no contact.
/// - Memory is bounded; what needs more is put aside on disk, and gone afterwards.
/// - The same question of the same state has the same answer: no function asks for the time or for
///   chance.
#[async_trait]
pub trait QueryEngine: Send + Sync {
    /// Reads a question: its statement, its tables, and the state that they are in now.
    ///
    /// # Errors
    ///
    /// [`QueryError`]; a name that is not there comes with the one that was probably meant.
    async fn prepare(
        &self,
        query: &Query,
        sight: &Sight,
    ) -> Result<Box<dyn PreparedQuery>, QueryError>;

    /// Works out the names and types of a named query, and reads nothing. Returns the columns of its
    /// answer.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    async fn check(&self, query: &NamedQuery) -> Result<Vec<QueryColumn>, QueryError>;
}
