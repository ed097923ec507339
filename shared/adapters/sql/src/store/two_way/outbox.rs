//! The outbox: claims, setbacks, and what is listed of it.

use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use shared::model::RecordKey;
use shared::ports::{Claim, Outbox, OutboxDepth, OutboxEntry, OutboxStatus, Setback};
use shared::time::Timestamp;

use crate::store::decode::{checked, count, entity_id, instant, json, json_text, number, word};
use crate::store::jobs::{Answer, Job};
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// What a caller of the outbox wants written.
pub(in crate::store) enum OutboxJob {
    /// Takes records to send them.
    Claim(Claim),
    /// Gives records back for later.
    Postpone(Vec<(RecordKey, Option<Setback>)>, Duration),
    /// Sets a record aside.
    Hold(RecordKey, Setback),
    /// Lets records that were set aside be sent again.
    Resend(ConnectionId, Option<RecordKey>),
}

/// What that caller gets back.
pub(in crate::store) enum OutboxAnswer {
    /// The records.
    Claimed(Vec<OutboxEntry>),
    /// It is written; so many records are touched.
    Written(u64),
}

/// A record that waits, as it is stored.
#[derive(sqlx::FromRow)]
struct StoredEntry {
    connection: String,
    object: String,
    record_id: String,
    entity: String,
    entity_id: String,
    kind: String,
    n_attempts: i64,
    setback: Option<String>,
    changed_at: i64,
    correlation_id: String,
}

impl StoredEntry {
    fn read(self) -> Result<OutboxEntry, sqlx::Error> {
        // Settling writes no audit row, and a write without one names no correlation.
        let correlation = match self.correlation_id.as_str() {
            "" => CorrelationId::from_random(0),
            text => checked(CorrelationId::parse(text))?,
        };
        Ok(OutboxEntry {
            key: RecordKey {
                connection: checked(ConnectionId::parse(self.connection))?,
                object: checked(ObjectName::parse(self.object))?,
                record_id: checked(RecordId::parse(self.record_id))?,
            },
            entity: word(&self.entity)?,
            entity_id: entity_id(self.entity_id)?,
            kind: word(&self.kind)?,
            n_attempts: self.n_attempts.try_into().unwrap_or(u32::MAX),
            last: self.setback.as_deref().map(json).transpose()?,
            changed_at: instant(self.changed_at),
            correlation_id: correlation,
        })
    }
}

/// How many records of an object wait, as it is counted.
#[derive(sqlx::FromRow)]
struct StoredDepth {
    connection: String,
    object: String,
    n_waiting: i64,
    n_deletes: i64,
    n_failed: i64,
    oldest: Option<i64>,
}

impl StoredDepth {
    fn read(self) -> Result<OutboxDepth, sqlx::Error> {
        Ok(OutboxDepth {
            connection: checked(ConnectionId::parse(self.connection))?,
            object: checked(ObjectName::parse(self.object))?,
            n_waiting: count(self.n_waiting),
            n_deletes: count(self.n_deletes),
            n_failed: count(self.n_failed),
            oldest: self.oldest.map(instant),
        })
    }
}

const DEPTHS: &str = "SELECT connection, object, \
     count(CASE WHEN status = 'waiting' THEN 1 END) AS n_waiting, \
     count(CASE WHEN status = 'waiting' AND kind = 'delete' THEN 1 END) AS n_deletes, \
     count(CASE WHEN status = 'failed' THEN 1 END) AS n_failed, \
     min(CASE WHEN status = 'waiting' THEN changed_at END) AS oldest \
     FROM outbox GROUP BY connection, object ORDER BY connection, object";

const LIST: &str = "SELECT connection, object, record_id, entity, entity_id, kind, n_attempts, \
     setback, changed_at, correlation_id FROM outbox WHERE status = $1 AND ($5 OR \
     (changed_at, connection, object, record_id) > ((SELECT changed_at FROM outbox \
     WHERE connection = $2 AND object = $3 AND record_id = $4), $2, $3, $4)) \
     ORDER BY changed_at, connection, object, record_id LIMIT $6";

const ONE: &str = "SELECT connection, object, record_id, entity, entity_id, kind, n_attempts, \
     setback, changed_at, correlation_id, status FROM outbox \
     WHERE connection = $1 AND object = $2 AND record_id = $3";

