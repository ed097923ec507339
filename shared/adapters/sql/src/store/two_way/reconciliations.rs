//! Comparisons of both sides.

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{ConnectionId, CorrelationId, ObjectName};
use shared::ports::{ReconcileJournal, Reconciliation};
use shared::time::Timestamp;

use crate::store::batch::TextForm;
use crate::store::decode::{checked, count, instant, json, json_text, number, word};
use crate::store::jobs::{Answer, Job};
use crate::store::text::StoredText;
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// A comparison as it is stored.
#[derive(sqlx::FromRow)]
struct StoredReconciliation {
    id: String,
    connection: String,
    object: String,
    started_at: i64,
    ended_at: Option<i64>,
    outcome: String,
    n_here: i64,
    n_there: i64,
    n_differ: i64,
    n_repaired: i64,
    samples: String,
    error: Option<StoredText>,
}

impl StoredReconciliation {
    fn read(self) -> Result<Reconciliation, sqlx::Error> {
        Ok(Reconciliation {
            id: checked(CorrelationId::parse(self.id))?,
            connection: checked(ConnectionId::parse(self.connection))?,
            object: checked(ObjectName::parse(self.object))?,
            started_at: instant(self.started_at),
            ended_at: self.ended_at.map(instant),
            outcome: word(&self.outcome)?,
            n_here: count(self.n_here),
            n_there: count(self.n_there),
            n_differ: count(self.n_differ),
            n_repaired: count(self.n_repaired),
            samples: json(&self.samples)?,
            error: self.error.map(Into::into),
        })
    }
}

macro_rules! reconciliations {
    ($module:ident, $connection:ty, $store:ty) => {
        /// Comparisons on this engine.
        pub(in crate::store) mod $module {
            use super::*;

            /// Writes a comparison, replacing what stands under its id.
            pub(in crate::store) async fn record(
                connection: &mut $connection,
                run: &Reconciliation,
                form: TextForm,
            ) -> Result<Answer, sqlx::Error> {
                sqlx::query(
                    "INSERT INTO reconciliations (id, connection, object, started_at, ended_at, \
                     outcome, n_here, n_there, n_differ, n_repaired, samples, error) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                     ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, \
                     outcome = excluded.outcome, n_here = excluded.n_here, \
                     n_there = excluded.n_there, n_differ = excluded.n_differ, \
                     n_repaired = excluded.n_repaired, samples = excluded.samples, \
                     error = excluded.error",
                )
                .bind(run.id.as_str())
                .bind(run.connection.as_str())
                .bind(run.object.as_str())
                .bind(run.started_at.as_millis())
                .bind(run.ended_at.map(Timestamp::as_millis))
                .bind(run.outcome.as_str())
                .bind(number(run.n_here))
                .bind(number(run.n_there))
                .bind(number(run.n_differ))
                .bind(number(run.n_repaired))
                .bind(json_text(&run.samples)?)
                .bind(run.error.as_deref().map(|it| form(it).into_owned()))
                .execute(connection)
                .await?;
                Ok(Answer::Recorded)
            }

            #[async_trait]
            impl ReconcileJournal for $store {
                async fn record_reconciliation(
                    &self,
                    run: &Reconciliation,
                ) -> Result<(), PortError> {
                    let job = Job::RecordReconciliation(Box::new(run.clone()));
                    self.commit(job, "record comparison", run.id.as_str()).await.map(drop)
                }

                async fn reconciliations(
                    &self,
                    limit: u32,
                ) -> Result<Vec<Reconciliation>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "list", "comparisons");
                    let rows: Vec<StoredReconciliation> = sqlx::query_as(
                        "SELECT id, connection, object, started_at, ended_at, outcome, n_here, \
                         n_there, n_differ, n_repaired, samples, error FROM reconciliations \
                         ORDER BY started_at DESC, id DESC LIMIT $1",
                    )
                    .bind(i64::from(limit))
                    .fetch_all(self.readers())
                    .await
                    .map_err(failed)?;
                    rows.into_iter()
                        .map(StoredReconciliation::read)
                        .collect::<Result<_, _>>()
                        .map_err(|cause| Self::read_failed(cause, "list", "comparisons"))
                }
            }
        }
    };
}

reconciliations!(sqlite, sqlx::SqliteConnection, SqliteCaseStore);
reconciliations!(postgres, sqlx::PgConnection, PostgresCaseStore);
