//! From a blob to a file.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::fault::{TransferError, on};
use super::local_file::{Writing, blocking, digest};
use super::plan::Cutting;
use super::resume::{Notes, remove};
use super::{N_AT_ONCE, Progress};
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Blob, BlobKey, BlobStore, BlobVersion};

/// What came of fetching a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// The blob.
    pub blob: Blob,
    /// How many bytes this run fetched; the others were here.
    pub n_fetched: u64,
    /// Whether its digest was known, and what arrived has it.
    pub is_proven: bool,
}

/// How a download was begun.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Begun {
    key: BlobKey,
    version: BlobVersion,
    n_bytes: u64,
    part_bytes: NonZeroU64,
}

/// Fetches `key` into the file `to`, and goes on where an earlier run stopped.
///
/// Until it is whole and proven it lies beside `to` under a hidden name; a file at `to` is replaced only
/// then.
///
/// # Errors
///
/// [`TransferError`]; `NotFound` of the store when nothing is there. After [`TransferError::Damaged`]
/// nothing is kept; after any other the next call goes on.
pub async fn download(
    store: &dyn BlobStore,
    key: &BlobKey,
    to: &Path,
    progress: &dyn Progress,
) -> Result<Downloaded, TransferError> {
    let blob = store.head(key).await?;
    // Cut as it would be sent; of a part no more is in memory than arrives in one piece.
    let cutting = Cutting::of(blob.n_bytes, &store.part_limits());
    let cutting = cutting.unwrap_or_else(|| Cutting::usual(blob.n_bytes));
    let begun = Begun {
        key: key.clone(),
        version: blob.version.clone(),
        n_bytes: blob.n_bytes,
        part_bytes: cutting.part_bytes(),
    };
    let (part, notes) = (beside(to, "part"), beside(to, "notes"));
    let done: Vec<u32> = match Notes::<u32>::read::<Begun>(&notes) {
        Some((earlier, done)) if earlier == begun && part.exists() => done,
        _ => Vec::new(),
    };
    make_room(&part, blob.n_bytes)?;
    let notes = Notes::begin(&notes, &begun, &done)?;
    let done: BTreeSet<u32> = done.into_iter().collect();
    let run = Run { store, blob, cutting, part, progress };
    let n_fetched = run.fetch(&done, &notes).await?;
    run.finish(to, notes, n_fetched).await
}

/// Names a hidden file beside `to`.
fn beside(to: &Path, what: &str) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.{what}"))
}

/// Makes the file as long as it will be, so that a full disk is noticed before anything is fetched.
fn make_room(part: &Path, n_bytes: u64) -> Result<(), TransferError> {
    if let Some(folder) = part.parent().filter(|it| !it.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(on("make the folder", folder))?;
    }
    let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(part);
    open.and_then(|it| it.set_len(n_bytes)).map_err(on("write", part))
}

/// One run of a download.
struct Run<'a> {
    store: &'a dyn BlobStore,
    blob: Blob,
    cutting: Cutting,
    part: PathBuf,
    progress: &'a dyn Progress,
}

impl Run<'_> {
    /// Fetches what is missing, and tells how much that was.
    async fn fetch(&self, done: &BTreeSet<u32>, notes: &Notes<u32>) -> Result<u64, TransferError> {
        let n_total = self.blob.n_bytes;
        let n_here: u64 = done.iter().map(|it| self.cutting.length(*it)).sum();
        self.progress.moved(n_here, n_total);
        let n_moved = AtomicU64::new(n_here);
        let missing = (0..self.cutting.n_parts()).filter(|it| !done.contains(it));
        let parts = missing.map(|number| {
            let n_moved = &n_moved;
            async move {
                self.fetch_part(number, n_moved).await?;
                notes.add(&number).await
            }
        });
        stream::iter(parts).buffer_unordered(N_AT_ONCE).try_collect::<()>().await?;
        Ok(n_total - n_here)
    }

    async fn fetch_part(&self, number: u32, n_moved: &AtomicU64) -> Result<(), TransferError> {
        let (range, length) = (self.cutting.range(number), self.cutting.length(number));
        let mut read = self.store.read(&self.blob.key, Some(range)).await?;
        if read.blob.version != self.blob.version {
            let told = "it was replaced while it was fetched: fetch it again";
            let error = PortError::new(
                PortErrorKind::Conflict,
                "blob store",
                "read",
                self.blob.key.as_str(),
            );
            return Err(error.with_source(told).into());
        }
        let mut writing = Writing::new(&self.part, range.from);
        let mut n_bytes = 0;
        while let Some(some) = read.bytes.try_next().await? {
            n_bytes += some.len() as u64;
            if n_bytes > length {
                break;
            }
            writing.write(&some).await?;
            let n_more = some.len() as u64;
            let n_all = n_moved.fetch_add(n_more, Ordering::Relaxed) + n_more;
            self.progress.moved(n_all, self.blob.n_bytes);
        }
        writing.flush().await?;
        if n_bytes == length {
            return Ok(());
        }
        let told = format!("{n_bytes} bytes came where {length} were asked for");
        let error = PortError::new(
            PortErrorKind::Unavailable,
            "blob store",
            "read",
            self.blob.key.as_str(),
        );
        Err(error.with_source(told).into())
    }

    /// Proves what arrived, and puts it in its place.
    async fn finish(
        self,
        to: &Path,
        notes: Notes<u32>,
        n_fetched: u64,
    ) -> Result<Downloaded, TransferError> {
        let (part, wanted) = (self.part.clone(), self.blob.sha256);
        let is_same = blocking(move || {
            let open = std::fs::OpenOptions::new().write(true).open(&part);
            open.and_then(|it| it.sync_all()).map_err(on("write", &part))?;
            wanted.map_or(Ok(true), |wanted| Ok(digest(&part)? == wanted))
        })
        .await?;
        if !is_same {
            remove(&self.part)?;
            notes.end()?;
            return Err(TransferError::Damaged { key: self.blob.key.to_string() });
        }
        std::fs::rename(&self.part, to).map_err(on("write", to))?;
        notes.end()?;
        Ok(Downloaded { blob: self.blob, n_fetched, is_proven: wanted.is_some() })
    }
}
