//! The journal of sync runs.

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{SyncJournal, SyncRun};
use shared::time::Timestamp;
use sqlx::SqliteConnection;

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::read_error;
use crate::store::decode::number;
use crate::store::jobs::{Answer, Job};
use crate::store::rows::{StoredRun, outcome_word};

/// Writes a run, replacing what stands under its id.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    run: &SyncRun,
) -> Result<Answer, sqlx::Error> {
    sqlx::query(
        "INSERT INTO sync_runs (id, connection, object, started_at, ended_at, outcome, n_read, \
         n_queued, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
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
    .bind(&run.error)
    .execute(connection)
    .await?;
    Ok(Answer::Recorded)
}

#[async_trait]
impl SyncJournal for SqliteCaseStore {
    async fn record(&self, run: &SyncRun) -> Result<(), PortError> {
        let job = Job::Record(Box::new(run.clone()));
        let written = self.write(job).await;
        written.map(drop).map_err(|cause| cause.into_port("record run", run.id.as_str()))
    }

    async fn recent(&self, limit: u32) -> Result<Vec<SyncRun>, PortError> {
        let rows: Vec<StoredRun> = sqlx::query_as(
            "SELECT id, connection, object, started_at, ended_at, outcome, n_read, n_queued, error \
             FROM sync_runs ORDER BY started_at DESC, id DESC LIMIT ?1",
        )
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(|cause| read_error(cause, "list", "sync runs"))?;
        let runs: Result<_, _> = rows.into_iter().map(StoredRun::read).collect();
        runs.map_err(|cause| read_error(cause, "list", "sync runs"))
    }
}
