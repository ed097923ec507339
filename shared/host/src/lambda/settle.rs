//! What becomes of a message that failed, on the queue itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{Delivery, Queue, Random};
use shared::time::Timestamp;
use shared::worker::{Backoff, Failure, Message, MessageHandler};
use shared::{PortError, Retry, chain};
use tracing::{error, warn};

/// What the queue knows a message by while it is in hand.
#[derive(Clone, Debug)]
pub(crate) struct InHand {
    pub(crate) receipt: String,
    pub(crate) sent_at: Timestamp,
}

/// Settles failures on the queue that they came from, where it is known.
///
/// Without it a message that can never succeed is handed out until the queue's redrive policy sets it
/// aside, without a reason; and one that may succeed later comes again after the queue's visibility.
#[derive(Clone, Default)]
pub(crate) struct Settle {
    queue: Option<(Arc<dyn Queue>, Arc<dyn Random>)>,
    backoff: Backoff,
}

impl Settle {
    /// Settles on `queue`.
    pub(crate) fn on(queue: Option<Arc<dyn Queue>>, random: Arc<dyn Random>) -> Self {
        Self { queue: queue.map(|it| (it, random)), backoff: Backoff::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Returns the handler of messages as they were sent: their bodies may lie outside of them.
    pub(crate) fn unpacking<'a>(&'a self, handler: &'a dyn MessageHandler) -> Unpacking<'a> {
        Unpacking { queue: self.queue.as_ref().map(|(queue, _)| queue.as_ref()), handler }
    }

    /// Sets the message `id` aside when it can never succeed, else hides it for a while.
    pub(crate) async fn failed(
        &self,
        id: &str,
        message: Option<(&Message, &InHand)>,
        failure: &Failure,
    ) {
        if failure.retry() == Retry::Never {
            error!(message.id = %id, error = %failure,
                "message `{id}` can never succeed and is left to the dead letters");
        }
        let (Some((queue, random)), Some((message, in_hand))) = (&self.queue, message) else {
            return;
        };
        let delivery = delivery(message, in_hand);
        let reason = failure.to_string();
        noted(match failure.retry() {
            Retry::Never => queue.bury(&delivery, &reason).await,
            Retry::After(asked) => {
                let delay = self.backoff.delay(message.attempt, asked, random.as_ref());
                queue.release(&delivery, delay, &reason).await
            }
        });
    }

    /// Gives a message back that was not begun.
    pub(crate) async fn not_begun(&self, message: Option<(&Message, &InHand)>) {
        if let (Some((queue, _)), Some((message, in_hand))) = (&self.queue, message) {
            noted(queue.give_back(&delivery(message, in_hand), Duration::ZERO).await);
        }
    }
}

/// Hands messages on with the bodies that were sent.
pub(crate) struct Unpacking<'a> {
    queue: Option<&'a dyn Queue>,
    handler: &'a dyn MessageHandler,
}

#[async_trait]
impl MessageHandler for Unpacking<'_> {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let Some(queue) = self.queue else { return self.handler.handle(message).await };
        let body = queue.unpack(message.body.clone()).await?;
        if body == message.body {
            return self.handler.handle(message).await;
        }
        self.handler.handle(&Message { body, ..message.clone() }).await
    }
}

fn delivery(message: &Message, in_hand: &InHand) -> Delivery {
    Delivery {
        id: message.id.clone(),
        body: message.body.clone(),
        group: message.group.clone(),
        attempt: message.attempt,
        sent_at: in_hand.sent_at,
        trace_parent: message.trace_parent.clone(),
        receipt: in_hand.receipt.clone(),
    }
}

/// A failure to settle costs a reason or a wait: the queue brings the message again by itself.
fn noted(outcome: Result<(), PortError>) {
    if let Err(error) = outcome {
        warn!(error = %chain(&error), "message that failed is not settled on its queue");
    }
}
