//! Every object of every connection, compared one after the other.

use std::sync::Arc;

use async_trait::async_trait;
use shared::cost::{Work, attributed};
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{
    BulkReader, CaseStore, Clock, Crm, Ledger, Random, ReconcileJournal, ReconcileOutcome,
    Reconciliation, RecordScan,
};
use shared::sync::{Mappings, ReconcileSettings, Reconciler};
use shared::worker::{Failure, ScheduleHandler, Tick};
use tracing::warn;
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

/// Compares connections.
pub struct ReconcileRuns {
    compared: Vec<Compared>,
    ports: ReconcilePorts,
    settings: ReconcileSettings,
}

impl ReconcileRuns {
    /// Compares each of `compared`.
    pub fn new(
        compared: Vec<Compared>,
        ports: ReconcilePorts,
        settings: ReconcileSettings,
    ) -> Self {
        Self { compared, ports, settings }
    }

    /// Compares every object, or only `object` when it is given. One that cannot be compared does not
    /// keep the others from it.
    pub async fn compare(
        &self,
        object: Option<&ObjectName>,
    ) -> Vec<(ConnectionId, ObjectName, Result<Reconciliation, Failure>)> {
        let mut results = Vec::new();
        for it in &self.compared {
            let actor = format!("{}:{}", it.mappings.platform(), it.connection);
            let reconciler = self.reconciler(it, &actor);
            for mapping in it.mappings.objects() {
                if object.is_some_and(|object| object != &mapping.object) {
                    continue;
                }
                let work = Work { connection: Some(it.connection.clone()), ..Work::default() };
                let result = attributed(work, reconciler.run(mapping)).await;
                results.push((it.connection.clone(), mapping.object.clone(), result));
            }
        }
        results
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
    async fn run(&self, _: Tick) -> Result<(), Failure> {
        let mut faults = Vec::new();
        for (connection, object, result) in self.compare(None).await {
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
