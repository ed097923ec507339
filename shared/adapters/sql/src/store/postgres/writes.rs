//! The group commit of the case store: every write of this process passes through here.

use std::sync::Arc;

use async_trait::async_trait;
use shared::PortErrorKind;
use shared::ports::{Clock, Committed};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;

use super::{apply, batch, costs, imports, ledger, runs, walls};
use crate::group::Commit;
use crate::postgres::kind_of;
use crate::store::batch::Batch;
use crate::store::documents::postgres_documents;
use crate::store::jobs::{Answer, Job};
use crate::store::pipeline_runs::postgres as pipeline_runs;
use crate::store::prepared::PreparedWrite;
use crate::store::reports::postgres as reports;
use crate::store::text::marked;
use crate::store::two_way::{postgres_outbox, postgres_reconciliations};

/// A server may be set up to answer before a commit is on disk; such an answer is no promise.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', true) \
     WHERE current_setting('synchronous_commit') = 'off'";

/// Does jobs in one transaction.
pub(super) struct CaseWrites {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    /// Wakes those who wait for a change row.
    newest: Arc<watch::Sender<u64>>,
}

impl CaseWrites {
    /// Makes the group; `newest` is told the number of each new change row.
    pub(super) fn new(
        pool: PgPool,
        clock: Arc<dyn Clock>,
        newest: Arc<watch::Sender<u64>>,
    ) -> Self {
        Self { pool, clock, newest }
    }
}

#[async_trait]
impl Commit for CaseWrites {
    type Job = Job;
    type Answer = Answer;

    async fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(DURABLE).execute(&mut *transaction).await?;
        // Everything below has the one writer's lock.
        let mut batch = batch::begin(&mut transaction, self.clock.as_ref()).await?;
        let answers = run(&mut transaction, jobs, &mut batch).await?;
        let newest = batch.newest_change();
        batch::write(&mut transaction, batch).await?;
        transaction.commit().await?;
        tell(&self.newest, newest);
        Ok(answers)
    }

    fn blames_a_job(&self, error: &sqlx::Error) -> bool {
        kind_of(error) == PortErrorKind::Rejected
    }

    async fn close(self) {}
}

/// Tells those who wait that change row `number` is there.
pub(super) fn tell(newest: &watch::Sender<u64>, number: u64) {
    newest.send_if_modified(|seen| {
        let is_newer = number > *seen;
        *seen = number.max(*seen);
        is_newer
    });
}

async fn run<'a>(
    connection: &mut PgConnection,
    jobs: &'a [Job],
    batch: &mut Batch<'a>,
) -> Result<Vec<Answer>, sqlx::Error> {
    let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
    let mut writes: Vec<(usize, &'a PreparedWrite)> = Vec::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate() {
        answers.push(match job {
            Job::Apply(write) => {
                writes.push((place, write));
                Answer::Conflict
            }
            Job::Put { name, value, expected_revision } => {
                ledger::put(connection, name, value, *expected_revision).await?
            }
            Job::Record(run) => runs::record(connection, run).await?,
            Job::RecordReconciliation(run) => {
                postgres_reconciliations::record(connection, run, marked).await?
            }
            Job::Pipelines(job) => pipeline_runs::run(connection, job, marked).await?,
            Job::Reports(job) => reports::run(connection, job, marked).await?,
            Job::Outbox(job) => postgres_outbox::run(connection, job, batch.at()).await?,
            Job::RecordCosts(batch) => costs::record(connection, batch).await?,
            Job::SetWall(wall) => walls::set(connection, wall, batch).await?,
            Job::LiftWall { case_id, person, by } => {
                walls::lift(connection, case_id, person, by, batch).await?
            }
            Job::Import(items) => imports::write(connection, items, batch).await?,
            Job::File(filing) => postgres_documents::file(connection, filing, batch).await?,
            Job::NoteRead(read) => postgres_documents::note_read(connection, read, batch).await?,
        });
    }
    for place in apply::apply(connection, writes, batch).await? {
        if let (Some(answer), Some(Job::Apply(write))) = (answers.get_mut(place), jobs.get(place)) {
            let change_seq = batch.add(write);
            *answer = Answer::Committed(Committed { change_seq, at: batch.at() });
        }
    }
    Ok(answers)
}
