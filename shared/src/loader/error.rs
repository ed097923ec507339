//! Why a load did not go on.

use crate::error::{PortError, Retry};
use crate::lake::{LakeError, LakeTable};
use crate::ports::warehouse::{InvalidLoad, InvalidMerge};
use crate::worker::Failure;

/// Why a load did not go on. What was saved stands: the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The warehouse or the ledger failed.
    #[error("table `{table}` is not loaded further")]
    Port {
        /// The table.
        table: LakeTable,
        /// Why.
        source: PortError,
    },
    /// The lake cannot be read.
    #[error("the lake cannot be read")]
    Lake {
        /// Why.
        #[from]
        source: LakeError,
    },
    /// What is kept in the ledger is not ours.
    #[error("`{name}` in the ledger is not what this build wrote: run the newer build")]
    State {
        /// The entry.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The lake has fewer changes than were loaded.
    #[error(
        "changes of `{table}` up to {loaded} were loaded, and the lake ends at {lake}: the lake was begun anew, so load it into another schema"
    )]
    LakeIsBehind {
        /// The table.
        table: LakeTable,
        /// What was loaded.
        loaded: u64,
        /// What the lake holds.
        lake: u64,
    },
    /// More rows were refused than may be.
    #[error(
        "{n_rejected} rows of `{table}` were refused, more than {limit}, and nothing of that load is merged: read `LOAD_REJECTS`, mend the table, and run `moodbridge warehouse load --anew {table}`; or leave them out by `--accept-rejects`"
    )]
    TooManyRejects {
        /// The table.
        table: LakeTable,
        /// How many.
        n_rejected: u64,
        /// How many may be.
        limit: u64,
    },
    /// A column became one of another type.
    #[error(
        "column `{column}` of `{table}` is now `{kind}`, which the tables of the warehouse cannot follow: load into another schema"
    )]
    Widened {
        /// The table.
        table: LakeTable,
        /// The column.
        column: String,
        /// What it holds now.
        kind: &'static str,
    },
    /// The lake has a name that the warehouse does not take, or names a file twice.
    #[error("the lake's table `{table}` cannot be one of the warehouse")]
    Unfit {
        /// The table.
        table: LakeTable,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Others were faster, again and again.
    #[error("others loaded `{table}` meanwhile, {n_attempts} times: the next run goes on")]
    Contended {
        /// The table.
        table: LakeTable,
        /// How often it was tried.
        n_attempts: u32,
    },
}

impl LoadError {
    /// Says whether a second attempt can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Port { source, .. } => source.retry(),
            Self::Lake { source } => source.retry(),
            Self::Contended { .. } => Retry::After(None),
            _ => Retry::Never,
        }
    }

    pub(super) fn port(table: LakeTable) -> impl Fn(PortError) -> Self {
        move |source| Self::Port { table, source }
    }

    pub(super) fn unfit(
        table: LakeTable,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unfit { table, source: source.into() }
    }

    pub(super) fn merge(table: LakeTable) -> impl Fn(InvalidMerge) -> Self {
        move |source| Self::unfit(table, source)
    }

    pub(super) fn load(table: LakeTable) -> impl Fn(InvalidLoad) -> Self {
        move |source| Self::unfit(table, source)
    }
}

impl From<LoadError> for Failure {
    /// The next tick tries again, whatever it was: a person may have mended it.
    fn from(error: LoadError) -> Self {
        let retry = match error.retry() {
            Retry::Never => Retry::After(None),
            after @ Retry::After(_) => after,
        };
        Self::of(&error, retry)
    }
}
