//! Acknowledges finished messages, many in one commit.

use std::sync::Arc;

use shared::chain;
use shared::ports::Delivery;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::warn;

use super::consumer::Context;

/// The most messages acknowledged at once.
const MAX_BATCH: usize = 64;

/// How often an acknowledgement is tried; after that the message comes again.
const MAX_ATTEMPTS: u32 = 4;

/// A message whose handler is done; its place in the window is free once it is acknowledged.
pub(crate) struct Finished {
    pub(crate) delivery: Delivery,
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

/// Acknowledges for all lanes of one queue.
pub(crate) struct Acker {
    context: Arc<Context>,
}

impl Acker {
    /// Acknowledges at the queue of `context`.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Acknowledges until every sender is gone: whatever has piled up while one commit ran makes
    /// the next.
    pub(crate) async fn run(self, mut finished: mpsc::UnboundedReceiver<Finished>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while finished.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let (deliveries, places): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|it: Finished| (it.delivery, it.place)).unzip();
            self.ack(&deliveries).await;
            drop(places);
        }
    }

    async fn ack(&self, deliveries: &[Delivery]) {
        let queue = self.context.queue.as_ref();
        for attempt in 1..=MAX_ATTEMPTS {
            let Err(error) = queue.ack(deliveries).await else { return };
            warn!(
                queue = queue.name(), attempt, n_messages = deliveries.len(), error = %chain(&error),
                "messages were not acknowledged"
            );
            if attempt < MAX_ATTEMPTS {
                let random = self.context.random.as_ref();
                tokio::time::sleep(self.context.backoff.delay(attempt, None, random)).await;
            }
        }
    }
}
