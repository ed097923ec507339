//! Group commit on a file: callers who write at the same time share one transaction and one fsync.
//!
//! A [`Writer`] is one task with one connection. It opens `BEGIN IMMEDIATE`, lets its [`WriteGroup`]
//! run the jobs that wait, and commits once.

use async_trait::async_trait;
use shared::PortErrorKind;
use sqlx::{Connection, SqliteConnection};

use crate::database::Database;
use crate::error::{WriteError, kind_of};
use crate::group::{Commit, GroupWriter};
use crate::turnstile::Turnstile;

/// Runs jobs inside the transaction that they share.
///
/// A job that must not be done (a stale version, a wrong receipt) is no error: decide it before
/// writing anything for it, and say so in its `Answer`.
#[async_trait]
pub(crate) trait WriteGroup: Send + 'static {
    /// What one caller hands in. It may be run twice: see [`run`](WriteGroup::run).
    type Job: Send + Sync + 'static;
    /// What that caller gets back.
    type Answer: Send + 'static;

    /// Runs `jobs`, in order, and returns an answer for each, in the same order.
    ///
    /// # Errors
    ///
    /// Any error rolls the whole group back. When one caller's values may be the cause (a broken
    /// constraint), each job is then run again in a transaction of its own, so that only the
    /// guilty one fails.
    async fn run(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[Self::Job],
    ) -> Result<Vec<Self::Answer>, sqlx::Error>;

    /// Is told that the last group that ran is durable, before its callers are answered.
    fn committed(&mut self) {}
}

/// Hands jobs to the one task that writes to a file. The task ends with the last clone.
pub(crate) struct Writer<G: WriteGroup>(GroupWriter<FileCommit<G>>);

impl<G: WriteGroup> Clone for Writer<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<G: WriteGroup> Writer<G> {
    /// Starts the task, on the runtime of the caller, with a connection of its own.
    ///
    /// # Errors
    ///
    /// As SQLite answers when it opens the connection.
    pub(crate) async fn start(database: &Database, group: G) -> Result<Self, sqlx::Error> {
        let connection = Some(database.write_connection().await?);
        let turnstile = database.turnstile();
        let database = database.clone();
        Ok(Self(GroupWriter::start(FileCommit { database, turnstile, connection, group })))
    }

    /// Has `job` run, and returns its answer once it is durable.
    ///
    /// # Errors
    ///
    /// See [`GroupWriter::write`].
    pub(crate) async fn write(&self, job: G::Job) -> Result<G::Answer, WriteError> {
        self.0.write(job).await
    }
}

struct FileCommit<G> {
    database: Database,
    turnstile: Turnstile,
    /// Given up after a failure: a fresh one has no half-open transaction.
    connection: Option<SqliteConnection>,
    group: G,
}

#[async_trait]
impl<G: WriteGroup> Commit for FileCommit<G> {
    type Job = G::Job;
    type Answer = G::Answer;

    async fn commit(&mut self, jobs: &[Self::Job]) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.write_connection().await?,
        };
        let turn = self.turnstile.enter().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        drop(turn);
        match self.group.run(&mut transaction, jobs).await {
            Ok(answers) => {
                transaction.commit().await?;
                self.group.committed();
                self.connection = Some(connection);
                Ok(answers)
            }
            Err(cause) => {
                if transaction.rollback().await.is_ok() {
                    self.connection = Some(connection);
                }
                Err(cause)
            }
        }
    }

    fn blames_a_job(&self, error: &sqlx::Error) -> bool {
        kind_of(error) == PortErrorKind::Rejected
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
    }
}

#[cfg(test)]
mod tests;
