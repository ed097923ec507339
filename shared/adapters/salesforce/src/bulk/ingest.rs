//! Bulk uploads: parts made while they are sent, results joined by key, gone on with after a crash.
//!
//! Source: Bulk API 2.0 guide, "Bulk ingest"; ADR 0021.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::{HeaderValue, Method, StatusCode};
use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};
use tokio::time::sleep;
use tracing::{info, warn};

use super::csv::RowRefusal;
use super::fault::BulkFault;
use super::ingest_plan::{IngestPlan, IngestRows};
use super::ingest_state::{Again, IngestJobState, IngestTotals, PartPhase, PartState};
use super::job::{JobAnswer, JobKind, JobState, is_passing};
use super::journal::JobJournal;
use super::outcome::IngestOutcomes;
use super::poll::PollPace;
use super::query::error_of;
use super::results::{Found, Results};
use super::upload::{Extent, PartFile, Sent, Tally, lock};
use crate::client::{PLATFORM, Place, RestCall, SalesforceClient};

/// The most of a part, in bytes. Source: Bulk API 2.0 guide: "up to 100 MB" of raw data, so that it
/// stays below 150 MB once the org has encoded it.
const MAX_PART_BYTES: u64 = 100_000_000;

/// How often a job is asked for, or started, when that fails.
const MAX_TRIES: u32 = 8;

/// How often the job of a part is begun anew before somebody must look.
const MAX_ANEW: u32 = 5;

/// How often rows that were locked are sent again alone.
const MAX_ROUNDS: u32 = 3;

/// Runs bulk uploads.
#[derive(Clone, Debug)]
pub struct BulkIngest {
    pub(super) client: SalesforceClient,
    pace: PollPace,
    max_part_bytes: u64,
    lock_pause: Duration,
    is_packed: bool,
}

/// What runs an upload, beside its state.
struct Run<'a> {
    ingest: &'a BulkIngest,
    plan: Arc<IngestPlan>,
    rows: Arc<dyn IngestRows>,
    outcomes: &'a dyn IngestOutcomes,
    journal: &'a dyn JobJournal<IngestJobState>,
}

impl SalesforceClient {
    /// Runs bulk uploads, by default in parts of 100 MB that are packed with gzip.
    pub fn bulk_ingest(&self) -> BulkIngest {
        BulkIngest {
            client: self.clone(),
            pace: PollPace::default(),
            max_part_bytes: MAX_PART_BYTES,
            lock_pause: Duration::from_secs(5),
            is_packed: true,
        }
    }
}

impl BulkIngest {
    /// Asks for the state of a job at this pace.
    #[must_use]
    pub fn with_pace(mut self, pace: PollPace) -> Self {
        self.pace = pace;
        self
    }

    /// Makes parts of at most `n_bytes`, before they are packed; never more than 100 MB.
    #[must_use]
    pub fn with_part_bytes(mut self, n_bytes: u64) -> Self {
        self.max_part_bytes = n_bytes.min(MAX_PART_BYTES);
        self
    }

    /// Waits so long before rows that somebody had locked are sent again.
    #[must_use]
    pub fn with_lock_pause(mut self, pause: Duration) -> Self {
        self.lock_pause = pause;
        self
    }

    /// Sends parts as they are, as over a fast line where packing costs more than it saves.
    #[must_use]
    pub fn unpacked(mut self) -> Self {
        self.is_packed = false;
        self
    }

    /// Runs the upload to its end, from where `state` stands: one job a part, one part at a time, for
    /// jobs of one object lock each other out. `state` is saved after each step, and after a crash
    /// the real state of a job is read before anything is sent again.
    ///
    /// # Errors
    ///
    /// `Rejected` when the plan cannot be carried out or the org ended a job for good: the rows of
    /// that part have their outcomes nonetheless. `Conflict` when a job is in a state that nobody
    /// here made. Else as the org, the rows, the outcomes or the journal say: run it again with the
    /// same state.
    pub async fn run(
        &self,
        state: &mut IngestJobState,
        rows: Arc<dyn IngestRows>,
        outcomes: &dyn IngestOutcomes,
        journal: &dyn JobJournal<IngestJobState>,
    ) -> Result<IngestTotals, PortError> {
        state.plan.check().map_err(|fault| {
            let subject = state.plan.object.as_str();
            PortError::new(fault.kind(), PLATFORM, "plan upload", subject).with_source(fault)
        })?;
        let plan = Arc::new(state.plan.clone());
        let run = Run { ingest: self, plan, rows, outcomes, journal };
        while !state.is_done() {
            if state.part.is_none() {
                if !run.has_row(state.next_row).await? {
                    state.is_source_done = true;
                    journal.save(state).await?;
                    break;
                }
                state.part = Some(PartState::first(state.next_row));
            }
            run.step(state).await?;
        }
        Ok(state.totals)
    }
}

