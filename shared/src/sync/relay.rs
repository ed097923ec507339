//! Sends what was changed here: the other half of the transactional outbox.
//!
//! It takes records in the order in which they can be made (parents first), looks at how each stands
//! over there before it writes, merges instead of overwriting, and settles each by its own result.
//! Whatever it does may end at any moment and be done again.

mod batch;
mod bulk;
mod job_hold;
mod look;
mod merges;
mod send;
mod size;

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tracing::{info, warn};

use super::guard::{DeleteGuard, GuardVerdict};
use super::mapping::{Mappings, ObjectMapping};
use crate::cost::{Work, attributed};
use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId};
use crate::ports::{
    BulkWriter, CaseStore, Clock, Crm, CrmWriter, Ledger, Outbox, OutboxDepth, Random, RecordScan,
};
use crate::time::Timestamp;
use crate::worker::{Backoff, Failure};

pub use size::BatchSize;

/// How the relay works.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// For how long records belong to the relay that took them.
    pub lease: Duration,
    /// With more records of an object waiting than this, they are sent by a job.
    pub bulk_threshold: u64,
    /// Records of one job at most.
    pub job_size: u32,
    /// How often a record that cannot be written now is tried before it waits for a person.
    pub max_attempts: u32,
    /// How long a record waits between two attempts.
    pub backoff: Backoff,
    /// When too much would be deleted.
    pub guard: DeleteGuard,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_mins(2),
            bulk_threshold: 2000,
            job_size: 10_000,
            max_attempts: 12,
            backoff: Backoff::default(),
            guard: DeleteGuard::default(),
        }
    }
}

/// A connection that records are sent to.
#[derive(Clone)]
pub struct RelayRemote {
    /// Its name.
    pub connection: ConnectionId,
    /// Which of its objects and fields are ours.
    pub mappings: Mappings,
    /// How to read it.
    pub crm: Arc<dyn Crm>,
    /// How to write to it.
    pub writer: Arc<dyn CrmWriter>,
    /// How to write very many records; `None` where it takes no jobs.
    pub bulk: Option<Arc<dyn BulkWriter>>,
}

/// What the relay works with.
#[derive(Clone)]
pub struct RelayPorts {
    /// Where rows are kept.
    pub store: Arc<dyn CaseStore>,
    /// What waits to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// How many records there are.
    pub scan: Arc<dyn RecordScan>,
    /// Where jobs under way are kept.
    pub ledger: Arc<dyn Ledger>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Jitter and names.
    pub random: Arc<dyn Random>,
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayTally {
    /// Records that the platform has taken.
    pub n_sent: u64,
    /// Records that needed no write: both sides had come to the same already.
    pub n_settled: u64,
    /// Records that wait for another attempt.
    pub n_postponed: u64,
    /// Records that wait for a person.
    pub n_held: u64,
}

impl RelayTally {
    fn add(&mut self, other: Self) {
        self.n_sent += other.n_sent;
        self.n_settled += other.n_settled;
        self.n_postponed += other.n_postponed;
        self.n_held += other.n_held;
    }

    /// Tells whether anything came out of the outbox.
    fn is_progress(self) -> bool {
        self.n_sent + self.n_settled + self.n_held > 0
    }
}

/// Sends what waits in the outbox.
pub struct Relay {
    remotes: Vec<RelayRemote>,
    ports: RelayPorts,
    settings: RelaySettings,
    owner: String,
}

/// One object of one connection, with all that is needed to send its records.
#[derive(Clone, Copy)]
struct Lane<'a> {
    remote: &'a RelayRemote,
    mapping: &'a ObjectMapping,
    ports: &'a RelayPorts,
    settings: &'a RelaySettings,
    owner: &'a str,
    actor: &'a str,
    /// Names this run in audit rows.
    run: &'a CorrelationId,
    until: Option<Timestamp>,
}

impl Lane<'_> {
    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| self.ports.clock.now() >= until)
    }
}

impl Relay {
    /// Sends records of `remotes`.
    pub fn new(remotes: Vec<RelayRemote>, ports: RelayPorts, settings: RelaySettings) -> Self {
        let owner = format!("relay-{:016x}", ports.random.bits() & u128::from(u64::MAX));
        Self { remotes, ports, settings, owner }
    }

