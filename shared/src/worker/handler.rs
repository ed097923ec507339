//! What a function with a queue, a schedule, or work without an end is.

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
