//! Remembers dedupe keys.
//!
//! Keys come in no order, so an index over all of them would write one page for every message.
//! Here the newest keys are only appended to a table, and looked up in a copy in memory; when there
//! are many, they move into the index in the order of the keys, a slice with each commit, so that
//! many of them share a page.

use std::collections::{HashMap, HashSet};

use shared::time::Timestamp;
use sqlx::SqliteConnection;

use super::write::Turn;

/// The start of the SHA-256 of a queue and a key in it: collisions are not to be expected.
pub(super) type Key = [u8; 16];

/// Keys in memory before they move into the index; each takes some 60 bytes.
const N_RECENT: usize = 16_384;
/// Keys that are no longer remembered, removed in one commit at most.
const N_PRUNED: u32 = 2000;

/// A key not yet in the index.
#[derive(Clone, Copy)]
struct Recent {
    message_id: i64,
    expires_at: i64,
}

/// Keys on the way into the index.
#[derive(Clone, Copy)]
struct Move {
    /// The last message whose key moves.
    until_id: i64,
    /// The first byte of the next keys to move.
    next: u8,
}

/// First bytes of keys that move together: 16 slices.
const SLICE: u8 = 16;

/// The keys of the messages in one file, as far as its writer knows them.
#[derive(Default)]
pub(super) struct Keys {
    recent: HashMap<Key, Recent>,
    /// The last message of which this copy knows.
    last_id: i64,
    moving: Option<Move>,
    /// Whether the copy has changes of a transaction that is not committed.
    is_ahead: bool,
}

impl Keys {
    /// Begins a transaction: what the last one remembered is forgotten, unless it was committed.
    pub(super) fn begin(&mut self) {
        if self.is_ahead {
            *self = Self::default();
        }
    }

    /// Notes that what was remembered last is durable.
    pub(super) fn committed(&mut self) {
        self.is_ahead = false;
    }

    /// Learns what other writers have remembered, before messages `first_id` to `last_id` are sent.
    pub(super) async fn catch_up(
        &mut self,
        connection: &mut SqliteConnection,
        first_id: i64,
        last_id: i64,
    ) -> Result<(), sqlx::Error> {
        // When somebody else has moved the keys, the copy starts afresh.
        if self.moving.is_none() && self.recent.len() > N_RECENT * 3 {
            *self = Self::default();
        }
        self.is_ahead = true;
        if first_id - 1 != self.last_id {
            let missed: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(
                "SELECT message_id, key, expires_at FROM recent_key WHERE message_id > ?1",
            )
            .bind(self.last_id)
            .fetch_all(connection)
            .await?;
            for (message_id, key, expires_at) in missed {
                if let Ok(key) = Key::try_from(key) {
                    self.recent.insert(key, Recent { message_id, expires_at });
                }
            }
        }
        self.last_id = last_id;
        Ok(())
    }

    /// Notes the `keys` of messages, and returns the ids of those whose key was known: to this copy,
    /// or as one of `indexed`. Whoever calls it writes the other keys into `recent_key`.
    pub(super) fn remember(
        &mut self,
        turn: Turn,
        keys: &[(i64, Key)],
        indexed: &HashSet<Key>,
    ) -> HashSet<i64> {
        let now = turn.now.as_millis();
        let expires_at = turn.expires_at();
        let mut known = HashSet::new();
        for &(message_id, key) in keys {
            let is_recent = self.recent.get(&key).is_some_and(|it| it.expires_at > now);
            if is_recent || indexed.contains(&key) {
                known.insert(message_id);
            } else {
                self.recent.insert(key, Recent { message_id, expires_at });
            }
        }
        known
    }

    /// Moves the next slice of keys into the index, when it is time.
    pub(super) async fn move_slice(
        &mut self,
        connection: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        if self.moving.is_none() && self.recent.len() >= N_RECENT {
            self.moving = Some(Move { until_id: self.last_id, next: 0 });
        }
        let Some(Move { until_id, next }) = self.moving else { return Ok(()) };
        sqlx::query(
            "INSERT INTO sent_key (key, expires_at) \
             SELECT key, max(expires_at) FROM recent_key \
             WHERE message_id <= ?1 AND expires_at > ?2 AND key >= ?3 AND (?4 IS NULL OR key < ?4) \
             GROUP BY key ORDER BY key \
             ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at",
        )
        .bind(until_id)
        .bind(now.as_millis())
        .bind(vec![next])
        .bind(next.checked_add(SLICE).map(|it| vec![it]))
        .execute(&mut *connection)
        .await?;
        self.moving = match next.checked_add(SLICE) {
            Some(next) => Some(Move { until_id, next }),
            None => {
                sqlx::query("DELETE FROM recent_key WHERE message_id <= ?1")
                    .bind(until_id)
                    .execute(connection)
                    .await?;
                self.recent.retain(|_, it| it.message_id > until_id);
                None
            }
        };
        Ok(())
    }
}

/// Removes some keys that are no longer remembered; says whether there may be more.
pub(super) async fn prune(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let pruned = sqlx::query(
        "DELETE FROM sent_key WHERE key IN \
             (SELECT key FROM sent_key WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
    )
    .bind(now.as_millis())
    .bind(N_PRUNED)
    .execute(connection)
    .await?;
    Ok(pruned.rows_affected() == u64::from(N_PRUNED))
}
