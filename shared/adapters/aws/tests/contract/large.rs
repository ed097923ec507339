//! Bodies that are too long for a message of SQS.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use adapter_aws::testkit::TestAccount;
use adapter_aws::{DynamoIdempotency, SqsQueue};
use adapter_objects::BlobAddress;
use shared::PortErrorKind;
use shared::ports::queue_contract::{Lacks, Platform, contract};
use shared::ports::{
    BlobKey, BlobStore, Delivery, MemoryBlobStore, NewMessage, PutBlob, Queue, Random as _,
    ReplaySelection, SystemClock, SystemRandom,
};

const LONG: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(10);
const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).unwrap();

struct Pair {
    queue: Arc<dyn Queue>,
    /// The same queue, to somebody who has no store for its bodies.
    bare: Arc<dyn Queue>,
    blobs: Arc<dyn BlobStore>,
}

async fn open(is_fifo: bool) -> Option<Pair> {
    let account = TestAccount::open().await?;
    let address = account.queue(MAX_ATTEMPTS.get(), is_fifo).await;
    let blobs: Arc<dyn BlobStore> = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
    let bare = SqsQueue::new(&account.account, address.clone(), "events");
    let queue = SqsQueue::new(&account.account, address, "events");
    let queue = Arc::new(queue.with_large_bodies(Arc::clone(&blobs)));
    Some(Pair { queue, bare: Arc::new(bare), blobs })
}

fn message(body: String) -> NewMessage {
    NewMessage { body, group: Some("case-1".to_owned()), ..NewMessage::default() }
}

fn up_to(max: u32) -> NonZeroU32 {
    NonZeroU32::new(max).unwrap()
}

async fn receive_one(queue: &Arc<dyn Queue>) -> Delivery {
    queue.receive(up_to(1), LONG, DEADLINE).await.unwrap().pop().unwrap()
}

async fn stored(blobs: &Arc<dyn BlobStore>) -> Vec<BlobKey> {
    let listed = blobs.list("messages/", None, up_to(100)).await.unwrap();
    listed.into_iter().map(|it| it.key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_with_a_store_keeps_the_contract() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks {
        groups: true,
        overtaking: false,
        memory_of_keys: false,
        delays: false,
        uncounted_hand_outs: true,
        age: true,
        expired_receipts: account.lacks("receipts that expire"),
        forgotten_attempts: account.lacks("counts that begin anew when a message is moved"),
    };
    let platform =
        Platform { max_attempts: MAX_ATTEMPTS, visibility: Duration::from_secs(1), lacks };
    let queue = || async {
        let address = account.queue(MAX_ATTEMPTS.get(), false).await;
        let table = account.table(&["id"]).await;
        let claims = DynamoIdempotency::new(&account.account, table, Arc::new(SystemClock));
        let queue = SqsQueue::new(&account.account, address, "events");
        let blobs = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        let queue = queue.with_dedupe(Arc::new(claims)).with_large_bodies(blobs);
        Arc::new(queue) as Arc<dyn Queue>
    };
    contract(platform, queue).await;
}

#[tokio::test]
async fn large_bodies_come_back_as_they_were_sent_among_small_ones() {
    for is_fifo in [false, true] {
        let Some(Pair { queue, bare, blobs }) = open(is_fifo).await else { return };
        let bodies: Vec<String> =
            [900_000, 10, 5_000_000, 253_952, 253_953].map(|it| "ü".repeat(it / 2) + "x").into();
        queue.send(bodies.iter().cloned().map(message).collect()).await.unwrap();
        assert_eq!(stored(&blobs).await.len(), 3);

        let mut received = Vec::new();
        while received.len() < bodies.len() {
            let delivery = receive_one(&queue).await;
            assert_eq!(delivery.group.as_deref(), Some("case-1"));
            queue.ack(std::slice::from_ref(&delivery)).await.unwrap();
            received.push(delivery.body);
        }

        received.sort_unstable();
        let mut bodies = bodies;
        bodies.sort_unstable();
        assert!(received == bodies);
        // A blob outlives its message: another one may have the same body.
        assert_eq!(stored(&blobs).await.len(), 3);
        let refused = bare.send(vec![message("x".repeat(1_048_576))]).await.unwrap_err();
        assert_eq!(refused.kind(), PortErrorKind::Rejected);
    }
}

#[tokio::test]
async fn large_dead_letter_is_sent_again_whole() {
    let Some(Pair { queue, blobs, .. }) = open(false).await else { return };
    let body = "x".repeat(900_000);
    queue.send(vec![message(body.clone()), message("small".to_owned())]).await.unwrap();
    for _ in 0..2 {
        let delivery = receive_one(&queue).await;
        queue.bury(&delivery, "not a change event").await.unwrap();
    }

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    let large = dead.iter().find(|it| it.body != "small").unwrap();
    assert_eq!(large.reason, "not a change event");
    // A listing of many stays short: it tells where the body is, and how long.
    assert!(large.body.contains("large_body") && large.body.contains("900000"), "{}", large.body);
    assert!(large.body.contains(stored(&blobs).await[0].as_str()));
    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 2);

    let mut bodies = [receive_one(&queue).await.body, receive_one(&queue).await.body];
    bodies.sort_unstable();
    assert!(bodies == ["small".to_owned(), body]);
}

