//! Blobs in S3.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_objects::BlobAddress;
use aws_sdk_s3::types::ServerSideEncryption;
use futures_util::{StreamExt as _, stream};
use shared::PortErrorKind;
use shared::config::Env;
use shared::ports::blob_store_contract::contract;
use shared::ports::{
    BlobKey, NewUpload, PutBlob, PutCondition, SystemClock, SystemRandom, read_whole,
};

use super::bucket::TestBucket;

/// A key of KMS; the peers take any.
const KMS_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";

fn key(raw: &str) -> BlobKey {
    BlobKey::parse(raw).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bucket_keeps_the_contract() {
    let Some(bucket) = TestBucket::open().await else { return };
    contract(|| async { bucket.store("") }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn part_of_a_bucket_keeps_the_contract_and_keeps_to_itself() {
    let Some(bucket) = TestBucket::open().await else { return };
    let beside = bucket.store("/documents-old");
    beside.put(&key("a"), "beside".into(), &PutBlob::default()).await.unwrap();

    contract(|| async { bucket.store("/documents") }).await;

    let listed = beside.list("", None, 10.try_into().unwrap()).await.unwrap();
    assert_eq!(listed.len(), 1);
    let all = bucket.client.list_objects_v2().bucket(&bucket.name).send().await.unwrap();
    assert!(all.contents().iter().all(|it| it.key().unwrap().starts_with("documents")));
}

#[tokio::test]
async fn listing_goes_over_the_pages_of_s3() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("");
    let put = |number: usize| {
        let store = Arc::clone(&store);
        async move {
            let key = key(&format!("many/{number:05}"));
            store.put(&key, "x".into(), &PutBlob::default()).await.unwrap();
        }
    };
    stream::iter((0..1_050).map(put)).buffer_unordered(16).collect::<Vec<()>>().await;

    let listed = store.list("many/", None, 2_000.try_into().unwrap()).await.unwrap();

    let numbers: Vec<String> = (0..1_050).map(|it| format!("many/{it:05}")).collect();
    assert_eq!(listed.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), numbers);
}

#[tokio::test]
async fn blob_is_encrypted_with_the_key_of_the_address() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store(&format!("?kms={KMS_KEY}"));

    store.put(&key("put"), "x".into(), &PutBlob::default()).await.unwrap();
    let upload = store.begin(&key("parts"), &NewUpload::default()).await.unwrap();
    let tag = store.put_part(&upload, 0, "x".into()).await.unwrap();
    store.complete(&upload, &[tag]).await.unwrap();

    for name in ["put", "parts"] {
        let head = bucket.client.head_object().bucket(&bucket.name).key(name).send().await.unwrap();
        assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::AwsKms), "{name}");
        assert_eq!(head.ssekms_key_id(), Some(KMS_KEY), "{name}");
        assert_eq!(read_whole(store.as_ref(), &key(name), 10).await.unwrap(), "x");
    }
}

/// What was altered at rest, past the store: the digest beside the blob tells.
#[tokio::test]
async fn bytes_that_are_not_those_that_were_stored_end_in_an_error() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("");
    let blob = store.put(&key("a"), "stored".into(), &PutBlob::default()).await.unwrap();
    let put = bucket.client.put_object().bucket(&bucket.name).key("a");
    let put = put.metadata("sha256", blob.sha256.unwrap().to_string());
    put.body(b"STORED".to_vec().into()).send().await.unwrap();

    let error = read_whole(store.as_ref(), &key("a"), 10).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn missing_bucket_and_too_long_a_key_are_named() {
    let Some(mut bucket) = TestBucket::open().await else { return };
    let long = bucket.store("/documents").head(&key(&"x".repeat(1024))).await.unwrap_err();
    assert_eq!(long.kind(), PortErrorKind::Rejected);

    bucket.name = format!("{}-gone", bucket.name);
    let store = bucket.store("");
    let error = store.put(&key("a"), "x".into(), &PutBlob::default()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    let text = shared::chain(&error).to_string();
    assert!(text.contains("NoSuchBucket"), "{text}");
}

#[tokio::test]
async fn s3_that_is_not_there_is_unavailable_soon() {
    let env = Env::from_pairs([
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
    ]);
    let address = BlobAddress::parse("s3://documents").unwrap();
    let store = address.open(&env, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    let started = Instant::now();

    let error = store.put(&key("a"), "x".into(), &PutBlob::default()).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let text = shared::chain(&error).to_string();
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn put_whose_answer_was_lost_is_no_conflict_with_itself() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store_that_loses_an_answer().await;
    let only = PutBlob { condition: PutCondition::IfAbsent, ..PutBlob::default() };

    let blob = store.put(&key("a"), "once".into(), &only).await.unwrap();

    assert_eq!(bucket.store("").head(&key("a")).await.unwrap().version, blob.version);
    let error = store.put(&key("a"), "twice".into(), &only).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict);
}

#[tokio::test]
async fn completion_whose_answer_was_lost_is_one() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("");
    let upload = store.begin(&key("a"), &NewUpload::default()).await.unwrap();
    let tag = store.put_part(&upload, 0, "once".into()).await.unwrap();

    let store = bucket.store_that_loses_an_answer().await;
    let blob = store.complete(&upload, &[tag]).await.unwrap();

    assert_eq!(blob.n_bytes, 4);
    assert_eq!(read_whole(store.as_ref(), &key("a"), 10).await.unwrap(), "once");
}
