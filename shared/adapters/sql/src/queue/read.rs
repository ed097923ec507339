//! What only looks at a queue.

use std::num::NonZeroU32;

use shared::ports::{DeadLetter, QueueDepth};
use shared::time::Timestamp;
use sqlx::SqlitePool;

/// Says whether a message may be handed out at `now`.
pub(super) async fn has_turn(
    readers: &SqlitePool,
    queue_id: i64,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM message \
             WHERE queue_id = ?1 AND visible_at <= ?2 AND state < 2)",
    )
    .bind(queue_id)
    .bind(now.as_millis())
    .fetch_one(readers)
    .await
}

/// Counts the messages. One that is parked counts as ready: only its group holds it back.
pub(super) async fn depth(
    readers: &SqlitePool,
    queue_id: i64,
    now: Timestamp,
) -> Result<QueueDepth, sqlx::Error> {
    let (n_due, n_parked, n_in_flight, n_hidden, n_dead, oldest): (
        i64,
        i64,
        i64,
        i64,
        i64,
        Option<i64>,
    ) = sqlx::query_as(
        "SELECT \
             (SELECT count(*) FROM message \
              WHERE queue_id = ?1 AND visible_at <= ?2 AND state < 2), \
             (SELECT count(*) FROM message WHERE queue_id = ?1 AND state = 2), \
             (SELECT count(*) FROM message \
              WHERE queue_id = ?1 AND visible_at > ?2 AND state = 1), \
             (SELECT count(*) FROM message \
              WHERE queue_id = ?1 AND visible_at > ?2 AND state < 2), \
             (SELECT count(*) FROM dead_letter WHERE queue_id = ?1), \
             (SELECT sent_at FROM message NOT INDEXED \
              WHERE queue_id = ?1 ORDER BY id LIMIT 1)",
    )
    .bind(queue_id)
    .bind(now.as_millis())
    .fetch_one(readers)
    .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(QueueDepth {
        n_ready: count(n_due + n_parked),
        n_in_flight: count(n_in_flight),
        n_delayed: count(n_hidden - n_in_flight),
        n_dead: count(n_dead),
        oldest_sent_at: oldest.map(Timestamp::from_millis),
    })
}

/// A dead letter as the table has it.
#[derive(sqlx::FromRow)]
struct DeadRow {
    id: i64,
    body: String,
    group_key: Option<String>,
    n_attempts: u32,
    reason: String,
    sent_at: i64,
    died_at: i64,
}

/// Lists dead letters, the newest first. One page after a letter that is gone is empty.
pub(super) async fn dead_letters(
    readers: &SqlitePool,
    queue_id: i64,
    after: Option<&str>,
    limit: NonZeroU32,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows: Vec<DeadRow> = sqlx::query_as(
        "SELECT id, body, group_key, n_attempts, reason, sent_at, died_at FROM dead_letter \
         WHERE queue_id = ?1 AND (?2 IS NULL OR (died_at, id) < \
             (SELECT died_at, id FROM dead_letter WHERE queue_id = ?1 AND id = ?2)) \
         ORDER BY died_at DESC, id DESC LIMIT ?3",
    )
    .bind(queue_id)
    .bind(after.map(|id| id.parse::<i64>().unwrap_or(0)))
    .bind(limit.get())
    .fetch_all(readers)
    .await?;
    Ok(rows.into_iter().map(dead_letter).collect())
}

fn dead_letter(row: DeadRow) -> DeadLetter {
    DeadLetter {
        id: row.id.to_string(),
        body: row.body,
        group: row.group_key,
        n_attempts: row.n_attempts,
        reason: row.reason,
        sent_at: Timestamp::from_millis(row.sent_at),
        died_at: Timestamp::from_millis(row.died_at),
    }
}
