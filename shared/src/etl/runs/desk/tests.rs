//! Orders that are given to the desk.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::etl::runs::Quality;
use crate::etl::{ReplayRow, RuleReport};
use crate::ports::{
    BlobKey, BlobStore as _, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue, PutBlob,
    SystemClock, SystemRandom,
};

const ONE: &str = "pipeline: one\nsource: {at: 'file:in/a.csv', columns: [{name: id}]}\nsink: {at: \
                   'file:out/a.csv'}\n";
const MANY: &str = "pipeline: many\nsource: {at: 'file:in/*.csv', columns: [{name: id}]}\nsink: \
                    {at: 'file:out/{partition}.csv'}\n";

struct Fixture {
    desk: PipelineDesk,
    journal: Arc<MemoryPipelineJournal>,
    queue: Arc<MemoryQueue>,
}

impl Fixture {
    async fn new() -> Self {
        let store = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        for (key, text) in [("one.yaml", ONE), ("many.yaml", MANY), ("bad.yaml", "pipeline: [")] {
            let key = BlobKey::parse(key).unwrap();
            store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
        }
        let journal = Arc::new(MemoryPipelineJournal::default());
        let clock = Arc::new(SystemClock);
        let queue = Arc::new(MemoryQueue::new("pipelines", NonZeroU32::MIN, clock.clone()));
        let desk = PipelineDesk::new(DeskPorts {
            definitions: Definitions::new(store),
            journal: journal.clone(),
            queue: queue.clone(),
            clock,
            random: Arc::new(SystemRandom),
        });
        Self { desk, journal, queue }
    }

    async fn n_queued(&self) -> u64 {
        self.queue.depth().await.unwrap().n_ready
    }

    /// Writes the run as it would stand after its round.
    async fn end(&self, id: &CorrelationId, states: &[PipelineRunState]) {
        self.write(id, states, &[]).await;
    }

    /// Writes it as after a round in which each partition rejected one of ten rows.
    async fn judge(&self, id: &CorrelationId, states: &[PipelineRunState]) {
        let rule = "not_null_id".to_owned();
        let action = crate::etl::Action::Quarantine;
        let report = RuleReport { rule, action, n_checked: 10, n_failed: 1, found: None };
        self.write(id, states, &[report]).await;
    }

    async fn write(&self, id: &CorrelationId, states: &[PipelineRunState], rules: &[RuleReport]) {
        let Kept { value, revision } = self.journal.pipeline_run(id).await.unwrap().unwrap();
        let n_partitions = u32::try_from(states.len()).ok();
        let run = PipelineRun { n_partitions, ..value };
        let names: Vec<_> = (0..states.len()).map(|it| it.to_string()).collect();
        assert!(self.journal.put_run(&run, revision, &names).await.unwrap());
        for (number, state) in (1..).zip(states) {
            let kept = self.journal.partition(id, number).await.unwrap().unwrap();
            let n_rejected = rules.len() as u64;
            let counts =
                RunCounts { n_read: 10, n_filtered: 0, n_rejected, n_out: 10 - n_rejected };
            let ended = PartitionRun { state: *state, counts, rules: rules.to_vec(), ..kept.value };
            assert!(self.journal.put_partition(&ended, kept.revision).await.unwrap());
        }
        crate::etl::runs::settle(&*self.journal, id, run.requested_at).await.unwrap().unwrap();
    }
}

fn request(pipeline: &str, key: Option<&str>) -> RunRequest {
    RunRequest {
        pipeline: pipeline.to_owned(),
        only: Vec::new(),
        started_by: "person:ann".to_owned(),
        idempotency_key: key.map(str::to_owned),
        correlation_id: None,
    }
}

#[tokio::test]
async fn order_that_is_given_twice_is_one_run_and_is_queued_until_it_is_begun() {
    let fixture = Fixture::new().await;
    let first = fixture.desk.start(request("one", Some("k"))).await.unwrap();
    let second = fixture.desk.start(request("one", Some("k"))).await.unwrap();
    assert_eq!(first.run, second.run);
    assert_eq!((first.is_new, second.is_new), (true, false));
    let first = first.run;
    assert_eq!(fixture.n_queued().await, 2);

    fixture.end(&first.id, &[PipelineRunState::Succeeded]).await;
    let third = fixture.desk.start(request("one", Some("k"))).await.unwrap().run;
    assert_eq!((third.id, third.state), (first.id, PipelineRunState::Succeeded));
    assert_eq!(fixture.n_queued().await, 2);
}

