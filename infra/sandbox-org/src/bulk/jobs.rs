//! All jobs, and what the org allows of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::Notify;

use super::ingest::{IngestJob, IngestWish};
use super::job::{JobState, NewJob};
use super::query::{QueryJob, QueryOperation, QueryWish};
use crate::api::ApiError;
use crate::ids::RecordId;
use crate::org::Author;
use crate::sandbox::State;
use crate::soql::Plan;

/// How long a job and its results are kept, in milliseconds. Source: Bulk API 2.0 limits, seven days.
const LIFETIME_MS: i64 = 7 * DAY_MS;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A failure that was ordered for the next job that takes rows.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Failure {
    /// How many batches go well before.
    #[serde(default)]
    pub(crate) after_batches: usize,
    /// What the job then says, such as `TooManyLockFailure : ...`.
    pub(crate) message: String,
}

#[derive(Debug, Default)]
struct Inner {
    n_made: u64,
    ingest: BTreeMap<RecordId, Arc<IngestJob>>,
    query: BTreeMap<RecordId, Arc<QueryJob>>,
    /// When the query jobs of the last day were made, in milliseconds.
    queries: VecDeque<i64>,
    /// When the batches of the last day were worked off, in milliseconds.
    batches: VecDeque<i64>,
    failure: Option<Failure>,
}

/// All jobs of the org.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
    /// Told when a job has something to do.
    pub(super) begun: Notify,
}

