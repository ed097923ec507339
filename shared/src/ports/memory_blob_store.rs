//! Blobs in memory: for tests, and for trying things out. It forgets everything at the end.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::blob_digest::Sha256Digest;
use super::blob_names::{BlobKey, BlobVersion, PartTag, Upload, UploadId};
use super::blob_store::{
    Blob, BlobLink, BlobRead, BlobStore, ByteRange, LinkPurpose, ListedBlob, NewUpload, PartLimits,
    PutBlob, PutCondition,
};
use super::clock::Clock;
use crate::error::{PortError, PortErrorKind};

const PLATFORM: &str = "memory";
const PART_LIMITS: PartLimits = PartLimits {
    min_bytes: NonZeroUsize::MIN,
    max_bytes: NonZeroUsize::MAX,
    max_parts: NonZeroU32::MAX,
};

/// Blobs that live in this process.
pub struct MemoryBlobStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<BlobKey, Kept>,
    uploads: BTreeMap<UploadId, Open>,
    /// Counts versions and uploads, so that none is ever named as another was.
    last_number: u64,
}

struct Kept {
    blob: Blob,
    body: Bytes,
    /// The upload that it was made by.
    upload: Option<UploadId>,
}

struct Open {
    key: BlobKey,
    options: NewUpload,
    parts: BTreeMap<u32, (PartTag, Bytes)>,
}

fn fault(kind: PortErrorKind, operation: &'static str, key: &BlobKey) -> PortError {
    PortError::new(kind, PLATFORM, operation, key.as_str())
}

fn rejected(operation: &'static str, key: &BlobKey, why: impl Into<String>) -> PortError {
    fault(PortErrorKind::Rejected, operation, key).with_source(why.into())
}

impl MemoryBlobStore {
    /// Holds nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(
        &self,
        state: &mut State,
        key: &BlobKey,
        body: Bytes,
        options: &PutBlob,
        upload: Option<UploadId>,
    ) -> Result<Blob, PortError> {
        state.last_number += 1;
        let version = BlobVersion::parse(state.last_number.to_string())
            .map_err(|error| rejected("put", key, error.to_string()))?;
        let blob = Blob {
            key: key.clone(),
            n_bytes: body.len() as u64,
            version,
            sha256: Some(Sha256Digest::of(&body)),
            media_type: options.media_type.clone(),
            stored_at: self.clock.now().to_second(),
        };
        state.blobs.insert(key.clone(), Kept { blob: blob.clone(), body, upload });
        Ok(blob)
    }
}

/// Returns the bytes that `range` asks for.
fn cut(key: &BlobKey, body: &Bytes, range: Option<ByteRange>) -> Result<Bytes, PortError> {
    let Some(ByteRange { from, until }) = range else { return Ok(body.clone()) };
    let n_bytes = body.len();
    let place = |it: u64| usize::try_from(it).unwrap_or(usize::MAX).min(n_bytes);
    let (from, until) = (place(from), until.map_or(n_bytes, place));
    if from >= until {
        return Err(rejected("read", key, format!("no bytes in this range: it has {n_bytes}")));
    }
    Ok(body.slice(from..until))
}

