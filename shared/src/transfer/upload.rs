//! From a file to a blob.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::fault::TransferError;
use super::local_file::{ScannedFile, Stamp, read_at};
use super::plan::Cutting;
use super::resume::{Notes, remove};
use super::{N_AT_ONCE, Progress};
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Blob, BlobKey, BlobStore, MediaType, NewUpload, PartTag, Sha256Digest, Upload};

/// What came of sending a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The blob.
    pub blob: Blob,
    /// How many bytes this run sent; the others were there.
    pub n_sent: u64,
}

/// How an upload was begun.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Begun {
    stamp: Stamp,
    sha256: Sha256Digest,
    part_bytes: NonZeroU64,
    upload: Upload,
}

/// A part that the store has.
#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    number: u32,
    tag: PartTag,
}

/// Sends `file` to `key`, and goes on where an earlier run stopped if `notes` tells of one.
///
/// `notes` is a file of this transfer alone; it is removed once the blob is whole. A blob with the same
/// digest that is there already is left as it is.
///
/// # Errors
///
/// [`TransferError`]. With the same `notes` the next call goes on.
pub async fn upload(
    store: &dyn BlobStore,
    file: &ScannedFile,
    key: &BlobKey,
    media_type: &MediaType,
    notes: &Path,
    progress: &dyn Progress,
) -> Result<Uploaded, TransferError> {
    if let Some(blob) = same_blob(store, file, key).await? {
        remove(notes)?;
        progress.moved(file.n_bytes(), file.n_bytes());
        return Ok(Uploaded { blob, n_sent: 0 });
    }
    let mut going_on = earlier(notes, file, key);
    loop {
        let is_resumed = going_on.is_some();
        let mut run = match going_on.take() {
            Some((begun, sent)) => Run::of(store, file, begun, sent, progress),
            None => Run::begin(store, file, key, media_type, progress).await?,
        };
        match run.send(notes).await {
            // What was begun long ago may be over: the store swept it away, or somebody abandoned it.
            Err(TransferError::Store(error))
                if is_resumed && error.kind() == PortErrorKind::NotFound =>
            {
                if let Some(blob) = same_blob(store, file, key).await? {
                    remove(notes)?;
                    return Ok(Uploaded { blob, n_sent: 0 });
                }
            }
            sent => return sent,
        }
    }
}

/// Returns the blob when it holds what `file` holds.
async fn same_blob(
    store: &dyn BlobStore,
    file: &ScannedFile,
    key: &BlobKey,
) -> Result<Option<Blob>, PortError> {
    match store.head(key).await {
        Ok(blob) => Ok((blob.sha256 == Some(file.sha256)).then_some(blob)),
        Err(error) if error.kind() == PortErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads what an earlier run left, if it sent the same bytes to the same place.
fn earlier(notes: &Path, file: &ScannedFile, key: &BlobKey) -> Option<(Begun, Vec<Sent>)> {
    let (begun, sent) = Notes::<Sent>::read::<Begun>(notes)?;
    let is_same = begun.sha256 == file.sha256
        && begun.stamp.n_bytes == file.n_bytes()
        && begun.upload.key == *key;
    is_same.then_some((begun, sent))
}

/// One run of an upload.
struct Run<'a> {
    store: &'a dyn BlobStore,
    file: &'a ScannedFile,
    cutting: Cutting,
    begun: Begun,
    sent: BTreeMap<u32, PartTag>,
    progress: &'a dyn Progress,
}

impl<'a> Run<'a> {
    fn of(
        store: &'a dyn BlobStore,
        file: &'a ScannedFile,
        begun: Begun,
        sent: Vec<Sent>,
        progress: &'a dyn Progress,
    ) -> Self {
        let cutting = Cutting::again(file.n_bytes(), begun.part_bytes);
        let parts = sent.into_iter().filter(|it| it.number < cutting.n_parts());
        let sent = parts.map(|it| (it.number, it.tag)).collect();
        Self { store, file, cutting, begun, sent, progress }
    }

    async fn begin(
        store: &'a dyn BlobStore,
        file: &'a ScannedFile,
        key: &BlobKey,
        media_type: &MediaType,
        progress: &'a dyn Progress,
    ) -> Result<Self, TransferError> {
        let limits = store.part_limits();
        let cutting =
            Cutting::of(file.n_bytes(), &limits).ok_or_else(|| TransferError::TooLong {
                path: file.path.clone(),
                n_bytes: file.n_bytes(),
                max_bytes: limits.max_bytes.get() as u64 * u64::from(limits.max_parts.get()),
            })?;
        let options = NewUpload { media_type: media_type.clone(), sha256: Some(file.sha256) };
        let begun = Begun {
            stamp: file.stamp.clone(),
            sha256: file.sha256,
            part_bytes: cutting.part_bytes(),
            upload: store.begin(key, &options).await?,
        };
        Ok(Self { store, file, cutting, begun, sent: BTreeMap::new(), progress })
    }

    /// Sends what is missing, and makes the blob of it.
    async fn send(&mut self, notes: &Path) -> Result<Uploaded, TransferError> {
        let sent = std::mem::take(&mut self.sent);
        let done: Vec<Sent> = sent.into_iter().map(|(number, tag)| Sent { number, tag }).collect();
        let notes = Notes::begin(notes, &self.begun, &done)?;
        self.sent = done.into_iter().map(|it| (it.number, it.tag)).collect();
        let n_there: u64 = self.sent.keys().map(|it| self.cutting.length(*it)).sum();
        let n_total = self.file.n_bytes();
        self.progress.moved(n_there, n_total);
        let n_moved = AtomicU64::new(n_there);
        let missing: Vec<u32> =
            (0..self.cutting.n_parts()).filter(|it| !self.sent.contains_key(it)).collect();
        let parts = missing.into_iter().map(|number| {
            let (this, notes, n_moved) = (&*self, &notes, &n_moved);
            async move {
                let tag = this.send_part(number, notes).await?;
                let n_more = this.cutting.length(number);
                let n_bytes = n_moved.fetch_add(n_more, Ordering::Relaxed) + n_more;
                this.progress.moved(n_bytes, n_total);
                Ok::<_, TransferError>((number, tag))
            }
        });
        let tags: Vec<(u32, PartTag)> =
            stream::iter(parts).buffer_unordered(N_AT_ONCE).try_collect().await?;
        self.sent.extend(tags);
        self.file.check()?;
        let tags: Vec<PartTag> = self.sent.values().cloned().collect();
        let blob = self.store.complete(&self.begun.upload, &tags).await?;
        notes.end()?;
        if blob.n_bytes != n_total {
            return Err(TransferError::Misassembled {
                key: blob.key.to_string(),
                n_kept: blob.n_bytes,
                n_sent: n_total,
            });
        }
        Ok(Uploaded { blob, n_sent: n_total - n_there })
    }

    async fn send_part(&self, number: u32, notes: &Notes<Sent>) -> Result<PartTag, TransferError> {
        let (from, length) = (self.cutting.range(number).from, self.cutting.length(number));
        let body = read_at(&self.file.path, from, length).await?;
        let tag = self.store.put_part(&self.begun.upload, number, body).await?;
        notes.add(&Sent { number, tag: tag.clone() }).await?;
        Ok(tag)
    }
}
