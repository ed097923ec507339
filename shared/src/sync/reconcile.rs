//! Compares an object on both sides, and puts right what differs.
//!
//! Both sides are read once, as streams, and digested by ranges of ids. Only ranges that differ are
//! read again, record by record. A record that was changed a moment ago is not yet a difference: it
//! is looked at once more when there was time to take it in. What waits to be sent from here is no
//! difference either: what is compared is what each side says the platform holds.

mod check;
mod repair;
mod survey;

use std::time::Duration;

use metrics::{counter, gauge};
use tracing::{info, warn};

use super::guard::DeleteGuard;
use super::mapping::ObjectMapping;
use crate::ids::{ConnectionId, CorrelationId};
use crate::model::FieldName;
use crate::ports::{
    BulkReader, CaseStore, Clock, Crm, Difference, DifferenceKind, Ledger, Random,
    ReconcileJournal, ReconcileOutcome, Reconciliation, RecordScan,
};
use crate::worker::Failure;
use check::Check;
use survey::Survey;

/// How a comparison works.
#[derive(Clone, Debug)]
pub struct ReconcileSettings {
    /// Whether what differs is put right.
    pub repairs: bool,
    /// For how long after a change over there it may be under way.
    pub settle: Duration,
    /// Records of a range, at least.
    pub range_size: u32,
    /// How many differences are named.
    pub max_samples: usize,
    /// When too much would be deleted here.
    pub guard: DeleteGuard,
}

impl Default for ReconcileSettings {
    fn default() -> Self {
        Self {
            repairs: true,
            settle: Duration::from_secs(30),
            range_size: 500,
            max_samples: 50,
            guard: DeleteGuard::default(),
        }
    }
}

/// Compares objects of one connection.
#[derive(Clone, Copy)]
pub struct Reconciler<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// Who is named in the audit log, such as `salesforce:main`.
    pub actor: &'a str,
    /// How whole objects are read over there.
    pub reader: &'a dyn BulkReader,
    /// How one record is read.
    pub crm: &'a dyn Crm,
    /// Where rows are kept.
    pub store: &'a dyn CaseStore,
    /// How all rows are read here.
    pub scan: &'a dyn RecordScan,
    /// Where deletions are let through.
    pub ledger: &'a dyn Ledger,
    /// Where comparisons are kept.
    pub journal: &'a dyn ReconcileJournal,
    /// The time here.
    pub clock: &'a dyn Clock,
    /// Names comparisons.
    pub random: &'a dyn Random,
    /// How it works.
    pub settings: &'a ReconcileSettings,
}

/// What was found so far.
#[derive(Clone, Debug, Default)]
struct Findings {
    n_here: u64,
    n_there: u64,
    n_differ: u64,
    n_repaired: u64,
    samples: Vec<Difference>,
    /// Why something was not put right.
    error: Option<String>,
}

impl Findings {
    fn note(&mut self, difference: Difference, is_repaired: bool, max_samples: usize) {
        self.n_differ += 1;
        self.n_repaired += u64::from(is_repaired);
        if self.samples.len() < max_samples {
            self.samples.push(difference);
        }
    }
}

impl Reconciler<'_> {
    /// Compares the object of `mapping`, and writes what was found into the journal.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it does not come to its end; the journal says so too. Differences are no
    /// failure of the comparison: they are what it returns.
    pub async fn run(&self, mapping: &ObjectMapping) -> Result<Reconciliation, Failure> {
        let mut run = Reconciliation {
            id: self.random.correlation_id(),
            connection: self.connection.clone(),
            object: mapping.object.clone(),
            started_at: self.clock.now(),
            ended_at: None,
            outcome: ReconcileOutcome::Running,
            n_here: 0,
            n_there: 0,
            n_differ: 0,
            n_repaired: 0,
            samples: Vec::new(),
            error: None,
        };
        self.journal.record_reconciliation(&run).await?;
        let compared = self.compare(mapping, &run.id).await;
        run.ended_at = Some(self.clock.now());
        match compared {
            Ok(findings) => {
                run.outcome = match () {
                    () if findings.n_differ == 0 => ReconcileOutcome::Equal,
                    () if findings.n_repaired == findings.n_differ => ReconcileOutcome::Repaired,
                    () => ReconcileOutcome::Differs,
                };
                (run.n_here, run.n_there) = (findings.n_here, findings.n_there);
                (run.n_differ, run.n_repaired) = (findings.n_differ, findings.n_repaired);
                (run.samples, run.error) = (findings.samples, findings.error);
                self.journal.record_reconciliation(&run).await?;
                self.report(&run);
                Ok(run)
            }
            Err(failure) => {
                run.outcome = ReconcileOutcome::Failed;
                run.error = Some(failure.to_string());
                self.journal.record_reconciliation(&run).await?;
                Err(failure)
            }
        }
    }

    async fn compare(
        &self,
        mapping: &ObjectMapping,
        run: &CorrelationId,
    ) -> Result<Findings, Failure> {
        let mut survey = Survey::new(*self, mapping, run);
        survey.read_here().await?;
        survey.read_there().await?;
        let differing = survey.differing();
        info!(connection = %self.connection, object = %mapping.object,
            n_ranges = survey.n_ranges(), n_differing = differing.len(),
            "compared `{}` by ranges", mapping.object);
        let check = Check::new(*self, mapping, run, survey.finish());
        for range in differing {
            check.range(range).await?;
        }
        check.look_again().await?;
        check.finish().await
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn report(&self, run: &Reconciliation) {
        let Reconciliation { object, n_here, n_there, n_differ, n_repaired, .. } = run;
        let labels = [("connection", self.connection.to_string()), ("object", object.to_string())];
        gauge!("sync_accuracy_ratio", &labels).set(run.accuracy());
        gauge!("sync_records", "connection" => self.connection.to_string(),
            "object" => object.to_string(), "side" => "here")
        .set(*n_here as f64);
        gauge!("sync_records", "connection" => self.connection.to_string(),
            "object" => object.to_string(), "side" => "there")
        .set(*n_there as f64);
        counter!("sync_differences_total", &labels).increment(*n_differ);
        let n_unrepaired = n_differ.saturating_sub(*n_repaired);
        gauge!("sync_unrepaired_records", &labels).set(n_unrepaired as f64);
        let outcome = run.outcome.as_str();
        if *n_differ == 0 {
            info!(connection = %self.connection, object = %object, n_here, n_there,
                "both sides of `{object}` hold the same {n_here} records");
        } else {
            warn!(connection = %self.connection, object = %object, n_here, n_there, n_differ,
                n_repaired, outcome, "{n_differ} records of `{object}` differed");
        }
    }
}

/// What is to be compared of fields.
fn comparable<'f>(
    mapping: &ObjectMapping,
    fields: &'f crate::model::Fields,
    unread: &[String],
) -> std::borrow::Cow<'f, crate::model::Fields> {
    let is_known = |name: &FieldName| {
        mapping.registers().any(|(it, _)| name == it) && !unread.iter().any(|it| name == it)
    };
    match fields.keys().all(is_known) {
        true => std::borrow::Cow::Borrowed(fields),
        false => std::borrow::Cow::Owned(
            fields
                .iter()
                .filter(|(name, _)| is_known(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        ),
    }
}

/// Names the difference of one record.
fn difference(
    record_id: &crate::ids::RecordId,
    kind: DifferenceKind,
    fields: Vec<String>,
) -> Difference {
    Difference { record_id: record_id.clone(), kind, fields }
}

#[cfg(test)]
mod tests;
