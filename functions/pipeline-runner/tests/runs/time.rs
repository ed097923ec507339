//! Partitions that take too long, and runs that are cancelled meanwhile.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pipeline_runner::{PipelineRunner, RunnerPorts, RunnerSettings};
use shared::Retry;
use shared::etl::pushdown::PushedDown;
use shared::etl::runs::{Definitions, DeskPorts, PipelineDesk};
use shared::etl::{
    OpenBlobs, Percent, Pipeline, PipelineError, PipelineFault, PipelinePlan, PipelineTest,
    ReplayRow, RunReport, TestedRows,
};
use shared::ports::{
    BlobKey, BlobStore, Clock, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue, PipelineEngine,
    PipelineProgress, PipelineRunState, PutBlob, Queue as _, RunOptions, SystemRandom,
};
use shared::time::Timestamp;
use shared::worker::{Message, MessageHandler as _};
use tokio::time::Instant;

use crate::rig::{NOON, request};

/// A clock that goes with the runtime's, which stands still while there is work.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        NOON.plus(self.0.elapsed())
    }
}

/// An engine that never ends, and sees between batches whether it is wanted.
struct Endless;

#[async_trait]
impl PipelineEngine for Endless {
    fn plan(&self, pipeline: &Pipeline) -> Result<PipelinePlan, Vec<PipelineFault>> {
        Ok(PipelinePlan {
            pipeline: pipeline.name.clone(),
            source: pipeline.source.part.at.clone(),
            source_columns: Vec::new(),
            steps: Vec::new(),
            rules: Vec::new(),
            threshold: Percent::DEFAULT_THRESHOLD,
            sink: pipeline.sink.part.at.clone(),
            lineage: Vec::new(),
            filtered_by: Default::default(),
        })
    }

    fn push_down(
        &self,
        _pipeline: &Pipeline,
        _now: Option<Timestamp>,
    ) -> Result<PushedDown, Vec<PipelineFault>> {
        Err(Vec::new())
    }

    async fn run(
        &self,
        _pipeline: &Pipeline,
        _options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        while progress.is_wanted() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(PipelineError::Stopped)
    }

    async fn replay(
        &self,
        pipeline: &Pipeline,
        _rows: Vec<ReplayRow>,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        self.run(pipeline, options, progress).await
    }

    async fn try_rows(
        &self,
        _pipeline: &Pipeline,
        _test: &PipelineTest,
    ) -> Result<TestedRows, PipelineError> {
        Ok(TestedRows::default())
    }
}

struct Office {
    desk: PipelineDesk,
    runner: PipelineRunner,
    queue: Arc<MemoryQueue>,
}

async fn office(within: Option<Duration>) -> Office {
    let clock = Arc::new(Paused(Instant::now()));
    let store = Arc::new(MemoryBlobStore::new(clock.clone()));
    let text = "pipeline: slow\nsource: {at: 'file:in/a.csv', columns: [{name: id}]}\nsink: {at: \
                'file:out/a.csv'}\n";
    let key = BlobKey::parse("slow.yaml").unwrap();
    store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
    let tries = NonZeroU32::new(20).unwrap();
    let queue = Arc::new(MemoryQueue::new("pipelines", tries, clock.clone()));
    let (journal, random) = (Arc::new(MemoryPipelineJournal::default()), Arc::new(SystemRandom));
    let definitions = Definitions::new(store.clone());
    let desk = PipelineDesk::new(DeskPorts {
        definitions: definitions.clone(),
        journal: journal.clone(),
        queue: queue.clone(),
        clock: clock.clone(),
        random: random.clone(),
    });
    let open: OpenBlobs = Arc::new(move |_: &str| Ok(store.clone() as Arc<dyn BlobStore>));
    let engine = Arc::new(Endless);
    let ports =
        RunnerPorts { engine, definitions, journal, queue: queue.clone(), open, clock, random };
    let runner = PipelineRunner::new(ports, RunnerSettings { within, ..Default::default() });
    Office { desk, runner, queue }
}

impl Office {
    async fn next(&self) -> Message {
        let visible = Duration::from_hours(1);
        let taken = self.queue.receive(NonZeroU32::MIN, visible, Duration::ZERO).await;
        crate::rig::message(&taken.unwrap().into_iter().next().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn partition_that_does_not_end_in_time_is_handed_back_once_and_then_fails() {
    let office = office(Some(Duration::from_mins(14))).await;
    let id = office.desk.start(request("slow")).await.unwrap().run.id;
    office.runner.handle(&office.next().await).await.unwrap();
    let message = office.next().await;

    let first = office.runner.handle(&message).await.unwrap_err();

    assert_eq!(first.retry(), Retry::After(None));
    assert!(first.reason().contains("was not done within 14m"), "{first}");
    let shown = office.desk.run(&id).await.unwrap();
    assert_eq!(shown.partitions[0].state, PipelineRunState::Queued);
    assert_eq!(shown.partitions[0].message.as_deref(), Some(first.reason()));
    let second = office.runner.handle(&message).await.unwrap_err();
    assert_eq!(second.retry(), Retry::Never);
    let run = office.desk.run(&id).await.unwrap().summary.run;
    assert_eq!(
        (run.state, run.message.as_deref()),
        (PipelineRunState::Failed, Some(first.reason()))
    );
}

#[tokio::test(start_paused = true)]
async fn cancelled_run_is_left_by_its_runner() {
    let office = office(None).await;
    let id = office.desk.start(request("slow")).await.unwrap().run.id;
    office.runner.handle(&office.next().await).await.unwrap();
    let message = office.next().await;
    let cancel = async {
        tokio::time::sleep(Duration::from_mins(5)).await;
        office.desk.cancel(&id, "person:ann").await.unwrap();
    };

    let (handled, ()) = tokio::join!(office.runner.handle(&message), cancel);

    handled.unwrap();
    let shown = office.desk.run(&id).await.unwrap();
    assert_eq!(shown.summary.run.state, PipelineRunState::Cancelled);
    assert_eq!(shown.partitions[0].state, PipelineRunState::Cancelled);
    // The next round may begin at once.
    office.desk.retry(&id).await.unwrap();
    office.runner.handle(&office.next().await).await.unwrap();
    assert_eq!(office.desk.run(&id).await.unwrap().partitions[0].state, PipelineRunState::Queued);
}
