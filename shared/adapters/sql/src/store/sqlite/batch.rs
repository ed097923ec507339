//! The rows that every write adds and no write reads, on SQLite.

use std::borrow::Cow;

use serde::Serialize;
use shared::time::Timestamp;
use sqlx::SqliteConnection;

use crate::store::batch::Batch;
use crate::store::decode::count;

/// Begins the rows of a group that is committed at `at`, behind those that are stored.
pub(super) async fn begin<'a>(
    connection: &mut SqliteConnection,
    at: Timestamp,
) -> Result<Batch<'a>, sqlx::Error> {
    let (seq, hash, newest_change): (Option<i64>, Option<String>, i64) = sqlx::query_as(
        "SELECT last.seq, last.hash, coalesce(sqlite_sequence.seq, 0) FROM (SELECT 1) \
         LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS last \
         LEFT JOIN sqlite_sequence ON sqlite_sequence.name = 'changes'",
    )
    .fetch_one(connection)
    .await?;
    let chain_end = (seq.map_or(0, count), hash.unwrap_or_default());
    Ok(Batch::new(at, chain_end, count(newest_change), |text| Cow::Borrowed(text)))
}

/// Inserts what was added to `batch`.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    batch: Batch<'_>,
) -> Result<(), sqlx::Error> {
    let lines = batch.into_lines();
    insert(
        connection,
        "INSERT INTO timeline_events (id, case_id, occurred_at, event_type, title, \
             importance, created_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             value ->> 4, value ->> 5, value ->> 6 FROM json_each(?1)",
        &lines.timeline,
    )
    .await?;
    insert(
        connection,
        "INSERT INTO audit (seq, at, actor, kind, entity, entity_id, channel, event_id, \
             correlation_id, source_version, received_at, changes, previous_hash, hash) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, \
             value ->> 12, value ->> 13 FROM json_each(?1)",
        &lines.audit,
    )
    .await?;
    insert(
        connection,
        "INSERT INTO changes (seq, at, entity, entity_id, kind, label, fields, lag_ms, \
             correlation_id) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1)",
        &lines.changes,
    )
    .await
}

async fn insert<T: Serialize>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    lines: &[T],
) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(lines).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    sqlx::query(sql).bind(json).execute(connection).await.map(drop)
}
