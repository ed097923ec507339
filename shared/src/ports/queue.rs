//! A queue that delivers each message at least once.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::time::Timestamp;

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The text to carry, at most [`Queue::max_body_bytes`] long.
    pub body: String,
    /// Messages of one group are never in two receivers' hands at once.
    pub group: Option<String>,
    /// A second message with this key is dropped, as long as the queue remembers the first.
    pub dedupe_key: Option<String>,
    /// How long the message stays hidden at first.
    pub delay: Duration,
    /// The trace it belongs to, as a W3C `traceparent`; it comes back with each delivery.
    pub trace_parent: Option<String>,
}

/// What became of one sent message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The queue holds it, durably.
    Queued,
    /// The queue has held a message with the same dedupe key before; this one is dropped.
    Duplicate,
}

/// A message handed to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's own id: the same at every attempt.
    pub id: String,
    /// The text that was sent.
    pub body: String,
    /// Its group, when it has one.
    pub group: Option<String>,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The trace it was sent with; none after a replay, which begins a new one.
    pub trace_parent: Option<String>,
    /// The queue's handle, valid until the visibility ends.
    pub receipt: String,
}

/// How full a queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueDepth {
    /// Messages ready to be received.
    pub n_ready: u64,
    /// Messages in a receiver's hands.
    pub n_in_flight: u64,
    /// Messages that wait for their delay or backoff to pass.
    pub n_delayed: u64,
    /// Messages set aside.
    pub n_dead: u64,
    /// When the oldest message that is not dead was sent.
    pub oldest_sent_at: Option<Timestamp>,
}

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// The message's own id.
    pub id: String,
    /// The text that was sent.
    pub body: String,
    /// Its group, when it has one.
    pub group: Option<String>,
    /// How often it was handed out.
    pub n_attempts: u32,
    /// Why it was set aside: the last failure, with its causes.
    pub reason: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was set aside.
    pub died_at: Timestamp,
}

/// Which dead letters to send again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplaySelection {
    /// Every one.
    All,
    /// Those with these ids; an unknown id is passed over.
    Ids(Vec<String>),
}

/// A queue that delivers each message at least once.
///
/// # Contract
///
/// - [`send`](Queue::send) returns once the whole batch is durable, or fails and none of it is:
///   dedupe and enqueue are one commit. Of equal dedupe keys, in one batch or over many concurrent
///   ones, exactly one is [`SendOutcome::Queued`]. Where the platform knows no commit over several
///   messages, part of a failed batch may be queued: send all of it again.
/// - A received message stays hidden from other receivers until it is acknowledged, released, or
///   its visibility ends.
/// - While a message of a group is in a receiver's hands, no other receiver gets one of that group.
///   One `receive` may return several of a group, in the order sent.
/// - A message that was handed out `max_attempts` times and neither acknowledged nor set aside
///   becomes a dead letter instead of being handed out again.
/// - [`ack`](Queue::ack), [`release`](Queue::release), [`give_back`](Queue::give_back) and
///   [`bury`](Queue::bury) of a message that is gone, or whose receipt is no longer valid, change nothing and succeed.
/// - [`receive`](Queue::receive) wakes at once when a message is sent by the same process, and soon
///   (within 250 ms) when another process sends it.
///
/// `shared::ports::queue_contract` checks these for every adapter. Groups, memory of keys and delays
/// bind only where the platform has them; an adapter says which it lacks.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds a batch, in order.
    ///
    /// # Errors
    ///
    /// `Rejected` when a body is too long or the batch is, else as the platform answers.
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError>;

    /// Takes up to `max` messages, hidden for `visibility`, waiting up to `wait` for the first.
    ///
    /// # Errors
    ///
    /// As the platform answers. An empty queue is not an error.
    async fn receive(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError>;

    /// Hides a received message for `visibility` from now on.
    ///
    /// # Errors
    ///
    /// `NotFound` when the receipt is no longer valid: somebody else may have the message.
    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError>;

    /// Removes received messages for good.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError>;

    /// Gives a received message back, to be handed out again after `delay`; `reason` is kept for
    /// the dead letter it may become.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError>;

    /// Gives a received message back that nobody began to handle, to be handed out again after
    /// `delay`; without one it takes its old place again. The attempt does not count, unless the
    /// platform counts every hand-out.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError>;

    /// Sets a received message aside, with the reason.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError>;

    /// Counts what the queue holds.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn depth(&self) -> Result<QueueDepth, PortError>;

    /// Lists up to `limit` dead letters, the newest first, beginning after `after` (an id).
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError>;

    /// Moves dead letters back to the queue with their attempts forgotten; returns how many.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError>;

    /// Returns the body that was sent, of a body as the platform hands it to a function by itself: one
    /// that lies outside of the message is fetched, any other comes back as it is.
    /// [`receive`](Queue::receive) has done so already.
    ///
    /// # Errors
    ///
    /// `NotFound` or `Rejected` when it is gone or altered, else as the platform answers.
    async fn unpack(&self, body: String) -> Result<String, PortError>;

    /// Returns the queue's name, such as `events`.
    fn name(&self) -> &str;

    /// Returns the longest body the platform takes, in bytes.
    fn max_body_bytes(&self) -> usize;
}
