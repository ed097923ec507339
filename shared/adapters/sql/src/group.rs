//! Group commit: callers who write at the same time share one transaction.
//!
//! A [`GroupWriter`] is one task. It drains every job that waits, has its [`Commit`] do them in one
//! transaction, and only then answers each caller. While one commit is under way, the jobs of the
//! next one gather: the more callers, the fewer commits for each.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::error::WriteError;

/// Jobs that share a commit at most, and that wait at most before callers are held back.
const N_JOBS: usize = 1024;
/// How often the runtime's other tasks get their turn before a commit at most.
const N_ROUNDS: usize = 32;

/// Does jobs in one transaction.
#[async_trait]
pub(crate) trait Commit: Send + 'static {
    /// What one caller hands in. It may be done twice: see [`commit`](Commit::commit).
    type Job: Send + Sync + 'static;
    /// What that caller gets back.
    type Answer: Send + 'static;

    /// Does `jobs`, in order, and returns an answer for each, in the same order, once they are
    /// durable.
    ///
    /// # Errors
    ///
    /// Any error leaves nothing of the whole group. When [`blames_a_job`](Commit::blames_a_job)
    /// says so, each job is then done again in a transaction of its own, so that only the guilty
    /// one fails.
    async fn commit(&mut self, jobs: &[Self::Job]) -> Result<Vec<Self::Answer>, sqlx::Error>;

    /// Tells whether the values of one caller may be the cause of `error`.
    fn blames_a_job(&self, error: &sqlx::Error) -> bool;

    /// Gives back what it holds.
    async fn close(self);
}

/// Hands jobs to the one task that writes. The task ends with the last clone.
pub(crate) struct GroupWriter<C: Commit> {
    jobs: mpsc::Sender<Waiting<C>>,
}

type Reply<C> = oneshot::Sender<Result<<C as Commit>::Answer, WriteError>>;
type Waiting<C> = (<C as Commit>::Job, Reply<C>);

impl<C: Commit> Clone for GroupWriter<C> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<C: Commit> GroupWriter<C> {
    /// Starts the task, on the runtime of the caller.
    pub(crate) fn start(commit: C) -> Self {
        let (jobs, waiting) = mpsc::channel(N_JOBS);
        tokio::spawn(serve(commit, waiting));
        Self { jobs }
    }

    /// Has `job` done, and returns its answer once it is durable.
    ///
    /// A caller who stops waiting before the job's turn takes it back.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the commit, or this job alone, failed: nothing of it is written.
    pub(crate) async fn write(&self, job: C::Job) -> Result<C::Answer, WriteError> {
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

async fn serve<C: Commit>(mut commit: C, mut waiting: mpsc::Receiver<Waiting<C>>) {
    let mut drained = Vec::new();
    while waiting.recv_many(&mut drained, N_JOBS).await > 0 {
        gather(&mut waiting, &mut drained).await;
        let (jobs, replies): (Vec<_>, Vec<_>) =
            drained.drain(..).filter(|(_, reply)| !reply.is_closed()).unzip();
        if !jobs.is_empty() {
            answer(&mut commit, jobs, replies).await;
        }
    }
    commit.close().await;
}

async fn answer<C: Commit>(commit: &mut C, jobs: Vec<C::Job>, replies: Vec<Reply<C>>) {
    match commit.commit(&jobs).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                let _ = reply.send(Ok(answer));
            }
        }
        Err(cause) if jobs.len() > 1 && commit.blames_a_job(&cause) => {
            tracing::debug!(n_jobs = jobs.len(), "commit failed, each job is tried alone");
            for (job, reply) in jobs.into_iter().zip(replies) {
                Box::pin(answer(commit, vec![job], vec![reply])).await;
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
