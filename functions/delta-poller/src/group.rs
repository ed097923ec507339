//! Every connection, polled on one schedule.

use async_trait::async_trait;
use futures_util::future::join_all;
use shared::time::Timestamp;
use shared::worker::{Failure, ScheduleHandler, Tick};

use crate::poller::{PollSettings, Poller, PollerPorts, Source};

/// Polls every connection, side by side: a slow org does not hold up another.
pub struct PollerGroup(Vec<Poller>);

impl PollerGroup {
    /// Polls each of `sources` over the same ports.
    pub fn new(
        sources: impl IntoIterator<Item = Source>,
        ports: &PollerPorts,
        settings: PollSettings,
    ) -> Self {
        Self(sources.into_iter().map(|it| Poller::new(it, ports.clone(), settings)).collect())
    }

    /// Reads every object of every connection up to now.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the faults of all connections that were not read to their end.
    pub async fn poll(&self) -> Result<(), Failure> {
        self.poll_until(None).await
    }

    async fn poll_until(&self, until: Option<Timestamp>) -> Result<(), Failure> {
        let results = join_all(self.0.iter().map(|it| it.poll_until(until))).await;
        let faults: Vec<_> =
            results.into_iter().filter_map(Result::err).map(|it| it.to_string()).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::transient(faults.join("; "))),
        }
    }
}

#[async_trait]
impl ScheduleHandler for PollerGroup {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        self.poll_until(tick.until).await
    }
}
