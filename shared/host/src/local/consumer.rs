//! Receives from one queue and keeps a rolling window of messages in hand.
//!
//! A received batch is split into lanes, one a group, a message without a group being a lane of its
//! own. Lanes run side by side, so a slow message holds up its own group and nobody else.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use shared::chain;
use shared::ports::{Delivery, Queue, Random};
use shared::worker::{Backoff, MessageHandler};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::acker::Acker;
use super::lane::{Lane, lanes_of};
use crate::metrics::QueueMetrics;

/// How long a message stays hidden before the lane that holds it asks for more time.
const VISIBILITY: Duration = Duration::from_secs(30);

/// The longest one `receive` waits. A sender in this process wakes it at once; the limit only bounds
/// how long a stop may have to wait for an idle queue.
const RECEIVE_WAIT: Duration = Duration::from_secs(1);

/// The most messages taken by one `receive`.
const MAX_RECEIVE: usize = 64;

/// Messages in hand for each one being handled, so that lanes of one group do not starve others.
const WINDOW_PER_WIDTH: usize = 4;

/// What every lane of one queue shares.
pub(crate) struct Context {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) handler: Arc<dyn MessageHandler>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) backoff: Backoff,
    pub(crate) visibility: Duration,
    pub(crate) metrics: QueueMetrics,
    /// One permit for each message being handled.
    pub(crate) running: Semaphore,
    /// Cancelled when no further message may be started.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the messages being handled are given up.
    pub(crate) cut: CancellationToken,
}

/// The consumer of one queue.
pub(crate) struct Consumer {
    context: Arc<Context>,
    window: usize,
}

impl Consumer {
    /// Handles up to `width` messages of `queue` side by side.
    pub(crate) fn new(
        queue: Arc<dyn Queue>,
        handler: Arc<dyn MessageHandler>,
        random: Arc<dyn Random>,
        width: usize,
    ) -> Self {
        let metrics = QueueMetrics::of(queue.name());
        let context = Context {
            queue,
            handler,
            random,
            backoff: Backoff::default(),
            visibility: VISIBILITY,
            metrics,
            running: Semaphore::new(width),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        Self { context: Arc::new(context), window: width.saturating_mul(WINDOW_PER_WIDTH) }
    }

    /// Uses these waits between attempts and this visibility.
    #[cfg(test)]
    pub(crate) fn with_times(mut self, backoff: Backoff, visibility: Duration) -> Self {
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.backoff = backoff;
            context.visibility = visibility;
        }
        self
    }

    /// Consumes until `stop`; messages being handled go on until `cut`, the rest are released.
    pub(crate) async fn consume(mut self, stop: CancellationToken, cut: CancellationToken) {
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.stop = stop;
            context.cut = cut;
        }
        let context = self.context;
        let in_hand = Arc::new(Semaphore::new(self.window));
        let lanes = TaskTracker::new();
        let (done, finished) = mpsc::unbounded_channel();
        let acker = tokio::spawn(Acker::new(Arc::clone(&context)).run(finished));
        let mut n_faults = 0;
        while !context.stop.is_cancelled() {
            let Some(n_free) = wait_for_room(&in_hand, &context.stop).await else { break };
            match receive(&context, n_free).await {
                Some(batch) => {
                    n_faults = 0;
                    for deliveries in lanes_of(batch) {
                        let lane =
                            Lane::new(Arc::clone(&context), Arc::clone(&in_hand), done.clone());
                        lanes.spawn(lane.run(deliveries));
                    }
                }
                None => {
                    n_faults += 1;
                    let pause = context.backoff.delay(n_faults, None, context.random.as_ref());
                    let pause = pause.min(Duration::from_secs(30));
                    let _ = context.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
            }
        }
        drop(done);
        lanes.close();
        lanes.wait().await;
        if let Err(error) = acker.await {
            warn!(%error, queue = context.queue.name(), "acknowledging broke off");
        }
        info!(queue = context.queue.name(), "queue `{}` is no longer read", context.queue.name());
    }
}

/// Waits until the window has room, and says for how many messages.
async fn wait_for_room(in_hand: &Semaphore, stop: &CancellationToken) -> Option<NonZeroU32> {
    let permit = stop.run_until_cancelled(in_hand.acquire()).await?.ok()?;
    // The permit goes back at once: only this loop takes room, so it cannot shrink meanwhile.
    drop(permit);
    NonZeroU32::new(u32::try_from(in_hand.available_permits().min(MAX_RECEIVE)).ok()?)
}

/// Receives a batch; `None` when the queue cannot be read.
async fn receive(context: &Context, max: NonZeroU32) -> Option<Vec<Delivery>> {
    // Never dropped half-way: the queue may have handed messages out already.
    match context.queue.receive(max, context.visibility, RECEIVE_WAIT).await {
        Ok(batch) => Some(batch),
        Err(error) => {
            warn!(queue = context.queue.name(), error = %chain(&error), "queue cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests;
