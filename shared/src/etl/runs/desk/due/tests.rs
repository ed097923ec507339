//! The clock at the desk.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::etl::runs::{Definitions, DeskPorts};
use crate::ports::{
    BlobKey, BlobStore as _, Clock, Kept, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue,
    PipelineJournal as _, PutBlob, Queue as _, SystemClock, SystemRandom,
};

struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Fixture {
    desk: PipelineDesk,
    journal: Arc<MemoryPipelineJournal>,
    queue: Arc<MemoryQueue>,
    clock: Arc<Moved>,
}

impl Fixture {
    /// Begins with a pipeline for each schedule, the first called `p0`.
    async fn new(schedules: &[&str], now: &str) -> Self {
        let clock = Arc::new(Moved(Mutex::new(at(now))));
        let store = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        for (idx, schedule) in schedules.iter().enumerate() {
            let key = BlobKey::parse(format!("p{idx}.yaml")).unwrap();
            let text = format!(
                "pipeline: p{idx}\nsource: {{at: 'file:in/a.csv', columns: [{{name: id}}]}}\nsink: \
                 {{at: 'file:out/a.csv'}}\n{schedule}\n"
            );
            store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
        }
        let journal = Arc::new(MemoryPipelineJournal::default());
        let queue = Arc::new(MemoryQueue::new("pipelines", NonZeroU32::MIN, clock.clone()));
        let desk = PipelineDesk::new(DeskPorts {
            definitions: Definitions::new(store),
            journal: journal.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
        });
        Self { desk, journal, queue, clock }
    }

    async fn look(&self, now: &str) -> u64 {
        *self.clock.0.lock().unwrap() = at(now);
        self.desk.open_due().await.unwrap()
    }

    async fn runs(&self) -> Vec<PipelineRun> {
        let filter = PipelineRunFilter { pipeline: None, state: None, before: None, limit: 9_999 };
        self.journal.pipeline_runs(&filter).await.unwrap()
    }

    async fn end_all(&self) {
        for run in self.runs().await.into_iter().filter(|it| !it.state.is_ended()) {
            let Kept { value, revision } =
                self.journal.pipeline_run(&run.id).await.unwrap().unwrap();
            let state = PipelineRunState::Failed;
            let ended = PipelineRun { state, ..value };
            assert!(self.journal.put_run(&ended, revision, &[]).await.unwrap());
        }
    }

    async fn n_queued(&self) -> u64 {
        self.queue.depth().await.unwrap().n_ready
    }
}

fn at(raw: &str) -> Timestamp {
    Timestamp::parse(raw).unwrap()
}

#[tokio::test]
async fn run_is_opened_once_for_each_instant_and_not_before_it() {
    let fixture = Fixture::new(&["schedule: \"06:00\"", ""], "2026-12-01T05:59:59Z").await;
    // That of the day before is not a day ago.
    assert_eq!(fixture.look("2026-12-01T05:59:59Z").await, 1);
    fixture.end_all().await;
    assert_eq!(fixture.look("2026-12-01T05:59:59Z").await, 0);
    assert_eq!(fixture.look("2026-12-01T06:00:00Z").await, 1);
    fixture.end_all().await;
    assert_eq!(fixture.look("2026-12-01T23:00:00Z").await, 0);
    assert_eq!(fixture.n_queued().await, 2);

    let runs = fixture.runs().await;
    let keys: Vec<_> = runs.iter().map(|it| it.idempotency_key.as_deref().unwrap()).collect();
    let key = |day: &str| format!("schedule-p0-2026-{day}T06:00:00.000Z");
    assert_eq!(keys, [key("12-01"), key("11-30")]);
    // What `now()` says is when it was asked for, not when it was due.
    assert_eq!(runs[1].requested_at, at("2026-12-01T05:59:59Z"));
    assert_eq!((runs[0].started_by.as_str(), runs.len()), ("schedule", 2));
}

#[tokio::test]
async fn clock_that_stood_still_opens_one_run_and_none_that_is_a_day_late() {
    let schedules = ["schedule: {every: 15m}", "schedule: {at: \"06:00\", days: [mon]}"];
    // A Monday.
    let fixture = Fixture::new(&schedules, "2026-11-30T06:01:00Z").await;
    assert_eq!(fixture.look("2026-11-30T06:01:00Z").await, 2);
    fixture.end_all().await;
    assert_eq!(fixture.look("2026-12-05T09:00:00Z").await, 1);
    fixture.end_all().await;
    assert_eq!(fixture.look("2026-12-08T06:00:01Z").await, 1);
    let runs = fixture.runs().await;
    assert_eq!(runs.iter().filter(|it| it.pipeline == "p1").count(), 1);
    fixture.end_all().await;
    assert_eq!(fixture.look("2026-12-15T06:00:00Z").await, 2);
}

#[tokio::test]
async fn none_is_opened_while_the_one_before_has_not_ended() {
    let fixture = Fixture::new(&["schedule: {every: 15m}"], "2026-12-01T06:00:00Z").await;
    assert_eq!(fixture.look("2026-12-01T06:00:00Z").await, 1);
    assert_eq!(fixture.look("2026-12-01T06:15:00Z").await, 0);
    assert_eq!(fixture.look("2026-12-01T06:31:00Z").await, 0);
    fixture.end_all().await;
    // That of 06:15 is let go, that of 06:30 is late.
    assert_eq!(fixture.look("2026-12-01T06:40:00Z").await, 1);
    assert_eq!(fixture.look("2026-12-01T06:44:59Z").await, 0);
    let key = fixture.runs().await.remove(0).idempotency_key;
    assert_eq!(key.as_deref(), Some("schedule-p0-2026-12-01T06:30:00.000Z"));
}