    /// Sends all that waits and can be sent now, until `until` when it is given.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the faults of all objects that could not be sent; the others were.
    pub async fn run(&self, until: Option<Timestamp>) -> Result<RelayTally, Failure> {
        let run = self.ports.random.correlation_id();
        let depths = self.ports.outbox.depths().await?;
        report(&depths);
        let (mut tally, mut faults) = (RelayTally::default(), Vec::new());
        for remote in &self.remotes {
            let actor = format!("{}:{}", remote.mappings.platform(), remote.connection);
            for mapping in remote.mappings.objects().into_iter().filter(|it| it.goes_out()) {
                let lane = Lane {
                    remote,
                    mapping,
                    ports: &self.ports,
                    settings: &self.settings,
                    owner: &self.owner,
                    actor: &actor,
                    run: &run,
                    until,
                };
                let depth = depths.iter().find(|it| {
                    (&it.connection, &it.object) == (&remote.connection, &mapping.object)
                });
                let work = Work { connection: Some(remote.connection.clone()), ..Work::default() };
                match attributed(work, lane.run(depth)).await {
                    Ok(done) => tally.add(done),
                    Err(fault) => faults.push(fault.to_string()),
                }
            }
        }
        if faults.is_empty() { Ok(tally) } else { Err(Failure::transient(faults.join("; "))) }
    }

    /// Returns the mappings of every connection that is sent to.
    pub fn remotes(&self) -> &[RelayRemote] {
        &self.remotes
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn report(depths: &[OutboxDepth]) {
    for OutboxDepth { connection, object, n_waiting, n_failed, .. } in depths {
        for (status, count) in [("waiting", n_waiting), ("failed", n_failed)] {
            let labels = [
                ("connection", connection.to_string()),
                ("object", object.to_string()),
                ("status", status.to_owned()),
            ];
            gauge!("outbox_records", &labels).set(*count as f64);
        }
    }
}

impl Lane<'_> {
    /// Sends what waits of one object.
    async fn run(&self, depth: Option<&OutboxDepth>) -> Result<RelayTally, Failure> {
        let mut tally = RelayTally::default();
        // A job that was begun by a process that is gone comes first.
        let Some(resumed) = self.resume_job().await? else { return Ok(tally) };
        tally.add(resumed);
        let Some(depth) = depth.filter(|it| it.n_waiting > 0) else { return Ok(tally) };
        if let Some(reason) = self.too_many_deletes(depth).await? {
            warn!(connection = %self.remote.connection, object = %self.mapping.object,
                "nothing of `{}` is sent: {reason}", self.mapping.object);
            return Err(Failure::transient(reason));
        }
        let mut size = BatchSize::new(self.remote.writer.limits().max_records);
        let mut n_left = depth.n_waiting;
        while !self.is_over() {
            let is_bulk = n_left > self.settings.bulk_threshold;
            let bulk = self.remote.bulk.as_deref().filter(|_| is_bulk);
            let Some(done) = self.send_batch(&mut size, bulk).await? else { break };
            n_left = n_left.saturating_sub(done.n_sent + done.n_settled + done.n_held);
            tally.add(done);
            if is_bulk && !done.is_progress() {
                // What is left cannot go by a job: the rest goes by single calls.
                n_left = n_left.min(self.settings.bulk_threshold);
            }
        }
        self.count(tally);
        Ok(tally)
    }

    fn count(&self, tally: RelayTally) {
        let outcomes = [
            ("sent", tally.n_sent),
            ("settled", tally.n_settled),
            ("postponed", tally.n_postponed),
            ("held", tally.n_held),
        ];
        for (outcome, count) in outcomes {
            counter!("relay_records_total", "connection" => self.remote.connection.to_string(),
                "object" => self.mapping.object.to_string(), "outcome" => outcome)
            .increment(count);
        }
        if tally != RelayTally::default() {
            let RelayTally { n_sent, n_settled, n_postponed, n_held } = tally;
            info!(connection = %self.remote.connection, object = %self.mapping.object, n_sent,
                n_settled, n_postponed, n_held, "sent {n_sent} records of `{}`",
                self.mapping.object);
        }
    }

    /// Says why nothing is sent, when too much would be deleted.
    async fn too_many_deletes(&self, depth: &OutboxDepth) -> Result<Option<String>, PortError> {
        let OutboxDepth { connection, object, n_deletes, .. } = depth;
        if *n_deletes <= self.settings.guard.min_records {
            return Ok(None);
        }
        let n_live = self.ports.scan.n_records(connection, object).await?;
        // What is to be deleted is not live any more.
        let verdict = self.settings.guard.judge(*n_deletes, n_live + n_deletes);
        Ok(match verdict {
            GuardVerdict::Go => None,
            GuardVerdict::Stop { reason } => {
                let is_let_through = DeleteGuard::is_let_through(
                    &*self.ports.ledger,
                    connection,
                    object,
                    self.ports.clock.now(),
                )
                .await?;
                (!is_let_through).then_some(reason)
            }
        })
    }
}

#[cfg(test)]
mod tests;
