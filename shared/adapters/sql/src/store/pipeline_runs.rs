//! Runs of pipelines and their partitions. Both engines take the same statements; the macro only names
//! their types.

mod stored;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::CorrelationId;
use shared::ports::{
    Kept, PartitionRun, PartitionTally, PipelineJournal, PipelineRun, PipelineRunFilter,
    PipelineRunState,
};
use shared::time::Timestamp;

use self::stored::{PARTITION, RUN, StoredPartition, StoredRun, StoredTally};
use crate::store::batch::TextForm;
use crate::store::decode::{json_text, number};
use crate::store::jobs::{Answer, Job};
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// What a caller of the journal wants written.
pub(in crate::store) enum PipelineJob {
    /// Opens a run, with the rows it replays, and forgets all but so many of its pipeline.
    Open {
        /// The run.
        run: PipelineRun,
        /// Its rows, as JSON.
        replayed: Option<String>,
        /// So many are kept.
        keep: u32,
    },
    /// Writes a run in place of a revision, with partitions of these names.
    Put(PipelineRun, u64, Vec<String>),
    /// Writes a partition in place of a revision.
    PutPartition(PartitionRun, u64),
}

/// What that caller gets back.
pub(in crate::store) enum PipelineAnswer {
    /// The run that stands.
    Stands(Box<PipelineRun>),
    /// Whether it is written.
    Written(bool),
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

macro_rules! pipeline_runs {
    ($module:ident, $connection:ty, $store:ty) => {
        /// The journal of pipelines on this engine.
        pub(in crate::store) mod $module {
            use sqlx::AssertSqlSafe;

            use super::*;

            /// Does what a caller wants written.
            pub(in crate::store) async fn run(
                connection: &mut $connection,
                job: &PipelineJob,
                form: TextForm,
            ) -> Result<Answer, sqlx::Error> {
                Ok(Answer::Pipelines(match job {
                    PipelineJob::Open { run, replayed, keep } => {
                        let replayed = replayed.as_deref();
                        let stands = open(connection, run, replayed, *keep, form).await?;
                        PipelineAnswer::Stands(Box::new(stands))
                    }
                    PipelineJob::Put(run, revision, names) => {
                        PipelineAnswer::Written(put(connection, run, *revision, names, form).await?)
                    }
                    PipelineJob::PutPartition(it, revision) => PipelineAnswer::Written(
                        put_partition(connection, it, *revision, form).await?,
                    ),
                }))
            }

            async fn open(
                connection: &mut $connection,
                run: &PipelineRun,
                replayed: Option<&str>,
                keep: u32,
                form: TextForm,
            ) -> Result<PipelineRun, sqlx::Error> {
                let key = run.idempotency_key.as_deref().map(|it| form(it).into_owned());
                let sql = format!(
                    "INSERT INTO pipeline_runs ({RUN}, replayed) VALUES ($1, $2, $3, $4, $5, $6, \
                     $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16) ON CONFLICT DO NOTHING"
                );
                let done = sqlx::query(AssertSqlSafe(sql))
                    .bind(run.id.as_str())
                    .bind(&run.pipeline)
                    .bind(run.kind.as_str())
                    .bind(run.state.as_str())
                    .bind(i64::from(run.round))
                    .bind(&run.definition)
                    .bind(json_text(&run.only)?)
                    .bind(run.n_partitions.map(i64::from))
                    .bind(run.message.as_deref().map(|it| form(it).into_owned()))
                    .bind(form(&run.started_by))
                    .bind(run.correlation_id.as_str())
                    .bind(&key)
                    .bind(run.requested_at.as_millis())
                    .bind(millis(run.started_at))
                    .bind(millis(run.finished_at))
                    .bind(replayed)
                    .execute(&mut *connection)
                    .await?;
                if done.rows_affected() == 1 {
                    forget(connection, &run.pipeline, keep).await?;
                    return Ok(run.clone());
                }
                let sql = format!(
                    "SELECT {RUN} FROM pipeline_runs \
                     WHERE id = $1 OR (pipeline = $2 AND idempotency_key = $3)"
                );
                let stands: StoredRun = sqlx::query_as(AssertSqlSafe(sql))
                    .bind(run.id.as_str())
                    .bind(&run.pipeline)
                    .bind(&key)
                    .fetch_one(connection)
                    .await?;
                Ok(stands.read()?.value)
            }

            /// Forgets runs that have ended but for the newest of the pipeline.
            async fn forget(
                connection: &mut $connection,
                pipeline: &str,
                keep: u32,
            ) -> Result<(), sqlx::Error> {
                const OLD: &str = "SELECT id FROM pipeline_runs WHERE pipeline = $1 \
                     AND state NOT IN ('queued', 'running') AND id NOT IN ( \
                     SELECT id FROM pipeline_runs WHERE pipeline = $1 \
                     ORDER BY requested_at DESC, id DESC LIMIT $2)";
                for (table, column) in [("pipeline_partitions", "run_id"), ("pipeline_runs", "id")]
                {
                    let sql = format!("DELETE FROM {table} WHERE {column} IN ({OLD})");
                    sqlx::query(AssertSqlSafe(sql))
                        .bind(pipeline)
                        .bind(i64::from(keep))
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            }

            async fn put(
                connection: &mut $connection,
                run: &PipelineRun,
                revision: u64,
                names: &[String],
                form: TextForm,
            ) -> Result<bool, sqlx::Error> {
                let done = sqlx::query(
                    "UPDATE pipeline_runs SET state = $3, round = $4, definition = $5, \
                     n_partitions = $6, message = $7, started_at = $8, finished_at = $9, \
                     revision = revision + 1 WHERE id = $1 AND revision = $2",
                )
                .bind(run.id.as_str())
                .bind(number(revision))
                .bind(run.state.as_str())
                .bind(i64::from(run.round))
                .bind(&run.definition)
                .bind(run.n_partitions.map(i64::from))
                .bind(run.message.as_deref().map(|it| form(it).into_owned()))
                .bind(millis(run.started_at))
                .bind(millis(run.finished_at))
                .execute(&mut *connection)
                .await?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                for (place, name) in (1_i64..).zip(names) {
                    sqlx::query(
                        "INSERT INTO pipeline_partitions (run_id, number, name, state, round, \
                         revision) VALUES ($1, $2, $3, 'queued', 1, 1)",
                    )
                    .bind(run.id.as_str())
                    .bind(place)
                    .bind(name)
                    .execute(&mut *connection)
                    .await?;
                }
                Ok(true)
            }

            async fn put_partition(
                connection: &mut $connection,
                it: &PartitionRun,
                revision: u64,
                form: TextForm,
            ) -> Result<bool, sqlx::Error> {
                let done = sqlx::query(
                    "UPDATE pipeline_partitions SET state = $4, round = $5, n_attempts = $6, \
                     n_overruns = $7, owner = $8, leased_until = $9, n_read = $10, \
                     n_filtered = $11, n_rejected = $12, n_out = $13, rules = $14, message = $15, \
                     output = $16, quarantine = $17, started_at = $18, finished_at = $19, \
                     revision = revision + 1 WHERE run_id = $1 AND number = $2 AND revision = $3",
                )
                .bind(it.run.as_str())
                .bind(i64::from(it.number))
                .bind(number(revision))
                .bind(it.state.as_str())
                .bind(i64::from(it.round))
                .bind(i64::from(it.n_attempts))
                .bind(i64::from(it.n_overruns))
                .bind(&it.owner)
                .bind(millis(it.leased_until))
                .bind(number(it.counts.n_read))
                .bind(number(it.counts.n_filtered))
                .bind(number(it.counts.n_rejected))
                .bind(number(it.counts.n_out))
                .bind(json_text(&it.rules)?)
                .bind(it.message.as_deref().map(|it| form(it).into_owned()))
                .bind(&it.output)
                .bind(&it.quarantine)
                .bind(millis(it.started_at))
                .bind(millis(it.finished_at))
                .execute(connection)
                .await?;
                Ok(done.rows_affected() == 1)
            }

            #[async_trait]
            impl PipelineJournal for $store {
                async fn open_run(
                    &self,
                    run: &PipelineRun,
                    replayed: Option<&str>,
                    keep: u32,
                ) -> Result<PipelineRun, PortError> {
                    let replayed = replayed.map(str::to_owned);
                    let job = PipelineJob::Open { run: run.clone(), replayed, keep };
                    let job = Job::Pipelines(Box::new(job));
                    match self.commit(job, "open run", run.id.as_str()).await? {
                        Answer::Pipelines(PipelineAnswer::Stands(stands)) => Ok(*stands),
                        _ => Ok(run.clone()),
                    }
                }

                async fn pipeline_run(
                    &self,
                    id: &CorrelationId,
                ) -> Result<Option<Kept<PipelineRun>>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "read run", id.as_str());
                    let sql = format!("SELECT {RUN} FROM pipeline_runs WHERE id = $1");
                    let found: Option<StoredRun> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(id.as_str())
                        .fetch_optional(self.readers())
                        .await
                        .map_err(failed)?;
                    found.map(StoredRun::read).transpose().map_err(failed)
                }

                async fn replayed_rows(
                    &self,
                    id: &CorrelationId,
                ) -> Result<Option<String>, PortError> {
                    let found: Option<Option<String>> =
                        sqlx::query_scalar("SELECT replayed FROM pipeline_runs WHERE id = $1")
                            .bind(id.as_str())
                            .fetch_optional(self.readers())
                            .await
                            .map_err(|cause| Self::read_failed(cause, "read rows", id.as_str()))?;
                    Ok(found.flatten())
                }

                async fn put_run(
                    &self,
                    run: &PipelineRun,
                    revision: u64,
                    names: &[String],
                ) -> Result<bool, PortError> {
                    let job = PipelineJob::Put(run.clone(), revision, names.to_vec());
                    let job = Job::Pipelines(Box::new(job));
                    Ok(is_written(&self.commit(job, "write run", run.id.as_str()).await?))
                }

                async fn pipeline_runs(
                    &self,
                    filter: &PipelineRunFilter,
                ) -> Result<Vec<PipelineRun>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "list", "runs of pipelines");
                    let (at, id) = filter.before.as_ref().map_or((i64::MAX, ""), |(at, id)| {
                        (at.as_millis(), id.as_str())
                    });
                    let sql = format!(
                        "SELECT {RUN} FROM pipeline_runs WHERE ($1 = '' OR pipeline = $1) \
                         AND ($2 = '' OR state = $2) \
                         AND (requested_at < $3 OR (requested_at = $3 AND id < $4)) \
                         ORDER BY requested_at DESC, id DESC LIMIT $5"
                    );
                    let rows: Vec<StoredRun> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(filter.pipeline.as_deref().unwrap_or_default())
                        .bind(filter.state.map_or("", PipelineRunState::as_str))
                        .bind(at)
                        .bind(id)
                        .bind(i64::from(filter.limit))
                        .fetch_all(self.readers())
                        .await
                        .map_err(failed)?;
                    let read = rows.into_iter().map(|it| it.read().map(|it| it.value));
                    read.collect::<Result<_, _>>().map_err(failed)
                }

                async fn partition(
                    &self,
                    run: &CorrelationId,
                    number: u32,
                ) -> Result<Option<Kept<PartitionRun>>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "read partition", run.as_str());
                    let sql = format!(
                        "SELECT {PARTITION} FROM pipeline_partitions \
                         WHERE run_id = $1 AND number = $2"
                    );
                    let found: Option<StoredPartition> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(run.as_str())
                        .bind(i64::from(number))
                        .fetch_optional(self.readers())
                        .await
                        .map_err(failed)?;
                    found.map(StoredPartition::read).transpose().map_err(failed)
                }

                async fn put_partition(
                    &self,
                    partition: &PartitionRun,
                    revision: u64,
                ) -> Result<bool, PortError> {
                    let job = PipelineJob::PutPartition(partition.clone(), revision);
                    let job = Job::Pipelines(Box::new(job));
                    let id = partition.run.as_str();
                    Ok(is_written(&self.commit(job, "write partition", id).await?))
                }

                async fn partitions(
                    &self,
                    run: &CorrelationId,
                ) -> Result<Vec<PartitionRun>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "list partitions", run.as_str());
                    let sql = format!(
                        "SELECT {PARTITION} FROM pipeline_partitions WHERE run_id = $1 \
                         ORDER BY number"
                    );
                    let rows: Vec<StoredPartition> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(run.as_str())
                        .fetch_all(self.readers())
                        .await
                        .map_err(failed)?;
                    let read = rows.into_iter().map(|it| it.read().map(|it| it.value));
                    read.collect::<Result<_, _>>().map_err(failed)
                }

                async fn tally_partitions(
                    &self,
                    run: &CorrelationId,
                ) -> Result<Vec<PartitionTally>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "tally", run.as_str());
                    let rows: Vec<StoredTally> = sqlx::query_as(
                        "SELECT state, round, count(*) AS n_partitions, \
                         CAST(sum(n_read) AS BIGINT) AS n_read, \
                         CAST(sum(n_filtered) AS BIGINT) AS n_filtered, \
                         CAST(sum(n_rejected) AS BIGINT) AS n_rejected, \
                         CAST(sum(n_out) AS BIGINT) AS n_out \
                         FROM pipeline_partitions WHERE run_id = $1 GROUP BY state, round",
                    )
                    .bind(run.as_str())
                    .fetch_all(self.readers())
                    .await
                    .map_err(failed)?;
                    let read = rows.into_iter().map(StoredTally::read);
                    let mut tallies = read.collect::<Result<Vec<_>, _>>().map_err(failed)?;
                    tallies.sort_by_key(|it| (it.state, it.round));
                    Ok(tallies)
                }
            }
        }
    };
}

fn is_written(answer: &Answer) -> bool {
    matches!(answer, Answer::Pipelines(PipelineAnswer::Written(true)))
}

pipeline_runs!(sqlite, sqlx::SqliteConnection, SqliteCaseStore);
pipeline_runs!(postgres, sqlx::PgConnection, PostgresCaseStore);
