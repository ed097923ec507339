//! Follows every connection: for as long as the process lives, or until all is there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use shared::ids::ConnectionId;
use shared::ports::{ChangeStream, Clock, Extent, Ledger, Queue};
use shared::sync::Mappings;
use shared::worker::{Failure, ScheduleHandler, Service, Stop, Tick};
use tokio::time::sleep;

use crate::sink::QueueSink;
use crate::watch::Watch;

/// How often it is told how the streams do.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How long a bounded run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriberSettings {
    /// Nothing came for so long: everything is there.
    pub quiet: Duration,
    /// The longest that a run takes, a sign of life to wait for included.
    pub at_most: Duration,
}

impl Default for SubscriberSettings {
    fn default() -> Self {
        // Shorter than the timer's five minutes, longer than the 270 s between two signs of life.
        Self { quiet: Duration::from_secs(20), at_most: Duration::from_secs(280) }
    }
}

/// What a subscriber works with.
#[derive(Clone)]
pub struct SubscriberPorts {
    /// Where changes go.
    pub queue: Arc<dyn Queue>,
    /// Where the poller's cursors and the status of each stream are kept.
    pub ledger: Arc<dyn Ledger>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
}

/// A connection whose events are followed.
pub struct Followed {
    /// Its streams.
    pub stream: Arc<dyn ChangeStream>,
    /// Which of its objects are ours.
    pub mappings: Mappings,
}

/// Follows the streams of every connection, side by side.
pub struct ChangeSubscriber {
    lanes: Vec<(Arc<dyn ChangeStream>, QueueSink)>,
    ports: SubscriberPorts,
    settings: SubscriberSettings,
}

impl ChangeSubscriber {
    /// Follows `connections`.
    pub fn new(
        connections: impl IntoIterator<Item = Followed>,
        ports: SubscriberPorts,
        settings: SubscriberSettings,
    ) -> Self {
        let lane = |Followed { stream, mappings }: Followed| {
            let sink = QueueSink {
                connection: stream.connection().clone(),
                mappings,
                queue: Arc::clone(&ports.queue),
                ledger: Arc::clone(&ports.ledger),
            };
            (stream, sink)
        };
        Self { lanes: connections.into_iter().map(lane).collect(), ports, settings }
    }

    /// Lists the connections that are followed.
    pub fn connections(&self) -> impl Iterator<Item = &ConnectionId> {
        self.lanes.iter().map(|(stream, _)| stream.connection())
    }

    /// Takes everything that is there.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the faults of all connections that were not read to their end.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        self.catch_up_within(self.settings.at_most).await
    }

    async fn catch_up_within(&self, at_most: Duration) -> Result<(), Failure> {
        let quiet = self.settings.quiet;
        let extent = Extent::UntilQuiet { quiet, at_most };
        let results = join_all(self.lanes.iter().map(|(it, sink)| it.follow(sink, extent))).await;
        self.tell(&mut Watch::default()).await;
        let faults: Vec<_> = results
            .into_iter()
            .filter_map(Result::err)
            .map(|it| Failure::from(it).to_string())
            .collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::transient(faults.join("; "))),
        }
    }

    /// Follows every stream until it is dropped.
    async fn follow(&self) {
        // They end only by being dropped.
        let following = self.lanes.iter().map(|(it, sink)| it.follow(sink, Extent::Endless));
        let telling = async {
            let mut watch = Watch::default();
            loop {
                self.tell(&mut watch).await;
                sleep(TELL_EVERY).await;
            }
        };
        join(join_all(following), telling).await;
    }

    async fn tell(&self, watch: &mut Watch) {
        let now = self.ports.clock.now();
        for (stream, _) in &self.lanes {
            let (connection, health) = (stream.connection(), stream.health());
            watch.tell(&*self.ports.ledger, connection, &health, now).await;
        }
    }
}

#[async_trait]
impl ScheduleHandler for ChangeSubscriber {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        let left = tick.left(self.ports.clock.now(), self.settings.at_most);
        self.catch_up_within(left).await
    }
}

#[async_trait]
impl Service for ChangeSubscriber {
    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        // Whatever is in hand may be dropped: the place in the stream is behind it only once the
        // queue holds it.
        tokio::select! {
            () = stop => Ok(()),
            () = self.follow() => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
