//! The schedule's handler: every object of one connection, each on its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{counter, gauge};
use shared::cost::{Work, attributed};
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{
    BulkReader, CaseStore, Clock, Crm, Health, Ledger, Queue, Random, RunOutcome, SyncJournal,
    SyncRun,
};
use shared::sync::{ConnectionState, ConnectionStatus, Mappings};
use shared::time::Timestamp;
use shared::worker::{Failure, ScheduleHandler, Tick};
use shared::{PortError, PortErrorKind, chain};
use tracing::{debug, info, warn};
use wiring::OpenConnection;

use crate::described::Described;
use crate::sweep::{Sweep, SweepEnd};

/// How the poller looks for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollSettings {
    /// How far a window reaches back behind the end of the last one. Together with `lag` it is the
    /// longest transaction over there that is never missed.
    pub overlap: Duration,
    /// How far a window stays behind the time over there.
    pub lag: Duration,
    /// With more messages waiting in the queue than this, reading pauses until the next tick.
    pub max_queue_depth: u64,
    /// With fewer calls left in the platform's day than this, the connection shows as degraded.
    pub min_calls_left: u64,
    /// An object with more records than this is loaded as a whole the first time.
    pub load_above: u64,
}

impl Default for PollSettings {
    fn default() -> Self {
        Self {
            overlap: Duration::from_secs(300),
            lag: Duration::ZERO,
            max_queue_depth: 100_000,
            min_calls_left: 1000,
            load_above: 2000,
        }
    }
}

/// How fine versions are.
const ONE_SECOND: Duration = Duration::from_secs(1);

/// What a poller works with.
#[derive(Clone)]
pub struct PollerPorts {
    /// Where changes go.
    pub queue: Arc<dyn Queue>,
    /// Where objects are loaded to as a whole; `None` to queue their records too.
    pub store: Option<Arc<dyn CaseStore>>,
    /// Where cursors and the connection's state are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Where runs are kept.
    pub journal: Arc<dyn SyncJournal>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names runs and events.
    pub random: Arc<dyn Random>,
}

/// What a poller reads.
pub struct Source {
    /// The name of the connection.
    pub connection: ConnectionId,
    /// The platform behind it, such as `salesforce`.
    pub platform: &'static str,
    /// How to read it.
    pub crm: Arc<dyn Crm>,
    /// Its objects, each with the fields to read, in this order: parents before children.
    pub objects: Vec<(ObjectName, Vec<String>)>,
    /// How objects are read as a whole; `None` where that is not possible.
    pub whole: Option<Whole>,
    /// How objects are described; `None` where that is not told.
    pub described: Option<Described>,
}

/// How objects are read as a whole.
#[derive(Clone)]
pub struct Whole {
    /// Reads them.
    pub reader: Arc<dyn BulkReader>,
    /// Which of their fields are ours.
    pub mappings: Mappings,
}

impl From<&OpenConnection> for Source {
    fn from(opened: &OpenConnection) -> Self {
        let OpenConnection { connection, crm, mappings, bulk_reader, schema, .. } = opened;
        let objects =
            mappings.objects().iter().map(|it| (it.object.clone(), it.remote_fields())).collect();
        let platform = mappings.platform();
        let whole = bulk_reader.clone().map(|reader| Whole { reader, mappings: mappings.clone() });
        let described =
            schema.clone().map(|schema| Described { schema, mappings: mappings.clone() });
        let (connection, crm) = (connection.clone(), crm.clone());
        Self { connection, platform, crm, objects, whole, described }
    }
}

/// Polls one connection.
pub struct Poller {
    pub(crate) source: Source,
    pub(crate) ports: PollerPorts,
    pub(crate) settings: PollSettings,
    is_running: AtomicBool,
}

