//! Airflow as an orchestrator: a workflow is a DAG, a run one of its DAG runs.

use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings, Request};
use async_trait::async_trait;
use http::{Method, StatusCode};
use serde_json::json;
use shared::platform::{OpenError, Surroundings};
use shared::ports::orchestrator::{
    NewRun, Orchestrator, RunIdTaken, RunReport, Started, TaskFailure, WorkflowRun,
};
use shared::ports::{Clock, Secrets};
use shared::worker::breaker::BreakerBoard;
use shared::{PortError, PortErrorKind, Retry, chain};
use tracing::warn;

use crate::PLATFORM;
use crate::answer::{DagRun, TaskInstance, TaskInstances, TaskLog};
use crate::client::AirflowClient;
use crate::fault::error_of;
use crate::settings::AirflowSettings;

/// The longest note that Airflow keeps. Source: its OpenAPI document, `DAGRunPatchBody`.
const MAX_NOTE_CHARS: usize = 1_000;

/// The longest log that is read for what it says of a failure.
const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;

/// How many failed tasks are told at most: each costs a call for its log.
const MAX_FAILURES: usize = 100;

/// One Airflow.
#[derive(Clone, Debug)]
pub struct AirflowOrchestrator {
    client: Arc<AirflowClient>,
}

impl AirflowOrchestrator {
    /// Speaks to the Airflow of `settings` through `http`; nothing is called yet.
    pub fn new(
        settings: AirflowSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { client: Arc::new(AirflowClient::new(settings, http, secrets, clock)) }
    }

    /// Opens the connection that `settings` describe: its breakers are shared with every process, and
    /// its calls told on, as its surroundings say. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when this machine's TLS set-up is not usable.
    pub fn open(settings: AirflowSettings, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let connection = settings.connection.clone();
        let http = HttpClient::within(surroundings, HttpSettings::default())
            .map_err(|source| OpenError::Unusable { connection, source })?;
        let Surroundings { secrets, clock, random, ledger, .. } = surroundings.clone();
        let http = match ledger {
            Some(ledger) => {
                let board = BreakerBoard::new(ledger, clock.clone(), &*random);
                http.with_shared_breakers(Arc::new(board))
            }
            None => http,
        };
        Ok(Self::new(settings, http, secrets, clock))
    }

    /// Begins a call about `run`, at `rest` below it.
    fn request(
        &self,
        operation: &'static str,
        method: Method,
        run: &WorkflowRun,
        rest: &[&str],
    ) -> Result<Request, PortError> {
        let subject = run.to_string();
        let place = ["dags", run.workflow.as_str(), "dagRuns", run.id.as_str()];
        let place: Vec<_> = place.into_iter().chain(rest.iter().copied()).collect();
        let url = self.client.url(operation, &subject, &place)?;
        Ok(Request::new(PLATFORM, operation, method, url).with_subject(subject))
    }

    async fn read(&self, run: &WorkflowRun) -> Result<DagRun, PortError> {
        let response = self.client.call(self.request("look", Method::GET, run, &[])?).await?;
        if response.status().is_success() { response.json() } else { Err(error_of(&response)) }
    }

    /// Reads what an attempt of a task said. A log that cannot be had says nothing; one that may be had
    /// later is an error.
    async fn message(
        &self,
        run: &WorkflowRun,
        task: &TaskInstance,
    ) -> Result<Option<String>, PortError> {
        let attempt = task.try_number.to_string();
        let place = ["taskInstances", &task.task_id, "logs", &attempt];
        let mut request = self.request("read log", Method::GET, run, &place)?;
        let map_index = task.map_index.to_string();
        request = request
            .with_query(&[("full_content", "true"), ("map_index", &map_index)])
            .with_max_response_bytes(MAX_LOG_BYTES);
        let read = async {
            let response = self.client.call(request).await?;
            if !response.status().is_success() {
                return Err(error_of(&response));
            }
            response.json::<TaskLog>()
        };
        match read.await {
            Ok(log) => Ok(log.message()),
            Err(error) if matches!(error.retry(), Retry::After(_)) => Err(error),
            Err(error) => {
                warn!(error = %chain(&error), "log of task `{}` of `{run}` cannot be read", task.task_id);
                Ok(None)
            }
        }
    }
}

