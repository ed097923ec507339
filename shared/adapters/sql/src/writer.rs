//! Group commit: callers who write at the same time share one transaction and one fsync.
//!
//! A [`Writer`] is one task with one connection. It drains every job that waits, opens
//! `BEGIN IMMEDIATE`, lets its [`WriteGroup`] run them, commits once, and only then answers each
//! caller. While the disk is busy with one commit, the jobs of the next one gather: the more callers,
//! the fewer fsyncs for each.

use std::sync::Arc;

use async_trait::async_trait;
use shared::PortErrorKind;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::database::Database;
use crate::error::{WriteError, kind_of};
use crate::turnstile::Turnstile;

/// Jobs that share a commit at most, and that wait at most before callers are held back.
const N_JOBS: usize = 1024;
/// How often the runtime's other tasks get their turn before a commit at most.
const N_ROUNDS: usize = 32;

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
pub(crate) struct Writer<G: WriteGroup> {
    jobs: mpsc::Sender<Waiting<G>>,
}

type Reply<G> = oneshot::Sender<Result<<G as WriteGroup>::Answer, WriteError>>;
type Waiting<G> = (<G as WriteGroup>::Job, Reply<G>);

impl<G: WriteGroup> Clone for Writer<G> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<G: WriteGroup> Writer<G> {
    /// Starts the task, on the runtime of the caller, with a connection of its own.
    ///
    /// # Errors
    ///
    /// As SQLite answers when it opens the connection.
    pub(crate) async fn start(database: &Database, group: G) -> Result<Self, sqlx::Error> {
        let connection = database.write_connection().await?;
        let (jobs, waiting) = mpsc::channel(N_JOBS);
        let turnstile = database.turnstile();
        let database = database.clone();
        let task = Task { database, turnstile, connection: Some(connection), group };
        tokio::spawn(task.serve(waiting));
        Ok(Self { jobs })
    }

    /// Has `job` run, and returns its answer once it is durable.
    ///
    /// A caller who stops waiting before the job's turn takes it back.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the commit, or this job alone, failed: nothing of it is written.
    pub(crate) async fn write(&self, job: G::Job) -> Result<G::Answer, WriteError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send((job, reply)).await.map_err(|_| WriteError::Stopped)?;
        answer.await.map_err(|_| WriteError::Stopped)?
    }
}

/// Lets callers who are ready to write join the commit, as long as more of them come.
///
/// Those who were just answered often write again: a commit begun at once would leave them to the
/// next, and two commits of half the callers cost nearly twice as much.
async fn gather<T>(waiting: &mut mpsc::Receiver<T>, drained: &mut Vec<T>) {
    for _ in 0..N_ROUNDS {
        let n_before = drained.len();
        tokio::task::yield_now().await;
        let more = std::iter::from_fn(|| waiting.try_recv().ok());
        drained.extend(more.take(N_JOBS.saturating_sub(n_before)));
        if drained.len() == n_before {
            return;
        }
    }
}

struct Task<G> {
    database: Database,
    turnstile: Turnstile,
    /// Given up after a failure: a fresh one has no half-open transaction.
    connection: Option<SqliteConnection>,
    group: G,
}

impl<G: WriteGroup> Task<G> {
    async fn serve(mut self, mut waiting: mpsc::Receiver<Waiting<G>>) {
        let mut drained = Vec::new();
        while waiting.recv_many(&mut drained, N_JOBS).await > 0 {
            gather(&mut waiting, &mut drained).await;
            let (jobs, replies): (Vec<_>, Vec<_>) =
                drained.drain(..).filter(|(_, reply)| !reply.is_closed()).unzip();
            if !jobs.is_empty() {
                self.answer(jobs, replies).await;
            }
        }
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
    }

    async fn answer(&mut self, jobs: Vec<G::Job>, replies: Vec<Reply<G>>) {
        match self.commit(&jobs).await {
            Ok(answers) => {
                self.group.committed();
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(cause) if jobs.len() > 1 && kind_of(&cause) == PortErrorKind::Rejected => {
                tracing::debug!(n_jobs = jobs.len(), "commit failed, each job is tried alone");
                for (job, reply) in jobs.into_iter().zip(replies) {
                    Box::pin(self.answer(vec![job], vec![reply])).await;
                }
            }
            Err(cause) => {
                let cause = Arc::new(cause);
                for reply in replies {
                    let _ = reply.send(Err(WriteError::Failed(Arc::clone(&cause))));
                }
            }
        }
    }

    async fn commit(&mut self, jobs: &[G::Job]) -> Result<Vec<G::Answer>, sqlx::Error> {
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
}

#[cfg(test)]
mod tests;
