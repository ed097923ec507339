//! What a function with a queue, a schedule, or work without an end is.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::failure::Failure;
use crate::time::Timestamp;

/// One message, whichever queue carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The platform's id of the message: the same at every attempt.
    pub id: String,
    /// The text that was sent.
    pub body: String,
    /// Its ordering group, when the queue has groups.
    pub group: Option<String>,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// The trace it was sent with, as a W3C `traceparent`.
    pub trace_parent: Option<String>,
}

/// Handles one message at a time. The same message may come twice.
#[async_trait]
pub trait MessageHandler: Send + Sync {
    /// Does all that `message` asks for; when it returns `Ok`, every effect is durable.
    ///
    /// # Errors
    ///
    /// [`Failure`], which says whether another try can help.
    async fn handle(&self, message: &Message) -> Result<(), Failure>;
}

/// One tick of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it was due.
    pub due_at: Timestamp,
    /// From when on nothing is to be begun any more, where the host knows an end: what is in hand
    /// shortly after it is cut off.
    pub until: Option<Timestamp>,
}

impl Tick {
    /// A tick whose run has no end.
    pub fn endless(due_at: Timestamp) -> Self {
        Self { due_at, until: None }
    }

    /// How long something may be begun from `now` on, and no longer than `at_most`.
    pub fn left(&self, now: Timestamp, at_most: Duration) -> Duration {
        self.until.map_or(at_most, |until| until.since(now).min(at_most))
    }

    /// Whether nothing is to be begun at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Runs on a schedule. Ticks may be missed or come twice.
#[async_trait]
pub trait ScheduleHandler: Send + Sync {
    /// Does the work that is due.
    ///
    /// # Errors
    ///
    /// [`Failure`], which says whether another try can help.
    async fn run(&self, tick: Tick) -> Result<(), Failure>;
}

/// Completes when a service is to stop.
pub type Stop = BoxFuture<'static, ()>;

/// Works for as long as its process does.
#[async_trait]
pub trait Service: Send + Sync {
    /// Works until `stop` completes. It may be dropped at any point, and started again.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it cannot go on; it is started again after a while.
    async fn run(&self, stop: Stop) -> Result<(), Failure>;
}
