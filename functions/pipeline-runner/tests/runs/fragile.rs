//! Stores and a journal between which the process can be killed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shared::ids::CorrelationId;
use shared::ports::{
    Blob, BlobKey, BlobLink, BlobRead, BlobStore, ByteRange, Kept, LinkPurpose, ListedBlob,
    NewUpload, PartLimits, PartTag, PartitionRun, PartitionTally, PipelineJournal, PipelineRun,
    PipelineRunFilter, PutBlob, Sha256Digest, Upload,
};
use shared::{PortError, PortErrorKind};

/// When the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Before that call.
    Before,
    /// After it: it was done, and nobody heard.
    After,
}

/// The life of a process: it ends at one call, and from then on there is none.
pub(crate) struct Life {
    blow: (u64, Blow),
    n_calls: AtomicU64,
}

impl Life {
    pub(crate) fn until(number: u64, blow: Blow) -> Arc<Self> {
        Arc::new(Self { blow: (number, blow), n_calls: AtomicU64::new(0) })
    }

    pub(crate) fn endless() -> Arc<Self> {
        Self::until(u64::MAX, Blow::Before)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.n_calls.load(Ordering::SeqCst) >= self.blow.0
    }

    async fn call<T>(
        &self,
        act: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let dead = || PortError::new(PortErrorKind::Unavailable, "life", "live", "on");
        let number = self.n_calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.blow {
            (last, _) if number > last => Err(dead()),
            (last, Blow::Before) if number == last => Err(dead()),
            (last, Blow::After) if number == last => {
                let _ = act.await;
                Err(dead())
            }
            _ => act.await,
        }
    }
}

/// Something that a process calls while it lives.
pub(crate) struct Fragile<T: ?Sized>(pub(crate) Arc<Life>, pub(crate) Arc<T>);

#[async_trait]
impl BlobStore for Fragile<dyn BlobStore> {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        self.0.call(self.1.head(key)).await
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        self.0.call(self.1.read(key, range)).await
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        self.0.call(self.1.put(key, body, options)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.0.call(self.1.delete(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        self.0.call(self.1.list(prefix, after, limit)).await
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        self.0.call(self.1.begin(key, options)).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        self.0.call(self.1.put_part(upload, number, body)).await
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        self.0.call(self.1.complete(upload, parts)).await
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.0.call(self.1.abandon(upload)).await
    }

    fn part_limits(&self) -> PartLimits {
        self.1.part_limits()
    }

    async fn link(
        &self,
        purpose: &LinkPurpose,
        valid_for: Duration,
    ) -> Result<BlobLink, PortError> {
        self.0.call(self.1.link(purpose, valid_for)).await
    }

    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
        self.1.part_sent_by_link(etag, sha256)
    }
}

#[async_trait]
impl PipelineJournal for Fragile<dyn PipelineJournal> {
    async fn open_run(
        &self,
        run: &PipelineRun,
        replayed: Option<&str>,
        keep: u32,
    ) -> Result<PipelineRun, PortError> {
        self.0.call(self.1.open_run(run, replayed, keep)).await
    }

    async fn pipeline_run(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<Kept<PipelineRun>>, PortError> {
        self.0.call(self.1.pipeline_run(id)).await
    }

    async fn replayed_rows(&self, id: &CorrelationId) -> Result<Option<String>, PortError> {
        self.0.call(self.1.replayed_rows(id)).await
    }

    async fn put_run(
        &self,
        run: &PipelineRun,
        revision: u64,
        names: &[String],
    ) -> Result<bool, PortError> {
        self.0.call(self.1.put_run(run, revision, names)).await
    }

    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
    ) -> Result<Vec<PipelineRun>, PortError> {
        self.0.call(self.1.pipeline_runs(filter)).await
    }

    async fn partition(
        &self,
        run: &CorrelationId,
        number: u32,
    ) -> Result<Option<Kept<PartitionRun>>, PortError> {
        self.0.call(self.1.partition(run, number)).await
    }

    async fn put_partition(
        &self,
        partition: &PartitionRun,
        revision: u64,
    ) -> Result<bool, PortError> {
        self.0.call(self.1.put_partition(partition, revision)).await
    }

    async fn partitions(&self, run: &CorrelationId) -> Result<Vec<PartitionRun>, PortError> {
        self.0.call(self.1.partitions(run)).await
    }

    async fn tally_partitions(
        &self,
        run: &CorrelationId,
    ) -> Result<Vec<PartitionTally>, PortError> {
        self.0.call(self.1.tally_partitions(run)).await
    }
}
