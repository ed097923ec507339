//! Jobs that give rows.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::csv::{Delimiter, Dialect, LineEnding};
use super::export::Page;
use super::job::{Core, JobState, NewJob};
use crate::api::ApiError;
use crate::org::Author;
use crate::sandbox::State;
use crate::soql::{Plan, Snapshot};

/// Result pages that one answer names. Source: Bulk API 2.0 guide, parallel results: five.
const N_PAGES: usize = 5;

/// What a query job is created with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QueryWish {
    pub(super) operation: QueryOperation,
    pub(super) query: String,
    #[serde(default)]
    column_delimiter: Delimiter,
    #[serde(default)]
    line_ending: LineEnding,
    #[serde(default, rename = "contentType")]
    _content_type: ContentType,
}

/// Which rows are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum QueryOperation {
    /// Those outside the recycle bin.
    Query,
    /// All of them.
    QueryAll,
}

/// The only form of rows there is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) enum ContentType {
    #[default]
    #[serde(rename = "CSV")]
    Csv,
}

impl QueryWish {
    pub(super) fn dialect(&self) -> Dialect {
        Dialect { delimiter: self.column_delimiter, line_ending: self.line_ending }
    }

    /// Returns the name that the API gives the operation.
    pub(super) fn operation_name(&self) -> &'static str {
        match self.operation {
            QueryOperation::Query => "query",
            QueryOperation::QueryAll => "queryAll",
        }
    }
}

/// A job that gives rows.
#[derive(Debug)]
pub(super) struct QueryJob {
    pub(super) core: Core,
    plan: Plan,
    found: Mutex<Option<Arc<Snapshot>>>,
}

/// One page of results.
pub(super) struct ResultPage {
    pub(super) bytes: Page,
    pub(super) n_records: usize,
    /// Where the next page begins; nothing on the last one.
    pub(super) next: Option<String>,
}

impl QueryJob {
    pub(super) fn new(job: NewJob, plan: Plan) -> Self {
        let core = Core::new(job, JobState::UploadComplete);
        Self { core, plan, found: Mutex::new(None) }
    }

    /// Takes the steps that are due.
    pub(super) fn advance(&self, state: &State, is_poll: bool) {
        let now_ms = state.clock().now_ms();
        while self.core.takes_step(state.settings.bulk.pace, now_ms, is_poll) {
            self.step(state);
            if is_poll && state.settings.bulk.pace == super::BulkPace::Polls {
                return;
            }
        }
    }

    fn step(&self, state: &State) {
        if self.core.state() == JobState::UploadComplete {
            return self.core.enter(JobState::InProgress, state.clock().now_ms());
        }
        let started = std::time::Instant::now();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waited for the lock may find the work done.
        if self.core.state() != JobState::InProgress {
            return;
        }
        let snapshot = self.plan.snapshot(&state.org());
        let mut progress = self.core.progress();
        progress.n_processed = snapshot.n_rows();
        progress.worked += started.elapsed();
        drop(progress);
        *found = Some(Arc::new(snapshot));
        self.core.enter(JobState::JobComplete, state.clock().now_ms());
    }

    /// Ends the job before its time.
    pub(super) fn abort(&self, author: &Author, now_ms: i64) -> Result<(), ApiError> {
        // Waits for a query that is being run, so that its end does not come after this one.
        let _found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        self.core.abort(author, now_ms)
    }

    /// Returns what the job tells when it is created or aborted.
    pub(super) fn facts(&self) -> Map<String, Json> {
        self.core.facts()
    }

    /// Returns what the job tells when it is asked.
    pub(super) fn status(&self) -> Json {
        let mut facts = self.core.facts();
        self.core.add_counters(&mut facts, "V2Query");
        facts.insert("isPkChunkingSupported".into(), json!(self.plan.can_be_chunked()));
        Json::Object(facts)
    }

    /// Returns the rows, once they are all there.
    fn snapshot(&self, version: &str) -> Result<Arc<Snapshot>, ApiError> {
        if version != self.core.version {
            let message = format!(
                "Results must be fetched with the API version of the job: {}",
                self.core.version
            );
            return Err(ApiError::new(409, "API_ERROR", message));
        }
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.filter(|_| self.core.state() == JobState::JobComplete).ok_or_else(|| {
            let message = "Results of a job that is not complete cannot be fetched";
            ApiError::new(400, "INVALIDJOBSTATE", message)
        })
    }

    /// Returns the page that begins at `locator`.
    pub(super) fn page(
        &self,
        version: &str,
        locator: Option<&str>,
        max_records: usize,
    ) -> Result<ResultPage, ApiError> {
        let snapshot = self.snapshot(version)?;
        let n_rows = snapshot.n_rows();
        let start = offset(locator, n_rows)?;
        let end = start.saturating_add(max_records).min(n_rows);
        let next = (end < n_rows).then(|| self::locator(end));
        let bytes = Page::new(snapshot, self.core.dialect, start, end);
        Ok(ResultPage { bytes, n_records: end - start, next })
    }

    /// Names up to five pages that can be fetched side by side.
    pub(super) fn pages(
        &self,
        version: &str,
        locator: Option<&str>,
        page_records: usize,
    ) -> Result<Json, ApiError> {
        let n_rows = self.snapshot(version)?.n_rows();
        let base = format!("/services/data/v{version}/jobs/query/{}", self.core.id);
        let first = offset(locator, n_rows)?;
        let starts: Vec<usize> = (first..n_rows.max(first + 1)).step_by(page_records).collect();
        let named: Vec<Json> = starts
            .iter()
            .take(N_PAGES)
            .map(|start| {
                let at = self::locator(*start);
                json!({"resultUrl": format!("{base}/results?locator={at}")})
            })
            .collect();
        let mut answer = json!({"resultPages": named, "done": starts.len() <= N_PAGES});
        if let (Some(next), Some(map)) = (starts.get(N_PAGES), answer.as_object_mut()) {
            let next = format!("{base}/resultpages?locator={}", self::locator(*next));
            map.insert("nextRecordsUrl".into(), json!(next));
        }
        Ok(answer)
    }
}

fn locator(offset: usize) -> String {
    STANDARD_NO_PAD.encode(offset.to_string())
}

/// Reads where a locator points to.
fn offset(locator: Option<&str>, n_rows: usize) -> Result<usize, ApiError> {
    let Some(text) = locator else { return Ok(0) };
    let number = STANDARD_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<usize>().ok());
    number.filter(|offset| *offset == 0 || *offset < n_rows).ok_or_else(|| {
        ApiError::new(400, "INVALID_QUERY_LOCATOR", format!("invalid query locator: {text}"))
    })
}