/// Ends a run however it ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Poller {
    /// Polls every object of `source`.
    pub fn new(source: Source, ports: PollerPorts, settings: PollSettings) -> Self {
        Self { source, ports, settings, is_running: AtomicBool::new(false) }
    }

    /// Reads every object up to now. One that fails does not keep the others from being read.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the faults of all objects that were not read to their end.
    pub async fn poll(&self) -> Result<(), Failure> {
        self.poll_until(None).await
    }

    /// Does the same, and leaves to the next run what is not begun by `until`.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub async fn poll_until(&self, until: Option<Timestamp>) -> Result<(), Failure> {
        if self.is_running.swap(true, Ordering::AcqRel) {
            debug!(connection = %self.source.connection, "`{}` is being polled already", self.source.connection);
            return Ok(());
        }
        let _running = Running(&self.is_running);
        let health = match attributed(self.work(), self.source.crm.health()).await {
            Ok(health) => health,
            Err(error) => {
                let detail = chain(&error).to_string();
                self.note_state(ConnectionStatus::Down, Some(detail), None).await;
                return Err(error.into());
            }
        };
        let mut faults = Vec::new();
        for (object, fields) in &self.source.objects {
            if self.is_over(until) {
                info!(connection = %self.source.connection,
                    "the time of this run is over: the next one goes on with `{object}`");
                break;
            }
            if let Err(fault) = self.sweep(object, fields, health.remote_now, until).await {
                faults.push(fault);
            }
        }
        let broken = self.broken_fields().await;
        self.note_health(&health, &faults, &broken).await;
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::transient(faults.join("; "))),
        }
    }

    /// Whether nothing is to be begun any more.
    pub(crate) fn is_over(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|it| it <= self.ports.clock.now())
    }

    /// Says for whom calls are made.
    pub(crate) fn work(&self) -> Work {
        Work { connection: Some(self.source.connection.clone()), ..Work::default() }
    }

    /// Returns the first version that is not read at `remote_now`.
    ///
    /// Versions are whole seconds. The second that is not over yet is read too when the next window
    /// reads it again: what changes in the rest of it is not missed.
    fn end(&self, remote_now: Timestamp) -> Timestamp {
        let PollSettings { overlap, lag, .. } = self.settings;
        let end = remote_now.minus(lag);
        if overlap >= ONE_SECOND { end.plus(ONE_SECOND) } else { end }
    }

    /// Reads one object and writes its run into the journal.
    async fn sweep(
        &self,
        object: &ObjectName,
        fields: &[String],
        remote_now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<(), String> {
        let mut run = SyncRun {
            id: self.ports.random.correlation_id(),
            connection: self.source.connection.clone(),
            object: object.clone(),
            started_at: self.ports.clock.now(),
            ended_at: None,
            outcome: RunOutcome::Running,
            n_read: 0,
            n_queued: 0,
            error: None,
        };
        self.record(&run).await;
        let work = Work { run_id: Some(run.id.clone()), ..self.work() };
        let mut sweep = Sweep { poller: self, object, fields, until, tally: Default::default() };
        let loaded = attributed(work.clone(), self.load_whole(&mut run, remote_now, until)).await;
        let ended = match loaded {
            Ok(SweepEnd::OutOfTime) => Ok(SweepEnd::OutOfTime),
            // What changed since the load began is read at once.
            Ok(_) => attributed(work, sweep.run(self.end(remote_now))).await,
            Err(error) => Err(error),
        };
        run.n_read += sweep.tally.n_read;
        run.n_queued = sweep.tally.n_queued;
        run.ended_at = Some(self.ports.clock.now());
        let result = match ended {
            Ok(SweepEnd::UpToDate) => {
                run.outcome = RunOutcome::Succeeded;
                Ok(())
            }
            Ok(SweepEnd::QueueFull { n_waiting }) => {
                run.outcome = RunOutcome::Failed;
                let queue = self.ports.queue.name();
                run.error = Some(format!("paused: {n_waiting} messages wait in `{queue}`"));
                Ok(())
            }
            Ok(SweepEnd::OutOfTime) => {
                run.outcome = RunOutcome::Failed;
                run.error = Some("paused: the time of the run was over".to_owned());
                Ok(())
            }
            Err(error) => {
                run.outcome = RunOutcome::Failed;
                let fault = chain(&error).to_string();
                run.error = Some(fault.clone());
                Err(fault)
            }
        };
        self.record(&run).await;
        self.report(&run);
        result
    }

    fn report(&self, run: &SyncRun) {
        let SyncRun { connection, object, n_read, n_queued, .. } = run;
        let labels = [("connection", connection.to_string()), ("object", object.to_string())];
        counter!("poller_rows_read_total", &labels).increment(*n_read);
        counter!("poller_rows_queued_total", &labels).increment(*n_queued);
        match &run.error {
            Some(error) => warn!(connection = %connection, object = %object, n_rows = n_read,
                n_queued, error = %error, "`{object}` was not read to its end"),
            None if *n_queued > 0 => info!(connection = %connection, object = %object,
                n_rows = n_read, n_queued, "queued {n_queued} changes of `{object}`"),
            None => debug!(connection = %connection, object = %object, n_rows = n_read,
                "nothing new in `{object}`"),
        }
    }

    /// The journal is for people: without it the sync goes on.
    pub(crate) async fn record(&self, run: &SyncRun) {
        if let Err(error) = self.ports.journal.record(run).await {
            warn!(object = %run.object, error = %chain(&error), "a sync run was not recorded");
        }
    }

    async fn note_health(&self, health: &Health, faults: &[String], broken: &[String]) {
        if let Some(left) = health.calls_left {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            gauge!("platform_calls_left", "connection" => self.source.connection.to_string())
                .set(left as f64);
        }
        let few = health.calls_left.filter(|left| *left < self.settings.min_calls_left);
        let (status, detail) = match (faults, few) {
            ([], None) if !broken.is_empty() => {
                (ConnectionStatus::Degraded, Some(broken.join("; ")))
            }
            ([], None) => (ConnectionStatus::Healthy, None),
            ([], Some(left)) => {
                let detail = format!("only {left} calls are left in the platform's day");
                (ConnectionStatus::Degraded, Some(detail))
            }
            (faults, _) => (ConnectionStatus::Degraded, Some(faults.join("; "))),
        };
        self.note_state(status, detail, health.calls_left).await;
    }

    /// The state is for people too: a fault here is only logged.
    async fn note_state(
        &self,
        status: ConnectionStatus,
        detail: Option<String>,
        calls_left: Option<u64>,
    ) {
        if let Err(error) = self.write_state(status, detail, calls_left).await {
            warn!(connection = %self.source.connection, error = %chain(&error),
                "the state of `{}` was not written", self.source.connection);
        }
    }

    async fn write_state(
        &self,
        status: ConnectionStatus,
        detail: Option<String>,
        calls_left: Option<u64>,
    ) -> Result<(), PortError> {
        let name = ConnectionState::ledger_name(&self.source.connection);
        let entry = self.ports.ledger.get(&name).await?;
        let revision = entry.as_ref().map_or(0, |it| it.revision);
        let before: Option<ConnectionState> =
            entry.and_then(|it| serde_json::from_str(&it.value).ok());
        let checked_at = self.ports.clock.now();
        let last_success_at = match status {
            ConnectionStatus::Healthy | ConnectionStatus::Degraded => Some(checked_at),
            _ => before.as_ref().and_then(|it| it.last_success_at),
        };
        let state = ConnectionState {
            connection: self.source.connection.clone(),
            platform: self.source.platform.to_owned(),
            status,
            detail,
            checked_at,
            last_success_at,
            calls_left: calls_left.or_else(|| before.and_then(|it| it.calls_left)),
        };
        let value = serde_json::to_string(&state).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "ledger", "put", &name).with_source(error)
        })?;
        self.ports.ledger.put(&name, &value, revision).await.map(drop)
    }
}

#[async_trait]
impl ScheduleHandler for Poller {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        self.poll_until(tick.until).await
    }
}

#[cfg(test)]
mod tests;
