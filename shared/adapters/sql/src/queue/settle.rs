//! Settling what was handed out: acknowledge, release, extend, bury; and replaying dead letters.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use shared::ports::ReplaySelection;
use sqlx::SqliteConnection;

use super::write::{Answer, Held, Job, Turn};

/// Parked messages of a group let out at once, when one of the group is settled.
const N_UNPARKED: i64 = 16;

/// Removes what the acknowledgements among `jobs` name, all by one statement.
pub(super) async fn ack(
    connection: &mut SqliteConnection,
    turn: Turn,
    jobs: &[Job],
) -> Result<(), sqlx::Error> {
    let acks = jobs.iter().filter_map(|job| match job {
        Job::Ack(held) => Some(held),
        _ => None,
    });
    let held: Vec<&Held> = acks.flatten().collect();
    if held.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM message WHERE id IN ( \
             SELECT message.id FROM json_each(?1) AS held \
             CROSS JOIN message ON message.id = CAST(held.key AS INTEGER) \
             WHERE message.receipt = held.value \
               AND message.queue_id = ?2 AND message.state = 1 AND message.visible_at > ?3)",
    )
    .bind(receipts_by_id(&held))
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .execute(&mut *connection)
    .await?;
    let groups: HashSet<&str> = held.iter().filter_map(|it| it.group.as_deref()).collect();
    if !groups.is_empty() && has_parked(connection, turn).await? {
        for group in groups {
            unpark(connection, turn, Some(group)).await?;
        }
    }
    Ok(())
}

fn receipts_by_id(held: &[&Held]) -> String {
    let mut json = String::with_capacity(held.len() * 16);
    for Held { id, receipt, .. } in held {
        json.push(if json.is_empty() { '{' } else { ',' });
        let _ = write!(json, "\"{id}\":{receipt}");
    }
    json.push('}');
    json
}

async fn has_parked(connection: &mut SqliteConnection, turn: Turn) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM message WHERE queue_id = ?1 AND state = 2)")
        .bind(turn.queue_id)
        .fetch_one(connection)
        .await
}

/// Lets the next parked messages of `group` out.
pub(super) async fn unpark(
    connection: &mut SqliteConnection,
    turn: Turn,
    group: Option<&str>,
) -> Result<(), sqlx::Error> {
    let Some(group) = group else { return Ok(()) };
    sqlx::query(
        "UPDATE message SET state = 0 WHERE id IN ( \
             SELECT id FROM message WHERE queue_id = ?1 AND group_key = ?2 AND state = 2 \
             ORDER BY id LIMIT ?3)",
    )
    .bind(turn.queue_id)
    .bind(group)
    .bind(N_UNPARKED)
    .execute(connection)
    .await?;
    Ok(())
}

/// Does what `job` says to one message; sends and receives are not its business.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    turn: Turn,
    job: &Job,
) -> Result<Answer, sqlx::Error> {
    let n_changed = match job {
        Job::Extend { held, visibility } => extend(connection, turn, held, *visibility).await?,
        Job::Release { held, delay, reason } => {
            let n_changed = release(connection, turn, held, *delay, reason).await?;
            unpark(connection, turn, held.group.as_deref()).await?;
            n_changed
        }
        Job::GiveBack { held, delay } => {
            let n_changed = give_back(connection, turn, held, *delay).await?;
            unpark(connection, turn, held.group.as_deref()).await?;
            n_changed
        }
        Job::Bury { held, reason } => {
            let n_changed =
                bury(connection, turn, held.id, None, Some(held.receipt), reason).await?;
            unpark(connection, turn, held.group.as_deref()).await?;
            n_changed
        }
        Job::Replay(selection) => replay(connection, turn, selection).await?,
        Job::Send(_) | Job::Receive { .. } | Job::Ack(_) => 0,
    };
    Ok(Answer::Done(n_changed))
}

async fn extend(
    connection: &mut SqliteConnection,
    turn: Turn,
    held: &Held,
    visibility: Duration,
) -> Result<u64, sqlx::Error> {
    let extended = sqlx::query(
        "UPDATE message SET visible_at = ?1 \
         WHERE id = ?2 AND receipt = ?3 AND queue_id = ?4 AND state = 1 AND visible_at > ?5",
    )
    .bind(turn.now.plus(visibility).as_millis())
    .bind(held.id)
    .bind(held.receipt)
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .execute(connection)
    .await?;
    Ok(extended.rows_affected())
}

