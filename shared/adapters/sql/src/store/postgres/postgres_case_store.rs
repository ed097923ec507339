//! The case store in one PostgreSQL database.

use std::sync::Arc;

use shared::ports::Clock;
use shared::{PortError, PortErrorKind};
use sqlx::PgPool;
use tokio::sync::watch;

use super::listener::Listener;
use super::migrations::{SCHEMA, tables};
use super::writes::CaseWrites;
use crate::database::MigrationPolicy;
use crate::error::WriteError;
use crate::group::GroupWriter;
use crate::postgres::{self, PLATFORM, PostgresOpenError, PostgresOptions, port_error};
use crate::store::jobs::{Answer, Job};

/// Keeps cases, contacts and accounts, their shadows, audit log, change rows, sync runs and the
/// ledger in one PostgreSQL database.
///
/// Callers of one process share commits; several processes may share the database.
pub struct PostgresCaseStore {
    pool: PgPool,
    writer: GroupWriter<CaseWrites>,
    clock: Arc<dyn Clock>,
    newest: Arc<watch::Sender<u64>>,
    listener: Listener,
}

impl PostgresCaseStore {
    /// Opens the database that `options` name, with its tables brought up to date or checked as
    /// `policy` says.
    ///
    /// # Errors
    ///
    /// [`PostgresOpenError`] when the database cannot be reached, lacks migrations under
    /// [`MigrationPolicy::Check`], or was made by a newer or another build.
    pub async fn open(
        options: &PostgresOptions,
        policy: MigrationPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PostgresOpenError> {
        let options = options.clone().with_schema(SCHEMA);
        let pool = postgres::open(&options, &tables(), policy).await?;
        let newest = Arc::new(watch::Sender::new(0));
        let writes = CaseWrites::new(pool.clone(), Arc::clone(&clock), Arc::clone(&newest));
        let writer = GroupWriter::start(writes);
        let listener = Listener::new(pool.clone(), Arc::clone(&newest));
        Ok(Self { pool, writer, clock, newest, listener })
    }

    /// The name of this engine in errors.
    pub(in crate::store) const PLATFORM: &'static str = PLATFORM;

    /// Says that reading failed.
    pub(in crate::store) fn read_failed(
        cause: sqlx::Error,
        operation: &'static str,
        subject: &str,
    ) -> PortError {
        port_error(cause, operation, subject)
    }

    /// Has `job` done for `operation` on `subject`, and waits until it is durable.
    pub(in crate::store) async fn commit(
        &self,
        job: Job,
        operation: &'static str,
        subject: &str,
    ) -> Result<Answer, PortError> {
        self.writer.write(job).await.map_err(|error| match error {
            WriteError::Failed(cause) => {
                PortError::new(postgres::kind_of(&cause), PLATFORM, operation, subject)
                    .with_source(cause)
            }
            WriteError::Stopped => {
                PortError::new(PortErrorKind::Unavailable, PLATFORM, operation, subject)
                    .with_source(error)
            }
        })
    }

    /// Returns the connections for reading.
    pub(in crate::store) fn readers(&self) -> &PgPool {
        &self.pool
    }

    /// Returns the clock.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Follows the number of the newest change row that this process knows of.
    pub(super) fn newest_known(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Hears of what other processes commit.
    pub(super) fn listener(&self) -> &Listener {
        &self.listener
    }
}
