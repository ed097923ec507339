//! Folders, a queue, a journal, and runners over them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_engine::Pipelines;
use adapter_objects::FolderBlobStore;
use async_trait::async_trait;
use pipeline_runner::{PipelineRunner, RunnerPorts, RunnerSettings};
use shared::PortError;
use shared::Retry;
use shared::etl::runs::{Definitions, DeskPorts, PipelineDesk, RunDetail, RunRequest};
use shared::ids::CorrelationId;
use shared::ports::{
    BlobStore, Clock, Delivery, Kept, MemoryPipelineJournal, MemoryQueue, PartitionRun,
    PartitionTally, PipelineJournal, PipelineRun, PipelineRunFilter, Queue, SystemClock,
    SystemRandom,
};
use shared::time::Timestamp;
use shared::worker::{Failure, Message, MessageHandler as _};

use crate::fragile::{Fragile, Life};

/// 2026-06-01T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

/// A clock that a test moves.
pub(crate) struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A journal that counts how often a run came to its end.
#[derive(Default)]
pub(crate) struct Counting {
    journal: MemoryPipelineJournal,
    ends: Mutex<u32>,
}

/// Pipelines in a folder, and what has become of their runs.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    pub(crate) journal: Arc<Counting>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) clock: Arc<Moved>,
    pub(crate) desk: PipelineDesk,
}

fn folder(path: &Path) -> Arc<dyn BlobStore> {
    std::fs::create_dir_all(path).unwrap();
    Arc::new(FolderBlobStore::open(path, &SystemClock, Arc::new(SystemRandom)).unwrap())
}

