//! Jobs that take rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::columns::{Column, columns};
use super::csv::{Delimiter, Dialect, LineEnding};
use super::job::{Core, JobState, NewJob, wrong_state};
use super::jobs::Failure;
use super::layout::{Batch, Layout};
use super::query::ContentType;
use super::rows::{self, Fate, Meaning, RowResult};
use super::settings::BulkPace;
use crate::api::ApiError;
use crate::org::Author;
use crate::sandbox::State;
use crate::schema::ObjectType;

/// What is done with the rows of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Operation {
    Insert,
    Update,
    Upsert,
    Delete,
    HardDelete,
}

impl Operation {
    /// Returns the name that the API gives it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::HardDelete => "hardDelete",
        }
    }
}

/// What a job that takes rows is created with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IngestWish {
    pub(super) object: String,
    pub(super) operation: Operation,
    pub(super) external_id_field_name: Option<String>,
    pub(super) assignment_rule_id: Option<String>,
    #[serde(default)]
    column_delimiter: Delimiter,
    #[serde(default)]
    line_ending: LineEnding,
    #[serde(default, rename = "contentType")]
    _content_type: ContentType,
}

impl IngestWish {
    pub(super) fn dialect(&self) -> Dialect {
        Dialect { delimiter: self.column_delimiter, line_ending: self.line_ending }
    }

    /// Checks what the job names against the schema.
    ///
    /// # Errors
    /// The platform's code and words for what does not fit.
    pub(super) fn check(&self, state: &State) -> Result<Arc<ObjectType>, ApiError> {
        let known = state.schema().object(&self.object).filter(|object| object.is_writable());
        let object = known.ok_or_else(|| {
            let message = format!("Entity '{}' is not supported by the Bulk API.", self.object);
            ApiError::new(400, "INVALIDENTITY", message)
        })?;
        let refuse = |message: String| Err(ApiError::new(400, "INVALIDJOB", message));
        let key = self.external_id_field_name.as_deref();
        match (self.operation, key) {
            (Operation::Upsert, None) => {
                return refuse(format!(
                    "InvalidJob : External ID was blank for {}. An External ID must be specified for upsert.",
                    object.name
                ));
            }
            (Operation::Upsert, Some(name)) => {
                let field = object.field(name).map(|(_, field)| field);
                if !field.is_some_and(|field| field.external_id || field.name == "Id") {
                    return refuse(format!(
                        "InvalidJob : Field name provided, {name} does not match an External ID, \
                         Salesforce Id, or indexed field for {}",
                        object.name
                    ));
                }
            }
            (Operation::HardDelete, _) if !state.settings.bulk.allows_hard_delete => {
                let message = "hardDelete operation requires special user profile permission, please \
                               contact your system administrator";
                return Err(ApiError::new(400, "FEATURENOTENABLED", message));
            }
            _ => {}
        }
        Ok(Arc::clone(object))
    }
}

/// What a job has done of its work.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) content: Option<Bytes>,
    pub(super) layout: Option<Arc<Layout>>,
    pub(super) columns: Arc<[Column]>,
    pub(super) next_batch: usize,
    pub(super) results: Vec<RowResult>,
}

/// Returns the owner of a job as the author of its changes: they come by the Bulk API.
fn by_bulk(owner: &Author) -> Author {
    Author { version: format!("bulkapi/{}", owner.version), ..owner.clone() }
}

/// A job that takes rows.
#[derive(Debug)]
pub(super) struct IngestJob {
    pub(super) core: Core,
    pub(super) object: Arc<ObjectType>,
    operation: Operation,
    key: Option<String>,
    assignment_rule: Option<String>,
    failure: Option<Failure>,
    work: Mutex<Work>,
}

