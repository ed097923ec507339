//! The rows that every write adds and no write reads, on PostgreSQL.

use serde::Serialize;
use shared::ports::Clock;
use sqlx::PgConnection;

use crate::store::batch::Batch;
use crate::store::decode::{count, number};
use crate::store::text::marked;

/// The channel on which followers hear of new change rows.
pub(super) const CHANNEL: &str = "moodbridge_changes";

/// Waits for the turn of this writer, and begins the rows of its group behind those that are
/// stored.
pub(super) async fn begin<'a>(
    connection: &mut PgConnection,
    clock: &dyn Clock,
) -> Result<Batch<'a>, sqlx::Error> {
    let (seq, hash, change_seq): (i64, String, i64) =
        sqlx::query_as("SELECT audit_seq, audit_hash, change_seq FROM ends FOR UPDATE")
            .fetch_one(connection)
            .await?;
    Ok(Batch::new(clock.now(), (count(seq), hash), count(change_seq), marked))
}

/// Inserts what was added to `batch`, moves the ends, and wakes the followers at the commit.
pub(super) async fn write(
    connection: &mut PgConnection,
    batch: Batch<'_>,
) -> Result<(), sqlx::Error> {
    let (newest_change, (seq, hash)) = (batch.newest_change(), batch.chain_end());
    let (seq, hash) = (number(seq), hash.to_owned());
    let lines = batch.into_lines();
    if !lines.timeline.is_empty() {
        sqlx::query(
            "INSERT INTO timeline_events (id, case_id, occurred_at, event_type, title, \
             importance, created_at) SELECT line ->> 0, line ->> 1, (line ->> 2)::bigint, \
             line ->> 3, line ->> 4, (line ->> 5)::smallint, (line ->> 6)::bigint \
             FROM jsonb_array_elements($1::jsonb) AS lines (line)",
        )
        .bind(encode(&lines.timeline)?)
        .execute(&mut *connection)
        .await?;
    }
    if lines.audit.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH logged AS ( \
             INSERT INTO audit (seq, at, actor, kind, entity, entity_id, channel, \
                 event_id, correlation_id, source_version, received_at, changes, previous_hash, \
                 hash) \
             SELECT (line ->> 0)::bigint, (line ->> 1)::bigint, line ->> 2, line ->> 3, \
                 line ->> 4, line ->> 5, line ->> 6, line ->> 7, line ->> 8, \
                 (line ->> 9)::bigint, (line ->> 10)::bigint, line ->> 11, line ->> 12, \
                 line ->> 13 \
             FROM jsonb_array_elements($1::jsonb) AS lines (line) \
         ), told AS ( \
             INSERT INTO changes (seq, at, entity, entity_id, kind, label, fields, \
                 lag_ms, correlation_id) \
             SELECT (line ->> 0)::bigint, (line ->> 1)::bigint, line ->> 2, line ->> 3, \
                 line ->> 4, line ->> 5, line ->> 6, (line ->> 7)::bigint, line ->> 8 \
             FROM jsonb_array_elements($2::jsonb) AS lines (line) \
         ), moved AS ( \
             UPDATE ends SET audit_seq = $3, audit_hash = $4, change_seq = $5 \
         ) SELECT pg_notify($6, $5::text)",
    )
    .bind(encode(&lines.audit)?)
    .bind(encode(&lines.changes)?)
    .bind(seq)
    .bind(hash)
    .bind(number(newest_change))
    .bind(CHANNEL)
    .execute(connection)
    .await
    .map(drop)
}

/// Spells `lines` as one array of JSON.
pub(super) fn encode<T: Serialize>(lines: &[T]) -> Result<String, sqlx::Error> {
    serde_json::to_string(lines).map_err(|cause| sqlx::Error::Encode(cause.into()))
}
