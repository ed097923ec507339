//! The queue port on PostgreSQL.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{
    Clock, DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};
use shared::{PortError, PortErrorKind};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgPool, Postgres};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::read;
use super::rows::{Held, TakenRow};
use super::send::{MAX_BODY_BYTES, columns, ms, send};
use super::signals::Signals;
use crate::database::MigrationPolicy;
use crate::postgres::{
    PLATFORM, PostgresOpenError, PostgresOptions, Tables, is_lost_race, open, port_error,
};
use crate::queue::QueueOptions;

/// How often a waiting receiver looks for messages by itself: while it hears of those that other
/// processes send, and while it does not.
const POLL_LISTENING: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(200);
/// A message that is due but not to be had is in the hands of a statement that is about to end.
const SHORTEST_NAP: Duration = Duration::from_millis(5);
/// How often a statement is tried that lost against another one.
const N_TRIES: u32 = 5;
/// How often dedupe keys that are no longer remembered are removed, and how many at once.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
const N_PRUNED: i32 = 2000;

/// A queue in a PostgreSQL database. One database may hold several, beside other tables.
pub struct PostgresQueue {
    name: String,
    queue_id: i32,
    options: QueueOptions,
    pool: PgPool,
    /// The clock of a test. Otherwise the server's holds, so that all processes have the same.
    clock: Option<Arc<dyn Clock>>,
    signals: Arc<Signals>,
    bell: Arc<Notify>,
    prune_at: Mutex<Instant>,
}

impl PostgresQueue {
    /// Opens the queue `name` in a database; makes it and its tables when they are missing.
    ///
    /// Must be called within a Tokio runtime, which then carries the queue's signals.
    ///
    /// # Errors
    ///
    /// See [`PostgresOpenError`].
    pub async fn open(
        database: &PostgresOptions,
        name: &str,
        options: QueueOptions,
    ) -> Result<Self, PostgresOpenError> {
        let signals = Signals::of(database);
        Self::open_with(database, name, options, None, signals).await
    }

    pub(super) async fn open_with(
        database: &PostgresOptions,
        name: &str,
        options: QueueOptions,
        clock: Option<Arc<dyn Clock>>,
        signals: Arc<Signals>,
    ) -> Result<Self, PostgresOpenError> {
        let pool = open(database, &tables(), MigrationPolicy::Apply).await?;
        let queue_id = queue_id(&pool, name).await.map_err(|source| {
            PostgresOpenError::Unreachable { address: database.address().to_owned(), source }
        })?;
        let bell = signals.bell(queue_id);
        let name = name.to_owned();
        let prune_at = Mutex::new(Instant::now());
        Ok(Self { name, queue_id, options, pool, clock, signals, bell, prune_at })
    }

    fn now(&self) -> Option<i64> {
        self.clock.as_ref().map(|it| it.now().as_millis())
    }

    fn max_attempts(&self) -> i32 {
        i32::try_from(self.options.max_attempts.get()).unwrap_or(i32::MAX)
    }

    fn failed(&self, cause: sqlx::Error, operation: &'static str) -> PortError {
        port_error(cause, operation, &self.name)
    }

