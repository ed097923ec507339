//! What is done to a queue inside one shared commit, and in which order.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{Clock, Delivery, ReplaySelection, SendOutcome};
use shared::time::Timestamp;
use sqlx::SqliteConnection;
use tokio::sync::Notify;

use super::dedupe::prune;
use super::send::{Outgoing, Sender};
use super::{receive, settle};
use crate::queue::QueueOptions;
use crate::writer::WriteGroup;

/// How often dedupe keys that are no longer remembered are removed.
const PRUNE_EVERY: Duration = Duration::from_mins(1);

/// A change to the queue.
pub(super) enum Job {
    Send(Vec<Outgoing>),
    Receive { max: NonZeroU32, visibility: Duration },
    Extend { held: Held, visibility: Duration },
    Ack(Vec<Held>),
    Release { held: Held, delay: Duration, reason: String },
    GiveBack { held: Held, delay: Duration },
    Bury { held: Held, reason: String },
    Replay(ReplaySelection),
}

/// What a [`Job`] answers.
pub(super) enum Answer {
    /// What became of each message.
    Sent(Vec<SendOutcome>),
    /// What was handed out and, when that is nothing, how soon the next message is due.
    Received { deliveries: Vec<Delivery>, due_in: Option<Duration> },
    /// How many messages were changed.
    Done(u64),
}

/// A message in a receiver's hands, as far as the receiver knows.
pub(super) struct Held {
    pub(super) id: i64,
    pub(super) receipt: i64,
    pub(super) group: Option<String>,
}

impl Held {
    /// Reads a delivery, or nothing when this queue cannot have handed it out.
    pub(super) fn parse(delivery: &Delivery) -> Option<Self> {
        let id = delivery.id.parse().ok()?;
        let receipt = delivery.receipt.parse().ok()?;
        Some(Self { id, receipt, group: delivery.group.clone() })
    }
}

/// The one queue that a writer works for, at one instant.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) queue_id: i64,
    pub(super) options: QueueOptions,
    pub(super) now: Timestamp,
}

impl Turn {
    /// Returns when a dedupe key that comes now is forgotten, in milliseconds since 1970.
    pub(super) fn expires_at(&self) -> i64 {
        self.now.plus(self.options.dedupe_for).as_millis()
    }
}

/// Runs the jobs of one queue.
pub(super) struct QueueWrites {
    queue_id: i64,
    options: QueueOptions,
    clock: Arc<dyn Clock>,
    bell: Arc<Notify>,
    sender: Sender,
    pruned_at: Timestamp,
    /// Whether the last group gave a waiting receiver something to look for.
    has_news: bool,
}

impl QueueWrites {
    pub(super) fn new(
        queue_id: i64,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
        bell: Arc<Notify>,
    ) -> Self {
        let sender = Sender::default();
        let pruned_at = Timestamp::EPOCH;
        Self { queue_id, options, clock, bell, sender, pruned_at, has_news: false }
    }
}

#[async_trait]
impl WriteGroup for QueueWrites {
    type Job = Job;
    type Answer = Answer;

    /// Settles what was handed out, then sends, then hands out, so that a receiver gets what its
    /// neighbours in the commit made ready.
    async fn run(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[Job],
    ) -> Result<Vec<Answer>, sqlx::Error> {
        self.sender.begin();
        let now = self.clock.now();
        let turn = Turn { queue_id: self.queue_id, options: self.options, now };
        self.has_news = jobs.iter().any(|it| !matches!(it, Job::Receive { .. }));

        settle::ack(connection, turn, jobs).await?;
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(settle::settle(connection, turn, job).await?);
        }
        self.sender.send(connection, turn, jobs, &mut answers).await?;
        for (job, answer) in jobs.iter().zip(&mut answers) {
            if let Job::Receive { max, visibility } = job {
                *answer = receive::receive(connection, turn, *max, *visibility).await?;
            }
        }
        if now.since(self.pruned_at) >= PRUNE_EVERY && !prune(connection, now).await? {
            self.pruned_at = now;
        }
        Ok(answers)
    }

    fn committed(&mut self) {
        self.sender.committed();
        if self.has_news {
            self.bell.notify_waiters();
        }
    }
}
