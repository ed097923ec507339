//! What only looks at a queue.

use std::num::NonZeroU32;

use shared::ports::{DeadLetter, QueueDepth};
use shared::time::Timestamp;
use sqlx::PgPool;

/// Counts the messages. One that is parked counts as ready: only its group holds it back.
pub(super) async fn depth(
    pool: &PgPool,
    queue_id: i32,
    now: Option<i64>,
) -> Result<QueueDepth, sqlx::Error> {
    let (n_ready, n_in_flight, n_delayed, n_dead, oldest): (i64, i64, i64, i64, Option<i64>) =
        sqlx::query_as(
            "SELECT count(*) FILTER (WHERE state = 2 OR visible_at <= called_at), \
                 count(*) FILTER (WHERE state = 1 AND visible_at > called_at), \
                 count(*) FILTER (WHERE state = 0 AND visible_at > called_at), \
                 (SELECT count(*) FROM moodbridge_queue.dead_letter WHERE queue_id = $1), \
                 (SELECT sent_at FROM moodbridge_queue.message WHERE queue_id = $1 \
                  ORDER BY id LIMIT 1) \
             FROM (SELECT moodbridge_queue.now_ms($2) AS called_at OFFSET 0) AS called \
             LEFT JOIN moodbridge_queue.message ON queue_id = $1",
        )
        .bind(queue_id)
        .bind(now)
        .fetch_one(pool)
        .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(QueueDepth {
        n_ready: count(n_ready),
        n_in_flight: count(n_in_flight),
        n_delayed: count(n_delayed),
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
    n_attempts: i32,
    reason: String,
    sent_at: i64,
    died_at: i64,
}

/// Lists dead letters, the newest first. One page after a letter that is gone is empty.
pub(super) async fn dead_letters(
    pool: &PgPool,
    queue_id: i32,
    after: Option<&str>,
    limit: NonZeroU32,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows: Vec<DeadRow> = sqlx::query_as(
        "SELECT id, body, group_key, n_attempts, reason, sent_at, died_at \
         FROM moodbridge_queue.dead_letter \
         WHERE queue_id = $1 AND ($2::bigint IS NULL OR (died_at, id) < ( \
             SELECT died_at, id FROM moodbridge_queue.dead_letter \
             WHERE queue_id = $1 AND id = $2)) \
         ORDER BY died_at DESC, id DESC LIMIT $3",
    )
    .bind(queue_id)
    .bind(after.map(|id| id.parse::<i64>().unwrap_or(0)))
    .bind(i64::from(limit.get()))
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(dead_letter).collect())
}

fn dead_letter(row: DeadRow) -> DeadLetter {
    DeadLetter {
        id: row.id.to_string(),
        body: row.body,
        group: row.group_key,
        n_attempts: u32::try_from(row.n_attempts).unwrap_or(0),
        reason: row.reason,
        sent_at: Timestamp::from_millis(row.sent_at),
        died_at: Timestamp::from_millis(row.died_at),
    }
}