#[tokio::test]
async fn run_of_a_person_keeps_none_of_the_clock_waiting() {
    let fixture = Fixture::new(&["schedule: \"06:00\""], "2026-12-01T05:00:00Z").await;
    let request = RunRequest {
        pipeline: "p0".to_owned(),
        only: Vec::new(),
        started_by: "person:ann".to_owned(),
        idempotency_key: None,
        correlation_id: None,
    };
    fixture.desk.start(request).await.unwrap();
    assert_eq!(fixture.look("2026-12-01T06:00:00Z").await, 1);
}

#[tokio::test]
async fn broken_definition_hides_no_other() {
    let schedules = ["schedule: 15m", "schedule: \"06:00\"", "sink: [", "schedule: {every: 1h}"];
    let fixture = Fixture::new(&schedules, "2026-12-01T06:00:00Z").await;
    assert_eq!(fixture.look("2026-12-01T06:00:00Z").await, 2);
    let names: BTreeSet<_> = fixture.runs().await.into_iter().map(|it| it.pipeline).collect();
    assert_eq!(names, BTreeSet::from(["p1".to_owned(), "p3".to_owned()]));
}

#[tokio::test]
async fn run_that_nobody_begins_is_queued_again_after_a_while() {
    let fixture = Fixture::new(&["schedule: {every: 15m}"], "2026-12-01T06:00:00Z").await;
    assert_eq!(fixture.look("2026-12-01T06:00:00Z").await, 1);
    assert_eq!(fixture.look("2026-12-01T06:09:00Z").await, 0);
    assert_eq!(fixture.n_queued().await, 1);
    // It is queued again by a later instant, too, which it keeps waiting.
    assert_eq!(fixture.look("2026-12-01T06:16:00Z").await, 0);
    assert_eq!(fixture.n_queued().await, 2);

    let run = fixture.runs().await.remove(0);
    let begun = PipelineRun {
        definition: Some("ab".repeat(32)),
        n_partitions: Some(1),
        state: PipelineRunState::Running,
        ..run
    };
    assert!(fixture.journal.put_run(&begun, 1, &[String::new()]).await.unwrap());
    assert_eq!(fixture.look("2026-12-01T07:16:00Z").await, 0);
    assert_eq!(fixture.n_queued().await, 2);
}

#[tokio::test]
async fn next_instant_is_listed_and_shown() {
    let fixture =
        Fixture::new(&["schedule: \"06:00\"", "", "schedule: 15m"], "2026-12-01T06:00:00Z").await;
    let listed = fixture.desk.list().await.unwrap();
    let next: Vec<_> = listed.iter().map(|it| it.next_at).collect();
    assert_eq!(next, [Some(at("2026-12-02T06:00:00Z")), None, None]);
    assert_eq!(fixture.desk.show("p0").await.unwrap().next_at, next[0]);
}

/// A look of two clocks at once, so long after the one before, and whether all runs ended before it.
fn ticks() -> impl Strategy<Value = Vec<(u64, bool)>> {
    let apart = prop_oneof![0_u64..600, 600_u64..7_200, 7_200_u64..400_000];
    prop::collection::vec((apart, prop::bool::weighted(0.7)), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_instant_that_is_the_newest_when_nothing_runs_opens_exactly_once(
        ticks in ticks(),
        schedule in prop::sample::select(vec![
            "{every: 15m}", "\"06:00\"", "{every: 1h, days: [mon, thu]}", "{at: \"23:45\", days: sun}",
        ]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let start = at("2026-12-01T05:59:00Z");
            let text = format!("schedule: {schedule}");
            let fixture = Fixture::new(&[&text], "2026-12-01T05:59:00Z").await;
            let listed = fixture.desk.definition("p0").await.unwrap();
            let schedule = listed.pipeline.schedule.unwrap();
            let (mut now, mut wanted, mut is_busy) = (start, BTreeSet::new(), false);
            for (apart, are_ended) in ticks {
                now = now.plus(Duration::from_secs(apart));
                *fixture.clock.0.lock().unwrap() = now;
                if are_ended {
                    fixture.end_all().await;
                    is_busy = false;
                }
                let due_at = schedule.last_due(now);
                let is_due = !is_busy && now.since(due_at) <= MAX_LATE;
                let is_new = is_due && wanted.insert(due_at);
                is_busy |= is_new;

                let looks = (fixture.desk.open_due(), fixture.desk.open_due());
                let opened = futures_util::future::join(looks.0, looks.1).await;
                let n_opened = opened.0.unwrap() + opened.1.unwrap();
                prop_assert_eq!(n_opened, u64::from(is_new), "at {}", now);
            }
            let keys: Vec<_> = fixture.runs().await.into_iter().map(|it| it.idempotency_key).collect();
            prop_assert_eq!(keys.len(), wanted.len());
            let keys: BTreeSet<_> = keys.into_iter().flatten().collect();
            let wanted = wanted.iter().map(|it| format!("schedule-p0-{it}"));
            prop_assert_eq!(keys, wanted.collect::<BTreeSet<_>>());
            Ok(())
        })?;
    }
}
