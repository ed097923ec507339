//! What every topic must do, as code: see the contract of [`Topic`].

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a contract suite fails by panicking"
)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{Delivery, Queue};
use super::topic::{MAX_ATTRIBUTES, Publication, Published, Topic};
use crate::error::PortErrorKind;

/// The attribute, and its value, of the messages that the second queue listens to.
pub const FILTER: (&str, &str) = ("kind", "case");

/// A topic and two queues that listen to it.
pub struct Fixture {
    /// The topic.
    pub topic: Arc<dyn Topic>,
    /// Gets every message.
    pub all: Arc<dyn Queue>,
    /// Gets those that [`FILTER`] chooses.
    pub some: Arc<dyn Queue>,
}

/// What a platform cannot do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lacks {
    /// A dedupe key means nothing.
    pub memory_of_keys: bool,
    /// Messages of one group arrive in any order.
    pub order: bool,
}

/// How long a message may be under way.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long it is waited for messages that must not come.
const QUIET: Duration = Duration::from_millis(500);

/// Checks every sentence of the contract, each on a fresh fixture from `open`.
///
/// # Panics
///
/// When the topic breaks the contract.
pub async fn contract<F: AsyncFn() -> Fixture>(lacks: Lacks, open: F) {
    message_reaches_everybody_whose_filter_it_meets(open().await).await;
    large_batch_is_answered_one_by_one(open().await).await;
    refused_message_keeps_no_other_back(open().await).await;
    large_messages_are_taken_all(open().await).await;
    if !lacks.memory_of_keys {
        equal_keys_arrive_once(open().await).await;
    }
    if !lacks.order {
        group_arrives_in_its_order(open().await).await;
    }
}

fn message(body: &str, kind: &str) -> Publication {
    let (name, _) = FILTER;
    let attributes = [(name.to_owned(), kind.to_owned())].into();
    Publication { body: body.to_owned(), attributes, ..Publication::default() }
}

async fn publish(topic: &Arc<dyn Topic>, batch: Vec<Publication>) {
    let n = batch.len();
    let outcomes = topic.publish(batch).await.unwrap();
    assert_eq!(outcomes.len(), n);
    for outcome in outcomes {
        if let Published::Refused(fault) = outcome {
            panic!("{}", crate::error::chain(&fault));
        }
    }
}

/// Receives `n` messages, and makes sure that no more come.
async fn bodies(queue: &Arc<dyn Queue>, n: usize) -> Vec<String> {
    deliveries(queue, n).await.into_iter().map(|it| it.body).collect()
}

async fn deliveries(queue: &Arc<dyn Queue>, n: usize) -> Vec<Delivery> {
    let (ten, long) = (NonZeroU32::MIN.saturating_add(9), Duration::from_secs(60));
    let began = Instant::now();
    let mut found = Vec::new();
    while found.len() < n && began.elapsed() < DEADLINE {
        let some = queue.receive(ten, long, Duration::from_secs(1)).await.unwrap();
        queue.ack(&some).await.unwrap();
        found.extend(some);
    }
    let more = queue.receive(ten, long, QUIET).await.unwrap();
    assert!(more.is_empty() && found.len() == n, "{} of {n}, and {}", found.len(), more.len());
    found
}

async fn message_reaches_everybody_whose_filter_it_meets(it: Fixture) {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let case = Publication {
        trace_parent: Some(trace.to_owned()),
        group: Some("case-1".to_owned()),
        ..message("ä \"case\" ✓", "case")
    };
    publish(&it.topic, vec![case, message("contact", "contact")]).await;

    let some = deliveries(&it.some, 1).await;
    assert_eq!(some[0].body, "ä \"case\" ✓");
    assert_eq!(some[0].group.as_deref(), Some("case-1"));
    assert_eq!(some[0].trace_parent.as_deref(), Some(trace));
    let mut all = bodies(&it.all, 2).await;
    all.sort();
    assert_eq!(all, ["contact", "ä \"case\" ✓"]);
}

async fn large_batch_is_answered_one_by_one(it: Fixture) {
    publish(&it.topic, Vec::new()).await;
    let batch = (0..25).map(|number| message(&number.to_string(), "contact")).collect();
    publish(&it.topic, batch).await;
    let mut all: Vec<u32> =
        bodies(&it.all, 25).await.iter().map(|it| it.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..25).collect::<Vec<_>>());
    assert!(bodies(&it.some, 0).await.is_empty());
}

async fn refused_message_keeps_no_other_back(it: Fixture) {
    let long = message(&"x".repeat(it.topic.max_body_bytes() + 1), "case");
    let mut many = message("many", "case");
    many.attributes.extend((0..MAX_ATTRIBUTES).map(|it| (format!("a{it}"), "x".to_owned())));
    let batch = vec![message("1", "case"), long, message("", "case"), many, message("2", "case")];

    let outcomes = it.topic.publish(batch).await.unwrap();

    let kinds: Vec<Option<PortErrorKind>> = outcomes
        .iter()
        .map(|it| match it {
            Published::Taken => None,
            Published::Refused(fault) => Some(fault.kind()),
        })
        .collect();
    let refused = Some(PortErrorKind::Rejected);
    assert_eq!(kinds, [None, refused, refused, refused, None]);
    let mut some = bodies(&it.some, 2).await;
    some.sort();
    assert_eq!(some, ["1", "2"]);
}

async fn large_messages_are_taken_all(it: Fixture) {
    let body = "x".repeat(it.topic.max_body_bytes() / 3);
    publish(&it.topic, (0..4).map(|_| message(&body, "case")).collect()).await;
    assert!(bodies(&it.some, 4).await.iter().all(|it| *it == body));
}

async fn equal_keys_arrive_once(it: Fixture) {
    let keyed = |body: &str| Publication {
        dedupe_key: Some("one key, with ümläuts".to_owned()),
        ..message(body, "case")
    };
    publish(&it.topic, vec![keyed("first")]).await;
    publish(&it.topic, vec![keyed("second")]).await;
    assert_eq!(bodies(&it.all, 1).await, ["first"]);
}

async fn group_arrives_in_its_order(it: Fixture) {
    let grouped = |number: u32| Publication {
        group: Some("case 1".to_owned()),
        ..message(&number.to_string(), "case")
    };
    publish(&it.topic, (0..15).map(grouped).collect()).await;
    let wanted: Vec<String> = (0..15).map(|it| it.to_string()).collect();
    assert_eq!(bodies(&it.all, 15).await, wanted);
}