#[async_trait]
impl BlobStore for MemoryBlobStore {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        let kept = self.state().blobs.get(key).map(|it| it.blob.clone());
        kept.ok_or_else(|| fault(PortErrorKind::NotFound, "head", key))
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        let state = self.state();
        let kept =
            state.blobs.get(key).ok_or_else(|| fault(PortErrorKind::NotFound, "read", key))?;
        let bytes = cut(key, &kept.body, range)?;
        Ok(BlobRead { blob: kept.blob.clone(), bytes: Box::pin(stream::iter([Ok(bytes)])) })
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        if options.sha256.is_some_and(|it| it != Sha256Digest::of(&body)) {
            return Err(rejected("put", key, "the bytes have another digest"));
        }
        let mut state = self.state();
        let found = state.blobs.get(key).map(|it| &it.blob.version);
        let is_met = match &options.condition {
            PutCondition::Always => true,
            PutCondition::IfAbsent => found.is_none(),
            PutCondition::IfVersion(version) => found == Some(version),
        };
        if !is_met {
            return Err(fault(PortErrorKind::Conflict, "put", key));
        }
        self.keep(&mut state, key, body, options, None)
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.state().blobs.remove(key);
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = |it: &Kept| ListedBlob {
            key: it.blob.key.clone(),
            n_bytes: it.blob.n_bytes,
            version: it.blob.version.clone(),
            stored_at: it.blob.stored_at,
        };
        let state = self.state();
        let found = state.blobs.range((from, Bound::Unbounded));
        let found = found.filter(|(key, _)| key.as_str().starts_with(prefix));
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        Ok(found.take(limit).map(|(_, it)| listed(it)).collect())
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        let mut state = self.state();
        state.last_number += 1;
        let id = UploadId::parse(state.last_number.to_string())
            .map_err(|error| rejected("begin", key, error.to_string()))?;
        let open = Open { key: key.clone(), options: options.clone(), parts: BTreeMap::new() };
        state.uploads.insert(id.clone(), open);
        Ok(Upload { key: key.clone(), id })
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        let mut state = self.state();
        state.last_number += 1;
        let tag = PartTag::parse(state.last_number.to_string())
            .map_err(|error| rejected("put part", &upload.key, error.to_string()))?;
        let open = state.uploads.get_mut(&upload.id).filter(|it| it.key == upload.key);
        let open = open.ok_or_else(|| fault(PortErrorKind::NotFound, "put part", &upload.key))?;
        open.parts.insert(number, (tag.clone(), body));
        Ok(tag)
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        let key = &upload.key;
        let mut state = self.state();
        let Some(open) = state.uploads.get(&upload.id).filter(|it| it.key == *key) else {
            let made = state.blobs.get(key).filter(|it| it.upload.as_ref() == Some(&upload.id));
            let made = made.map(|it| it.blob.clone());
            return made.ok_or_else(|| fault(PortErrorKind::NotFound, "complete", key));
        };
        let mut whole = Vec::new();
        for (number, tag) in (0..).zip(parts) {
            match open.parts.get(&number) {
                Some((found, body)) if found == tag => whole.extend_from_slice(body),
                _ => {
                    return Err(rejected(
                        "complete",
                        key,
                        format!("part {number} is not that one"),
                    ));
                }
            }
        }
        if open.options.sha256.is_some_and(|it| it != Sha256Digest::of(&whole)) {
            return Err(rejected("complete", key, "the bytes have another digest"));
        }
        let options = PutBlob { media_type: open.options.media_type.clone(), ..PutBlob::default() };
        let blob = self.keep(&mut state, key, whole.into(), &options, Some(upload.id.clone()))?;
        state.uploads.remove(&upload.id);
        Ok(blob)
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.state().uploads.remove(&upload.id);
        Ok(())
    }

    fn part_limits(&self) -> PartLimits {
        PART_LIMITS
    }

    async fn link(&self, purpose: &LinkPurpose, _: Duration) -> Result<BlobLink, PortError> {
        let key = match purpose {
            LinkPurpose::Read { key } | LinkPurpose::Put { key, .. } => key,
            LinkPurpose::PutPart { upload, .. } => &upload.key,
        };
        Err(rejected("link", key, "blobs in memory have no links"))
    }

    fn part_sent_by_link(&self, etag: &str, _: &Sha256Digest) -> Result<PartTag, PortError> {
        let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, "take part", etag);
        Err(fault.with_source("blobs in memory have no links"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemClock;
    use crate::ports::blob_store_contract::contract;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let store: Arc<dyn BlobStore> = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        contract(|| async { Arc::clone(&store) }).await;
    }
}
