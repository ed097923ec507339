//! What went wrong with a file, in the words of the ports.

use std::path::PathBuf;
use std::sync::Arc;

use shared::{PortError, PortErrorKind};

/// The name of this platform in every error.
pub(crate) const PLATFORM: &str = "sqlite";

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the file could not be made.
    #[error("folder of `{}` could not be made", path.display())]
    Folder {
        /// The file to open.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The file could not be opened, or is not an SQLite database.
    #[error("database `{}` could not be opened", path.display())]
    Unopened {
        /// The file to open.
        path: PathBuf,
        /// What SQLite answered.
        source: sqlx::Error,
    },
    /// The file lies where a write-ahead log cannot work, such as on a network drive.
    #[error("database `{}` cannot keep a write-ahead log, journal mode is `{journal_mode}`", path.display())]
    NoWriteAheadLog {
        /// The file to open.
        path: PathBuf,
        /// The journal mode that SQLite chose instead.
        journal_mode: String,
    },
    /// The tables are older than this build, and the caller did not want them changed.
    #[error("database `{}` lacks {n_pending} migrations: run `moodbridge db migrate`", path.display())]
    Outdated {
        /// The file to open.
        path: PathBuf,
        /// How many migrations it lacks.
        n_pending: usize,
    },
    /// A migration failed, or the tables were made by another build.
    #[error("tables of database `{}` could not be brought up to date", path.display())]
    NotMigrated {
        /// The file to open.
        path: PathBuf,
        /// What the migration answered.
        source: sqlx::migrate::MigrateError,
    },
}

/// Why a write was not committed. Every caller of a failed commit gets one.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The database refused; nothing was written.
    #[error("write was not committed")]
    Failed(#[source] Arc<sqlx::Error>),
    /// The writer has ended.
    #[error("writer has stopped")]
    Stopped,
}

impl WriteError {
    /// Turns this into the answer of a port to `operation` on `subject`.
    pub(crate) fn into_port(self, operation: &'static str, subject: &str) -> PortError {
        match self {
            Self::Failed(cause) => {
                PortError::new(kind_of(&cause), PLATFORM, operation, blamed(&cause, subject))
                    .with_source(cause)
            }
            Self::Stopped => {
                PortError::new(PortErrorKind::Unavailable, PLATFORM, operation, subject)
                    .with_source(self)
            }
        }
    }
}

/// Turns an error of a read into the answer of a port to `operation` on `subject`.
pub(crate) fn read_error(cause: sqlx::Error, operation: &'static str, subject: &str) -> PortError {
    PortError::new(kind_of(&cause), PLATFORM, operation, blamed(&cause, subject)).with_source(cause)
}

/// Says what a failure means to a port.
///
/// What the values of one caller can cause is `Rejected`; what a later attempt may heal, and what
/// nobody foresaw, is `Unavailable`, so that no message is thrown away for it.
pub(crate) fn kind_of(error: &sqlx::Error) -> PortErrorKind {
    match error {
        sqlx::Error::RowNotFound => PortErrorKind::NotFound,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
            PortErrorKind::Rejected
        }
        _ => match primary_code(error) {
            Some(CONSTRAINT | TOO_BIG | MISMATCH) => PortErrorKind::Rejected,
            Some(READ_ONLY | NO_PERMISSION) => PortErrorKind::Denied,
            _ => PortErrorKind::Unavailable,
        },
    }
}

// Primary result codes. Source: SQLite, "Result and Error Codes".
const NO_PERMISSION: u32 = 3;
const READ_ONLY: u32 = 8;
const DISK_FULL: u32 = 13;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    Some(code.parse::<u32>().ok()? & 0xff)
}

fn blamed(error: &sqlx::Error, subject: &str) -> String {
    match primary_code(error) {
        Some(DISK_FULL) => format!("{subject} (the disk is full)"),
        _ => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::migrate::Migrator;

    use super::*;
    use crate::database::{Database, MigrationPolicy};

    async fn scratch(folder: &tempfile::TempDir) -> sqlx::SqliteConnection {
        let path = folder.path().join("scratch.db");
        let none = Migrator::with_migrations(Vec::new());
        let database = Database::open(&path, &none, MigrationPolicy::Apply).await.unwrap();
        let mut connection = database.write_connection().await.unwrap();
        sqlx::query("CREATE TABLE text (value TEXT NOT NULL) STRICT")
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    }

    #[tokio::test]
    async fn full_disk_is_unavailable_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = scratch(&folder).await;
        sqlx::query("PRAGMA max_page_count = 10").execute(&mut connection).await.unwrap();

        let full = sqlx::query("INSERT INTO text VALUES (?1)")
            .bind("x".repeat(100_000))
            .execute(&mut connection)
            .await;

        let error = WriteError::Failed(Arc::new(full.unwrap_err())).into_port("send", "events");
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(error.to_string().contains("events (the disk is full)"), "{error}");
    }

    #[tokio::test]
    async fn broken_constraint_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = scratch(&folder).await;

        let broken = sqlx::query("INSERT INTO text VALUES (NULL)").execute(&mut connection).await;

        let error = read_error(broken.unwrap_err(), "put", "text");
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }

    #[tokio::test]
    async fn locked_file_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let mut holder = scratch(&folder).await;
        let mut waiter = scratch_again(&folder).await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();

        let busy = sqlx::query("INSERT INTO text VALUES ('a')").execute(&mut waiter).await;

        let error = read_error(busy.unwrap_err(), "put", "text");
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
    }

    async fn scratch_again(folder: &tempfile::TempDir) -> sqlx::SqliteConnection {
        let path = folder.path().join("scratch.db");
        let none = Migrator::with_migrations(Vec::new());
        let database = Database::open(&path, &none, MigrationPolicy::Apply).await.unwrap();
        let mut connection = database.write_connection().await.unwrap();
        sqlx::query("PRAGMA busy_timeout = 1").execute(&mut connection).await.unwrap();
        connection
    }
}