/// A record that waits, and how.
#[derive(sqlx::FromRow)]
struct StoredStanding {
    status: String,
    #[sqlx(flatten)]
    entry: StoredEntry,
}

impl StoredStanding {
    fn read(self) -> Result<(OutboxStatus, OutboxEntry), sqlx::Error> {
        let is_failed = self.status == OutboxStatus::Failed.as_str();
        let status = if is_failed { OutboxStatus::Failed } else { OutboxStatus::Waiting };
        Ok((status, self.entry.read()?))
    }
}

fn outbox_answer(answer: Answer) -> OutboxAnswer {
    match answer {
        Answer::Outbox(answer) => answer,
        _ => OutboxAnswer::Written(0),
    }
}

macro_rules! outbox {
    ($module:ident, $connection:ty, $store:ty) => {
        /// The outbox on this engine.
        pub(in crate::store) mod $module {
            use super::*;

            /// Does one job at the instant `now`.
            pub(in crate::store) async fn run(
                connection: &mut $connection,
                job: &OutboxJob,
                now: Timestamp,
            ) -> Result<Answer, sqlx::Error> {
                Ok(Answer::Outbox(match job {
                    OutboxJob::Claim(wanted) => {
                        OutboxAnswer::Claimed(claim(connection, wanted, now).await?)
                    }
                    OutboxJob::Postpone(keys, delay) => {
                        let until = now.plus(*delay);
                        for (key, setback) in keys {
                            postpone(connection, key, setback.as_ref(), until).await?;
                        }
                        OutboxAnswer::Written(keys.len() as u64)
                    }
                    OutboxJob::Hold(key, setback) => {
                        hold(connection, key, setback).await?;
                        OutboxAnswer::Written(1)
                    }
                    OutboxJob::Resend(of, key) => {
                        OutboxAnswer::Written(resend(connection, of, key.as_ref()).await?)
                    }
                }))
            }

            async fn claim(
                connection: &mut $connection,
                claim: &Claim,
                now: Timestamp,
            ) -> Result<Vec<OutboxEntry>, sqlx::Error> {
                let mut rows: Vec<StoredEntry> = sqlx::query_as(
                    "UPDATE outbox SET leased_by = $4, leased_until = $5 \
                     WHERE connection = $1 AND object = $2 AND record_id IN ( \
                         SELECT record_id FROM outbox WHERE status = 'waiting' \
                         AND connection = $1 AND object = $2 AND not_before <= $3 \
                         AND leased_until <= $3 ORDER BY changed_at, record_id LIMIT $6) \
                     RETURNING connection, object, record_id, entity, entity_id, kind, \
                     n_attempts, setback, changed_at, correlation_id",
                )
                .bind(claim.connection.as_str())
                .bind(claim.object.as_str())
                .bind(now.as_millis())
                .bind(&claim.owner)
                .bind(now.plus(claim.lease).as_millis())
                .bind(i64::from(claim.limit))
                .fetch_all(connection)
                .await?;
                rows.sort_by(|a, b| {
                    (a.changed_at, &a.record_id).cmp(&(b.changed_at, &b.record_id))
                });
                rows.into_iter().map(StoredEntry::read).collect()
            }

            async fn postpone(
                connection: &mut $connection,
                key: &RecordKey,
                setback: Option<&Setback>,
                until: Timestamp,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(
                    "UPDATE outbox SET not_before = $4, leased_by = NULL, leased_until = 0, \
                     n_attempts = n_attempts + $5, setback = coalesce($6, setback) \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                )
                .bind(key.connection.as_str())
                .bind(key.object.as_str())
                .bind(key.record_id.as_str())
                .bind(until.as_millis())
                .bind(i64::from(setback.is_some()))
                .bind(setback.map(json_text).transpose()?)
                .execute(connection)
                .await
                .map(drop)
            }

            async fn hold(
                connection: &mut $connection,
                key: &RecordKey,
                setback: &Setback,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(
                    "UPDATE outbox SET status = 'failed', leased_by = NULL, leased_until = 0, \
                     n_attempts = n_attempts + 1, setback = $4 \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                )
                .bind(key.connection.as_str())
                .bind(key.object.as_str())
                .bind(key.record_id.as_str())
                .bind(json_text(setback)?)
                .execute(connection)
                .await
                .map(drop)
            }

            async fn resend(
                connection: &mut $connection,
                of: &ConnectionId,
                key: Option<&RecordKey>,
            ) -> Result<u64, sqlx::Error> {
                let done = sqlx::query(
                    "UPDATE outbox SET status = 'waiting', not_before = 0 \
                     WHERE status = 'failed' AND connection = $1 \
                     AND ($4 OR object = $2 AND record_id = $3)",
                )
                .bind(of.as_str())
                .bind(key.map_or("", |it| it.object.as_str()))
                .bind(key.map_or("", |it| it.record_id.as_str()))
                .bind(key.is_none())
                .execute(connection)
                .await?;
                Ok(done.rows_affected())
            }

            #[async_trait]
            impl Outbox for $store {
                async fn claim(&self, claim: &Claim) -> Result<Vec<OutboxEntry>, PortError> {
                    let job = Job::Outbox(OutboxJob::Claim(claim.clone()));
                    let answer = self.commit(job, "claim", claim.object.as_str()).await?;
                    Ok(match outbox_answer(answer) {
                        OutboxAnswer::Claimed(entries) => entries,
                        OutboxAnswer::Written(_) => Vec::new(),
                    })
                }

                async fn postpone(
                    &self,
                    keys: &[(RecordKey, Option<Setback>)],
                    delay: Duration,
                ) -> Result<(), PortError> {
                    if keys.is_empty() {
                        return Ok(());
                    }
                    let job = Job::Outbox(OutboxJob::Postpone(keys.to_vec(), delay));
                    self.commit(job, "postpone", "outbox").await.map(drop)
                }

                async fn hold(&self, key: &RecordKey, setback: &Setback) -> Result<(), PortError> {
                    let job = Job::Outbox(OutboxJob::Hold(key.clone(), setback.clone()));
                    self.commit(job, "hold", &key.to_string()).await.map(drop)
                }

                async fn resend(
                    &self,
                    connection: &ConnectionId,
                    key: Option<&RecordKey>,
                ) -> Result<u64, PortError> {
                    let job = Job::Outbox(OutboxJob::Resend(connection.clone(), key.cloned()));
                    let answer = self.commit(job, "resend", connection.as_str()).await?;
                    Ok(match outbox_answer(answer) {
                        OutboxAnswer::Written(n_records) => n_records,
                        OutboxAnswer::Claimed(_) => 0,
                    })
                }

                async fn depths(&self) -> Result<Vec<OutboxDepth>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "count", "outbox");
                    let rows: Vec<StoredDepth> =
                        sqlx::query_as(DEPTHS).fetch_all(self.readers()).await.map_err(failed)?;
                    rows.into_iter()
                        .map(StoredDepth::read)
                        .collect::<Result<_, _>>()
                        .map_err(|cause| Self::read_failed(cause, "count", "outbox"))
                }

                async fn waiting(
                    &self,
                    status: OutboxStatus,
                    after: Option<&RecordKey>,
                    limit: u32,
                ) -> Result<Vec<OutboxEntry>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "list", "outbox");
                    let rows: Vec<StoredEntry> = sqlx::query_as(LIST)
                        .bind(status.as_str())
                        .bind(after.map_or("", |it| it.connection.as_str()))
                        .bind(after.map_or("", |it| it.object.as_str()))
                        .bind(after.map_or("", |it| it.record_id.as_str()))
                        .bind(after.is_none())
                        .bind(number(limit.into()))
                        .fetch_all(self.readers())
                        .await
                        .map_err(failed)?;
                    rows.into_iter()
                        .map(StoredEntry::read)
                        .collect::<Result<_, _>>()
                        .map_err(|cause| Self::read_failed(cause, "list", "outbox"))
                }

                async fn standing(
                    &self,
                    key: &RecordKey,
                ) -> Result<Option<(OutboxStatus, OutboxEntry)>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "look up", &key.to_string());
                    let row: Option<StoredStanding> = sqlx::query_as(ONE)
                        .bind(key.connection.as_str())
                        .bind(key.object.as_str())
                        .bind(key.record_id.as_str())
                        .fetch_optional(self.readers())
                        .await
                        .map_err(failed)?;
                    row.map(StoredStanding::read).transpose().map_err(failed)
                }
            }
        }
    };
}

outbox!(sqlite, sqlx::SqliteConnection, SqliteCaseStore);
outbox!(postgres, sqlx::PgConnection, PostgresCaseStore);