fn report(
    run: DagRun,
    operation: &'static str,
    name: &WorkflowRun,
) -> Result<RunReport, PortError> {
    run.report().map_err(|error| {
        PortError::new(PortErrorKind::Rejected, PLATFORM, operation, name.to_string())
            .with_source(error)
    })
}

#[async_trait]
impl Orchestrator for AirflowOrchestrator {
    async fn start(&self, new: &NewRun) -> Result<Started, PortError> {
        let (operation, subject) = ("start", new.run.to_string());
        let place = ["dags", new.run.workflow.as_str(), "dagRuns"];
        let url = self.client.url(operation, &subject, &place)?;
        let mut body = json!({
            "dag_run_id": new.run.id,
            // Airflow asks for it, and takes that there is none.
            "logical_date": null,
            "conf": new.parameters,
        });
        if let (false, Some(body)) = (new.note.is_empty(), body.as_object_mut()) {
            body.insert("note".to_owned(), json!(note(&new.note)));
        }
        // Airflow refuses a second run of that id, so that a lost answer may be asked for again.
        let request = Request::post(PLATFORM, operation, url)
            .repeatable()
            .with_subject(subject.as_str())
            .with_json(&body)?;
        let response = self.client.call(request).await?;
        if response.status().is_success() {
            return Ok(Started::Now(report(response.json()?, operation, &new.run)?));
        }
        if response.status() != StatusCode::CONFLICT {
            return Err(error_of(&response));
        }
        let run = match self.read(&new.run).await {
            Ok(run) => run,
            // Then it is something else that is in conflict.
            Err(error) if error.kind() == PortErrorKind::NotFound => {
                return Err(error_of(&response));
            }
            Err(error) => return Err(error),
        };
        if !run.was_given(&new.parameters) {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, operation, subject)
                .with_source(RunIdTaken));
        }
        Ok(Started::Before(report(run, operation, &new.run)?))
    }

    async fn look(&self, run: &WorkflowRun) -> Result<RunReport, PortError> {
        report(self.read(run).await?, "look", run)
    }

    /// Airflow has no call that stops a run only while it runs. Its state is looked at before; a run
    /// that ends between the two calls counts as failed.
    async fn cancel(&self, run: &WorkflowRun, reason: &str) -> Result<RunReport, PortError> {
        let before = self.look(run).await?;
        if before.state.is_ended() {
            return Ok(before);
        }
        // Stopping it twice is stopping it.
        let request = self
            .request("cancel", Method::PATCH, run, &[])?
            .repeatable()
            .with_json(&json!({"state": "failed", "note": note(reason)}))?;
        let response = self.client.call(request).await?;
        if !response.status().is_success() {
            return Err(error_of(&response));
        }
        report(response.json()?, "cancel", run)
    }

    async fn failures(
        &self,
        run: &WorkflowRun,
        n_most: usize,
    ) -> Result<Vec<TaskFailure>, PortError> {
        let n_most = n_most.min(MAX_FAILURES);
        if n_most == 0 {
            return Ok(Vec::new());
        }
        let limit = n_most.to_string();
        let request = self
            .request("list failures", Method::GET, run, &["taskInstances"])?
            .with_query(&[("state", "failed"), ("order_by", "start_date"), ("limit", &limit)]);
        let response = self.client.call(request).await?;
        if !response.status().is_success() {
            return Err(error_of(&response));
        }
        let TaskInstances { task_instances } = response.json()?;
        let mut failures = Vec::new();
        for task in task_instances {
            failures.push(TaskFailure {
                message: self.message(run, &task).await?,
                index: u32::try_from(task.map_index).ok(),
                attempts: task.try_number,
                ended_at: task.ended_at(),
                task: task.task_id,
            });
        }
        Ok(failures)
    }
}

fn note(text: &str) -> String {
    text.chars().take(MAX_NOTE_CHARS).collect()
}
