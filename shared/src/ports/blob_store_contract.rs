//! What every blob store must do, as code: see the contract of [`BlobStore`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

mod listing;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;

use super::blob_digest::Sha256Digest;
use super::blob_names::{BlobKey, MediaType};
use super::blob_store::{
    Blob, BlobStore, ByteRange, LinkPurpose, PutBlob, PutCondition, read_whole,
};
use crate::error::PortErrorKind;

/// More than any blob of the suite has.
const MAX_BYTES: usize = 64 << 20;

/// Checks every sentence of the contract on one empty store; each `open` returns it as another
/// process would see it.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn contract<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn BlobStore>>,
{
    let store = open().await;
    bytes_come_back_as_they_were_put(&store).await;
    empty_blob_is_one(&store).await;
    blob_that_is_not_there_is_not_found(&store).await;
    keys_are_taken_as_they_are_written(&store).await;
    put_replaces_with_another_version(&store).await;
    present_key_is_a_conflict_and_stays(&store).await;
    version_that_is_not_there_is_a_conflict(&store).await;
    bytes_with_another_digest_are_rejected(&store).await;
    of_concurrent_puts_one_makes_the_blob(&store).await;
    of_concurrent_puts_one_replaces_a_version(&store).await;
    ranges_are_cut_at_the_end(&store).await;
    deleted_blob_is_gone(&store).await;
    links_are_made_or_refused(&store).await;
    listing::pages_are_in_the_order_of_keys(&store).await;
    listing::prefix_is_any_beginning(&store).await;
    uploads::blob_is_seen_when_it_is_complete(&store).await;
    uploads::another_process_goes_on(open().await, open().await).await;
    uploads::replaced_part_is_the_one_that_counts(&store).await;
    uploads::completing_twice_returns_the_same(&store).await;
    uploads::abandoned_upload_leaves_nothing(&store).await;
    uploads::no_parts_make_an_empty_blob(&store).await;
    uploads::missing_part_is_rejected(&store).await;
    uploads::digest_that_was_told_is_kept(&store).await;
}

fn key(raw: &str) -> BlobKey {
    BlobKey::parse(raw).unwrap()
}

fn media_type(raw: &str) -> MediaType {
    MediaType::parse(raw).unwrap()
}

fn on(condition: PutCondition) -> PutBlob {
    PutBlob { condition, ..PutBlob::default() }
}

async fn put(store: &Arc<dyn BlobStore>, raw: &str, body: &'static [u8]) -> Blob {
    store.put(&key(raw), Bytes::from_static(body), &PutBlob::default()).await.unwrap()
}

async fn whole(store: &Arc<dyn BlobStore>, raw: &str) -> Bytes {
    read_whole(store.as_ref(), &key(raw), MAX_BYTES).await.unwrap()
}

/// Bytes that are not the same anywhere.
fn bytes_of(seed: u8, n: usize) -> Bytes {
    let mut state = u64::from(seed) + 1;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(n).collect::<Vec<u8>>().into()
}

async fn bytes_come_back_as_they_were_put(store: &Arc<dyn BlobStore>) {
    let body = bytes_of(1, 300_000);
    let options = PutBlob {
        media_type: media_type("text/plain; charset=utf-8"),
        sha256: Some(Sha256Digest::of(&body)),
        ..PutBlob::default()
    };

    let put = store.put(&key("plain/a"), body.clone(), &options).await.unwrap();

    let read = store.read(&key("plain/a"), None).await.unwrap();
    let head = store.head(&key("plain/a")).await.unwrap();
    for blob in [&put, &read.blob, &head] {
        assert_eq!((blob.key.as_str(), blob.n_bytes), ("plain/a", 300_000));
        assert_eq!(blob.media_type, options.media_type);
        assert_eq!(blob.sha256, options.sha256);
        assert_eq!(blob.version, put.version);
        let apart = put.stored_at.since(blob.stored_at) + blob.stored_at.since(put.stored_at);
        assert!(apart <= Duration::from_secs(60), "{apart:?}");
    }
    assert_eq!(read.bytes.try_collect::<Vec<_>>().await.unwrap().concat(), body);
}

