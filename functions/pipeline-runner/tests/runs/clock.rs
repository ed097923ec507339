//! Runs that nobody asks for but the clock.

use std::sync::Arc;
use std::time::Duration;

use adapter_sql::MigrationPolicy;
use adapter_sql::store::SqliteCaseStore;
use pipeline_runner::{PipelineRunner, RunnerPorts, RunnerSettings};
use shared::ports::{PipelineJournal, PipelineRun, PipelineRunFilter, PipelineRunState};
use shared::time::Timestamp;
use shared::worker::{Failure, ScheduleHandler as _, Tick};

use crate::fragile::{Blow, Life};
use crate::rig::{NOON, Rig};

const CASES: &str = r#"
pipeline: cases
schedule: {every: 1h}
source:
  at: file:HERE/in/cases.csv
  columns: [{name: id}]
sink: {at: "file:HERE/out/cases.csv"}
"#;

fn rig() -> Rig {
    let rig = Rig::new("cases", CASES);
    rig.write("in/cases.csv", "id\na\n");
    rig.define("asked-for", &CASES.replace("schedule:", "about:").replace("{every: 1h}", "none"));
    rig.define("broken", "pipeline: [");
    rig
}

async fn tick(runner: &PipelineRunner) -> Result<(), Failure> {
    runner.run(Tick { due_at: Timestamp::EPOCH, until: None }).await
}

async fn runs(journal: &dyn PipelineJournal) -> Vec<PipelineRun> {
    let filter = PipelineRunFilter { pipeline: None, state: None, before: None, limit: 99 };
    journal.pipeline_runs(&filter).await.unwrap()
}

/// Looks again and again for two hours, and runs what is due.
async fn two_hours(rig: &Rig, runner: &PipelineRunner, journal: &dyn PipelineJournal) {
    for _ in 0..24 {
        // Two clocks look at once, and one of them once more.
        let (one, other) = tokio::join!(tick(runner), tick(runner));
        one.and(other).unwrap();
        rig.drain_by(runner).await;
        tick(runner).await.unwrap();
        rig.pass(Duration::from_mins(5));
    }
    let found = runs(journal).await;
    let keys: Vec<_> = found.iter().map(|it| it.idempotency_key.as_deref().unwrap()).collect();
    let key = |hour| format!("schedule-cases-2026-06-01T{hour}:00:00.000Z");
    assert_eq!(keys, [key(13), key(12)]);
    for run in found {
        assert_eq!((run.state, run.started_by.as_str()), (PipelineRunState::Succeeded, "schedule"));
    }
    assert_eq!(rig.read("out/cases.csv"), "id\na\n");
}

#[tokio::test]
async fn each_due_instant_is_run_once_whoever_looks_how_often() {
    let rig = rig();
    let runner = rig.runner(&Life::endless());
    two_hours(&rig, &runner, &*rig.journal).await;
    assert_eq!(rig.n_ends(), 2);
}

#[tokio::test]
async fn each_due_instant_is_run_once_by_a_journal_of_sql() {
    let rig = rig();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.db");
    let store = SqliteCaseStore::open(&path, MigrationPolicy::Apply, rig.clock.clone()).await;
    let journal = Arc::new(store.unwrap());
    let ports = RunnerPorts { journal: journal.clone(), ..rig.ports(&Life::endless()) };
    let runner = PipelineRunner::new(ports, RunnerSettings::default());
    two_hours(&rig, &runner, &*journal).await;
}

#[tokio::test]
async fn run_that_has_not_ended_keeps_the_next_waiting() {
    let rig = rig();
    let runner = rig.runner(&Life::endless());
    tick(&runner).await.unwrap();
    // Its queue is slow: it is not begun for an hour and a half, and asked for again meanwhile.
    for _ in 0..9 {
        rig.pass(Duration::from_mins(10));
        tick(&runner).await.unwrap();
    }
    assert_eq!(runs(&*rig.journal).await.len(), 1);
    rig.drain().await;
    assert_eq!(rig.n_ends(), 1);

    tick(&runner).await.unwrap();
    rig.drain().await;
    let found = runs(&*rig.journal).await;
    assert_eq!((found.len(), rig.n_ends()), (2, 2));
    let key = found[0].idempotency_key.as_deref();
    assert_eq!(key, Some("schedule-cases-2026-06-01T13:00:00.000Z"));
    // `now()` is when it was asked for.
    assert_eq!(found[0].requested_at, NOON.plus(Duration::from_mins(90)));
}

#[tokio::test]
async fn process_that_dies_at_any_call_of_a_look_is_made_up_for_by_the_next() {
    for blow in [Blow::Before, Blow::After] {
        for number in 1.. {
            let rig = rig();
            let life = Life::until(number, blow);
            let _ = tick(&rig.runner(&life)).await;

            // Longer than a run waits that nobody begins, and within the same hour.
            rig.pass(Duration::from_mins(15));
            let healthy = rig.runner(&Life::endless());
            tick(&healthy).await.unwrap();
            rig.drain_by(&healthy).await;

            let of = format!("{blow:?} {number}");
            let found = runs(&*rig.journal).await;
            assert_eq!((found.len(), rig.n_ends()), (1, 1), "{of}");
            assert_eq!(found[0].state, PipelineRunState::Succeeded, "{of}");
            if !life.is_over() {
                assert!(number > 5, "{number}");
                break;
            }
        }
    }
}