#[tokio::test]
async fn order_that_cannot_be_says_what_is_wrong() {
    let fixture = Fixture::new().await;
    let error = fixture.desk.start(request("on", None)).await.unwrap_err().to_string();
    assert_eq!(error, "there is no pipeline `on`: did you mean `one`?");
    let error = fixture.desk.start(request("bad", None)).await.unwrap_err();
    assert!(matches!(error, PipelineDeskError::Faulty { .. }), "{error}");
    let only = vec!["x".to_owned()];
    let error = fixture.desk.start(RunRequest { only, ..request("one", None) }).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no partition `x`: the source is one file");
    let rows = vec![ReplayRow::of_json(2, r#"{"id": "a"}"#).unwrap()];
    let replay = ReplayRequest { run: request("many", None), rows };
    let error = fixture.desk.replay(replay).await.unwrap_err().to_string();
    assert!(error.contains("name the partition"), "{error}");
    assert_eq!(fixture.n_queued().await, 0);
}

#[tokio::test]
async fn retry_begins_a_round_and_cancel_ends_one() {
    use PipelineRunState::{Cancelled, Failed, Queued, Succeeded};
    let fixture = Fixture::new().await;
    let run = fixture.desk.start(request("many", None)).await.unwrap().run;
    fixture.end(&run.id, &[Succeeded, Failed]).await;

    let again = fixture.desk.retry(&run.id).await.unwrap();

    assert_eq!((again.state, again.round), (Queued, 2));
    let shown = fixture.desk.run(&run.id).await.unwrap();
    let states: Vec<_> = shown.partitions.iter().map(|it| it.state).collect();
    assert_eq!(states, [Succeeded, Queued]);
    // It has not ended: the same round is queued again.
    assert_eq!(fixture.desk.retry(&run.id).await.unwrap().round, 2);

    let ended = fixture.desk.cancel(&run.id, "person:ann").await.unwrap();
    assert_eq!(ended.message.as_deref(), Some("cancelled by person:ann"));
    let shown = fixture.desk.run(&run.id).await.unwrap();
    assert_eq!(shown.summary.states, BTreeMap::from([(Succeeded, 1), (Cancelled, 1)]));
    let error = fixture.desk.cancel(&run.id, "x").await.unwrap_err();
    assert!(matches!(error, PipelineDeskError::Ended { state: Cancelled, .. }), "{error}");
    assert_eq!(fixture.desk.retry(&run.id).await.unwrap().round, 3);
}

#[tokio::test]
async fn runs_are_paged_and_pipelines_listed_with_the_last_one() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(fixture.desk.start(request("one", None)).await.unwrap().run.id);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ids.reverse();
    let of = |page: Vec<RunSummary>| page.into_iter().map(|it| it.run.id).collect::<Vec<_>>();
    let first = of(fixture.desk.runs(None, None, None, 2).await.unwrap());
    assert_eq!(first, ids[..2]);
    assert_eq!(of(fixture.desk.runs(None, None, first.last(), 2).await.unwrap()), ids[2..]);

    let listed = fixture.desk.list().await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|it| (it.name.as_str(), it.found.is_ok(), it.last_run.as_ref().map(|it| &it.id)))
        .collect();
    assert_eq!(shown, [("bad", false, None), ("many", true, None), ("one", true, ids.first())]);
}

#[tokio::test]
async fn quality_counts_runs_of_the_source_that_came_to_a_verdict() {
    use PipelineRunState::{Failed, Refused, Succeeded};
    let fixture = Fixture::new().await;
    for states in [[Succeeded, Succeeded], [Refused, Succeeded], [Failed, Succeeded]] {
        let id = fixture.desk.start(request("many", None)).await.unwrap().run.id;
        fixture.judge(&id, &states).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let quality = fixture.desk.quality("many", 10).await.unwrap();
    let states: Vec<_> = quality.runs.iter().map(|it| it.run.state).collect();
    assert_eq!(states, [Refused, Succeeded]);
    assert_eq!(quality.runs[0].passed_percent(), Some(90.0));
    let [rule] = &*quality.rules else { panic!("{:?}", quality.rules) };
    assert_eq!((rule.n_checked, rule.n_failed), (40, 4));
    assert_eq!((rule.n_runs, rule.n_runs_broken), (2, 2));
    assert!(!quality.is_cut);
    assert_eq!(fixture.desk.quality("many", 1).await.unwrap().runs.len(), 1);
    assert_eq!(fixture.desk.quality("one", 10).await.unwrap(), Quality::default());
    let missing = fixture.desk.quality("man", 10).await;
    assert!(matches!(missing, Err(PipelineDeskError::NoPipeline { .. })));
}
