//! The messages of one group, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use shared::ports::Delivery;
use shared::worker::{Failure, Message, run_batch};
use shared::{Retry, chain};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::warn;

use super::acker::Finished;
use super::consumer::Context;

/// Up to this attempt a failing message holds its followers back, so that their order survives.
/// After it they go ahead: one that fails for ever must not use up their attempts, and a change is
/// applied by its version, not by its place.
const HOLD_BACK_ATTEMPTS: u32 = 3;

/// Runs the messages of one group.
pub(crate) struct Lane {
    context: Arc<Context>,
    in_hand: Arc<Semaphore>,
    done: mpsc::UnboundedSender<Finished>,
}

/// A message in hand, with its place in the window.
struct Held {
    delivery: Delivery,
    place: Option<OwnedSemaphorePermit>,
}

/// Splits a batch into lanes, each in the order received.
pub(crate) fn lanes_of(batch: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut lanes: Vec<Vec<Delivery>> = Vec::new();
    for delivery in batch {
        let lane = delivery.group.as_ref().and_then(|group| {
            lanes
                .iter_mut()
                .find(|lane| lane.first().is_some_and(|it| it.group.as_ref() == Some(group)))
        });
        match lane {
            Some(lane) => lane.push(delivery),
            None => lanes.push(vec![delivery]),
        }
    }
    lanes
}

impl Lane {
    /// Takes places in `in_hand` and reports each finished message to `done`.
    pub(crate) fn new(
        context: Arc<Context>,
        in_hand: Arc<Semaphore>,
        done: mpsc::UnboundedSender<Finished>,
    ) -> Self {
        Self { context, in_hand, done }
    }

    /// Handles `deliveries` in order.
    pub(crate) fn run(
        self,
        deliveries: Vec<Delivery>,
    ) -> impl Future<Output = ()> + Send + 'static {
        // The places are taken before the task first runs, so that the window is never overdrawn.
        let held: VecDeque<Held> = deliveries
            .into_iter()
            .map(|delivery| {
                let place = Arc::clone(&self.in_hand).try_acquire_owned().ok();
                Held { delivery, place }
            })
            .collect();
        self.keep(held)
    }

    async fn keep(self, mut held: VecDeque<Held>) {
        let n_messages = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let _in_flight = self.context.metrics.enter(n_messages);
        while let Some(first) = held.front() {
            if self.context.stop.is_cancelled() {
                return self.give_back(&held, Duration::ZERO).await;
            }
            let Some(result) = self.handle(&first.delivery, &held).await else {
                let reason = "the host stopped before the message was done";
                self.release(&first.delivery, Duration::ZERO, reason).await;
                held.pop_front();
                return self.give_back(&held, Duration::ZERO).await;
            };
            let Some(first) = held.pop_front() else { return };
            match result {
                Ok(()) => self.finish(first),
                Err(failure) => {
                    if let Some(delay) = self.settle_failure(&first.delivery, &failure).await
                        && first.delivery.attempt <= HOLD_BACK_ATTEMPTS
                    {
                        return self.give_back(&held, delay).await;
                    }
                }
            }
        }
    }

    /// Handles one message while it asks for more time for all that are held; `None` when cut off.
    async fn handle(
        &self,
        delivery: &Delivery,
        held: &VecDeque<Held>,
    ) -> Option<Result<(), Failure>> {
        let work = async {
            let permit = self.context.running.acquire().await;
            let started = Instant::now();
            let message = Message {
                id: delivery.id.clone(),
                body: delivery.body.clone(),
                group: delivery.group.clone(),
                attempt: delivery.attempt,
                trace_parent: delivery.trace_parent.clone(),
            };
            let report = run_batch(self.context.handler.as_ref(), vec![message], 1).await;
            self.context.metrics.duration.record(started.elapsed().as_secs_f64());
            drop(permit);
            report.failed.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure))
        };
        let mut work = std::pin::pin!(work);
        let every = self.context.visibility / 3;
        loop {
            tokio::select! {
                result = &mut work => return Some(result),
                () = self.context.cut.cancelled() => return None,
                () = tokio::time::sleep(every) => {}
            }
            // The handler goes on meanwhile: it may be waiting for the same store as the queue.
            tokio::select! {
                result = &mut work => return Some(result),
                () = self.extend_all(held) => {}
            }
        }
    }

    async fn extend_all(&self, held: &VecDeque<Held>) {
        let asked = held.iter().map(|it| async {
            let asked = self.context.queue.extend(&it.delivery, self.context.visibility).await;
            if let Err(error) = asked {
                warn!(
                    message.id = %it.delivery.id, error = %chain(&error),
                    "message `{}` may be handed out a second time", it.delivery.id
                );
            }
        });
        join_all(asked).await;
    }

    fn finish(&self, held: Held) {
        self.context.metrics.handled.increment(1);
        // The acker lives as long as any lane; if it broke, the message comes again.
        let _ = self.done.send(Finished { delivery: held.delivery, place: held.place });
    }

    /// Buries a message that can never succeed, else releases it and returns its delay.
    async fn settle_failure(&self, delivery: &Delivery, failure: &Failure) -> Option<Duration> {
        match failure.retry() {
            Retry::Never => {
                self.context.metrics.dead.increment(1);
                let buried = self.context.queue.bury(delivery, failure.reason()).await;
                if let Err(error) = buried {
                    warn!(
                        message.id = %delivery.id, error = %chain(&error),
                        "message `{}` was not set aside and comes again", delivery.id
                    );
                }
                None
            }
            Retry::After(asked) => {
                self.context.metrics.failed.increment(1);
                let random = self.context.random.as_ref();
                let delay = self.context.backoff.delay(delivery.attempt, asked, random);
                self.release(delivery, delay, failure.reason()).await;
                Some(delay)
            }
        }
    }

    /// Gives back what nobody began to handle, so that no restart and no neighbour that fails uses
    /// up its attempts.
    async fn give_back(&self, held: &VecDeque<Held>, delay: Duration) {
        for Held { delivery, .. } in held {
            if let Err(error) = self.context.queue.give_back(delivery, delay).await {
                warn!(
                    message.id = %delivery.id, error = %chain(&error),
                    "message `{}` was not given back and comes again when its visibility ends",
                    delivery.id
                );
            }
        }
    }

    async fn release(&self, delivery: &Delivery, delay: Duration, reason: &str) {
        if let Err(error) = self.context.queue.release(delivery, delay, reason).await {
            warn!(
                message.id = %delivery.id, error = %chain(&error),
                "message `{}` was not released and comes again when its visibility ends",
                delivery.id
            );
        }
    }
}
