//! Uploads in parts.

use std::sync::Arc;

use bytes::Bytes;

use super::{MAX_BYTES, bytes_of, key, media_type, put, whole};
use crate::error::PortErrorKind;
use crate::ports::{BlobStore, NewUpload, PartTag, Sha256Digest, Upload, read_whole};

/// Parts as short as the platform takes them, the last one but three bytes.
fn parts_of(store: &Arc<dyn BlobStore>, n: u8) -> Vec<Bytes> {
    let n_bytes = store.part_limits().min_bytes.get();
    (1..=n).map(|it| if it == n { bytes_of(it, 3) } else { bytes_of(it, n_bytes) }).collect()
}

async fn begin(store: &Arc<dyn BlobStore>, raw: &str) -> Upload {
    store.begin(&key(raw), &NewUpload::default()).await.unwrap()
}

async fn is_absent(store: &Arc<dyn BlobStore>, raw: &str) -> bool {
    let listed = store.list(raw, None, 10.try_into().unwrap()).await.unwrap();
    let head = store.head(&key(raw)).await;
    head.is_err_and(|it| it.kind() == PortErrorKind::NotFound) && listed.is_empty()
}

pub(super) async fn blob_is_seen_when_it_is_complete(store: &Arc<dyn BlobStore>) {
    let parts = parts_of(store, 3);
    let options = NewUpload { media_type: media_type("application/pdf"), sha256: None };
    let upload = store.begin(&key("parts/a ä+%"), &options).await.unwrap();
    let mut tags: Vec<Option<PartTag>> = vec![None; 3];
    for number in [2_u32, 0, 1] {
        let part = parts[number as usize].clone();
        tags[number as usize] = Some(store.put_part(&upload, number, part).await.unwrap());
        assert!(is_absent(store, "parts/a ä+%").await);
    }

    let tags: Vec<PartTag> = tags.into_iter().flatten().collect();
    let blob = store.complete(&upload, &tags).await.unwrap();

    assert_eq!(blob.n_bytes, parts.iter().map(|it| it.len() as u64).sum::<u64>());
    assert_eq!(blob.media_type, options.media_type);
    assert_eq!(whole(store, "parts/a ä+%").await, parts.concat());
    let head = store.head(&key("parts/a ä+%")).await.unwrap();
    assert_eq!((head.version, head.media_type), (blob.version, blob.media_type));
}

/// What was returned is saved as text, and gone on with by another process.
pub(super) async fn another_process_goes_on(first: Arc<dyn BlobStore>, second: Arc<dyn BlobStore>) {
    put(&first, "taken-up/a", b"before").await;
    let parts = parts_of(&first, 2);
    let upload = begin(&first, "taken-up/a").await;
    let tag = first.put_part(&upload, 0, parts[0].clone()).await.unwrap();
    let saved = serde_json::to_string(&(upload, vec![tag])).unwrap();
    drop(first);

    let (upload, mut tags): (Upload, Vec<PartTag>) = serde_json::from_str(&saved).unwrap();
    tags.push(second.put_part(&upload, 1, parts[1].clone()).await.unwrap());
    assert_eq!(whole(&second, "taken-up/a").await, "before");
    second.complete(&upload, &tags).await.unwrap();

    assert_eq!(whole(&second, "taken-up/a").await, parts.concat());
}

pub(super) async fn replaced_part_is_the_one_that_counts(store: &Arc<dyn BlobStore>) {
    let parts = parts_of(store, 2);
    let upload = begin(store, "parts/replaced").await;
    store.put_part(&upload, 0, bytes_of(99, parts[0].len())).await.unwrap();
    store.put_part(&upload, 1, parts[1].clone()).await.unwrap();
    let first = store.put_part(&upload, 0, parts[0].clone()).await.unwrap();
    let again = store.put_part(&upload, 1, parts[1].clone()).await.unwrap();

    store.complete(&upload, &[first, again]).await.unwrap();

    assert_eq!(whole(store, "parts/replaced").await, parts.concat());
}

pub(super) async fn completing_twice_returns_the_same(store: &Arc<dyn BlobStore>) {
    let upload = begin(store, "parts/twice").await;
    let tag = store.put_part(&upload, 0, "x".into()).await.unwrap();
    let first = store.complete(&upload, std::slice::from_ref(&tag)).await.unwrap();

    let second = store.complete(&upload, std::slice::from_ref(&tag)).await.unwrap();
    assert_eq!((second.version, second.n_bytes), (first.version, 1));

    store.abandon(&upload).await.unwrap();
    assert_eq!(whole(store, "parts/twice").await, "x");
    store.delete(&key("parts/twice")).await.unwrap();
    put(store, "parts/twice", b"another").await;
    let late = store.complete(&upload, &[tag]).await.unwrap_err();
    assert_eq!(late.kind(), PortErrorKind::NotFound);
    assert_eq!(whole(store, "parts/twice").await, "another");
}

pub(super) async fn abandoned_upload_leaves_nothing(store: &Arc<dyn BlobStore>) {
    let upload = begin(store, "parts/abandoned").await;
    let tag = store.put_part(&upload, 0, "x".into()).await.unwrap();

    store.abandon(&upload).await.unwrap();
    store.abandon(&upload).await.unwrap();

    assert!(is_absent(store, "parts/abandoned").await);
    let error = store.put_part(&upload, 1, "y".into()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    let error = store.complete(&upload, &[tag]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    assert!(is_absent(store, "parts/abandoned").await);
}

pub(super) async fn no_parts_make_an_empty_blob(store: &Arc<dyn BlobStore>) {
    let upload = begin(store, "parts/none").await;

    assert_eq!(store.complete(&upload, &[]).await.unwrap().n_bytes, 0);

    assert!(whole(store, "parts/none").await.is_empty());
}

pub(super) async fn missing_part_is_rejected(store: &Arc<dyn BlobStore>) {
    let parts = parts_of(store, 2);
    let upload = begin(store, "parts/missing").await;
    let tag = store.put_part(&upload, 0, parts[0].clone()).await.unwrap();

    let error = store.complete(&upload, &[tag.clone(), tag]).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(is_absent(store, "parts/missing").await);
    store.abandon(&upload).await.unwrap();
}

pub(super) async fn digest_that_was_told_is_kept(store: &Arc<dyn BlobStore>) {
    let parts = parts_of(store, 2);
    let sha256 = Some(Sha256Digest::of(&parts.concat()));
    let options = NewUpload { sha256, ..NewUpload::default() };
    let upload = store.begin(&key("parts/told"), &options).await.unwrap();
    let mut tags = Vec::new();
    for (number, part) in (0..).zip(&parts) {
        tags.push(store.put_part(&upload, number, part.clone()).await.unwrap());
    }

    assert_eq!(store.complete(&upload, &tags).await.unwrap().sha256, sha256);
    assert_eq!(store.head(&key("parts/told")).await.unwrap().sha256, sha256);

    // Where the store cannot refuse other bytes, whoever reads them is told.
    let options = NewUpload { sha256: Some(Sha256Digest::of(b"told")), ..NewUpload::default() };
    let upload = store.begin(&key("parts/wrong"), &options).await.unwrap();
    let tag = store.put_part(&upload, 0, "sent".into()).await.unwrap();
    let error = match store.complete(&upload, &[tag]).await {
        Ok(_) => read_whole(store.as_ref(), &key("parts/wrong"), MAX_BYTES).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    store.abandon(&upload).await.unwrap();
}
