//! Bulk queries: begun once, read in parallel, gone on with after a crash.
//!
//! Source: Bulk API 2.0 guide, "Query jobs"; ADR 0021.

use std::time::Duration;

use http::Method;
use serde_json::json;
use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};
use tokio::time::sleep;
use tracing::{info, warn};

use super::fault::BulkFault;
use super::job::{JobAnswer, JobKind, JobState};
use super::journal::JobJournal;
use super::page::{PageReceipt, ResultPage};
use super::poll::PollPace;
use super::query_state::QueryJobState;
use crate::client::{PLATFORM, RestCall, SalesforceClient};

/// How often a page is read, or a job asked for, when that fails.
pub(super) const MAX_TRIES: u32 = 6;

/// How much earlier than asked for a job may seem to be begun: the org's clock is not ours.
const CLOCK_SKEW: Duration = Duration::from_secs(120);

/// Runs bulk queries.
#[derive(Clone, Debug)]
pub struct BulkQuery {
    pub(super) client: SalesforceClient,
    pub(super) pace: PollPace,
    pub(super) page_records: u32,
    pub(super) n_parallel: usize,
    others: Option<Vec<SalesforceId>>,
}

/// What a bulk query read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryReport {
    /// Records, each counted once.
    pub n_records: u64,
    /// Pages.
    pub n_pages: usize,
    /// Pages that broke and were read again.
    pub n_read_again: usize,
}

impl SalesforceClient {
    /// Runs bulk queries, by default in pages of 50,000 records, four at a time.
    pub fn bulk_query(&self) -> BulkQuery {
        let (pace, page_records, n_parallel) = (PollPace::default(), 50_000, 4);
        BulkQuery { client: self.clone(), pace, page_records, n_parallel, others: None }
    }
}

impl BulkQuery {
    /// Asks for the state of a job at this pace.
    #[must_use]
    pub fn with_pace(mut self, pace: PollPace) -> Self {
        self.pace = pace;
        self
    }

    /// Asks for pages of so many records, at least one.
    #[must_use]
    pub fn with_page_records(mut self, n_records: u32) -> Self {
        self.page_records = n_records.max(1);
        self
    }

    /// Reads so many pages at a time, at least one.
    #[must_use]
    pub fn with_parallel(mut self, n_pages: usize) -> Self {
        self.n_parallel = n_pages.max(1);
        self
    }

    /// Goes on with a job whose creation had no answer, where the caller vouches that every other
    /// bulk query of this user, in whatever process, is among `others`.
    ///
    /// The org does not tell what a job asks for, so nobody else can know that a job is the lost one;
    /// without this such a job is left to itself, which costs one of 10,000 a day and harms nothing.
    #[must_use]
    pub fn as_sole_caller(mut self, others: Vec<SalesforceId>) -> Self {
        self.others = Some(others);
        self
    }

    /// Runs the query to its end, from where `state` stands: begins the job, waits for it, hands each
    /// page to `consume`, deletes the job.
    ///
    /// `consume` reads a page to its end, makes what it read durable and returns the receipt. A page
    /// that broke comes again from its beginning, in this run or in the next. `state` is saved after
    /// each step.
    ///
    /// # Errors
    ///
    /// `Rejected` when the job failed for good: read by queries instead. `NotFound` when the job is
    /// gone, after seven days: begin anew. Else as the org, the journal or `consume` say: run it
    /// again with the same state.
    pub async fn run<F, Fut>(
        &self,
        state: &mut QueryJobState,
        journal: &dyn JobJournal<QueryJobState>,
        consume: F,
    ) -> Result<QueryReport, PortError>
    where
        F: Fn(ResultPage) -> Fut,
        Fut: Future<Output = Result<PageReceipt, PortError>>,
    {
        let id = self.begin(state, journal).await?;
        self.wait(state, journal, &id).await?;
        let n_read_again = self.read(state, journal, &id, consume).await?;
        if let Err(error) = self.client.delete_job(JobKind::Query, &id).await {
            // The org deletes it after seven days.
            warn!(job.id = %id.as_str(), error = %shared::chain(&error),
                "bulk job `{}` was not deleted", id.as_str());
        }
        Ok(QueryReport { n_records: state.n_read(), n_pages: state.pages.len(), n_read_again })
    }

