//! Transfers over the store in memory: what is resumed, what is proven, what is refused.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use std::num::{NonZeroU32, NonZeroUsize};

use super::*;
use crate::error::{PortError, PortErrorKind};
use crate::ports::*;

/// A part.
const PART: usize = 64 * 1024;

/// A store that stops working after some parts, and counts what it is handed.
struct Flaky {
    inner: MemoryBlobStore,
    left: AtomicI64,
    n_parts: AtomicU64,
    min_bytes: usize,
}

impl Flaky {
    fn new(left: i64) -> Self {
        Self {
            inner: MemoryBlobStore::new(Arc::new(SystemClock)),
            left: AtomicI64::new(left),
            n_parts: AtomicU64::new(0),
            min_bytes: 1,
        }
    }

    fn take(&self) -> Result<(), PortError> {
        self.n_parts.fetch_add(1, Ordering::SeqCst);
        match self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(()),
            false => Err(PortError::new(PortErrorKind::Unavailable, "test", "part", "it")),
        }
    }
}

#[async_trait]
impl BlobStore for Flaky {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        self.inner.head(key).await
    }
    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        self.take()?;
        self.inner.read(key, range).await
    }
    async fn put(&self, key: &BlobKey, body: Bytes, how: &PutBlob) -> Result<Blob, PortError> {
        self.inner.put(key, body, how).await
    }
    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.inner.delete(key).await
    }
    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        self.inner.list(prefix, after, limit).await
    }
    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        self.inner.begin(key, options).await
    }
    async fn put_part(&self, to: &Upload, number: u32, body: Bytes) -> Result<PartTag, PortError> {
        self.take()?;
        self.inner.put_part(to, number, body).await
    }
    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        self.inner.complete(upload, parts).await
    }
    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.inner.abandon(upload).await
    }
    fn part_limits(&self) -> PartLimits {
        PartLimits {
            min_bytes: NonZeroUsize::new(self.min_bytes).unwrap(),
            max_bytes: NonZeroUsize::new(PART).unwrap(),
            max_parts: NonZeroU32::new(1_000).unwrap(),
        }
    }
    async fn link(&self, purpose: &LinkPurpose, valid: Duration) -> Result<BlobLink, PortError> {
        self.inner.link(purpose, valid).await
    }
    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
        self.inner.part_sent_by_link(etag, sha256)
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<(u64, u64)>>);

impl Progress for Heard {
    fn moved(&self, n_bytes: u64, n_total: u64) {
        self.0.lock().unwrap().push((n_bytes, n_total));
    }
}

struct Desk {
    folder: tempfile::TempDir,
    key: BlobKey,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: BlobKey::parse("documents/a b").unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of `n_bytes` that do not repeat within a part.
    fn file(&self, name: &str, n_bytes: usize) -> PathBuf {
        let bytes: Vec<u8> = (0..n_bytes as u64).map(|it| (it * it / 251) as u8).collect();
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    async fn send(&self, store: &Flaky, file: &Path) -> Result<Uploaded, TransferError> {
        let file = ScannedFile::scan(file).await?;
        let media_type = MediaType::default();
        upload(store, &file, &self.key, &media_type, &self.path("notes"), &Unwatched).await
    }
}

#[tokio::test]
async fn file_comes_back_byte_for_byte() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    for n_bytes in [0, 1, PART, 40 * PART + 7] {
        let file = desk.file("in", n_bytes);
        let sent = desk.send(&store, &file).await.unwrap();
        assert_eq!((sent.blob.n_bytes, sent.n_sent), (n_bytes as u64, n_bytes as u64));
        let heard = Heard::default();
        let got = download(&store, &desk.key, &desk.path("out"), &heard).await.unwrap();
        assert_eq!((got.n_fetched, got.is_proven), (n_bytes as u64, true));
        assert_eq!(std::fs::read(desk.path("out")).unwrap(), std::fs::read(&file).unwrap());
        let heard = heard.0.into_inner().unwrap();
        assert_eq!(heard.iter().max(), Some(&(n_bytes as u64, n_bytes as u64)));
        assert!(!desk.path("notes").exists());
        let names = std::fs::read_dir(desk.folder.path()).unwrap();
        assert_eq!(names.count(), 2, "nothing is left but the two files");
    }
}

