//! Sends what waits: at once while the process lives, or until all is sent.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{FutureExt as _, Shared};
use shared::ports::Outbox;
use shared::sync::{Relay, RelayPorts, RelayRemote, RelaySettings};
use shared::worker::{Backoff, Failure, ScheduleHandler, Service, Stop, Tick};
use tokio::time::{Instant, sleep};
use tracing::warn;
use wiring::OpenConnection;

/// How runs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// The longest that a bounded run takes new records for.
    pub at_most: Duration,
    /// How often it is looked whether anything waits, without an end.
    pub look_every: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        // A minute less than the function may take: a batch in hand still comes to its end.
        Self { at_most: Duration::from_secs(240), look_every: Duration::from_millis(250) }
    }
}

/// A run without an end takes new records for so long, and then looks whether it is to stop.
const ROUND: Duration = Duration::from_secs(5);

/// Jobs that another process left are found by a run even when nothing waits.
const RUN_AT_LEAST_EVERY: Duration = Duration::from_mins(1);

/// How long to wait after a run that failed.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(30) };

/// Returns `opened` as one that is sent to; `None` when it takes no changes.
pub fn remote(opened: &OpenConnection) -> Option<RelayRemote> {
    let writer = opened.writer.clone()?;
    Some(RelayRemote {
        connection: opened.connection.clone(),
        mappings: opened.mappings.clone(),
        crm: opened.crm.clone(),
        writer,
        bulk: opened.bulk_writer.clone(),
    })
}

/// Sends what waits in the outbox.
pub struct OutboxRelay {
    relay: Relay,
    ports: RelayPorts,
    run: RunSettings,
}

impl OutboxRelay {
    /// Sends to `remotes`.
    pub fn new(
        remotes: Vec<RelayRemote>,
        ports: RelayPorts,
        settings: RelaySettings,
        run: RunSettings,
    ) -> Self {
        Self { relay: Relay::new(remotes, ports.clone(), settings), ports, run }
    }

    /// Sends everything that can be sent now, for at most `at_most`.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the faults of all objects that could not be sent.
    pub async fn send(&self, at_most: Duration) -> Result<(), Failure> {
        let until = self.ports.clock.now().plus(at_most);
        self.relay.run(Some(until)).await.map(drop)
    }

    async fn is_anything_waiting(&self) -> Result<bool, Failure> {
        let outbox: &dyn Outbox = &*self.ports.outbox;
        Ok(outbox.depths().await?.iter().any(|it| it.n_waiting > 0))
    }

    /// Sends until `stop`. A run in hand comes to its end: what was claimed would otherwise wait for
    /// the end of its lease.
    async fn keep_sending(&self, stop: Shared<Stop>) {
        let mut ran_at: Option<Instant> = None;
        let mut n_failures: u32 = 0;
        while stop.clone().now_or_never().is_none() {
            let is_due = ran_at.is_none_or(|at| at.elapsed() >= RUN_AT_LEAST_EVERY);
            let done = match self.is_anything_waiting().await {
                Ok(is_waiting) if is_waiting || is_due => {
                    ran_at = Some(Instant::now());
                    self.send(ROUND).await
                }
                Ok(_) => Ok(()),
                Err(failure) => Err(failure),
            };
            let wait = match done {
                Ok(()) => {
                    n_failures = 0;
                    self.run.look_every
                }
                Err(failure) => {
                    n_failures = n_failures.saturating_add(1);
                    warn!(attempt = n_failures, error = %failure, "not everything was sent");
                    BACKOFF.delay(n_failures, None, &*self.ports.random)
                }
            };
            tokio::select! {
                () = stop.clone() => return,
                () = sleep(wait) => {}
            }
        }
    }
}

#[async_trait]
impl ScheduleHandler for OutboxRelay {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        if self.relay.remotes().is_empty() {
            return Ok(());
        }
        self.send(tick.left(self.ports.clock.now(), self.run.at_most)).await
    }
}

#[async_trait]
impl Service for OutboxRelay {
    async fn run(&self, stop: Stop) -> Result<(), Failure> {
        let stop = stop.shared();
        if self.relay.remotes().is_empty() {
            stop.await;
            return Ok(());
        }
        self.keep_sending(stop).await;
        Ok(())
    }
}