async fn empty_blob_is_one(store: &Arc<dyn BlobStore>) {
    assert_eq!(put(store, "empty/a", b"").await.n_bytes, 0);

    assert_eq!(store.head(&key("empty/a")).await.unwrap().n_bytes, 0);
    assert!(whole(store, "empty/a").await.is_empty());
}

async fn blob_that_is_not_there_is_not_found(store: &Arc<dyn BlobStore>) {
    put(store, "absent/beside", b"x").await;
    for raw in ["absent/a", "absent"] {
        let error = store.head(&key(raw)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::NotFound);
        assert!(error.to_string().contains(raw), "{error}");
        let error = store.read(&key(raw), None).await.err().unwrap();
        assert_eq!(error.kind(), PortErrorKind::NotFound);
        store.delete(&key(raw)).await.unwrap();
    }
}

async fn keys_are_taken_as_they_are_written(store: &Arc<dyn BlobStore>) {
    let odd = [
        "odd/a b",
        "odd/a+b",
        "odd/a%20b",
        "odd/a%b",
        "odd/ä",
        "odd/a\u{308}",
        "odd/✓ 'q' \"d\"",
        "odd/a=b&c",
        "odd/~*?#[]{}|<>^`\\",
        "odd/ lead",
        "odd/trail ",
        "odd/..a",
        "odd/.hidden",
        "odd/@:;,!$()",
    ];
    for raw in odd {
        let body = Bytes::from(raw.to_owned());
        store.put(&key(raw), body, &on(PutCondition::IfAbsent)).await.unwrap();
    }
    for raw in odd {
        assert_eq!(whole(store, raw).await, raw);
        assert_eq!(store.head(&key(raw)).await.unwrap().key.as_str(), raw);
    }
    let listed = store.list("odd/", None, 100.try_into().unwrap()).await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|it| it.key.as_str()).collect();
    let mut sorted = odd.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
}

async fn put_replaces_with_another_version(store: &Arc<dyn BlobStore>) {
    let first = put(store, "replaced/a", b"first").await;
    let second = put(store, "replaced/a", b"second").await;

    assert_ne!(first.version, second.version);
    assert_eq!(store.head(&key("replaced/a")).await.unwrap().version, second.version);
    assert_eq!(whole(store, "replaced/a").await, "second");
}

async fn present_key_is_a_conflict_and_stays(store: &Arc<dyn BlobStore>) {
    let only = on(PutCondition::IfAbsent);
    let first = store.put(&key("once/a"), "first".into(), &only).await.unwrap();

    let error = store.put(&key("once/a"), "second".into(), &only).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Conflict);
    assert_eq!(whole(store, "once/a").await, "first");
    assert_eq!(store.head(&key("once/a")).await.unwrap().version, first.version);
    store.delete(&key("once/a")).await.unwrap();
    store.put(&key("once/a"), "third".into(), &only).await.unwrap();
}

async fn version_that_is_not_there_is_a_conflict(store: &Arc<dyn BlobStore>) {
    let first = put(store, "turns/a", b"first").await;
    let only = on(PutCondition::IfVersion(first.version));
    let second = store.put(&key("turns/a"), "second".into(), &only).await.unwrap();

    let error = store.put(&key("turns/a"), "third".into(), &only).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict);
    assert_eq!(store.head(&key("turns/a")).await.unwrap().version, second.version);

    store.delete(&key("turns/a")).await.unwrap();
    let only = on(PutCondition::IfVersion(second.version));
    let error = store.put(&key("turns/a"), "fourth".into(), &only).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict);
    let error = store.head(&key("turns/a")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
}

