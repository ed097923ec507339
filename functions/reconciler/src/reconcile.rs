//! Every object of every connection, compared one after the other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::cost::{Work, attributed};
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{
    BulkReader, CaseStore, Clock, Crm, Ledger, Random, ReconcileJournal, ReconcileOutcome,
    Reconciliation, RecordScan,
};
use shared::sync::{Cursor, Mappings, ObjectMapping, ReconcileSettings, Reconciler};
use shared::time::Timestamp;
use shared::worker::{Failure, ScheduleHandler, Tick};
use tracing::{info, warn};
use wiring::OpenConnection;

/// Below this share of records that were the same, a run failed although all was put right.
const MIN_ACCURACY: f64 = 0.995;

/// A connection that can be compared.
#[derive(Clone)]
pub struct Compared {
    /// Its name.
    pub connection: ConnectionId,
    /// Which of its objects and fields are ours.
    pub mappings: Mappings,
    /// How whole objects are read over there.
    pub reader: Arc<dyn BulkReader>,
    /// How one record is read.
    pub crm: Arc<dyn Crm>,
}

/// Returns `opened` as one that can be compared; `None` when whole objects cannot be read from it.
pub fn comparable(opened: &OpenConnection) -> Option<Compared> {
    let reader = opened.bulk_reader.clone()?;
    Some(Compared {
        connection: opened.connection.clone(),
        mappings: opened.mappings.clone(),
        reader,
        crm: opened.crm.clone(),
    })
}

/// What comparisons work with.
#[derive(Clone)]
pub struct ReconcilePorts {
    /// Where rows are kept.
    pub store: Arc<dyn CaseStore>,
    /// How all rows are read.
    pub scan: Arc<dyn RecordScan>,
    /// Where deletions are let through.
    pub ledger: Arc<dyn Ledger>,
    /// Where comparisons are kept.
    pub journal: Arc<dyn ReconcileJournal>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names comparisons.
    pub random: Arc<dyn Random>,
}

/// An object with what was found of it.
pub type ComparedObject = (ConnectionId, ObjectName, Result<Reconciliation, Failure>);

/// Compares connections.
pub struct ReconcileRuns {
    compared: Vec<Compared>,
    ports: ReconcilePorts,
    settings: ReconcileSettings,
    every: Duration,
}

/// A timer may come a little early.
const EARLY: f64 = 0.9;

/// One that failed is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_hours(1);

/// Comparisons of the past that are looked at: some days of many objects.
const N_REMEMBERED: u32 = 500;

impl ReconcileRuns {
    /// Compares each of `compared`, `every` so often when a timer starts it.
    pub fn new(
        compared: Vec<Compared>,
        ports: ReconcilePorts,
        settings: ReconcileSettings,
        every: Duration,
    ) -> Self {
        Self { compared, ports, settings, every }
    }

    /// Compares every object, or only `object` when it is given. One that cannot be compared does not
    /// keep the others from it.
    pub async fn compare(&self, object: Option<&ObjectName>) -> Vec<ComparedObject> {
        let mut results = Vec::new();
        for it in &self.compared {
            for mapping in it.mappings.objects() {
                if object.is_none_or(|object| object == &mapping.object) {
                    results.push(self.compare_one(it, mapping).await);
                }
            }
        }
        results
    }

    /// Compares every object that was not compared for long enough, and has been read to its end. With
    /// the time of `tick` over, the rest is left to the next.
    async fn compare_what_is_due(&self, tick: Tick) -> Result<Vec<ComparedObject>, Failure> {
        let now = self.ports.clock.now();
        let (since, retry_since) = (now.minus(self.every.mul_f64(EARLY)), now.minus(RETRY_AFTER));
        let recent: Vec<_> = self.ports.journal.reconciliations(N_REMEMBERED).await?;
        let mut results = Vec::new();
        for it in &self.compared {
            for mapping in it.mappings.objects() {
                let was_compared = recent.iter().any(|run| {
                    (&run.connection, &run.object) == (&it.connection, &mapping.object)
                        && match run.outcome {
                            ReconcileOutcome::Running => false,
                            ReconcileOutcome::Failed => run.started_at >= retry_since,
                            _ => run.started_at >= since,
                        }
                });
                if tick.is_over(self.ports.clock.now()) {
                    info!("the time of this run is over: the next one goes on");
                    return Ok(results);
                }
                if !was_compared && self.is_read(&it.connection, &mapping.object).await? {
                    results.push(self.compare_one(it, mapping).await);
                }
            }
        }
        Ok(results)
    }

    /// Tells whether an object was read to its end once: before that, most of it would differ.
    async fn is_read(
        &self,
        connection: &ConnectionId,
        object: &ObjectName,
    ) -> Result<bool, Failure> {
        let name = Cursor::ledger_name(connection, object);
        let Some(entry) = self.ports.ledger.get(&name).await? else { return Ok(false) };
        let cursor: Option<Cursor> = serde_json::from_str(&entry.value).ok();
        Ok(cursor.is_some_and(|it| it.at > Timestamp::EPOCH && !it.is_backfill))
    }

    async fn compare_one(&self, it: &Compared, mapping: &ObjectMapping) -> ComparedObject {
        let actor = format!("{}:{}", it.mappings.platform(), it.connection);
        let work = Work { connection: Some(it.connection.clone()), ..Work::default() };
        let result = attributed(work, self.reconciler(it, &actor).run(mapping)).await;
        (it.connection.clone(), mapping.object.clone(), result)
    }

    fn reconciler<'a>(&'a self, it: &'a Compared, actor: &'a str) -> Reconciler<'a> {
        Reconciler {
            connection: &it.connection,
            actor,
            reader: &*it.reader,
            crm: &*it.crm,
            store: &*self.ports.store,
            scan: &*self.ports.scan,
            ledger: &*self.ports.ledger,
            journal: &*self.ports.journal,
            clock: &*self.ports.clock,
            random: &*self.ports.random,
            settings: &self.settings,
        }
    }
}

/// Says what is wrong with a comparison that came to its end.
fn fault(run: &Reconciliation) -> Option<String> {
    let Reconciliation { object, n_differ, n_repaired, .. } = run;
    let why = run.error.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
    match run.outcome {
        ReconcileOutcome::Differs => Some(format!(
            "{n_differ} records of `{object}` differ, {n_repaired} of them were put right{why}"
        )),
        ReconcileOutcome::Repaired if run.accuracy() < MIN_ACCURACY => Some(format!(
            "{n_differ} records of `{object}` differed and were put right: more than the sync may \
             lose, see what the runs of the day say"
        )),
        _ => None,
    }
}

#[async_trait]
impl ScheduleHandler for ReconcileRuns {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        let mut faults = Vec::new();
        for (connection, object, result) in self.compare_what_is_due(tick).await? {
            match result {
                Ok(run) => faults.extend(fault(&run).map(|it| format!("{connection}: {it}"))),
                Err(failure) => {
                    warn!(connection = %connection, object = %object, error = %failure,
                        "`{object}` was not compared to its end");
                    faults.push(format!("{connection}: `{object}`: {failure}"));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Failure::transient(faults.join("; "))) }
    }
}