#[tokio::test]
async fn message_whose_body_is_gone_or_altered_is_a_dead_letter_that_says_so() {
    let Some(Pair { queue, blobs, .. }) = open(false).await else { return };
    let (gone, altered) = ("g".repeat(300_000), "a".repeat(300_000));
    queue.send(vec![message(gone), message("small".to_owned())]).await.unwrap();
    blobs.delete(&stored(&blobs).await[0]).await.unwrap();
    queue.send(vec![message(altered.clone())]).await.unwrap();
    let key = stored(&blobs).await.remove(0);
    blobs.put(&key, "other".into(), &PutBlob::default()).await.unwrap();

    assert_eq!(receive_one(&queue).await.body, "small");
    let rest = queue.receive(up_to(5), LONG, Duration::from_secs(1)).await.unwrap();
    assert!(rest.is_empty());

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    let mut reasons: Vec<&str> = dead.iter().map(|it| it.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().all(|it| it.starts_with("its large body cannot be had: ")));
    assert!(reasons[0].contains("NotFound") || reasons[1].contains("NotFound"), "{reasons:?}");
    assert!(reasons.iter().any(|it| it.contains("not the one that was sent")), "{reasons:?}");

    // Put right by a person, it is whole again.
    blobs.put(&key, altered.clone().into(), &PutBlob::default()).await.unwrap();
    queue.replay(ReplaySelection::All).await.unwrap();
    assert!(receive_one(&queue).await.body == altered);
}

#[tokio::test]
async fn receiver_without_a_store_says_what_it_lacks() {
    let Some(Pair { queue, bare, .. }) = open(false).await else { return };
    queue.send(vec![message("x".repeat(300_000))]).await.unwrap();

    let received = bare.receive(up_to(1), LONG, Duration::from_secs(1)).await.unwrap();

    assert!(received.is_empty());
    let dead = bare.dead_letters(None, up_to(1)).await.unwrap();
    assert!(dead[0].reason.contains("&large=s3://BUCKET"), "{}", dead[0].reason);
    queue.replay(ReplaySelection::All).await.unwrap();
    assert_eq!(receive_one(&queue).await.body.len(), 300_000);
}

#[tokio::test]
async fn body_that_reads_like_a_pointer_is_refused() {
    let Some(Pair { queue, .. }) = open(false).await else { return };
    let body = r#"{"moodbridge.large_body":{"key":"documents/secret","n_bytes":1,"sha256":"0"}}"#;
    let error = queue.send(vec![message(body.to_owned())]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

/// What a function that SQS starts is handed: the message as it is, which the queue unpacks.
#[tokio::test]
async fn pointer_that_a_function_was_handed_is_unpacked() {
    let Some(Pair { queue, .. }) = open(false).await else { return };
    queue.send(vec![message("x".repeat(300_000))]).await.unwrap();
    queue.bury(&receive_one(&queue).await, "to be looked at").await.unwrap();
    let as_it_is = queue.dead_letters(None, up_to(1)).await.unwrap().remove(0).body;
    assert!(as_it_is.len() < 300);

    assert_eq!(queue.unpack(as_it_is).await.unwrap(), "x".repeat(300_000));
    assert_eq!(queue.unpack("{}".to_owned()).await.unwrap(), "{}");
}

#[tokio::test]
async fn large_body_lies_in_s3() {
    let Some(account) = TestAccount::open().await else { return };
    let env = account.env().await;
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new(env.get("AWS_REGION").unwrap().to_owned()))
        .credentials_provider(aws_sdk_s3::config::Credentials::new(
            env.get("AWS_ACCESS_KEY_ID").unwrap(),
            env.get("AWS_SECRET_ACCESS_KEY").unwrap(),
            None,
            None,
            "test",
        ))
        .endpoint_url(env.get("AWS_ENDPOINT_URL").unwrap())
        .force_path_style(true)
        .build();
    let bucket = format!("test-{:032x}", SystemRandom.bits());
    let client = aws_sdk_s3::Client::from_conf(config);
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let blobs = BlobAddress::parse(&format!("s3://{bucket}")).unwrap();
    let blobs = blobs.open(&env, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    let address = account.queue(MAX_ATTEMPTS.get(), false).await;
    let queue = SqsQueue::new(&account.account, address, "events").with_large_bodies(blobs);
    let queue: Arc<dyn Queue> = Arc::new(queue);

    queue.send(vec![message("x".repeat(900_000))]).await.unwrap();

    let delivery = receive_one(&queue).await;
    assert!(delivery.body == "x".repeat(900_000));
    queue.bury(&delivery, "broken").await.unwrap();
    queue.replay(ReplaySelection::All).await.unwrap();
    assert!(receive_one(&queue).await.body == "x".repeat(900_000));
    let listed = client.list_objects_v2().bucket(&bucket).send().await.unwrap();
    let keys: Vec<&str> = listed.contents().iter().filter_map(|it| it.key()).collect();
    assert!(matches!(keys[..], [key] if key.starts_with("messages/")), "{keys:?}");
}
