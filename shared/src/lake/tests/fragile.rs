//! A blob store behind which the process can be killed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    Blob, BlobKey, BlobLink, BlobRead, BlobStore, ByteRange, LinkPurpose, ListedBlob, NewUpload,
    PartLimits, PartTag, PutBlob, Sha256Digest, Upload,
};

/// What happens at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// The process ends before it.
    Before,
    /// The process ends after it: it was done, and nobody heard.
    After,
    /// It was done, its answer was lost, and sent again it met its own trace: `Conflict`.
    Repeated,
    /// It was done, and the platform said that it is not available.
    Unheard,
}

/// A store that fails at one operation, and for good when that was a kill. It lets others go first now
/// and then.
pub(super) struct Fragile {
    inner: Arc<dyn BlobStore>,
    blow: Option<(u64, Blow)>,
    n_calls: AtomicU64,
    /// Decides who goes first.
    seed: u64,
}

impl Fragile {
    pub(super) fn new(inner: Arc<dyn BlobStore>, blow: Option<(u64, Blow)>, seed: u64) -> Self {
        Self { inner, blow, n_calls: AtomicU64::new(0), seed }
    }

    pub(super) fn n_calls(&self) -> u64 {
        self.n_calls.load(Ordering::SeqCst)
    }

    async fn call<T>(
        &self,
        key: &BlobKey,
        act: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let number = self.n_calls.fetch_add(1, Ordering::SeqCst);
        let mixed = (number ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61;
        for _ in 0..if self.seed == 0 { 0 } else { mixed } {
            tokio::task::yield_now().await;
        }
        let fault = |kind| Err(PortError::new(kind, "memory", "use", key.as_str()));
        let dead = || fault(PortErrorKind::Unavailable);
        match self.blow {
            Some((at, Blow::Before)) if number >= at => dead(),
            Some((at, Blow::After)) if number > at => dead(),
            Some((at, Blow::After | Blow::Unheard)) if number == at => {
                act.await?;
                dead()
            }
            Some((at, Blow::Repeated)) if number == at => {
                act.await?;
                fault(PortErrorKind::Conflict)
            }
            _ => act.await,
        }
    }
}

fn any() -> BlobKey {
    BlobKey::parse("any").unwrap()
}

#[async_trait]
impl BlobStore for Fragile {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        self.call(key, self.inner.head(key)).await
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        self.call(key, self.inner.read(key, range)).await
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        self.call(key, self.inner.put(key, body, options)).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.call(key, self.inner.delete(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        self.call(&any(), self.inner.list(prefix, after, limit)).await
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        self.call(key, self.inner.begin(key, options)).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        self.call(&upload.key, self.inner.put_part(upload, number, body)).await
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        self.call(&upload.key, self.inner.complete(upload, parts)).await
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.call(&upload.key, self.inner.abandon(upload)).await
    }

    fn part_limits(&self) -> PartLimits {
        self.inner.part_limits()
    }

    async fn link(&self, purpose: &LinkPurpose, time: Duration) -> Result<BlobLink, PortError> {
        self.inner.link(purpose, time).await
    }

    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
        self.inner.part_sent_by_link(etag, sha256)
    }
}
