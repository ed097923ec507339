//! Workflows in the memory of this process, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::error::{PortError, PortErrorKind};
use crate::ports::orchestrator::{
    NewRun, Orchestrator, RunIdTaken, RunReport, RunState, Started, TaskFailure, WorkflowId,
    WorkflowRun, shortened,
};

/// How a run ends: well after so many looks, or with what a task says.
type Outcome = Result<u32, String>;

/// Workflows that end as they were told to. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryOrchestrator {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    workflows: BTreeMap<WorkflowId, Outcome>,
    runs: BTreeMap<WorkflowRun, Run>,
    n_looks_failing: u32,
    fault: Option<PortErrorKind>,
}

#[derive(Debug)]
struct Run {
    parameters: Map<String, Value>,
    outcome: Outcome,
    n_looks: u32,
    note: String,
    is_cancelled: bool,
}

impl Run {
    fn state(&self) -> RunState {
        match &self.outcome {
            _ if self.is_cancelled => RunState::Failed,
            _ if self.n_looks == 0 => RunState::Waiting,
            Ok(n_looks) if self.n_looks >= *n_looks => RunState::Succeeded,
            Err(_) => RunState::Failed,
            Ok(_) => RunState::Running,
        }
    }

    fn report(&self) -> RunReport {
        RunReport { state: self.state(), started_at: None, ended_at: None, note: self.note.clone() }
    }
}

impl MemoryOrchestrator {
    /// Makes a workflow whose runs end well at that look, or fail at their first with this message.
    pub fn add_workflow(&self, workflow: &WorkflowId, outcome: Result<u32, String>) {
        self.state().workflows.insert(workflow.clone(), outcome);
    }

    /// Has the next `n_looks` looks fail with `kind`.
    pub fn fail_looks(&self, n_looks: u32, kind: PortErrorKind) {
        let mut state = self.state();
        (state.n_looks_failing, state.fault) = (n_looks, Some(kind));
    }

    /// Returns how many runs were started.
    pub fn n_runs(&self) -> usize {
        self.state().runs.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(kind: PortErrorKind, operation: &'static str, subject: &WorkflowRun) -> PortError {
    PortError::new(kind, "memory", operation, subject.to_string())
}

#[async_trait]
impl Orchestrator for MemoryOrchestrator {
    async fn start(&self, new: &NewRun) -> Result<Started, PortError> {
        let mut state = self.state();
        let Some(outcome) = state.workflows.get(&new.run.workflow).cloned() else {
            return Err(error(PortErrorKind::NotFound, "start", &new.run));
        };
        if let Some(run) = state.runs.get(&new.run) {
            return if run.parameters == new.parameters {
                Ok(Started::Before(run.report()))
            } else {
                Err(error(PortErrorKind::Rejected, "start", &new.run).with_source(RunIdTaken))
            };
        }
        let run = Run {
            parameters: new.parameters.clone(),
            outcome,
            n_looks: 0,
            note: new.note.clone(),
            is_cancelled: false,
        };
        let report = run.report();
        state.runs.insert(new.run.clone(), run);
        Ok(Started::Now(report))
    }

    async fn look(&self, run: &WorkflowRun) -> Result<RunReport, PortError> {
        let mut state = self.state();
        if let (1.., Some(kind)) = (state.n_looks_failing, state.fault) {
            state.n_looks_failing -= 1;
            return Err(error(kind, "look", run));
        }
        let known =
            state.runs.get_mut(run).ok_or_else(|| error(PortErrorKind::NotFound, "look", run))?;
        known.n_looks = known.n_looks.saturating_add(1);
        Ok(known.report())
    }

    async fn cancel(&self, run: &WorkflowRun, reason: &str) -> Result<RunReport, PortError> {
        let mut state = self.state();
        let known =
            state.runs.get_mut(run).ok_or_else(|| error(PortErrorKind::NotFound, "cancel", run))?;
        if !known.state().is_ended() {
            known.is_cancelled = true;
            known.note = reason.to_owned();
        }
        Ok(known.report())
    }

    async fn failures(
        &self,
        run: &WorkflowRun,
        n_most: usize,
    ) -> Result<Vec<TaskFailure>, PortError> {
        let state = self.state();
        let known =
            state.runs.get(run).ok_or_else(|| error(PortErrorKind::NotFound, "failures", run))?;
        let failure = match &known.outcome {
            Err(message) if known.state() == RunState::Failed => TaskFailure {
                task: "load".to_owned(),
                index: None,
                attempts: 1,
                ended_at: None,
                message: Some(shortened(message)),
            },
            _ => return Ok(Vec::new()),
        };
        Ok(std::iter::once(failure).take(n_most).collect())
    }
}
