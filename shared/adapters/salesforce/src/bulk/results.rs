//! Reads the result files of a job, and reconciles them with what was sent.

use shared::{PortError, PortErrorKind};
use tokio::time::sleep;
use tracing::warn;

use super::csv::CsvRecord;
use super::fault::BulkFault;
use super::ingest_plan::IngestPlan;
use super::ingest_state::IngestTotals;
use super::job::{JobAnswer, JobKind, is_passing};
use super::keys::KeyDigest;
use super::outcome::{IngestOutcomes, ResultColumns, ResultFile, RowOutcome, RowResult};
use super::page::{Announced, ResultPage};
use super::poll::PollPace;
use super::query::error_of;
use super::upload::Sent;
use crate::client::SalesforceClient;
use crate::error::ErrorClass;

/// How often a result file is read when it breaks.
const MAX_TRIES: u32 = 6;

/// Outcomes that are handed on at a time.
const BATCH: usize = 1000;

/// The most rows of a part that are sent again after they were locked: their keys are kept in memory.
/// More than these are handed on as failed, with their class.
const MAX_AGAIN: usize = 10_000;

/// The results of one job.
pub(super) struct Results<'a> {
    pub(super) client: &'a SalesforceClient,
    pub(super) pace: PollPace,
    pub(super) plan: &'a IngestPlan,
    pub(super) job: &'a JobAnswer,
    pub(super) sent: &'a Sent,
    /// Whether rows that were locked are held back, to be sent again.
    pub(super) holds_back: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) totals: IngestTotals,
    /// The keys of rows that were locked and are not handed on.
    pub(super) locked: Vec<String>,
    keys: KeyDigest,
}