impl IngestJob {
    pub(super) fn new(
        job: NewJob,
        wish: IngestWish,
        object: Arc<ObjectType>,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            core: Core::new(job, JobState::Open),
            object,
            operation: wish.operation,
            key: wish.external_id_field_name,
            assignment_rule: wish.assignment_rule_id,
            failure,
            work: Mutex::new(Work::default()),
        }
    }

    /// Returns what the job has done; waits for a batch that is under way.
    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the one upload that a job may have.
    pub(super) fn upload(&self, content: Bytes) -> Result<(), ApiError> {
        let mut work = self.work();
        let state = self.core.state();
        if state != JobState::Open {
            return Err(wrong_state("Uploading to", state));
        }
        if work.content.is_some() {
            let message = format!(
                "Found multiple contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the current Job \
                 then create a new Job and make sure you only do 'PUT' once on a given Job.",
                self.core.id
            );
            return Err(ApiError::new(400, "CLIENTINPUTERROR", message));
        }
        work.content = Some(content);
        Ok(())
    }

    /// Ends the upload: the org may begin.
    pub(super) fn close(&self, now_ms: i64) -> Result<(), ApiError> {
        let state = self.core.state();
        if state != JobState::Open {
            return Err(wrong_state("Closing", state));
        }
        self.core.enter(JobState::UploadComplete, now_ms);
        Ok(())
    }

    /// Ends the job before its time; what is committed stays.
    pub(super) fn abort(&self, author: &Author, now_ms: i64) -> Result<(), ApiError> {
        // Waits for a batch under way, so that its rows count as worked off.
        let _work = self.work();
        self.core.abort(author, now_ms)
    }

    /// Takes the steps that are due, unless somebody else is at it.
    pub(super) fn advance(&self, state: &State, is_poll: bool) {
        let pace = state.settings.bulk.pace;
        let Ok(mut work) = self.work.try_lock() else { return };
        let now_ms = state.clock().now_ms();
        while self.core.takes_step(pace, now_ms, is_poll) {
            let started = std::time::Instant::now();
            let result = match self.core.state() {
                JobState::UploadComplete => self.begin(state, &mut work),
                _ => self.go_on(state, &mut work),
            };
            self.core.progress().worked += started.elapsed();
            let now_ms = state.clock().now_ms();
            match result {
                Ok(next) => self.core.enter(next, now_ms),
                Err(error) => self.core.fail(error, now_ms),
            }
            if pace == BulkPace::Polls {
                return;
            }
        }
    }

    /// Finds the batches and what the columns mean.
    fn begin(&self, state: &State, work: &mut Work) -> Result<JobState, String> {
        let content = work.content.clone().unwrap_or_default();
        let layout = Layout::read(&content, self.core.dialect, state.settings.bulk.batch_records)?;
        let names = &layout.names;
        let key = self.key.as_deref();
        let meant = columns(state.schema(), &self.object, self.operation, key, names)?;
        work.columns = meant.into();
        work.layout = Some(Arc::new(layout));
        Ok(JobState::InProgress)
    }

    /// Works the next batch off.
    fn go_on(&self, state: &State, work: &mut Work) -> Result<JobState, String> {
        let Some(layout) = work.layout.clone() else { return Ok(JobState::JobComplete) };
        if let Some(failure) =
            self.failure.as_ref().filter(|it| it.after_batches == work.next_batch)
        {
            return Err(failure.message.clone());
        }
        let Some(batch) = layout.batches.get(work.next_batch) else {
            return Ok(JobState::JobComplete);
        };
        if let Some(error) = &batch.broken {
            return Err(error.clone());
        }
        work.next_batch += 1;
        // Rows above the allocation of the day are lost without a trace, as on the platform.
        if state.bulk.takes_batch(state) {
            let results = self.write(state, work, batch);
            let n_failed =
                results.iter().filter(|result| matches!(result.fate, Fate::Failed(_))).count();
            let mut progress = self.core.progress();
            progress.n_processed += results.len();
            progress.n_failed += n_failed;
            drop(progress);
            work.results.extend(results);
        }
        let is_last = work.next_batch == layout.batches.len() && self.failure.is_none();
        Ok(if is_last { JobState::JobComplete } else { JobState::InProgress })
    }

    /// Makes the changes of a batch in one commit.
    fn write(&self, state: &State, work: &Work, batch: &Batch) -> Vec<RowResult> {
        let content = work.content.clone().unwrap_or_default();
        let text = content.get(batch.range.clone()).map(std::str::from_utf8);
        let Some(Ok(text)) = text else { return Vec::new() };
        let meaning = Meaning {
            object: &self.object,
            operation: self.operation,
            key: self.key.as_deref().filter(|_| self.operation == Operation::Upsert),
            columns: &work.columns,
        };
        let dialect = self.core.dialect;
        let records = rows::read(&state.org(), &meaning, text, batch.range.start, dialect);
        let (changes, mut results) = rows::part(records);
        let settled = state.commit(&by_bulk(&self.core.author), changes, false);
        rows::settle(&mut results, settled);
        results
    }

    /// Returns what the job tells when it is created, closed or aborted.
    pub(super) fn facts(&self) -> Map<String, Json> {
        let mut facts = self.core.facts();
        if let Some(key) = &self.key {
            facts.insert("externalIdFieldName".into(), json!(key));
        }
        if let Some(rule) = &self.assignment_rule {
            facts.insert("assignmentRuleId".into(), json!(rule));
        }
        if self.core.state() == JobState::Open {
            let (version, id) = (&self.core.version, self.core.id);
            let url = format!("services/data/v{version}/jobs/ingest/{id}/batches");
            facts.insert("contentUrl".into(), json!(url));
        }
        facts
    }

    /// Returns what the job tells when it is asked.
    pub(super) fn status(&self) -> Json {
        let mut facts = self.facts();
        self.core.add_counters(&mut facts, "V2Ingest");
        let n_failed = self.core.progress().n_failed;
        let worked = facts.get("totalProcessingTime").cloned().unwrap_or_default();
        facts.insert("numberRecordsFailed".into(), json!(n_failed));
        facts.insert("apiActiveProcessingTime".into(), worked);
        facts.insert("apexProcessingTime".into(), json!(0));
        Json::Object(facts)
    }
}
