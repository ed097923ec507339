//! Sending: a batch as columns, checked.

use std::time::Duration;

use sha2::{Digest, Sha256};
use shared::ports::{NewMessage, SendOutcome};
use sqlx::{PgConnection, PgPool};

/// Messages in one `send` at most.
const N_BATCH: usize = 10_000;
/// Longest body, in bytes: the same as on SQLite.
pub(super) const MAX_BODY_BYTES: usize = 1_048_576;
/// Longest group, in bytes: what fits into an entry of an index, with room to spare.
const MAX_GROUP_BYTES: usize = 1024;
/// Bodies in one call at most, in bytes; the calls of one batch share a transaction.
const MAX_CALL_BYTES: usize = 32 * 1_048_576;
/// Longest delay or visibility, in milliseconds: some 30,000 years.
const MAX_MS: i64 = 1_000_000_000_000_000;

/// Why a batch can never be queued.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Unsendable {
    #[error("the batch has {n_messages} messages, more than {N_BATCH}")]
    TooMany { n_messages: usize },
    #[error("message {idx} has a body of {len_bytes} bytes, more than {MAX_BODY_BYTES}")]
    BodyTooLong { idx: usize, len_bytes: usize },
    #[error("message {idx} has a group of {len_bytes} bytes, more than {MAX_GROUP_BYTES}")]
    GroupTooLong { idx: usize, len_bytes: usize },
    #[error("message {idx} holds a zero byte, which PostgreSQL does not keep in a text")]
    ZeroByte { idx: usize },
}

/// A checked batch, each field of its messages as a column.
#[derive(Default)]
pub(super) struct Columns {
    bodies: Vec<String>,
    groups: Vec<Option<String>>,
    keys: Vec<Option<Vec<u8>>>,
    delays: Vec<i64>,
    trace_parents: Vec<Option<String>>,
    n_bytes: usize,
}

/// Checks `batch` and parts it into calls.
pub(super) fn columns(batch: Vec<NewMessage>) -> Result<Vec<Columns>, Unsendable> {
    if batch.len() > N_BATCH {
        return Err(Unsendable::TooMany { n_messages: batch.len() });
    }
    let mut calls = vec![Columns::default()];
    for (idx, message) in batch.into_iter().enumerate() {
        check(idx, &message)?;
        let n_bytes = message.body.len();
        match calls.last_mut() {
            Some(call) if call.n_bytes == 0 || call.n_bytes + n_bytes <= MAX_CALL_BYTES => {
                call.push(message);
            }
            _ => {
                let mut call = Columns::default();
                call.push(message);
                calls.push(call);
            }
        }
    }
    Ok(calls)
}

fn check(idx: usize, message: &NewMessage) -> Result<(), Unsendable> {
    let NewMessage { body, group, trace_parent, .. } = message;
    if body.len() > MAX_BODY_BYTES {
        return Err(Unsendable::BodyTooLong { idx, len_bytes: body.len() });
    }
    let len_bytes = group.as_ref().map_or(0, String::len);
    if len_bytes > MAX_GROUP_BYTES {
        return Err(Unsendable::GroupTooLong { idx, len_bytes });
    }
    let texts = [Some(body), group.as_ref(), trace_parent.as_ref()];
    if texts.into_iter().flatten().any(|it| it.contains('\0')) {
        return Err(Unsendable::ZeroByte { idx });
    }
    Ok(())
}

impl Columns {
    fn push(&mut self, message: NewMessage) {
        self.n_bytes += message.body.len();
        self.bodies.push(message.body);
        self.groups.push(message.group);
        self.keys.push(message.dedupe_key.as_deref().map(digest));
        self.delays.push(ms(message.delay));
        self.trace_parents.push(message.trace_parent);
    }
}

/// Returns the start of the SHA-256 of a key: collisions are not to be expected.
fn digest(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).iter().take(16).copied().collect()
}

/// Returns `duration` as the tables count it.
pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(MAX_MS).min(MAX_MS)
}

/// Adds a batch in one commit.
pub(super) async fn send(
    pool: &PgPool,
    queue_id: i32,
    now: Option<i64>,
    dedupe_for: Duration,
    calls: &[Columns],
) -> Result<Vec<SendOutcome>, sqlx::Error> {
    if let [call] = calls {
        let mut connection = pool.acquire().await?;
        return send_call(&mut connection, queue_id, now, dedupe_for, call).await;
    }
    let mut transaction = pool.begin().await?;
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.extend(send_call(&mut transaction, queue_id, now, dedupe_for, call).await?);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn send_call(
    connection: &mut PgConnection,
    queue_id: i32,
    now: Option<i64>,
    dedupe_for: Duration,
    call: &Columns,
) -> Result<Vec<SendOutcome>, sqlx::Error> {
    let queued: Vec<bool> =
        sqlx::query_scalar("SELECT moodbridge_queue.send($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(queue_id)
            .bind(now)
            .bind(ms(dedupe_for))
            .bind(&call.bodies)
            .bind(&call.groups)
            .bind(&call.keys)
            .bind(&call.delays)
            .bind(&call.trace_parents)
            .fetch_one(connection)
            .await?;
    let outcome = |is_queued| if is_queued { SendOutcome::Queued } else { SendOutcome::Duplicate };
    Ok(queued.into_iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_of_large_bodies_goes_in_several_calls() {
        let message = || NewMessage { body: "x".repeat(MAX_BODY_BYTES), ..NewMessage::default() };
        let calls = columns((0..70).map(|_| message()).collect()).unwrap();
        assert_eq!(calls.iter().map(|it| it.bodies.len()).collect::<Vec<_>>(), [32, 32, 6]);
    }

    #[test]
    fn what_the_database_cannot_keep_is_named() {
        let message = |body: &str| NewMessage { body: body.to_owned(), ..NewMessage::default() };
        let refused = columns(vec![message("a"), message("a\0b")]).map(|_| ());
        assert_eq!(refused, Err(Unsendable::ZeroByte { idx: 1 }));
        let group = Some("g".repeat(1025));
        let refused = columns(vec![NewMessage { group, ..message("a") }]).map(|_| ());
        assert_eq!(refused, Err(Unsendable::GroupTooLong { idx: 0, len_bytes: 1025 }));
    }
}