    /// Asks the database, and again while the question loses against another one.
    async fn ask<'q, T>(
        &self,
        operation: &'static str,
        question: impl Fn() -> QueryAs<'q, Postgres, T, PgArguments> + Send + Sync,
    ) -> Result<Vec<T>, PortError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'q,
    {
        let mut n_tries = 1;
        loop {
            match question().fetch_all(&self.pool).await {
                Err(cause) if is_lost_race(&cause) && n_tries < N_TRIES => n_tries += 1,
                done => return done.map_err(|it| self.failed(it, operation)),
            }
        }
    }

    /// Hands out what is there, or says how soon the next message is due.
    async fn take(
        &self,
        max: NonZeroU32,
        visibility: Duration,
    ) -> Result<(Vec<Delivery>, Option<Duration>), PortError> {
        let max = i32::try_from(max.get()).unwrap_or(i32::MAX);
        let rows: Vec<TakenRow> = self
            .ask("receive", || {
                sqlx::query_as("SELECT * FROM moodbridge_queue.receive($1, $2, $3, $4, $5)")
                    .bind(self.queue_id)
                    .bind(self.now())
                    .bind(max)
                    .bind(ms(visibility))
                    .bind(self.max_attempts())
            })
            .await?;
        let due_in = rows.first().and_then(|it| it.due_in);
        let due_in = due_in.map(|it| Duration::from_millis(it.try_into().unwrap_or(0)));
        let mut rows: Vec<TakenRow> = rows.into_iter().filter(|it| it.id.is_some()).collect();
        rows.sort_unstable_by_key(|it| it.id);
        Ok((rows.into_iter().filter_map(TakenRow::delivery).collect(), due_in))
    }

    /// Removes dedupe keys that are no longer remembered, when it is time.
    async fn prune(&self) {
        let now = Instant::now();
        {
            let mut prune_at = self.prune_at.lock().unwrap_or_else(PoisonError::into_inner);
            if *prune_at > now && self.clock.is_none() {
                return;
            }
            *prune_at = now + PRUNE_EVERY;
        }
        let pruned: Result<i64, _> =
            sqlx::query_scalar("SELECT moodbridge_queue.prune($1, $2, $3)")
                .bind(self.queue_id)
                .bind(self.now())
                .bind(N_PRUNED)
                .fetch_one(&self.pool)
                .await;
        match pruned {
            // There are more: the next send goes on.
            Ok(n_pruned) if n_pruned >= i64::from(N_PRUNED) => {
                *self.prune_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %shared::chain(&error), "old dedupe keys were not removed");
            }
        }
    }
}

/// Returns the tables of the queue.
pub(crate) fn tables() -> Tables {
    Tables::new("moodbridge_queue", sqlx::migrate!("migrations/queue-postgres"))
}

