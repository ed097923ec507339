//! An orchestrator: workflows that run elsewhere, started, followed and stopped from here.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::error::{PortError, PortErrorKind};
use crate::ids::text_id;
use crate::time::Timestamp;

/// The wait before the second look; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

text_id!(
    /// Names a workflow of the orchestrator: 1 to 250 letters, digits, `.`, `-` and `_`.
    ///
    /// Source: Airflow, `airflow.utils.helpers.validate_key`, which is what a DAG's id must pass.
    WorkflowId,
    "the id of a workflow: 1 to 250 letters, digits, `.`, `-` and `_`",
    |raw| is_name(raw, b"._-")
);

text_id!(
    /// Names one run of a workflow: 1 to 250 letters, digits, `.`, `~`, `:`, `+`, `-` and `_`, and not
    /// `.` or `..`. Whoever starts the run chooses it and saves it before.
    ///
    /// Source: Airflow, `[scheduler] allowed_run_id_pattern`.
    WorkflowRunId,
    "the id of a run: 1 to 250 letters, digits, `.`, `~`, `:`, `+`, `-` and `_`",
    |raw| is_name(raw, b"_.~:+-")
);

fn is_name(raw: &str, others: &[u8]) -> bool {
    (1..=250).contains(&raw.len())
        // Those two mean other folders where a name is part of an address.
        && !matches!(raw, "." | "..")
        && raw.bytes().all(|it| it.is_ascii_alphanumeric() || others.contains(&it))
}

/// One run of one workflow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowRun {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The run, unique within it.
    pub id: WorkflowRunId,
}

impl WorkflowRun {
    /// Names the run `id` of `workflow`.
    pub fn new(workflow: WorkflowId, id: WorkflowRunId) -> Self {
        Self { workflow, id }
    }
}

impl fmt::Display for WorkflowRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workflow, self.id)
    }
}

/// A run to start. `Debug` shows no parameters: they may name a person.
#[derive(Clone, PartialEq)]
pub struct NewRun {
    /// The workflow, and the id that makes starting it twice start it once.
    pub run: WorkflowRun,
    /// What the workflow is given.
    pub parameters: Map<String, Value>,
    /// What people read beside the run; empty for nothing.
    pub note: String,
}

impl NewRun {
    /// Starts `run` without parameters.
    pub fn new(run: WorkflowRun) -> Self {
        Self { run, parameters: Map::new(), note: String::new() }
    }

    /// Gives the workflow `value` as its parameter `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Writes `note` beside the run.
    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

impl fmt::Debug for NewRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRun")
            .field("run", &self.run)
            .field("n_parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Nothing of it runs yet. A workflow that is switched off waits until somebody switches it on.
    Waiting,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed, or was stopped.
    Failed,
}

impl RunState {
    /// Tells whether nothing more happens.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What is known of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Where it stands.
    pub state: RunState,
    /// When its first task could start.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What people read beside it; empty for nothing.
    pub note: String,
}

/// What starting a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// The run is new.
    Now(RunReport),
    /// It was started before, with the same parameters.
    Before(RunReport),
}

impl Started {
    /// Returns what is known of the run.
    pub fn report(&self) -> &RunReport {
        match self {
            Self::Now(report) | Self::Before(report) => report,
        }
    }
}

/// A task that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The task's id in its workflow.
    pub task: String,
    /// Which of the tasks that were made of one, where there are several.
    pub index: Option<u32>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What its last attempt said, shortened to [`MAX_MESSAGE_CHARS`]; `None` when it said nothing, or
    /// its log cannot be read. It is the workflow's own text, and may name a person.
    pub message: Option<String>,
}

/// The longest message of a failed task that is kept, in characters.
pub const MAX_MESSAGE_CHARS: usize = 2_000;

/// A run id that is used already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run was started before with other parameters: choose another run id")]
pub struct RunIdTaken;

/// Starts, follows and stops workflows that run elsewhere.
///
/// # Contract
///
/// - Starting a run again under its id with the same parameters starts nothing, however often and from
///   how many processes: the run that is there is reported.
/// - A run can be looked at and stopped by any process that knows its name.
/// - A run that has ended never changes its state through this port.
#[async_trait]
pub trait Orchestrator: Send + Sync {
    /// Starts a run.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such workflow, `Rejected` with [`RunIdTaken`] as its source when the
    /// run is there with other parameters, `Denied` when the credentials do not allow it,
    /// `RateLimited` and `Unavailable` when the same run may be started again.
    async fn start(&self, run: &NewRun) -> Result<Started, PortError>;

    /// Looks where a run stands.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such run; else as [`start`](Orchestrator::start).
    async fn look(&self, run: &WorkflowRun) -> Result<RunReport, PortError>;

    /// Stops a run: it then counts as failed, and its tasks end soon after. One that has ended is left
    /// as it is. Returns what is known of the run afterwards.
    ///
    /// # Errors
    ///
    /// As [`look`](Orchestrator::look).
    async fn cancel(&self, run: &WorkflowRun, reason: &str) -> Result<RunReport, PortError>;

