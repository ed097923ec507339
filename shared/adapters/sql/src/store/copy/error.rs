//! Why a case store was not copied.

use std::path::PathBuf;

use crate::error::OpenError;
use crate::postgres::PostgresOpenError;

/// Why a case store was not copied. Nothing of it is in the target.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Another process has the file open.
    #[error("`{}` is in use: stop `moodbridge serve` and every other process that has it open", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// What SQLite answered.
        source: sqlx::Error,
    },
    /// The file cannot be used, or its tables are not current.
    #[error("the source cannot be read")]
    Source(#[source] OpenError),
    /// The database cannot be used.
    #[error("the target cannot be opened")]
    Target(#[source] PostgresOpenError),
    /// The target holds something already.
    #[error("the target holds rows in table `{table}`: copy into a database without a case store")]
    NotEmpty {
        /// The table.
        table: String,
    },
    /// The target has no such table.
    #[error("the target has no table `{table}`: run the same version of `moodbridge` on both")]
    UnknownTable {
        /// The table.
        table: String,
    },
    /// The audit log of the source is broken.
    #[error("the audit log of the source is broken at row {seq}: see `moodbridge audit verify`")]
    BrokenChain {
        /// The first row that does not fit.
        seq: u64,
    },
    /// Both sides are not equal.
    #[error("{what}: the target differs from the source")]
    Differs {
        /// What differs.
        what: String,
    },
    /// A statement failed.
    #[error("copying `{subject}` failed")]
    Failed {
        /// What was read or written.
        subject: String,
        /// What the database answered.
        source: sqlx::Error,
    },
}

/// Says what was copied when a statement failed.
pub(super) fn failed(subject: &str) -> impl Fn(sqlx::Error) -> CopyError {
    move |source| CopyError::Failed { subject: subject.to_owned(), source }
}