impl Jobs {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the jobs, those forgotten that are too old.
    fn young(&self, state: &State) -> MutexGuard<'_, Inner> {
        let oldest = state.clock().now_ms() - LIFETIME_MS;
        let mut inner = self.inner();
        inner.ingest.retain(|_, job| job.core.created_ms > oldest);
        inner.query.retain(|_, job| job.core.created_ms > oldest);
        inner
    }

    fn new_job(
        inner: &mut Inner,
        author: &Author,
        now_ms: i64,
        operation: &str,
        object: &str,
    ) -> NewJob {
        inner.n_made += 1;
        NewJob {
            id: RecordId::new(*b"750", inner.n_made),
            author: author.clone(),
            now_ms,
            operation: operation.to_owned(),
            object: object.to_owned(),
            dialect: super::csv::Dialect::default(),
        }
    }

    /// Makes a job that takes rows.
    pub(super) fn open_ingest(
        &self,
        state: &State,
        author: &Author,
        wish: IngestWish,
    ) -> Result<Arc<IngestJob>, ApiError> {
        let object = wish.check(state)?;
        let mut inner = self.young(state);
        let now_ms = state.clock().now_ms();
        let operation = wish.operation.name();
        let job = Self::new_job(&mut inner, author, now_ms, operation, &object.name);
        let job = NewJob { dialect: wish.dialect(), ..job };
        let failure = inner.failure.take();
        let job = Arc::new(IngestJob::new(job, wish, object, failure));
        inner.ingest.insert(job.core.id, Arc::clone(&job));
        Ok(job)
    }

    /// Makes a job that gives rows; its query is checked first.
    pub(super) fn open_query(
        &self,
        state: &State,
        author: &Author,
        wish: &QueryWish,
    ) -> Result<Arc<QueryJob>, ApiError> {
        let now_ms = state.clock().now_ms();
        let all_rows = wish.operation == QueryOperation::QueryAll;
        let plan = Plan::new(&state.org(), &wish.query, all_rows, now_ms.div_euclid(1000))?;
        plan.check_export()?;
        let mut inner = self.young(state);
        let max = state.settings.bulk.daily_query_jobs;
        if !takes(&mut inner.queries, max, now_ms) {
            let message = format!("Max bulk v2 query jobs ({max}) per 24 hrs has been reached");
            return Err(ApiError::new(400, "LIMIT_EXCEEDED", message));
        }
        let operation = wish.operation_name();
        let job = Self::new_job(&mut inner, author, now_ms, operation, plan.object_name());
        let job = NewJob { dialect: wish.dialect(), ..job };
        let job = Arc::new(QueryJob::new(job, plan));
        inner.query.insert(job.core.id, Arc::clone(&job));
        drop(inner);
        self.begun.notify_one();
        Ok(job)
    }

    pub(super) fn ingest(&self, state: &State, id: &str) -> Result<Arc<IngestJob>, ApiError> {
        let found = RecordId::parse(id).and_then(|id| self.young(state).ingest.get(&id).cloned());
        found.ok_or_else(ApiError::not_found)
    }

    pub(super) fn query(&self, state: &State, id: &str) -> Result<Arc<QueryJob>, ApiError> {
        let found = RecordId::parse(id).and_then(|id| self.young(state).query.get(&id).cloned());
        found.ok_or_else(ApiError::not_found)
    }

    /// Forgets a job and what it holds.
    pub(super) fn forget(&self, id: RecordId) {
        let mut inner = self.inner();
        inner.ingest.remove(&id);
        inner.query.remove(&id);
    }

    /// Returns at most `limit` jobs that take rows, made after the one with this id.
    pub(super) fn ingest_after(
        &self,
        state: &State,
        after: Option<RecordId>,
        limit: usize,
    ) -> Vec<Arc<IngestJob>> {
        let jobs = self.young(state);
        let later = jobs.ingest.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        later.map(|(_, job)| Arc::clone(job)).take(limit).collect()
    }

    /// Returns at most `limit` jobs that give rows, made after the one with this id.
    pub(super) fn query_after(
        &self,
        state: &State,
        after: Option<RecordId>,
        limit: usize,
    ) -> Vec<Arc<QueryJob>> {
        let jobs = self.young(state);
        let later = jobs.query.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        later.map(|(_, job)| Arc::clone(job)).take(limit).collect()
    }

    /// Takes a batch from the allocation of the day; false when there is none left.
    pub(super) fn takes_batch(&self, state: &State) -> bool {
        let now_ms = state.clock().now_ms();
        takes(&mut self.inner().batches, state.settings.bulk.daily_batches, now_ms)
    }

    /// Returns how many query jobs and batches are left of the day.
    pub(crate) fn left(&self, state: &State) -> (usize, usize) {
        let (now_ms, settings) = (state.clock().now_ms(), &state.settings.bulk);
        let mut inner = self.inner();
        let inner = &mut *inner;
        for log in [&mut inner.queries, &mut inner.batches] {
            forget_old(log, now_ms);
        }
        (
            settings.daily_query_jobs.saturating_sub(inner.queries.len()),
            settings.daily_batches.saturating_sub(inner.batches.len()),
        )
    }

    /// Orders a failure for the next job that takes rows.
    pub(crate) fn order_failure(&self, failure: Failure) {
        self.inner().failure = Some(failure);
    }

    /// Takes the steps that are due of all jobs; true when some job has work left.
    pub(super) fn advance(&self, state: &State) -> bool {
        let inner = self.inner();
        let ingest: Vec<_> = inner.ingest.values().cloned().collect();
        let query: Vec<_> = inner.query.values().cloned().collect();
        drop(inner);
        let mut is_busy = false;
        for job in ingest.iter().filter(|job| job.core.state().is_moving()) {
            job.advance(state, false);
            is_busy |= job.core.state().is_moving();
        }
        for job in query.iter().filter(|job| job.core.state().is_moving()) {
            job.advance(state, false);
            is_busy |= job.core.state().is_moving();
        }
        is_busy
    }

    /// Lets the org begin with a job, or ends it, as its owner wants.
    pub(super) fn change_state(
        &self,
        state: &State,
        author: &Author,
        job: &IngestJob,
        wanted: JobState,
    ) -> Result<(), ApiError> {
        let now_ms = state.clock().now_ms();
        match wanted {
            JobState::UploadComplete => job.close(now_ms)?,
            JobState::Aborted => job.abort(author, now_ms)?,
            _ => {
                let message = "A job can be set to UploadComplete or Aborted";
                return Err(ApiError::new(400, "INVALIDJOBSTATE", message));
            }
        }
        self.begun.notify_one();
        Ok(())
    }
}

/// Takes one of what may be had `max` times a day.
fn takes(log: &mut VecDeque<i64>, max: usize, now_ms: i64) -> bool {
    forget_old(log, now_ms);
    if log.len() >= max {
        return false;
    }
    log.push_back(now_ms);
    true
}

fn forget_old(log: &mut VecDeque<i64>, now_ms: i64) {
    while log.front().is_some_and(|at| *at <= now_ms - DAY_MS) {
        log.pop_front();
    }
}