/// Gives a message back, or sets it aside when it was handed out as often as it may be.
async fn release(
    connection: &mut SqliteConnection,
    turn: Turn,
    held: &Held,
    delay: Duration,
    reason: &str,
) -> Result<u64, sqlx::Error> {
    let n_attempts: Option<u32> = sqlx::query_scalar(
        "UPDATE message SET visible_at = ?1, state = 0, reason = ?2 \
         WHERE id = ?3 AND receipt = ?4 AND queue_id = ?5 AND state = 1 AND visible_at > ?6 \
         RETURNING n_attempts",
    )
    .bind(turn.now.plus(delay).as_millis())
    .bind(reason)
    .bind(held.id)
    .bind(held.receipt)
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .fetch_optional(&mut *connection)
    .await?;
    match n_attempts {
        Some(n_attempts) if n_attempts >= turn.options.max_attempts.get() => {
            bury(connection, turn, held.id, None, None, reason).await
        }
        Some(_) => Ok(1),
        None => Ok(0),
    }
}

/// Takes the last hand-out of a message back; without a delay it takes its old place again.
async fn give_back(
    connection: &mut SqliteConnection,
    turn: Turn,
    held: &Held,
    delay: Duration,
) -> Result<u64, sqlx::Error> {
    let given_back = sqlx::query(
        "UPDATE message SET visible_at = iif(?1 > ?5, ?1, min(sent_at, ?5)), state = 0, \
             n_attempts = max(n_attempts - 1, 0) \
         WHERE id = ?2 AND receipt = ?3 AND queue_id = ?4 AND state = 1 AND visible_at > ?5",
    )
    .bind(turn.now.plus(delay).as_millis())
    .bind(held.id)
    .bind(held.receipt)
    .bind(turn.queue_id)
    .bind(turn.now.as_millis())
    .execute(connection)
    .await?;
    Ok(given_back.rows_affected())
}

/// Makes a dead letter of message `id`: only while `receipt` is valid, when one is given; with
/// `n_attempts` instead of the count it has, when that is given. The reason of an earlier release
/// stands before one that nobody gave.
pub(super) async fn bury(
    connection: &mut SqliteConnection,
    turn: Turn,
    id: i64,
    n_attempts: Option<u32>,
    receipt: Option<i64>,
    reason: &str,
) -> Result<u64, sqlx::Error> {
    let buried = sqlx::query(
        "INSERT INTO dead_letter \
             (id, queue_id, died_at, sent_at, group_key, body, n_attempts, receipt, reason) \
         SELECT id, queue_id, ?1, sent_at, group_key, body, coalesce(?2, n_attempts), receipt, \
             CASE WHEN ?2 IS NULL OR reason IS NULL THEN ?3 ELSE reason || ' (' || ?3 || ')' END \
         FROM message \
         WHERE id = ?4 AND queue_id = ?5 \
           AND (?6 IS NULL OR (receipt = ?6 AND state = 1 AND visible_at > ?1))",
    )
    .bind(turn.now.as_millis())
    .bind(n_attempts)
    .bind(reason)
    .bind(id)
    .bind(turn.queue_id)
    .bind(receipt)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if buried > 0 {
        sqlx::query("DELETE FROM message WHERE id = ?1").bind(id).execute(connection).await?;
    }
    Ok(buried)
}

async fn replay(
    connection: &mut SqliteConnection,
    turn: Turn,
    selection: &ReplaySelection,
) -> Result<u64, sqlx::Error> {
    let ids = match selection {
        ReplaySelection::All => None,
        ReplaySelection::Ids(ids) => {
            let known: Vec<String> =
                ids.iter().filter_map(|it| Some(it.parse::<i64>().ok()?.to_string())).collect();
            Some(format!("[{}]", known.join(",")))
        }
    };
    sqlx::query(
        "INSERT INTO message (id, queue_id, visible_at, sent_at, group_key, body, receipt) \
         SELECT id, queue_id, ?1, sent_at, group_key, body, receipt FROM dead_letter \
         WHERE queue_id = ?2 AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3)))",
    )
    .bind(turn.now.as_millis())
    .bind(turn.queue_id)
    .bind(&ids)
    .execute(&mut *connection)
    .await?;
    let replayed = sqlx::query(
        "DELETE FROM dead_letter \
         WHERE queue_id = ?1 AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))",
    )
    .bind(turn.queue_id)
    .bind(&ids)
    .execute(connection)
    .await?;
    Ok(replayed.rows_affected())
}