#[tokio::test]
async fn upload_that_stopped_sends_only_what_is_missing() {
    let (desk, store) = (Desk::new(), Flaky::new(30));
    let file = desk.file("in", 60 * PART);
    let error = desk.send(&store, &file).await.unwrap_err();
    assert!(matches!(error, TransferError::Store(_)), "{error}");
    let notes = std::fs::read_to_string(desk.path("notes")).unwrap();
    // The machine stopped in the middle of a line.
    std::fs::write(desk.path("notes"), format!("{notes}{{\"number\":7,\"ta")).unwrap();

    store.left.store(1_000, Ordering::SeqCst);
    store.n_parts.store(0, Ordering::SeqCst);
    let sent = desk.send(&store, &file).await.unwrap();
    assert_eq!(store.n_parts.load(Ordering::SeqCst), 30);
    assert_eq!(sent.n_sent, 30 * PART as u64);

    store.n_parts.store(0, Ordering::SeqCst);
    assert_eq!(desk.send(&store, &file).await.unwrap().n_sent, 0);
    assert_eq!(store.n_parts.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn another_file_under_the_same_notes_begins_anew() {
    let (desk, store) = (Desk::new(), Flaky::new(3));
    desk.send(&store, &desk.file("in", 60 * PART)).await.unwrap_err();
    store.left.store(1_000, Ordering::SeqCst);
    let other = desk.file("other", 61 * PART);
    assert_eq!(desk.send(&store, &other).await.unwrap().n_sent, 61 * PART as u64);
}

#[tokio::test]
async fn upload_that_the_store_forgot_begins_anew() {
    let (desk, store) = (Desk::new(), Flaky::new(3));
    let file = desk.file("in", 60 * PART);
    desk.send(&store, &file).await.unwrap_err();
    let text = std::fs::read_to_string(desk.path("notes")).unwrap();
    let begun: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let upload: Upload = serde_json::from_value(begun["upload"].clone()).unwrap();
    store.abandon(&upload).await.unwrap();

    store.left.store(1_000, Ordering::SeqCst);
    assert_eq!(desk.send(&store, &file).await.unwrap().n_sent, 60 * PART as u64);
}

#[tokio::test]
async fn download_that_stopped_fetches_only_what_is_missing() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    let file = desk.file("in", 100 * PART);
    desk.send(&store, &file).await.unwrap();
    store.left.store(30, Ordering::SeqCst);
    let out = desk.path("out");
    std::fs::write(&out, "what was here").unwrap();
    download(&store, &desk.key, &out, &Unwatched).await.unwrap_err();
    assert_eq!(std::fs::read(&out).unwrap(), b"what was here");

    store.left.store(1_000, Ordering::SeqCst);
    let got = download(&store, &desk.key, &out, &Unwatched).await.unwrap();
    assert!(got.n_fetched < 80 * PART as u64 && got.n_fetched >= 70 * PART as u64, "{got:?}");
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&file).unwrap());
}

#[tokio::test]
async fn blob_that_was_replaced_meanwhile_is_fetched_anew() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    desk.send(&store, &desk.file("in", 100 * PART)).await.unwrap();
    store.left.store(3, Ordering::SeqCst);
    download(&store, &desk.key, &desk.path("out"), &Unwatched).await.unwrap_err();
    store.left.store(1_000, Ordering::SeqCst);
    let other = desk.file("other", 70 * PART);
    desk.send(&store, &other).await.unwrap();

    let got = download(&store, &desk.key, &desk.path("out"), &Unwatched).await.unwrap();
    assert_eq!(got.n_fetched, 70 * PART as u64);
    assert_eq!(std::fs::read(desk.path("out")).unwrap(), std::fs::read(&other).unwrap());
}

#[tokio::test]
async fn damage_on_this_side_is_noticed_and_not_kept() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    let file = desk.file("in", 100 * PART);
    desk.send(&store, &file).await.unwrap();
    store.left.store(30, Ordering::SeqCst);
    let out = desk.path("out");
    download(&store, &desk.key, &out, &Unwatched).await.unwrap_err();
    store.left.store(1_000, Ordering::SeqCst);
    let part = desk.path(".out.part");
    let mut bytes = std::fs::read(&part).unwrap();
    let is_done = |notes: &str| notes.lines().skip(1).map(|it| it.parse::<usize>().unwrap()).next();
    let done = is_done(&std::fs::read_to_string(desk.path(".out.notes")).unwrap()).unwrap();
    bytes[done * PART + 5] ^= 1;
    std::fs::write(&part, bytes).unwrap();

    let error = download(&store, &desk.key, &out, &Unwatched).await.unwrap_err();
    assert!(matches!(error, TransferError::Damaged { .. }), "{error}");
    assert!(!out.exists() && !part.exists());
    let got = download(&store, &desk.key, &out, &Unwatched).await.unwrap();
    assert_eq!(got.n_fetched, 100 * PART as u64);
}

#[tokio::test]
async fn file_that_changes_while_it_is_sent_makes_no_blob() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    let path = desk.file("in", 20 * PART);
    let file = ScannedFile::scan(&path).await.unwrap();
    desk.file("in", 20 * PART + 1);
    let to = (&desk.key, &MediaType::default(), desk.path("notes"));
    let error = upload(&store, &file, to.0, to.1, &to.2, &Unwatched).await.unwrap_err();
    assert!(matches!(error, TransferError::Changed { .. }), "{error}");
    assert_eq!(store.head(&desk.key).await.unwrap_err().kind(), PortErrorKind::NotFound);
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let (desk, store) = (Desk::new(), Flaky::new(1_000));
    let missing = desk.send(&store, &desk.path("none")).await.unwrap_err();
    assert!(missing.to_string().contains("none"), "{missing}");
    let folder = desk.send(&store, desk.folder.path()).await.unwrap_err();
    assert!(crate::chain(&folder).to_string().contains("no plain file"), "{folder}");
    let none = download(&store, &desk.key, &desk.path("out"), &Unwatched).await.unwrap_err();
    assert!(matches!(none, TransferError::Store(it) if it.kind() == PortErrorKind::NotFound));
    assert!(!desk.path(".out.part").exists());
}
