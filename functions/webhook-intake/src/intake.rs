//! The one door to the queue: dedupe and enqueue are one send, and nothing is said before it ends.

use std::sync::Arc;
use std::time::Duration;

use shared::ids::CorrelationId;
use shared::model::ChangeEvent;
use shared::ports::{Clock, NewMessage, Queue, Random, SendOutcome};
use shared::telemetry::trace;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::Accepted;
use crate::body::Room;
use crate::refusal::Refusal;
use crate::senders::Senders;

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes.
    pub max_body_bytes: usize,
    /// Webhooks in hand at once; one more is answered 503.
    pub max_waiting: usize,
    /// Bytes that the bodies in hand may have together; more are answered 503.
    pub max_waiting_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1_048_576,
            max_waiting: 4096,
            max_waiting_bytes: 67_108_864,
            body_timeout: Duration::from_secs(10),
        }
    }
}

/// Takes webhooks and queues what they say.
pub struct Intake {
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    pub(crate) senders: Senders,
    limits: Limits,
    waiting: Semaphore,
    waiting_bytes: Semaphore,
}

/// An event that is about to be queued.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) event: ChangeEvent,
    /// The same for every arrival of the same event, and for no other.
    pub(crate) dedupe_key: String,
}

/// What every event of one webhook has in common.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) received_at: Timestamp,
    pub(crate) correlation_id: CorrelationId,
}

impl Intake {
    /// Takes webhooks of `senders` and queues them in `queue`.
    pub fn new(
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        senders: Senders,
        limits: Limits,
    ) -> Self {
        let places = |n_places: usize| Semaphore::new(n_places.min(Semaphore::MAX_PERMITS));
        let waiting = places(limits.max_waiting);
        let waiting_bytes = places(limits.max_waiting_bytes.max(limits.max_body_bytes));
        Self { queue, clock, random, senders, limits, waiting, waiting_bytes }
    }

    /// Stamps a webhook that arrives now, under the correlation id of its request, if it has one.
    pub(crate) fn stamp(&self, given: Option<&CorrelationId>) -> Stamp {
        Stamp {
            received_at: self.clock.now(),
            correlation_id: given.cloned().unwrap_or_else(|| self.random.correlation_id()),
        }
    }

    /// Takes one of the places for webhooks in hand.
    pub(crate) fn enter(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.waiting.try_acquire().map_err(|_| Refusal::Busy)
    }

    /// Returns the room there is for one body.
    pub(crate) fn room(&self) -> Room<'_> {
        Room {
            max_bytes: self.limits.max_body_bytes,
            within: self.limits.body_timeout,
            together: &self.waiting_bytes,
        }
    }

    /// Queues the whole batch, or none of it; when it returns `Ok`, all of it is durable.
    pub(crate) async fn queue(&self, batch: Vec<Draft>) -> Result<Accepted, Refusal> {
        let messages = batch.into_iter().map(|it| self.message(it)).collect::<Result<_, _>>()?;
        let outcomes =
            self.queue.send(messages).await.map_err(|source| Refusal::NotQueued { source })?;
        let accepted = outcomes.iter().filter(|it| **it == SendOutcome::Queued).count();
        Ok(Accepted { accepted, duplicates: outcomes.len() - accepted })
    }

    fn message(&self, draft: Draft) -> Result<NewMessage, Refusal> {
        let Draft { event, dedupe_key } = draft;
        let body = serde_json::to_string(&event).map_err(|error| {
            let source =
                PortError::new(PortErrorKind::Rejected, "json", "write event", &*event.event_id)
                    .with_source(error);
            Refusal::NotQueued { source }
        })?;
        let max_bytes = self.queue.max_body_bytes();
        if body.len() > max_bytes {
            return Err(Refusal::TooLong { max_bytes });
        }
        Ok(NewMessage {
            body,
            group: Some(event.group()),
            dedupe_key: Some(dedupe_key),
            delay: Duration::ZERO,
            trace_parent: trace::current(),
        })
    }
}