impl Run<'_> {
    /// Takes the part one step further, and saves where it stands.
    async fn step(&self, state: &mut IngestJobState) -> Result<(), PortError> {
        let Some(part) = &mut state.part else { return Ok(()) };
        match part.phase.clone() {
            PartPhase::Planned => {
                let job = self.create().await?;
                part.phase = PartPhase::Created { job_id: job.id.clone() };
                self.journal.save(state).await?;
                return self.upload(state, &job).await;
            }
            PartPhase::Created { job_id } => self.recover(part, &job_id).await?,
            PartPhase::Uploaded { job_id, sent } => {
                if self.start(part, &job_id).await? {
                    part.phase = PartPhase::Started { job_id, sent };
                } else {
                    part.phase = PartPhase::Planned;
                }
            }
            PartPhase::Started { job_id, sent } => return self.settle(state, &job_id, &sent).await,
        }
        self.journal.save(state).await
    }

    /// Finds out about a job that a process left before it knew whether the file was there: that
    /// cannot be seen, so the job goes, unstarted, and another is begun.
    async fn recover(&self, part: &mut PartState, job_id: &SalesforceId) -> Result<(), PortError> {
        let found = self.ingest.client.job(JobKind::Ingest, job_id).await?;
        if let Some(job) = found {
            let is_ours =
                matches!(job.state, JobState::Open | JobState::Failed | JobState::Aborted);
            if !is_ours {
                let (job, state) = (job_id.as_str().to_owned(), job.state.into());
                let fault = BulkFault::UnexpectedState { job, state };
                return Err(error_of(fault, "go on with upload", job_id));
            }
            self.delete(job_id).await;
        }
        info!(job.id = %job_id.as_str(), "bulk job `{}` was left before its file was whole",
            job_id.as_str());
        part.phase = PartPhase::Planned;
        Ok(())
    }

    async fn has_row(&self, first: u64) -> Result<bool, PortError> {
        match self.rows.open(first).next().await {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(error),
        }
    }

    /// Creates the job. One whose answer is lost has no file and changes nothing:
    /// [`SalesforceClient::sweep_open_jobs`] deletes it.
    async fn create(&self) -> Result<JobAnswer, PortError> {
        let (client, subject) = (&self.ingest.client, self.plan.object.as_str());
        let call = RestCall::data("create ingest job", Method::POST, subject, &["jobs", "ingest"])
            .with_json(&self.plan.job_json())?;
        let (mut wait, mut n_tried) = (None, 0);
        loop {
            let answered: Result<JobAnswer, PortError> =
                client.call(&call).await.and_then(|it| it.json());
            n_tried += 1;
            match answered {
                Err(error) if error.kind() == PortErrorKind::Unavailable && n_tried < MAX_TRIES => {
                    let next = self.ingest.pace.next(wait);
                    sleep(error.retry_after().map_or(next, |it| it.max(next))).await;
                    wait = Some(next);
                }
                answered => return answered,
            }
        }
    }

    /// Sends the file, once: whether a broken upload left something behind cannot be known, so its job
    /// is deleted, unstarted.
    async fn upload(&self, state: &mut IngestJobState, job: &JobAnswer) -> Result<(), PortError> {
        let Some(part) = &mut state.part else { return Ok(()) };
        let job_id = &job.id;
        let tally = Arc::new(std::sync::Mutex::new(Tally::default()));
        let file = PartFile {
            plan: self.plan.clone(),
            rows: self.rows.clone(),
            extent: self.extent(part),
            tally: tally.clone(),
        };
        let kind = HeaderValue::from_static("text/csv; charset=UTF-8");
        let operation = "upload part";
        let call = match &job.content_url {
            Some(address) => {
                let place = Place::Given(address.clone());
                RestCall::at(operation, Method::PUT, job_id.as_str(), place)
            }
            None => {
                let rest = ["batches"];
                SalesforceClient::job_call(operation, Method::PUT, JobKind::Ingest, job_id, &rest)
            }
        };
        let call = call.with_stream(kind, Arc::new(file), self.ingest.is_packed).unrepeatable();
        let uploaded = match self.ingest.client.call(&call).await {
            // Any other success is the answer of somebody else, such as a proxy.
            Ok(answer) if answer.status() != StatusCode::CREATED => {
                Err(answer.error(PortErrorKind::Unavailable))
            }
            answered => answered,
        };
        let Tally { sent, refused } = std::mem::take(&mut *lock(&tally));
        match uploaded {
            Ok(_) if sent.n_rows > 0 => {
                self.refuse(&refused).await?;
                state.totals.n_refused += u64::try_from(refused.len()).unwrap_or(u64::MAX);
                part.phase = PartPhase::Uploaded { job_id: job_id.clone(), sent };
            }
            Ok(_) => {
                // Not one row could go: there is nothing to start.
                self.refuse(&refused).await?;
                state.totals.n_refused += u64::try_from(refused.len()).unwrap_or(u64::MAX);
                self.delete(job_id).await;
                state.end_part(&sent);
            }
            Err(error) => {
                self.delete(job_id).await;
                part.phase = PartPhase::Planned;
                begin_anew(part, job_id, &error)?;
                if !is_passing(&error) {
                    self.journal.save(state).await?;
                    return Err(error);
                }
                sleep(error.retry_after().unwrap_or_default().max(self.ingest.pace.first)).await;
            }
        }
        self.journal.save(state).await
    }

    fn extent(&self, part: &PartState) -> Extent {
        let again = part.again.as_ref();
        Extent {
            first: part.first_row,
            n_at_most: again.map(|it| it.n_rows),
            only: again.map(|it| Arc::new(it.keys.iter().cloned().collect())),
            max_bytes: self.ingest.max_part_bytes,
        }
    }

    async fn refuse(&self, refused: &[(u64, RowRefusal)]) -> Result<(), PortError> {
        match refused {
            [] => Ok(()),
            rows => self.outcomes.refuse(rows).await,
        }
    }

    /// Starts the job, unless it was started already; `false` when it is gone and begins anew.
    async fn start(&self, part: &mut PartState, job_id: &SalesforceId) -> Result<bool, PortError> {
        let client = &self.ingest.client;
        let (mut wait, mut n_tried) = (None, 0);
        loop {
            let known = client.job(JobKind::Ingest, job_id).await;
            let error = match known.map(|it| it.map(|job| job.state)) {
                Ok(Some(JobState::Open)) => {
                    let started = JobState::UploadComplete;
                    match client.set_job_state(JobKind::Ingest, job_id, started).await {
                        Ok(_) => return Ok(true),
                        Err(error) => error,
                    }
                }
                Ok(Some(_)) => return Ok(true),
                // It was there unstarted when the file went up. Whether it was started before it
                // went, nobody knows any more.
                Ok(None) if self.plan.is_idempotent() => {
                    let fault = BulkFault::JobGone { job: job_id.as_str().to_owned() };
                    begin_anew(part, job_id, &error_of(fault, "start job", job_id))?;
                    return Ok(false);
                }
                Ok(None) => {
                    let fault = BulkFault::JobGone { job: job_id.as_str().to_owned() };
                    return Err(error_of(fault, "start job", job_id));
                }
                Err(error) => error,
            };
            n_tried += 1;
            if !is_passing(&error) || n_tried >= MAX_TRIES {
                return Err(error);
            }
            let next = self.ingest.pace.next(wait);
            sleep(error.retry_after().map_or(next, |it| it.max(next))).await;
            wait = Some(next);
        }
    }

    /// Waits for the job's end and hands on what became of its rows.
    async fn settle(
        &self,
        state: &mut IngestJobState,
        job_id: &SalesforceId,
        sent: &Sent,
    ) -> Result<(), PortError> {
        let (client, pace) = (&self.ingest.client, self.ingest.pace);
        let job = client.wait_for_job(JobKind::Ingest, job_id, pace).await?;
        let Some(part) = &mut state.part else { return Ok(()) };
        let holds_back = part.round < MAX_ROUNDS && job.state == JobState::JobComplete;
        let plan = &*self.plan;
        let results = Results { client, pace, plan, job: &job, sent, holds_back };
        let Found { mut totals, locked, .. } = results.read(self.outcomes).await?;
        totals.n_jobs = 1;
        totals.n_sent_again = u64::try_from(locked.len()).unwrap_or(u64::MAX);
        info!(job.id = %job_id.as_str(), object = %self.plan.object, n_rows = sent.n_rows,
            n_failed = totals.n_failed, n_sent_again = totals.n_sent_again,
            "bulk job `{}` is settled", job_id.as_str());
        state.totals.add(totals);
        if locked.is_empty() {
            state.end_part(sent);
        } else {
            let before = part.again.as_ref();
            let n_rows = before.map_or(sent.n_taken, |it| it.n_rows);
            let is_last = before.map_or(sent.is_last, |it| it.is_last);
            part.again = Some(Again { keys: locked, n_rows, is_last });
            (part.round, part.n_anew) = (part.round + 1, 0);
            part.phase = PartPhase::Planned;
        }
        let is_again = state.part.is_some();
        self.journal.save(state).await?;
        // Not before: a process that died between could no longer read what became of the rows.
        self.delete(job_id).await;
        match job.fault() {
            Some(fault) => Err(error_of(fault, "wait for job", job_id)),
            None => {
                if is_again {
                    sleep(self.ingest.lock_pause).await;
                }
                Ok(())
            }
        }
    }

    async fn delete(&self, job_id: &SalesforceId) {
        if let Err(error) = self.ingest.client.delete_job(JobKind::Ingest, job_id).await {
            // The org deletes it after seven days, and a sweep one that was not started.
            warn!(job.id = %job_id.as_str(), error = %shared::chain(&error),
                "bulk job `{}` was not deleted", job_id.as_str());
        }
    }
}

/// Counts a job that is begun anew.
fn begin_anew(
    part: &mut PartState,
    job_id: &SalesforceId,
    error: &PortError,
) -> Result<(), PortError> {
    part.n_anew += 1;
    warn!(job.id = %job_id.as_str(), error = %shared::chain(error), attempt = part.n_anew,
        "bulk job `{}` is begun anew", job_id.as_str());
    if part.n_anew > MAX_ANEW {
        let n_times = part.n_anew;
        part.n_anew = 0;
        return Err(error_of(BulkFault::TooOftenAnew { n_times }, "upload part", job_id));
    }
    Ok(())
}
