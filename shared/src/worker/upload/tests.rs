//! Uploads that are killed and gone on with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use futures_util::stream;

use super::*;
use crate::ports::{MemoryBlobStore, SystemClock, read_whole};

/// Remembers the last state; refuses to save after so many times.
#[derive(Default)]
struct Journal {
    state: Mutex<Option<String>>,
    n_bytes: Mutex<Vec<u64>>,
    n_saved: AtomicUsize,
    dies_after: Option<usize>,
}

#[async_trait]
impl UploadJournal for Journal {
    async fn save(&self, state: &str) -> Result<(), PortError> {
        if self.dies_after == Some(self.n_saved.fetch_add(1, Ordering::SeqCst)) {
            return Err(PortError::new(PortErrorKind::Unavailable, "test", "save", "state"));
        }
        *self.state.lock().unwrap() = Some(state.to_owned());
        Ok(())
    }

    fn progress(&self, n_bytes: u64) {
        self.n_bytes.lock().unwrap().push(n_bytes);
    }
}

impl Journal {
    fn dying_after(n: usize) -> Self {
        Self { dies_after: Some(n), ..Self::default() }
    }

    fn state(&self) -> Option<String> {
        self.state.lock().unwrap().clone()
    }
}

fn key() -> &'static BlobKey {
    static KEY: LazyLock<BlobKey> = LazyLock::new(|| BlobKey::parse("scans/long.tiff").unwrap());
    &KEY
}

/// Pieces of odd lengths, as a network brings them.
fn pieces(body: &[u8]) -> impl Stream<Item = Result<Bytes, PortError>> + Send + Unpin + use<> {
    let pieces: Vec<_> = body.chunks(1_000_003).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
    stream::iter(pieces)
}

fn body(n_bytes: usize) -> Vec<u8> {
    (0..n_bytes).map(|it| u8::try_from(it * 31 % 251).unwrap()).collect()
}

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)))
}

#[tokio::test]
async fn long_stream_is_cut_into_parts_and_comes_back_whole() {
    let (store, journal, body) = (store(), Journal::default(), body(5 * PART_BYTES + 17));
    let options = NewUpload { sha256: Some(Sha256Digest::of(&body)), ..NewUpload::default() };

    let put = upload(store.as_ref(), key(), &options, pieces(&body), None, &journal);
    let blob = put.await.unwrap();

    assert_eq!((blob.n_bytes, blob.sha256), (body.len() as u64, options.sha256));
    assert!(read_whole(store.as_ref(), key(), body.len()).await.unwrap() == body);
    let heard = journal.n_bytes.lock().unwrap().clone();
    assert!(heard.is_sorted() && heard.len() == 7, "{heard:?}");
    assert_eq!((heard[0], heard[6]), (0, body.len() as u64));
}

#[tokio::test]
async fn killed_upload_is_gone_on_with_and_sends_only_what_lacks() {
    let (store, body) = (store(), body(4 * PART_BYTES + 1));
    let options = NewUpload::default();
    let first = Journal::dying_after(3);
    let put = upload(store.as_ref(), key(), &options, pieces(&body), None, &first);
    put.await.unwrap_err();
    assert!(store.head(key()).await.is_err());
    let state = first.state().unwrap();

    let second = Journal::default();
    let put = upload(store.as_ref(), key(), &options, pieces(&body), Some(&state), &second);
    put.await.unwrap();

    assert!(read_whole(store.as_ref(), key(), body.len()).await.unwrap() == body);
    assert_eq!(second.n_saved.load(Ordering::SeqCst), 3);
    assert_eq!(second.n_bytes.lock().unwrap()[0], 2 * PART_BYTES as u64);

    // Killed once more, after all was done: nothing is sent, and the same blob is there.
    let state = second.state().unwrap();
    let third = Journal::default();
    let put = upload(store.as_ref(), key(), &options, pieces(&body), Some(&state), &third);
    put.await.unwrap();
    assert_eq!(third.n_saved.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn source_that_changed_meanwhile_is_sent_as_it_is_now() {
    let (store, before) = (store(), body(3 * PART_BYTES));
    let options = NewUpload::default();
    let first = Journal::dying_after(3);
    let put = upload(store.as_ref(), key(), &options, pieces(&before), None, &first);
    put.await.unwrap_err();
    let mut after = before;
    after[5] ^= 1;
    after.truncate(PART_BYTES + 9);

    let (state, second) = (first.state().unwrap(), Journal::default());
    let put = upload(store.as_ref(), key(), &options, pieces(&after), Some(&state), &second);
    put.await.unwrap();

    assert!(read_whole(store.as_ref(), key(), after.len()).await.unwrap() == after);
}

#[tokio::test]
async fn state_of_another_blob_and_other_bytes_than_told_are_rejected() {
    let (store, body) = (store(), body(10));
    let told = NewUpload { sha256: Some(Sha256Digest::of(b"told")), ..NewUpload::default() };
    let journal = Journal::default();
    let put = upload(store.as_ref(), key(), &told, pieces(&body), None, &journal);
    assert_eq!(put.await.unwrap_err().kind(), PortErrorKind::Rejected);
    assert!(store.head(key()).await.is_err());

    let (other, state) = (BlobKey::parse("other").unwrap(), journal.state().unwrap());
    for state in [state.as_str(), "{}", ""] {
        let put = upload(store.as_ref(), &other, &told, pieces(&body), Some(state), &journal);
        assert_eq!(put.await.unwrap_err().kind(), PortErrorKind::Rejected);
    }
}

#[tokio::test]
async fn empty_stream_makes_an_empty_blob() {
    let (store, journal) = (store(), Journal::default());
    let options = NewUpload::default();
    let put = upload(store.as_ref(), key(), &options, pieces(b""), None, &journal);
    assert_eq!(put.await.unwrap().n_bytes, 0);
}
