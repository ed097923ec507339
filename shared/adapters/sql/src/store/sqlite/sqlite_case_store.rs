//! The case store on one SQLite file.

use std::path::Path;
use std::sync::Arc;

use shared::PortError;
use shared::ports::Clock;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::watch;

use super::migrations::MIGRATOR;
use super::writes::CaseWrites;
use crate::database::{Database, MigrationPolicy};
use crate::error::{OpenError, PLATFORM, WriteError, read_error};
use crate::store::jobs::{Answer, Job};
use crate::turnstile::Turnstile;
use crate::writer::Writer;

/// Pages that the writer keeps in memory at most, in KiB. A case touches a page of each of its
/// indexes: with the 2,000 KiB of SQLite most of them are read from the log again and again.
const WRITER_CACHE_KIB: u32 = 16 * 1024;

/// Keeps cases, contacts and accounts, their shadows, audit log, change rows, sync runs and the
/// ledger in one SQLite file.
///
/// Callers of one process share commits; several processes may share the file.
pub struct SqliteCaseStore {
    database: Database,
    writer: Writer<CaseWrites>,
    clock: Arc<dyn Clock>,
    newest: Arc<watch::Sender<u64>>,
}

impl SqliteCaseStore {
    /// Opens the file at `path`, with its tables brought up to date or checked as `policy` says.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the file cannot be opened, lacks migrations under
    /// [`MigrationPolicy::Check`], or was made by a newer or another build.
    pub async fn open(
        path: &Path,
        policy: MigrationPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let database = Database::open(path, &MIGRATOR, policy).await?;
        let database = database.with_writer_cache_kib(WRITER_CACHE_KIB);
        let newest = Arc::new(watch::Sender::new(0));
        let group = CaseWrites::new(Arc::clone(&clock), Arc::clone(&newest));
        let writer = Writer::start(&database, group)
            .await
            .map_err(|source| OpenError::Unopened { path: path.to_owned(), source })?;
        Ok(Self { database, writer, clock, newest })
    }

    /// The name of this engine in errors.
    pub(in crate::store) const PLATFORM: &'static str = PLATFORM;

    /// Has `job` done for `operation` on `subject`, and waits until it is durable.
    pub(in crate::store) async fn commit(
        &self,
        job: Job,
        operation: &'static str,
        subject: &str,
    ) -> Result<Answer, PortError> {
        self.write(job).await.map_err(|cause| cause.into_port(operation, subject))
    }

    /// Says that reading failed.
    pub(in crate::store) fn read_failed(
        cause: sqlx::Error,
        operation: &'static str,
        subject: &str,
    ) -> PortError {
        read_error(cause, operation, subject)
    }

    /// Has `job` run and waits until it is durable.
    pub(super) async fn write(&self, job: Job) -> Result<Answer, WriteError> {
        self.writer.write(job).await
    }

    /// Returns the connections that only read.
    pub(in crate::store) fn readers(&self) -> &SqlitePool {
        self.database.readers()
    }

    /// Opens a connection that writes beside the group commit, and what it must pass first.
    pub(in crate::store) async fn alone(
        &self,
    ) -> Result<(SqliteConnection, Turnstile), sqlx::Error> {
        Ok((self.database.write_connection().await?, self.database.turnstile()))
    }

    /// Returns the clock.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Follows the number of the newest change row that this process committed.
    pub(super) fn newest_here(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}