    /// Returns the first tasks of a run that failed by themselves, up to `n_most`, in the order in which
    /// they began. Tasks that were not tried because of others are none of them.
    ///
    /// # Errors
    ///
    /// As [`look`](Orchestrator::look).
    async fn failures(
        &self,
        run: &WorkflowRun,
        n_most: usize,
    ) -> Result<Vec<TaskFailure>, PortError>;
}

/// Looks at a run until it has ended, for as long as `wait`; returns what was seen last.
///
/// A fault of the moment is passed over while there is time left, so that an orchestrator that is
/// started anew in between does no harm.
///
/// # Errors
///
/// As [`Orchestrator::look`].
pub async fn follow(
    orchestrator: &dyn Orchestrator,
    run: &WorkflowRun,
    wait: Duration,
) -> Result<RunReport, PortError> {
    let (mut left, mut next) = (wait, FIRST_WAIT);
    loop {
        let seen = orchestrator.look(run).await;
        let pause = match &seen {
            Ok(report) if report.state.is_ended() => return seen,
            Ok(_) => next,
            Err(error) if is_passing(error) => error.retry_after().unwrap_or(next).max(next),
            Err(_) => return seen,
        };
        if left.is_zero() || (seen.is_err() && pause > left) {
            return seen;
        }
        let pause = pause.min(left);
        tokio::time::sleep(pause).await;
        left = left.saturating_sub(pause);
        next = (next * 2).min(LONGEST_WAIT);
    }
}

fn is_passing(error: &PortError) -> bool {
    matches!(error.kind(), PortErrorKind::Unavailable | PortErrorKind::RateLimited)
}

/// Shortens what a task said.
pub fn shortened(message: &str) -> String {
    let message = message.trim();
    match message.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryOrchestrator;
    use crate::ports::orchestrator_contract::{Workflows, orchestrator_contract};

    fn run(id: &str) -> WorkflowRun {
        WorkflowRun::new(WorkflowId::parse("load").unwrap(), WorkflowRunId::parse(id).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn memory_keeps_the_contract() {
        let workflows = Workflows::named("good", "bad", "endless");
        let orchestrator = MemoryOrchestrator::default();
        orchestrator.add_workflow(&workflows.good, Ok(2));
        orchestrator.add_workflow(&workflows.bad, Err("no such column".to_owned()));
        orchestrator.add_workflow(&workflows.endless, Ok(u32::MAX));
        orchestrator_contract(&orchestrator, &workflows, "no such column", "1").await;
    }

    #[tokio::test(start_paused = true)]
    async fn follower_waits_no_longer_than_told() {
        let orchestrator = MemoryOrchestrator::default();
        orchestrator.add_workflow(&run("x").workflow, Ok(u32::MAX));
        orchestrator.start(&NewRun::new(run("x"))).await.unwrap();
        let begun = tokio::time::Instant::now();

        let report = follow(&orchestrator, &run("x"), Duration::from_secs(60)).await.unwrap();

        assert_eq!(report.state, RunState::Running);
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn follower_passes_over_an_outage_and_hands_on_what_lasts() {
        let orchestrator = MemoryOrchestrator::default();
        orchestrator.add_workflow(&run("x").workflow, Ok(3));
        orchestrator.start(&NewRun::new(run("x"))).await.unwrap();

        orchestrator.fail_looks(2, PortErrorKind::Unavailable);
        let report = follow(&orchestrator, &run("x"), Duration::from_secs(60)).await.unwrap();
        assert_eq!(report.state, RunState::Succeeded);

        orchestrator.fail_looks(u32::MAX, PortErrorKind::Unavailable);
        let error = follow(&orchestrator, &run("x"), Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);

        orchestrator.fail_looks(1, PortErrorKind::Denied);
        let error = follow(&orchestrator, &run("x"), Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied);
    }

    #[test]
    fn names_that_would_leave_their_place_are_refused() {
        for raw in ["", ".", "..", "a/b", "a b", "a?b", "a%2fb", "é", &"x".repeat(251)] {
            assert!(WorkflowRunId::parse(raw).is_err(), "{raw}");
            assert!(WorkflowId::parse(raw).is_err(), "{raw}");
        }
        assert!(WorkflowRunId::parse("load:2026-12-01T00:00:00+00:00~1").is_ok());
        assert!(WorkflowId::parse("firm.load_cases-2").is_ok());
        assert!(WorkflowId::parse("a:b").is_err());
    }

    #[test]
    fn long_message_is_cut_between_characters() {
        let message = "é".repeat(MAX_MESSAGE_CHARS + 1);
        let short = shortened(&message);
        assert_eq!(short.chars().count(), MAX_MESSAGE_CHARS + 1);
        assert!(short.ends_with('…'));
        assert_eq!(shortened(" short \n"), "short");
    }

    #[test]
    fn debug_shows_no_parameter() {
        let new = NewRun::new(run("x")).with("client", "Ada").with_note("of Ada");
        assert!(!format!("{new:?}").contains("Ada"));
    }
}