    /// Begins the job, once: after a lost answer the org is asked first what it knows.
    ///
    /// # Errors
    ///
    /// As the org or the journal answers.
    pub async fn begin(
        &self,
        state: &mut QueryJobState,
        journal: &dyn JobJournal<QueryJobState>,
    ) -> Result<SalesforceId, PortError> {
        let mut wait = None;
        let mut n_tried = 0;
        loop {
            if let Some(id) = &state.job_id {
                return Ok(id.clone());
            }
            if state.asked_at.is_some()
                && let Some(found) = self.find_lost(state).await?
            {
                info!(job.id = %found.as_str(), "found the bulk job `{}` again", found.as_str());
                state.job_id = Some(found);
                journal.save(state).await?;
                continue;
            }
            state.asked_at.get_or_insert(self.client.clock().now());
            let version = state.api_version.get_or_insert(self.client.api_version().to_owned());
            let call =
                RestCall::data("create query job", Method::POST, "query", &["jobs", "query"])
                    .in_version(version)
                    .with_json(&json!({
                        "operation": if state.reads_deleted { "queryAll" } else { "query" },
                        "query": state.soql, "columnDelimiter": "COMMA", "lineEnding": "LF",
                    }))?;
            journal.save(state).await?;
            let answered: Result<JobAnswer, PortError> =
                self.client.call(&call).await.and_then(|it| it.json());
            n_tried += 1;
            match answered {
                Ok(job) => {
                    state.job_id = Some(job.id);
                    journal.save(state).await?;
                }
                Err(error) if error.kind() == PortErrorKind::Unavailable && n_tried < MAX_TRIES => {
                    let next = self.pace.next(wait);
                    sleep(error.retry_after().map_or(next, |it| it.max(next))).await;
                    wait = Some(next);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks for the job whose creation had no answer; there must be exactly one that can be it.
    async fn find_lost(&self, state: &QueryJobState) -> Result<Option<SalesforceId>, PortError> {
        let (Some(others), Some(asked_at)) = (&self.others, state.asked_at) else {
            return Ok(None);
        };
        let me = self.client.user_id().await?;
        let operation = if state.reads_deleted { "queryAll" } else { "query" };
        let since = asked_at.minus(CLOCK_SKEW);
        let mut found = Vec::new();
        self.client
            .jobs(JobKind::Query, |job| {
                let is_mine = me.is_some() && job.created_by_id == me;
                let is_it = job.operation.as_deref() == Some(operation)
                    && job.created_date.is_some_and(|at| at >= since)
                    && !matches!(job.state, JobState::Failed | JobState::Aborted);
                if is_mine && is_it && !others.contains(&job.id) {
                    found.push(job.id);
                }
                true
            })
            .await?;
        match found.len() {
            1 => Ok(found.pop()),
            n => {
                info!(n_jobs = n, "no bulk job is certainly the one whose creation had no answer");
                Ok(None)
            }
        }
    }

    /// Waits for the job's end.
    async fn wait(
        &self,
        state: &mut QueryJobState,
        journal: &dyn JobJournal<QueryJobState>,
        id: &SalesforceId,
    ) -> Result<(), PortError> {
        if state.n_processed.is_some() {
            return Ok(());
        }
        let job = self.client.wait_for_job(JobKind::Query, id, self.pace).await?;
        if let Some(fault) = job.fault() {
            return Err(error_of(fault, "wait for job", id));
        }
        state.n_processed = Some(job.number_records_processed.unwrap_or(0));
        journal.save(state).await
    }
}

pub(super) fn error_of(fault: BulkFault, operation: &'static str, id: &SalesforceId) -> PortError {
    PortError::new(fault.kind(), PLATFORM, operation, id.as_str()).with_source(fault)
}
