//! Links, used by somebody who has nothing else.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use shared::PortErrorKind;
use shared::ports::{
    BlobKey, BlobLink, LinkPurpose, MediaType, NewUpload, PutBlob, PutCondition, Sha256Digest,
    read_whole,
};

use super::bucket::TestBucket;

const MINUTE: Duration = Duration::from_secs(60);

fn key(raw: &str) -> BlobKey {
    BlobKey::parse(raw).unwrap()
}

async fn follow(link: &BlobLink, body: &'static [u8]) -> Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let method = Method::from_bytes(link.method.as_bytes()).unwrap();
    let mut request = client.request(method, link.url.clone());
    for (name, value) in &link.headers {
        request = request.header(name, value);
    }
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn link_reads_one_blob_for_a_while() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("/documents");
    store.put(&key("a b+ä%"), "linked".into(), &PutBlob::default()).await.unwrap();

    let purpose = LinkPurpose::Read { key: key("a b+ä%") };
    let link = store.link(&purpose, MINUTE).await.unwrap();

    let answer = follow(&link, b"").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.text().await.unwrap(), "linked");
    let mut other = link.clone();
    other.url.set_path(&format!("{}x", link.url.path()));
    assert!(!follow(&other, b"").await.status().is_success());
}

#[tokio::test]
async fn link_puts_the_bytes_that_it_was_made_for() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("");
    let options = PutBlob {
        media_type: MediaType::parse("text/plain").unwrap(),
        sha256: Some(Sha256Digest::of(b"linked")),
        condition: PutCondition::IfAbsent,
    };
    let purpose = LinkPurpose::Put { key: key("a"), options: options.clone() };
    let link = store.link(&purpose, MINUTE).await.unwrap();

    assert_eq!(follow(&link, b"LINKED").await.status(), StatusCode::BAD_REQUEST);
    let error = store.head(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    assert_eq!(follow(&link, b"linked").await.status(), StatusCode::OK);
    assert_eq!(follow(&link, b"linked").await.status(), StatusCode::PRECONDITION_FAILED);

    let blob = store.head(&key("a")).await.unwrap();
    assert_eq!((blob.media_type, blob.sha256), (options.media_type, options.sha256));
}

#[tokio::test]
async fn link_sends_one_part_whose_bytes_are_checked() {
    let Some(bucket) = TestBucket::open().await else { return };
    let store = bucket.store("");
    let upload = store.begin(&key("parts"), &NewUpload::default()).await.unwrap();
    let sha256 = Sha256Digest::of(b"linked");
    let purpose = LinkPurpose::PutPart { upload: upload.clone(), number: 0, sha256 };
    let link = store.link(&purpose, MINUTE).await.unwrap();

    assert_eq!(follow(&link, b"LINKED").await.status(), StatusCode::BAD_REQUEST);
    let answer = follow(&link, b"linked").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let etag = answer.headers().get("etag").unwrap().to_str().unwrap();
    let tag = store.part_sent_by_link(etag, &sha256).unwrap();

    store.complete(&upload, &[tag]).await.unwrap();

    assert_eq!(read_whole(store.as_ref(), &key("parts"), 10).await.unwrap(), "linked");
    assert!(store.part_sent_by_link("<x>", &sha256).is_err());
}
