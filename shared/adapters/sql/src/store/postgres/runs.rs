//! The journal of sync runs.

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{SyncJournal, SyncRun};
use shared::time::Timestamp;
use sqlx::PgConnection;

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::port_error;
use crate::store::decode::number;
use crate::store::jobs::{Answer, Job};
use crate::store::rows::{StoredRun, outcome_word};
use crate::store::text::marked;

/// Writes a run, replacing what stands under its id.
pub(super) async fn record(
    connection: &mut PgConnection,
    run: &SyncRun,
) -> Result<Answer, sqlx::Error> {
    sqlx::query(
        "INSERT INTO sync_runs (id, connection, object, started_at, ended_at, outcome, \
         n_read, n_queued, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, \
         object = excluded.object, started_at = excluded.started_at, \
         ended_at = excluded.ended_at, outcome = excluded.outcome, n_read = excluded.n_read, \
         n_queued = excluded.n_queued, error = excluded.error",
    )
    .bind(run.id.as_str())
    .bind(run.connection.as_str())
    .bind(run.object.as_str())
    .bind(run.started_at.as_millis())
    .bind(run.ended_at.map(Timestamp::as_millis))
    .bind(outcome_word(run.outcome))
    .bind(number(run.n_read))
    .bind(number(run.n_queued))
    .bind(run.error.as_deref().map(marked))
    .execute(connection)
    .await?;
    Ok(Answer::Recorded)
}

#[async_trait]
impl SyncJournal for PostgresCaseStore {
    async fn record(&self, run: &SyncRun) -> Result<(), PortError> {
        let job = Job::Record(Box::new(run.clone()));
        self.commit(job, "record run", run.id.as_str()).await.map(drop)
    }

    async fn recent(&self, limit: u32) -> Result<Vec<SyncRun>, PortError> {
        let failed = |cause| port_error(cause, "list", "sync runs");
        let rows: Vec<StoredRun> = sqlx::query_as(
            "SELECT id, connection, object, started_at, ended_at, outcome, n_read, n_queued, error \
             FROM sync_runs ORDER BY started_at DESC, id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await
        .map_err(failed)?;
        rows.into_iter().map(StoredRun::read).collect::<Result<_, _>>().map_err(failed)
    }
}