async fn queue_id(pool: &PgPool, name: &str) -> Result<i32, sqlx::Error> {
    let known =
        || sqlx::query_scalar("SELECT id FROM moodbridge_queue.queue WHERE name = $1").bind(name);
    if let Some(queue_id) = known().fetch_optional(pool).await? {
        return Ok(queue_id);
    }
    sqlx::query("INSERT INTO moodbridge_queue.queue (name) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(name)
        .execute(pool)
        .await?;
    known().fetch_one(pool).await
}

/// A reason as the tables can keep it.
fn kept(reason: &str) -> String {
    reason.replace('\0', "\u{fffd}")
}

#[async_trait]
impl Queue for PostgresQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let calls = columns(batch).map_err(|fault| {
            PortError::new(PortErrorKind::Rejected, PLATFORM, "send", &self.name).with_source(fault)
        })?;
        let mut n_tries = 1;
        let outcomes = loop {
            let dedupe_for = self.options.dedupe_for;
            match send(&self.pool, self.queue_id, self.now(), dedupe_for, &calls).await {
                Err(cause) if is_lost_race(&cause) && n_tries < N_TRIES => n_tries += 1,
                sent => break sent.map_err(|it| self.failed(it, "send"))?,
            }
        };
        self.signals.ring(self.queue_id);
        self.prune().await;
        Ok(outcomes)
    }

    async fn receive(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        let until = Instant::now() + wait;
        loop {
            // The bell is heard from here on, so that nothing sent in between is missed.
            let mut rung = Box::pin(self.bell.notified());
            rung.as_mut().enable();
            let (deliveries, due_in) = self.take(max, visibility).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !deliveries.is_empty() || left.is_zero() {
                return Ok(deliveries);
            }
            let poll = if self.signals.is_listening() { POLL_LISTENING } else { POLL };
            let nap = due_in.map_or(poll, |it| it.clamp(SHORTEST_NAP, poll));
            let _ = timeout(nap.min(left), rung).await;
        }
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        let gone = || PortError::new(PortErrorKind::NotFound, PLATFORM, "extend", &self.name);
        let held = Held::parse(delivery).ok_or_else(gone)?;
        let extended: Vec<(bool,)> = self
            .ask("extend", || {
                sqlx::query_as("SELECT moodbridge_queue.extend($1, $2, $3, $4, $5, $6)")
                    .bind(self.queue_id)
                    .bind(self.now())
                    .bind(held.id)
                    .bind(held.receipt)
                    .bind(held.group)
                    .bind(ms(visibility))
            })
            .await?;
        match extended.first() {
            Some((true,)) => Ok(()),
            _ => Err(gone()),
        }
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        let held: Vec<Held> = deliveries.iter().filter_map(Held::parse).collect();
        if held.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = held.iter().map(|it| it.id).collect();
        let receipts: Vec<i64> = held.iter().map(|it| it.receipt).collect();
        let groups: Vec<&str> = held.iter().filter_map(|it| it.group).collect();
        self.ask::<()>("ack", || {
            sqlx::query_as("SELECT moodbridge_queue.ack($1, $2, $3, $4, $5)")
                .bind(self.queue_id)
                .bind(self.now())
                .bind(&ids)
                .bind(&receipts)
                .bind(&groups)
        })
        .await?;
        // Nobody waits for a message without a group to go.
        if !groups.is_empty() {
            self.signals.ring(self.queue_id);
        }
        Ok(())
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        let Some(held) = Held::parse(delivery) else { return Ok(()) };
        self.ask::<()>("release", || {
            sqlx::query_as("SELECT moodbridge_queue.release($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(self.queue_id)
                .bind(self.now())
                .bind(held.id)
                .bind(held.receipt)
                .bind(held.group)
                .bind(ms(delay))
                .bind(kept(reason))
                .bind(self.max_attempts())
        })
        .await?;
        self.signals.ring(self.queue_id);
        Ok(())
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        let Some(held) = Held::parse(delivery) else { return Ok(()) };
        self.ask::<()>("give_back", || {
            sqlx::query_as("SELECT moodbridge_queue.give_back($1, $2, $3, $4, $5, $6)")
                .bind(self.queue_id)
                .bind(self.now())
                .bind(held.id)
                .bind(held.receipt)
                .bind(held.group)
                .bind(ms(delay))
        })
        .await?;
        self.signals.ring(self.queue_id);
        Ok(())
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        let Some(held) = Held::parse(delivery) else { return Ok(()) };
        self.ask::<()>("bury", || {
            sqlx::query_as("SELECT moodbridge_queue.bury($1, $2, $3, $4, $5, $6)")
                .bind(self.queue_id)
                .bind(self.now())
                .bind(held.id)
                .bind(held.receipt)
                .bind(held.group)
                .bind(kept(reason))
        })
        .await?;
        self.signals.ring(self.queue_id);
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        let depth = read::depth(&self.pool, self.queue_id, self.now()).await;
        depth.map_err(|it| self.failed(it, "depth"))
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let letters = read::dead_letters(&self.pool, self.queue_id, after, limit).await;
        letters.map_err(|it| self.failed(it, "dead_letters"))
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        let ids: Option<Vec<i64>> = match selection {
            ReplaySelection::All => None,
            ReplaySelection::Ids(ids) => {
                Some(ids.iter().filter_map(|it| it.parse().ok()).collect())
            }
        };
        let replayed: Vec<(i64,)> = self
            .ask("replay", || {
                sqlx::query_as("SELECT moodbridge_queue.replay($1, $2, $3)")
                    .bind(self.queue_id)
                    .bind(self.now())
                    .bind(&ids)
            })
            .await?;
        self.signals.ring(self.queue_id);
        let n_replayed = replayed.first().map_or(0, |(it,)| *it);
        Ok(u64::try_from(n_replayed).unwrap_or(0))
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn max_body_bytes(&self) -> usize {
        MAX_BODY_BYTES
    }
}

#[cfg(test)]
mod tests;