impl Rig {
    /// Begins with the pipeline `name`; `HERE` in its text is the folder.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(Moved(Mutex::new(NOON)));
        let journal = Arc::new(Counting::default());
        let tries = NonZeroU32::new(20).unwrap();
        let queue = Arc::new(MemoryQueue::new("pipelines", tries, clock.clone()));
        let desk = PipelineDesk::new(DeskPorts {
            definitions: Definitions::new(folder(&place.path().join("pipelines"))),
            journal: journal.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
        });
        let rig = Self { folder: place, journal, queue, clock, desk };
        for name in ["in", "out"] {
            folder(&rig.folder.path().join(name));
        }
        rig.define(name, text);
        rig
    }

    pub(crate) fn define(&self, name: &str, text: &str) {
        let text = text.replace("HERE", &self.folder.path().display().to_string());
        self.write(&format!("pipelines/{name}.yaml"), &text);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns every file that pipelines wrote, by name.
    pub(crate) fn written(&self) -> BTreeMap<String, String> {
        let files = std::fs::read_dir(self.folder.path().join("out")).unwrap();
        let files = files.map(|it| it.unwrap()).filter(|it| it.file_type().unwrap().is_file());
        let named = files.map(|it| it.file_name().into_string().unwrap());
        named.map(|it| (it.clone(), self.read(&format!("out/{it}")))).collect()
    }

    pub(crate) fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.plus(time);
    }

    /// A runner whose process lives as long as `life`.
    pub(crate) fn runner(&self, life: &Arc<Life>) -> PipelineRunner {
        PipelineRunner::new(self.ports(life), RunnerSettings::default())
    }

    /// The ports of a process that lives as long as `life`.
    pub(crate) fn ports(&self, life: &Arc<Life>) -> RunnerPorts {
        let of = life.clone();
        let fragile = move |store: Arc<dyn BlobStore>| -> Arc<dyn BlobStore> {
            Arc::new(Fragile(of.clone(), store))
        };
        let definitions = fragile(folder(&self.folder.path().join("pipelines")));
        let open = move |address: &str| -> Result<Arc<dyn BlobStore>, PortError> {
            Ok(fragile(folder(Path::new(address.strip_prefix("file:").unwrap()))))
        };
        let open: shared::etl::OpenBlobs = Arc::new(open);
        let journal: Arc<dyn PipelineJournal> = self.journal.clone();
        RunnerPorts {
            engine: Arc::new(Pipelines::new(open.clone(), self.clock.clone())),
            definitions: Definitions::new(definitions),
            journal: Arc::new(Fragile(life.clone(), journal)),
            queue: self.queue.clone(),
            open,
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    pub(crate) async fn start(&self, name: &str) -> CorrelationId {
        self.desk.start(request(name)).await.unwrap().run.id
    }

    pub(crate) async fn shown(&self, id: &CorrelationId) -> RunDetail {
        self.desk.run(id).await.unwrap()
    }

    /// Takes the next message.
    pub(crate) async fn next(&self) -> Option<Delivery> {
        let visible = Duration::from_hours(1);
        let taken = self.queue.receive(NonZeroU32::MIN, visible, Duration::ZERO).await;
        taken.unwrap().into_iter().next()
    }

    /// Hands a message to a runner, and settles it as a host does.
    pub(crate) async fn deliver(
        &self,
        runner: &PipelineRunner,
        delivery: &Delivery,
    ) -> Result<(), Failure> {
        let handled = runner.handle(&message(delivery)).await;
        match &handled {
            Ok(()) => self.queue.ack(std::slice::from_ref(delivery)).await.unwrap(),
            Err(failure) if failure.retry() == Retry::Never => {
                self.queue.bury(delivery, failure.reason()).await.unwrap();
            }
            Err(failure) => {
                self.queue.release(delivery, Duration::ZERO, failure.reason()).await.unwrap();
            }
        }
        handled
    }

    /// Removes a message that was handled.
    pub(crate) async fn done(&self, delivery: &Delivery) {
        self.queue.ack(std::slice::from_ref(delivery)).await.unwrap();
    }

    /// Handles messages until there is none.
    pub(crate) async fn drain(&self) {
        self.drain_by(&self.runner(&Life::endless())).await;
    }

    /// Has `runner` handle messages until there is none.
    pub(crate) async fn drain_by(&self, runner: &PipelineRunner) {
        for _ in 0..100 {
            let Some(delivery) = self.next().await else { return };
            if self.deliver(runner, &delivery).await.is_err() {
                self.pass(Duration::from_mins(3));
            }
        }
        panic!("the queue is never empty");
    }

    pub(crate) fn n_ends(&self) -> u32 {
        *self.journal.ends.lock().unwrap()
    }
}

pub(crate) fn message(delivery: &Delivery) -> Message {
    Message {
        id: delivery.id.clone(),
        body: delivery.body.clone(),
        group: None,
        attempt: delivery.attempt,
        trace_parent: None,
    }
}

pub(crate) fn request(name: &str) -> RunRequest {
    RunRequest {
        pipeline: name.to_owned(),
        only: Vec::new(),
        started_by: "test".to_owned(),
        idempotency_key: None,
        correlation_id: None,
    }
}

#[async_trait]
impl PipelineJournal for Counting {
    async fn open_run(
        &self,
        run: &PipelineRun,
        replayed: Option<&str>,
        keep: u32,
    ) -> Result<PipelineRun, PortError> {
        self.journal.open_run(run, replayed, keep).await
    }

    async fn pipeline_run(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<Kept<PipelineRun>>, PortError> {
        self.journal.pipeline_run(id).await
    }

    async fn replayed_rows(&self, id: &CorrelationId) -> Result<Option<String>, PortError> {
        self.journal.replayed_rows(id).await
    }

    async fn put_run(
        &self,
        run: &PipelineRun,
        revision: u64,
        names: &[String],
    ) -> Result<bool, PortError> {
        let is_written = self.journal.put_run(run, revision, names).await?;
        if is_written && run.state.is_ended() {
            *self.ends.lock().unwrap() += 1;
        }
        Ok(is_written)
    }

    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
    ) -> Result<Vec<PipelineRun>, PortError> {
        self.journal.pipeline_runs(filter).await
    }

    async fn partition(
        &self,
        run: &CorrelationId,
        number: u32,
    ) -> Result<Option<Kept<PartitionRun>>, PortError> {
        self.journal.partition(run, number).await
    }

    async fn put_partition(
        &self,
        partition: &PartitionRun,
        revision: u64,
    ) -> Result<bool, PortError> {
        self.journal.put_partition(partition, revision).await
    }

    async fn partitions(&self, run: &CorrelationId) -> Result<Vec<PartitionRun>, PortError> {
        self.journal.partitions(run).await
    }

    async fn tally_partitions(
        &self,
        run: &CorrelationId,
    ) -> Result<Vec<PartitionTally>, PortError> {
        self.journal.tally_partitions(run).await
    }
}
