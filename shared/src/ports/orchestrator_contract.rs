//! What every orchestrator must keep: see the contract of [`Orchestrator`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::time::Duration;

use futures_util::future::{join, join_all, join3};

use super::orchestrator::{
    NewRun, Orchestrator, RunState, Started, WorkflowId, WorkflowRun, WorkflowRunId, follow,
};
use crate::error::{PortErrorKind, chain};

/// How long a run of the suite may take.
const WAIT: Duration = Duration::from_secs(120);

/// Workflows that the orchestrator has.
#[derive(Clone, Debug)]
pub struct Workflows {
    /// Its runs end well.
    pub good: WorkflowId,
    /// One of its tasks fails and others are not tried because of it.
    pub bad: WorkflowId,
    /// Its runs do not end by themselves.
    pub endless: WorkflowId,
}

impl Workflows {
    /// Names them.
    ///
    /// # Panics
    ///
    /// When one is no name of a workflow.
    pub fn named(good: &str, bad: &str, endless: &str) -> Self {
        let id = |raw: &str| WorkflowId::parse(raw).unwrap();
        Self { good: id(good), bad: id(bad), endless: id(endless) }
    }
}

/// Checks an orchestrator; its workflow that fails says `message`. `tag` makes the runs' ids new.
///
/// # Panics
///
/// When the contract is broken.
pub async fn orchestrator_contract(
    orchestrator: &dyn Orchestrator,
    workflows: &Workflows,
    message: &str,
    tag: &str,
) {
    let run = |workflow: &WorkflowId, name: &str| {
        let id = WorkflowRunId::parse(format!("contract:{name}~{tag}")).unwrap();
        WorkflowRun::new(workflow.clone(), id)
    };
    let unknown = WorkflowId::parse("no-such-workflow").unwrap();
    join3(
        join(
            starts_once(orchestrator, run(&workflows.good, "once")),
            names_what_is_not_there(orchestrator, run(&unknown, "x"), run(&workflows.good, "y")),
        ),
        tells_what_failed(orchestrator, run(&workflows.bad, "bad"), message),
        stops(orchestrator, run(&workflows.endless, "stop")),
    )
    .await;
}

async fn starts_once(orchestrator: &dyn Orchestrator, run: WorkflowRun) {
    let new = NewRun::new(run.clone()).with("batch", 21).with_note("of the suite");
    let all = join_all((0..5).map(|_| orchestrator.start(&new))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    let n_new = all.iter().filter(|it| matches!(it, Started::Now(_))).count();
    assert_eq!(n_new, 1, "of five that start one run, one starts it: {all:?}");

    let other = NewRun::new(run.clone()).with("batch", 22);
    let error = orchestrator.start(&other).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected, "the id is used: {}", chain(&error));
    assert!(chain(&error).to_string().contains("other parameters"), "{}", chain(&error));

    let report = follow(orchestrator, &run, WAIT).await.unwrap();
    assert_eq!(report.state, RunState::Succeeded);
    assert_eq!(report.note, "of the suite");
    assert!(orchestrator.failures(&run, 10).await.unwrap().is_empty(), "nothing failed");

    // Afterwards nothing starts, and nothing changes it.
    let again = orchestrator.start(&new).await.unwrap();
    assert_eq!(again, Started::Before(report.clone()));
    assert_eq!(orchestrator.cancel(&run, "too late").await.unwrap(), report);
    assert_eq!(orchestrator.look(&run).await.unwrap(), report);
}

async fn names_what_is_not_there(
    orchestrator: &dyn Orchestrator,
    no_workflow: WorkflowRun,
    no_run: WorkflowRun,
) {
    let error = orchestrator.start(&NewRun::new(no_workflow.clone())).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
    assert!(error.to_string().contains(no_workflow.workflow.as_str()), "{error}");
    for error in [
        orchestrator.look(&no_run).await.unwrap_err(),
        orchestrator.cancel(&no_run, "x").await.unwrap_err(),
        orchestrator.failures(&no_run, 1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
        assert!(error.to_string().contains(no_run.id.as_str()), "{error}");
    }
}

async fn tells_what_failed(orchestrator: &dyn Orchestrator, run: WorkflowRun, message: &str) {
    orchestrator.start(&NewRun::new(run.clone())).await.unwrap();
    let report = follow(orchestrator, &run, WAIT).await.unwrap();
    assert_eq!(report.state, RunState::Failed);

    let failures = orchestrator.failures(&run, 10).await.unwrap();
    assert_eq!(failures.len(), 1, "what was not tried did not fail: {failures:?}");
    for failure in &failures {
        assert_eq!(failure.attempts, 1);
        let told = failure.message.as_deref().unwrap_or_default();
        assert!(told.contains(message), "{told}");
    }
    assert!(orchestrator.failures(&run, 0).await.unwrap().is_empty(), "no more than asked for");
}

async fn stops(orchestrator: &dyn Orchestrator, run: WorkflowRun) {
    orchestrator.start(&NewRun::new(run.clone())).await.unwrap();
    let begun = tokio::time::Instant::now();
    while orchestrator.look(&run).await.unwrap().state != RunState::Running {
        assert!(begun.elapsed() < WAIT, "`{run}` does not begin");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let stopped = orchestrator.cancel(&run, "nobody needs it").await.unwrap();
    assert_eq!(stopped.state, RunState::Failed);
    assert_eq!(stopped.note, "nobody needs it");
    let again = orchestrator.cancel(&run, "nor now").await.unwrap();
    assert_eq!(again, stopped, "stopping it twice is stopping it");
    assert_eq!(orchestrator.look(&run).await.unwrap().state, RunState::Failed);
}
