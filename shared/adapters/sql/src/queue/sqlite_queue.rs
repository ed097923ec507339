//! The queue port on SQLite.

use std::num::NonZeroU32;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{
    Clock, DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};
use shared::{PortError, PortErrorKind};
use sqlx::migrate::Migrator;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::read;
use super::send::Outgoing;
use super::wake::bell;
use super::write::{Answer, Held, Job, QueueWrites};
use crate::database::{Database, MigrationPolicy};
use crate::error::{OpenError, PLATFORM, WriteError, read_error};
use crate::writer::Writer;

/// Longest body, in bytes: the same as the strictest cloud queue that takes large ones.
/// Source: SQS message quotas, "Message size".
const MAX_BODY_BYTES: usize = 1_048_576;
/// Messages in one `send` at most.
const N_BATCH: usize = 10_000;
/// How often a waiting receiver looks for messages that another process has sent.
const POLL: Duration = Duration::from_millis(200);

/// How a queue treats its messages.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// How often a message is handed out before it becomes a dead letter: 20 by default, which with
    /// growing waits outlasts an outage of the remote system of about half an hour.
    pub max_attempts: NonZeroU32,
    /// How long a dedupe key is remembered: 7 days by default.
    pub dedupe_for: Duration,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            max_attempts: NonZeroU32::MIN.saturating_add(19),
            dedupe_for: Duration::from_hours(7 * 24),
        }
    }
}

/// A queue in an SQLite file. One file may hold several; several processes may share a file.
pub struct SqliteQueue {
    name: String,
    queue_id: i64,
    database: Database,
    writer: Writer<QueueWrites>,
    clock: Arc<dyn Clock>,
    bell: Arc<Notify>,
}

impl SqliteQueue {
    /// Opens the queue `name` in the file at `path`; makes both when they are missing.
    ///
    /// Must be called within a Tokio runtime, which then runs the queue's writer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(
        path: &Path,
        name: &str,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let database = Database::open(path, &migrator(), MigrationPolicy::Apply).await?;
        let bell = bell(path, name);
        Self::start(database, name, options, clock, bell)
            .await
            .map_err(|source| OpenError::Unopened { path: path.to_owned(), source })
    }

    async fn start(
        database: Database,
        name: &str,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
        bell: Arc<Notify>,
    ) -> Result<Self, sqlx::Error> {
        let queue_id = queue_id(&database, name).await?;
        let writes = QueueWrites::new(queue_id, options, Arc::clone(&clock), Arc::clone(&bell));
        let writer = Writer::start(&database, writes).await?;
        Ok(Self { name: name.to_owned(), queue_id, database, writer, clock, bell })
    }

    async fn write(&self, operation: &'static str, job: Job) -> Result<Answer, PortError> {
        self.writer.write(job).await.map_err(|error| error.into_port(operation, &self.name))
    }

    fn misread(&self, cause: sqlx::Error, operation: &'static str) -> PortError {
        read_error(cause, operation, &self.name)
    }

    /// Returns when a message may be there: `true`, or when `until` has come: `false`.
    async fn wait(
        &self,
        rung: impl Future<Output = ()>,
        until: Instant,
        due_in: Option<Duration>,
    ) -> Result<bool, PortError> {
        let mut rung = pin!(rung);
        let mut nap = due_in.map_or(POLL, |it| it.clamp(Duration::from_millis(1), POLL));
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            if timeout(nap.min(left), &mut rung).await.is_ok() {
                return Ok(true);
            }
            let now = self.clock.now();
            let has_turn = read::has_turn(self.database.readers(), self.queue_id, now).await;
            if has_turn.map_err(|it| self.misread(it, "receive"))? {
                return Ok(true);
            }
            nap = POLL;
        }
    }
}

#[cfg(test)]
impl SqliteQueue {
    /// Says whether the receipt of `delivery` is valid.
    pub(super) async fn is_held(&self, delivery: &Delivery) -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM message WHERE id = CAST(?1 AS INTEGER) \
                 AND receipt = CAST(?2 AS INTEGER) AND state = 1 AND visible_at > ?3)",
        )
        .bind(&delivery.id)
        .bind(&delivery.receipt)
        .bind(self.clock.now().as_millis())
        .fetch_one(self.database.readers())
        .await
        .unwrap()
    }
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/queue");
    // A queue may share its file with a case store, which counts its own migrations.
    migrator.dangerous_set_table_name("queue_migration");
    migrator
}

async fn queue_id(database: &Database, name: &str) -> Result<i64, sqlx::Error> {
    let mut connection = database.write_connection().await?;
    sqlx::query("INSERT INTO queue (name) VALUES (?1) ON CONFLICT DO NOTHING")
        .bind(name)
        .execute(&mut connection)
        .await?;
    sqlx::query_scalar("SELECT id FROM queue WHERE name = ?1")
        .bind(name)
        .fetch_one(&mut connection)
        .await
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        if batch.len() > N_BATCH || batch.iter().any(|it| it.body.len() > MAX_BODY_BYTES) {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "send", &self.name));
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch = batch.into_iter().map(|it| Outgoing::new(it, self.queue_id)).collect();
        match self.write("send", Job::Send(batch)).await? {
            Answer::Sent(outcomes) => Ok(outcomes),
            _ => Err(WriteError::Stopped.into_port("send", &self.name)),
        }
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
            let due_in = match self.write("receive", Job::Receive { max, visibility }).await? {
                Answer::Received { deliveries, .. } if !deliveries.is_empty() => {
                    return Ok(deliveries);
                }
                Answer::Received { due_in, .. } => due_in,
                _ => return Err(WriteError::Stopped.into_port("receive", &self.name)),
            };
            if !self.wait(rung, until, due_in).await? {
                return Ok(Vec::new());
            }
        }
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        let gone = || PortError::new(PortErrorKind::NotFound, PLATFORM, "extend", &self.name);
        let held = Held::parse(delivery).ok_or_else(gone)?;
        match self.write("extend", Job::Extend { held, visibility }).await? {
            Answer::Done(0) => Err(gone()),
            _ => Ok(()),
        }
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        let held: Vec<Held> = deliveries.iter().filter_map(Held::parse).collect();
        if !held.is_empty() {
            self.write("ack", Job::Ack(held)).await?;
        }
        Ok(())
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        if let Some(held) = Held::parse(delivery) {
            let reason = reason.to_owned();
            self.write("release", Job::Release { held, delay, reason }).await?;
        }
        Ok(())
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        if let Some(held) = Held::parse(delivery) {
            self.write("give_back", Job::GiveBack { held, delay }).await?;
        }
        Ok(())
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        if let Some(held) = Held::parse(delivery) {
            self.write("bury", Job::Bury { held, reason: reason.to_owned() }).await?;
        }
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        read::depth(self.database.readers(), self.queue_id, self.clock.now())
            .await
            .map_err(|it| self.misread(it, "depth"))
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        read::dead_letters(self.database.readers(), self.queue_id, after, limit)
            .await
            .map_err(|it| self.misread(it, "dead_letters"))
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        match self.write("replay", Job::Replay(selection)).await? {
            Answer::Done(n_replayed) => Ok(n_replayed),
            _ => Err(WriteError::Stopped.into_port("replay", &self.name)),
        }
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