impl Results<'_> {
    /// Reads every result file, hands the outcomes on, and checks that each row that was sent has one.
    ///
    /// # Errors
    ///
    /// `Unavailable` when a file does not arrive whole, or when results are missing; `Rejected` when
    /// they are those of other rows.
    pub(super) async fn read(&self, outcomes: &dyn IngestOutcomes) -> Result<Found, PortError> {
        let n_processed = self.job.number_records_processed.unwrap_or(0);
        let n_failed = self.job.number_records_failed.unwrap_or(0);
        let (n_sent, n_succeeded) = (self.sent.n_rows, n_processed.saturating_sub(n_failed));
        let n_unprocessed = n_sent.saturating_sub(n_processed);
        let not_reconciled = || {
            let fault = BulkFault::NotReconciled { n_sent, n_succeeded, n_failed, n_unprocessed };
            error_of(fault, "reconcile", &self.job.id)
        };
        if n_processed > n_sent || n_failed > n_processed {
            return Err(not_reconciled());
        }
        let mut found = Found::default();
        // A file that the job says is empty costs no call.
        if n_succeeded > 0 {
            self.read_whole(ResultFile::Successful, n_succeeded, outcomes, &mut found).await?;
        }
        if n_failed > 0 {
            self.read_whole(ResultFile::Failed, n_failed, outcomes, &mut found).await?;
        }
        if n_unprocessed > 0 {
            let file = ResultFile::Unprocessed;
            let read = self.read_whole(file, n_unprocessed, outcomes, &mut found).await;
            match read {
                Ok(()) => {}
                // The job ended early, which is told anyhow: a row without an outcome was not
                // processed.
                Err(error) if self.job.fault().is_some() => {
                    warn!(job.id = %self.job.id.as_str(), error = %shared::chain(&error),
                        "the org does not tell which rows a bulk job left out");
                    found.totals.n_unprocessed = n_unprocessed;
                    return Ok(found);
                }
                Err(error) if error.kind() == PortErrorKind::Unavailable => {
                    return Err(not_reconciled());
                }
                Err(error) => return Err(error),
            }
        }
        if found.keys.n_keys() != n_sent {
            return Err(not_reconciled());
        }
        if found.keys != self.sent.keys {
            return Err(error_of(BulkFault::OtherKeys, "reconcile", &self.job.id));
        }
        Ok(found)
    }

    /// Reads one file to its end, again while it breaks.
    async fn read_whole(
        &self,
        file: ResultFile,
        n_rows: u64,
        outcomes: &dyn IngestOutcomes,
        found: &mut Found,
    ) -> Result<(), PortError> {
        let (mut wait, mut n_tried) = (None, 0);
        loop {
            let mut part = Found::default();
            let error = match self.read_once(file, n_rows, outcomes, &mut part).await {
                Ok(()) => {
                    found.add(part);
                    return Ok(());
                }
                Err(error) => error,
            };
            n_tried += 1;
            if !is_passing(&error) || n_tried >= MAX_TRIES {
                return Err(error);
            }
            warn!(job.id = %self.job.id.as_str(), error = %shared::chain(&error), attempt = n_tried,
                "the {} of a bulk job broke and are read again", file.resource());
            let next = self.pace.next(wait);
            sleep(error.retry_after().map_or(next, |it| it.max(next))).await;
            wait = Some(next);
        }
    }

    async fn read_once(
        &self,
        file: ResultFile,
        n_rows: u64,
        outcomes: &dyn IngestOutcomes,
        found: &mut Found,
    ) -> Result<(), PortError> {
        let rest = [file.resource(), ""];
        let call = SalesforceClient::job_call(
            "read results",
            http::Method::GET,
            JobKind::Ingest,
            &self.job.id,
            &rest,
        );
        let body = self.client.open(&call.for_csv()).await?;
        let mut page = ResultPage::begin(body, Announced::Count(n_rows), None)?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut columns = None;
        while page.advance().await? {
            let found_columns = match columns {
                Some(columns) => columns,
                None => {
                    let header = page.columns().unwrap_or_default();
                    let found = ResultColumns::find(self.plan, file, header);
                    *columns.insert(found.map_err(|it| page.fault(it))?)
                }
            };
            let record: CsvRecord<'_> = page.record()?;
            let outcome = found_columns.outcome(self.plan, record).map_err(|it| page.fault(it))?;
            found.keys.add(&outcome.key);
            if !found.note(&outcome, self.holds_back) {
                batch.push(outcome);
            }
            if batch.len() == BATCH {
                outcomes.settle(&batch).await?;
                batch.clear();
            }
        }
        page.finish()?;
        if batch.is_empty() { Ok(()) } else { outcomes.settle(&batch).await }
    }
}

impl Found {
    /// Counts an outcome; tells whether it is held back, to be sent again.
    fn note(&mut self, outcome: &RowOutcome, holds_back: bool) -> bool {
        let totals = &mut self.totals;
        match &outcome.result {
            RowResult::Succeeded { is_created, .. } => {
                totals.n_succeeded += 1;
                totals.n_created += u64::from(*is_created);
            }
            RowResult::Failed(fault)
                if holds_back
                    && fault.class == ErrorClass::RetryAlone
                    && self.locked.len() < MAX_AGAIN =>
            {
                self.locked.push(outcome.key.clone());
                return true;
            }
            RowResult::Failed(_) => totals.n_failed += 1,
            RowResult::Unprocessed => totals.n_unprocessed += 1,
        }
        false
    }

    fn add(&mut self, other: Self) {
        self.totals.add(other.totals);
        self.locked.extend(other.locked);
        self.keys.merge(&other.keys);
    }
}

impl IngestTotals {
    pub(super) fn add(&mut self, other: Self) {
        self.n_jobs += other.n_jobs;
        self.n_succeeded += other.n_succeeded;
        self.n_created += other.n_created;
        self.n_failed += other.n_failed;
        self.n_unprocessed += other.n_unprocessed;
        self.n_refused += other.n_refused;
        self.n_sent_again += other.n_sent_again;
    }
}