async fn bytes_with_another_digest_are_rejected(store: &Arc<dyn BlobStore>) {
    let options = PutBlob { sha256: Some(Sha256Digest::of(b"sent")), ..PutBlob::default() };

    let error = store.put(&key("altered/a"), "SENT".into(), &options).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let error = store.head(&key("altered/a")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
}

async fn of_concurrent_puts_one_makes_the_blob(store: &Arc<dyn BlobStore>) {
    let (only, key) = (on(PutCondition::IfAbsent), key("race/a"));
    let bodies: Vec<Bytes> = (0..16).map(|it| format!("body {it}").into()).collect();

    let puts = join_all(bodies.iter().map(|it| store.put(&key, it.clone(), &only))).await;

    let won: Vec<usize> = (0..16).filter(|it| puts[*it].is_ok()).collect();
    assert_eq!(won.len(), 1, "{puts:?}");
    let lost = puts.iter().filter_map(|it| it.as_ref().err());
    assert!(lost.clone().all(|it| it.kind() == PortErrorKind::Conflict), "{puts:?}");
    assert_eq!(whole(store, "race/a").await, bodies[won[0]]);
}

async fn of_concurrent_puts_one_replaces_a_version(store: &Arc<dyn BlobStore>) {
    let first = put(store, "race/b", b"first").await;
    let (only, key) = (on(PutCondition::IfVersion(first.version)), key("race/b"));
    let bodies: Vec<Bytes> = (0..8).map(|it| format!("body {it}").into()).collect();

    let puts = join_all(bodies.iter().map(|it| store.put(&key, it.clone(), &only))).await;

    let won: Vec<usize> = (0..8).filter(|it| puts[*it].is_ok()).collect();
    assert_eq!(won.len(), 1, "{puts:?}");
    assert_eq!(whole(store, "race/b").await, bodies[won[0]]);
}

async fn ranges_are_cut_at_the_end(store: &Arc<dyn BlobStore>) {
    put(store, "range/a", b"0123456789").await;
    let key = key("range/a");
    for (from, until, wanted) in [
        (0, Some(1), "0"),
        (3, Some(7), "3456"),
        (3, None, "3456789"),
        (0, None, "0123456789"),
        (8, Some(100), "89"),
        (9, Some(10), "9"),
    ] {
        let read = store.read(&key, Some(ByteRange { from, until })).await.unwrap();
        assert_eq!(read.blob.n_bytes, 10);
        let bytes = read.bytes.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!(bytes, wanted.as_bytes(), "{from} to {until:?}");
    }
    for (from, until) in [(10, None), (10, Some(12)), (5, Some(5)), (5, Some(4))] {
        let error = store.read(&key, Some(ByteRange { from, until })).await.err().unwrap();
        assert_eq!(error.kind(), PortErrorKind::Rejected, "{from} to {until:?}");
    }
}

async fn deleted_blob_is_gone(store: &Arc<dyn BlobStore>) {
    put(store, "deleted/a", b"x").await;
    put(store, "deleted/a b/c", b"y").await;

    store.delete(&key("deleted/a")).await.unwrap();
    store.delete(&key("deleted/a")).await.unwrap();

    let error = store.head(&key("deleted/a")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    assert_eq!(whole(store, "deleted/a b/c").await, "y");
}

/// A link itself is tried where the platform is: here it is only told from none.
async fn links_are_made_or_refused(store: &Arc<dyn BlobStore>) {
    let purpose = LinkPurpose::Read { key: key("plain/a") };
    match store.link(&purpose, Duration::from_secs(60)).await {
        Ok(link) => {
            assert_eq!(link.method, "GET");
            assert!(!format!("{link:?}").contains(link.url.query().unwrap()));
            let error = store.link(&purpose, Duration::from_hours(8 * 24)).await.unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Rejected);
        }
        Err(error) => assert_eq!(error.kind(), PortErrorKind::Rejected),
    }
}
