//! Jobs of either kind: what they are, where they stand, how they end.
//!
//! Source: Bulk API 2.0 guide, "Get information about a job", "Delete a job".

use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::PortError;
use shared::ids::SalesforceId;
use shared::time::Timestamp;
use tracing::info;

use super::fault::BulkFault;
use crate::client::{Place, RestCall, SalesforceClient};
use crate::error::{self, SalesforceFault};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// It answers a query.
    Query,
    /// It takes records in.
    Ingest,
}

impl JobKind {
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Ingest => "ingest",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum JobState {
    /// It waits for its file.
    Open,
    /// It waits for its turn.
    UploadComplete,
    /// It is being done.
    InProgress,
    /// It is done; rows may have failed nonetheless.
    JobComplete,
    /// The org gave up on it; what was done stays done.
    Failed,
    /// Somebody ended it; what was done stays done.
    Aborted,
    /// A state of a later version.
    Other(String),
}

impl From<String> for JobState {
    fn from(name: String) -> Self {
        match name.as_str() {
            "Open" => Self::Open,
            "UploadComplete" => Self::UploadComplete,
            "InProgress" => Self::InProgress,
            "JobComplete" => Self::JobComplete,
            "Failed" => Self::Failed,
            "Aborted" => Self::Aborted,
            _ => Self::Other(name),
        }
    }
}

impl From<JobState> for String {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Open => "Open".into(),
            JobState::UploadComplete => "UploadComplete".into(),
            JobState::InProgress => "InProgress".into(),
            JobState::JobComplete => "JobComplete".into(),
            JobState::Failed => "Failed".into(),
            JobState::Aborted => "Aborted".into(),
            JobState::Other(name) => name,
        }
    }
}

impl JobState {
    /// Tells whether nothing changes it any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// A job as the org tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobAnswer {
    /// Its id.
    pub id: SalesforceId,
    /// Where it stands.
    pub state: JobState,
    /// Its object.
    #[serde(default)]
    pub object: Option<String>,
    /// What it does, such as `upsert` or `queryAll`.
    #[serde(default)]
    pub operation: Option<String>,
    /// Who began it.
    #[serde(default)]
    pub created_by_id: Option<SalesforceId>,
    /// When it was begun.
    #[serde(default)]
    pub created_date: Option<Timestamp>,
    /// Where its file goes, while it waits for one.
    #[serde(default)]
    pub(super) content_url: Option<String>,
    /// The records that were processed, failed ones among them.
    #[serde(default)]
    pub number_records_processed: Option<u64>,
    /// The records that failed.
    #[serde(default)]
    pub number_records_failed: Option<u64>,
    /// Why it failed; a value of a record may stand in it.
    #[serde(default)]
    error_message: Option<String>,
}

impl JobAnswer {
    /// Returns the fault of a job that the org or somebody ended.
    pub(super) fn fault(&self) -> Option<BulkFault> {
        let job = self.id.as_str().to_owned();
        match self.state {
            JobState::Failed => {
                let text = self.error_message.as_deref().unwrap_or_default();
                // `InvalidBatch : Field name not found : X__c`
                let (code, message) = text.split_once(':').unwrap_or((text, ""));
                let fault = SalesforceFault::new(None, code.trim(), message, []);
                Some(BulkFault::JobFailed { job, fault })
            }
            JobState::Aborted => Some(BulkFault::JobAborted { job }),
            _ => None,
        }
    }
}

/// One page of the list of jobs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobsAnswer {
    done: bool,
    records: Vec<JobAnswer>,
    next_records_url: Option<String>,
}

impl SalesforceClient {
    /// Begins a call about the job `id`; it is asked in the version that it was created in.
    pub(super) fn job_call(
        operation: &'static str,
        method: Method,
        kind: JobKind,
        id: &SalesforceId,
        rest: &[&str],
    ) -> RestCall {
        let mut segments = vec!["jobs", kind.resource(), id.as_str()];
        segments.extend(rest);
        RestCall::data(operation, method, id.as_str(), &segments)
    }

