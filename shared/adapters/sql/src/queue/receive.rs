//! Handing out: the messages whose turn it is, none of a group that is in somebody's hands.
//!
//! Messages of such a group are passed over, and parked so that no later receiver has to pass over
//! them again: however many wait, a receiver looks at each of them once. Whoever settles a message
//! of the group lets the next few of it out again ([`settle`](super::settle)), so a parked message
//! always has one of its group before it that is not.

use std::num::NonZeroU32;
use std::time::Duration;

use shared::ports::Delivery;
use shared::time::Timestamp;
use sqlx::SqliteConnection;

use super::settle::{bury, unpark};
use super::write::{Answer, Turn};

/// Messages looked at first, and how many times more at each further look.
const N_FIRST_LOOK: i64 = 64;
const N_LOOKS: u32 = 5;

/// A message as the table has it, with its attempt counted.
#[derive(sqlx::FromRow)]
struct Taken {
    id: i64,
    body: String,
    group_key: Option<String>,
    n_attempts: u32,
    sent_at: i64,
    trace_parent: Option<String>,
    receipt: i64,
}

/// Hands out up to `max` messages for `visibility`.
pub(super) async fn receive(
    connection: &mut SqliteConnection,
    turn: Turn,
    max: NonZeroU32,
    visibility: Duration,
) -> Result<Answer, sqlx::Error> {
    let max = usize::try_from(max.get()).unwrap_or(usize::MAX);
    let mut taken: Vec<Taken> = Vec::new();
    let mut n_looked_at = N_FIRST_LOOK.max(i64::try_from(max).unwrap_or(i64::MAX));
    let mut has_more = true;
    for _ in 0..N_LOOKS {
        let n_wanted = max - taken.len();
        let found = take(connection, turn, visibility, n_looked_at, n_wanted).await?;
        let n_found = found.len();
        let (alive, dead): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.n_attempts <= turn.options.max_attempts.get());
        taken.extend(alive);
        set_aside(connection, turn, &dead).await?;
        if taken.len() == max {
            break;
        }
        has_more = n_found == n_wanted || park(connection, turn, n_looked_at).await? > 0;
        if !has_more {
            break;
        }
        n_looked_at = n_looked_at.saturating_mul(4);
    }

    let due_in = match taken.is_empty() {
        true if has_more => Some(Duration::ZERO),
        true => due_in(connection, turn).await?,
        false => None,
    };
    taken.sort_unstable_by_key(|it| it.id);
    Ok(Answer::Received { deliveries: taken.into_iter().map(delivery).collect(), due_in })
}

fn delivery(taken: Taken) -> Delivery {
    Delivery {
        id: taken.id.to_string(),
        body: taken.body,
        group: taken.group_key,
        attempt: taken.n_attempts,
        sent_at: Timestamp::from_millis(taken.sent_at),
        trace_parent: taken.trace_parent,
        receipt: taken.receipt.to_string(),
    }
}

async fn take(
    connection: &mut SqliteConnection,
    turn: Turn,
    visibility: Duration,
    n_looked_at: i64,
    n_wanted: usize,
) -> Result<Vec<Taken>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE message \
         SET state = 1, visible_at = ?3, n_attempts = n_attempts + 1, receipt = receipt + 1 \
         WHERE id IN ( \
             SELECT id FROM ( \
                 SELECT id, visible_at, group_key FROM message \
                 WHERE queue_id = ?1 AND visible_at <= ?2 AND state < 2 \
                 ORDER BY visible_at, id LIMIT ?4) AS next \
             WHERE group_key IS NULL OR NOT EXISTS ( \
                 SELECT 1 FROM message AS held \
                 WHERE held.queue_id = ?1 AND held.group_key = next.group_key \
                   AND held.state = 1 AND held.visible_at > ?2) \
             ORDER BY visible_at, id LIMIT ?5) \
         RETURNING id, body, group_key, n_attempts, sent_at, trace_parent, receipt",
    )
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .bind(turn.now.plus(visibility).as_millis())
    .bind(n_looked_at)
    .bind(i64::try_from(n_wanted).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await
}

/// Parks those of the next messages whose group is in somebody's hands; returns how many.
async fn park(
    connection: &mut SqliteConnection,
    turn: Turn,
    n_looked_at: i64,
) -> Result<u64, sqlx::Error> {
    let parked = sqlx::query(
        "UPDATE message SET state = 2 \
         WHERE id IN ( \
             SELECT id FROM ( \
                 SELECT id, group_key FROM message \
                 WHERE queue_id = ?1 AND visible_at <= ?2 AND state < 2 \
                 ORDER BY visible_at, id LIMIT ?3) AS next \
             WHERE group_key IS NOT NULL AND EXISTS ( \
                 SELECT 1 FROM message AS held \
                 WHERE held.queue_id = ?1 AND held.group_key = next.group_key \
                   AND held.state = 1 AND held.visible_at > ?2))",
    )
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .bind(n_looked_at)
    .execute(connection)
    .await?;
    Ok(parked.rows_affected())
}

/// Makes dead letters of messages that were handed out as often as they may be.
async fn set_aside(
    connection: &mut SqliteConnection,
    turn: Turn,
    dead: &[Taken],
) -> Result<(), sqlx::Error> {
    for Taken { id, group_key, n_attempts, .. } in dead {
        // This hand-out did not happen.
        let n_attempts = n_attempts.saturating_sub(1);
        let reason = format!("handed out {n_attempts} times and never settled");
        bury(connection, turn, *id, Some(n_attempts), None, &reason).await?;
        unpark(connection, turn, group_key.as_deref()).await?;
    }
    Ok(())
}

/// Returns how soon the next message becomes visible.
async fn due_in(
    connection: &mut SqliteConnection,
    turn: Turn,
) -> Result<Option<Duration>, sqlx::Error> {
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT visible_at FROM message \
         WHERE queue_id = ?1 AND visible_at > ?2 AND state < 2 ORDER BY visible_at LIMIT 1",
    )
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .fetch_optional(connection)
    .await?;
    Ok(next.map(|at| Timestamp::from_millis(at).since(turn.now)))
}
