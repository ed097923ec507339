//! Why a file cannot be imported.

use std::path::PathBuf;

use shared::PortError;

/// Why a file cannot be imported. Nothing of it was written, but for [`ImportError::Store`].
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not there, or cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not an SQLite database: name the `main.db` of MoodBridge", path.display())]
    NotDatabase {
        /// The file.
        path: PathBuf,
    },
    /// A write to the file was cut off.
    #[error(
        "`{}` has an unfinished write in its journal: start MoodBridge on it once, stop it, and import again",
        path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// SQLite cannot read it.
    #[error("table `{table}` of `{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was read.
        table: String,
        /// What SQLite answered.
        source: sqlx::Error,
    },
    /// It holds no matter.
    #[error(
        "`{}` has no row in `case_info`, so that nothing says which matter it is: add one with docket number, title and court, and import again",
        path.display()
    )]
    NoMatter {
        /// The file.
        path: PathBuf,
    },
    /// It holds several matters, and nothing says to which its rows belong.
    #[error(
        "`{}` has several rows in `case_info` ({dockets}): say with `--docket` to which the other rows belong",
        path.display()
    )]
    ManyMatters {
        /// The file.
        path: PathBuf,
        /// Their docket numbers.
        dockets: String,
    },
    /// A row of `case_info` cannot be taken.
    #[error("row {row} of `case_info` of `{}` cannot be taken: {fault}", path.display())]
    UnusableCase {
        /// The file.
        path: PathBuf,
        /// Its number.
        row: i64,
        /// What is wrong, and the fix.
        fault: String,
    },
    /// The case store failed; what was committed before stays, and importing again goes on.
    #[error("the case store did not take `{}`", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What the store answered.
        source: PortError,
    },
}