    /// Reads where the job `id` stands; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn job(
        &self,
        kind: JobKind,
        id: &SalesforceId,
    ) -> Result<Option<JobAnswer>, PortError> {
        let call = Self::job_call("job", Method::GET, kind, id, &[]);
        let response = self.ask(&call).await?;
        match response.status() {
            // A page of the edge says nothing of the job.
            StatusCode::NOT_FOUND if !error::entries(response.body()).is_empty() => Ok(None),
            StatusCode::NOT_FOUND => Err(response.error(shared::PortErrorKind::Unavailable)),
            status if status.is_success() => response.json().map(Some),
            _ => Err(error::error_of(&response)),
        }
    }

    /// Lists the jobs of the last seven days, in the order that the org tells them, until `take`
    /// returns `false`.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn jobs(
        &self,
        kind: JobKind,
        mut take: impl FnMut(JobAnswer) -> bool,
    ) -> Result<(), PortError> {
        let subject = kind.resource();
        let mut call = RestCall::get("jobs", subject, &["jobs", subject]);
        loop {
            let page: JobsAnswer = self.call(&call).await?.json()?;
            for job in page.records {
                if !take(job) {
                    return Ok(());
                }
            }
            call = match page.next_records_url {
                Some(mark) if !page.done => {
                    RestCall::at("jobs", Method::GET, subject, Place::Given(mark))
                }
                _ => return Ok(()),
            };
        }
    }

    /// Sets the job's state: `UploadComplete` starts it, `Aborted` ends it.
    pub(super) async fn set_job_state(
        &self,
        kind: JobKind,
        id: &SalesforceId,
        state: JobState,
    ) -> Result<JobAnswer, PortError> {
        let call = Self::job_call("set job state", Method::PATCH, kind, id, &[]);
        self.call(&call.with_json(&json!({"state": state}))?).await?.json()
    }

    /// Deletes a job with its files, ending it first when it runs; one that is gone stays so.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn delete_job(&self, kind: JobKind, id: &SalesforceId) -> Result<(), PortError> {
        let call = Self::job_call("delete job", Method::DELETE, kind, id, &[]);
        let mut is_aborted = false;
        loop {
            let response = self.ask(&call).await?;
            match response.status() {
                StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => return Ok(()),
                StatusCode::BAD_REQUEST if !is_aborted => {
                    match self.set_job_state(kind, id, JobState::Aborted).await {
                        Ok(_) => {}
                        // It ended by itself meanwhile, or it cannot be ended: the delete tells.
                        Err(error) if !is_passing(&error) => {}
                        Err(error) => return Err(error),
                    }
                    is_aborted = true;
                }
                _ => return Err(error::error_of(&response)),
            }
        }
    }

    /// Deletes our own jobs that still wait for a file after `age`: whoever began them is gone. They
    /// have changed nothing. Returns how many.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn sweep_open_jobs(&self, age: Duration) -> Result<usize, PortError> {
        let before = self.clock().now().minus(age);
        let me = self.user_id().await?;
        let mut stale = Vec::new();
        self.jobs(JobKind::Ingest, |job| {
            let is_mine = me.is_some() && job.created_by_id == me;
            let is_old = job.created_date.is_some_and(|at| at < before);
            if is_mine && is_old && job.state == JobState::Open {
                stale.push(job.id);
            }
            true
        })
        .await?;
        for id in &stale {
            self.delete_job(JobKind::Ingest, id).await?;
            info!(job.id = %id.as_str(), "deleted the bulk job `{}`, which had no file", id.as_str());
        }
        Ok(stale.len())
    }
}

/// Tells whether the same call may succeed a moment later.
pub(super) fn is_passing(error: &PortError) -> bool {
    matches!(error.retry(), shared::Retry::After(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_job_names_its_code_and_field_and_no_more() {
        let job: JobAnswer = serde_json::from_str(
            r#"{"id":"750ak000009BkrxAAC","operation":"insert","object":"Opportunity","state":"Failed",
            "createdDate":"2024-09-09T20:41:31.000+0000","apiVersion":60.0,"retries":0,
            "errorMessage":"InvalidBatch : Field name not found : StageName_invalid_field_on_purpose",
            "numberRecordsProcessed":0,"numberRecordsFailed":0}"#,
        )
        .unwrap();
        let fault = job.fault().unwrap();
        assert_eq!(
            fault.to_string(),
            "job `750ak000009BkrxAAC` failed: salesforce says `InvalidBatch` about \
             `StageName_invalid_field_on_purpose`"
        );
        assert_eq!(fault.kind(), shared::PortErrorKind::Rejected);
    }

    #[test]
    fn state_of_tomorrow_is_kept_and_not_final() {
        let state: JobState = serde_json::from_str("\"Paused\"").unwrap();
        assert!(!state.is_final());
        assert_eq!(serde_json::to_string(&state).unwrap(), "\"Paused\"");
    }
}
