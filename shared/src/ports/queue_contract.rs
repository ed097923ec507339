//! What every queue must do, as code: see the contract of [`Queue`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

mod dead_letters;
mod groups;

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use super::queue::{Delivery, NewMessage, Queue, SendOutcome};
use crate::error::PortErrorKind;

/// What the suite must know of a platform.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// How often the queue hands a message out; at least 2.
    pub max_attempts: NonZeroU32,
    /// The shortest visibility that can be told from none at all.
    pub visibility: Duration,
    /// What it cannot do.
    pub lacks: Lacks,
}

/// What a platform cannot do: sentences of the contract that bind only where they can be kept.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sentence of its own")]
pub struct Lacks {
    /// Messages of one group may be in several hands at once, and in any order.
    pub groups: bool,
    /// A released message holds its group back until it comes again.
    pub overtaking: bool,
    /// A dedupe key is forgotten with its batch: a second message with it is queued too.
    pub memory_of_keys: bool,
    /// A message cannot be delayed by itself.
    pub delays: bool,
    /// A message that is given back counts an attempt.
    pub uncounted_hand_outs: bool,
    /// Nobody can tell when the oldest message was sent.
    pub age: bool,
    /// A receipt settles its message although it was handed out again since.
    pub expired_receipts: bool,
    /// A replayed message keeps the count of its hand-outs.
    pub forgotten_attempts: bool,
}

/// A visibility that does not end while a step runs.
const LONG: Duration = Duration::from_secs(60);
/// How long a step may take at most.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks every sentence of the contract, each on a fresh queue from `open`.
///
/// # Panics
///
/// When the queue breaks the contract.
pub async fn contract<F, Fut>(platform: Platform, open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Queue>>,
{
    let lacks = platform.lacks;
    sent_message_is_received_as_it_was_sent(open().await).await;
    too_long_a_body_is_rejected_with_its_whole_batch(open().await).await;
    received_message_is_hidden_until_acked(open().await).await;
    received_message_comes_back_when_its_visibility_ends(open().await, platform).await;
    extended_message_stays_hidden(open().await, platform).await;
    if !lacks.expired_receipts {
        expired_receipt_changes_nothing(open().await, platform).await;
    }
    settling_twice_changes_nothing(open().await).await;
    released_message_comes_back_after_its_delay(open().await, platform).await;
    if !lacks.memory_of_keys {
        equal_keys_of_one_batch_are_queued_once(open().await).await;
        thousand_concurrent_duplicates_are_queued_once(open().await).await;
        key_is_remembered_after_its_message_is_gone(open().await).await;
    }
    if !lacks.delays {
        delayed_message_stays_hidden_at_first(open().await, platform).await;
    }
    dead_letters::message_released_too_often_becomes_a_dead_letter(open().await, platform).await;
    if !lacks.uncounted_hand_outs {
        dead_letters::message_given_back_unhandled_counts_no_attempt(open().await, platform).await;
    }
    dead_letters::message_abandoned_too_often_becomes_a_dead_letter(open().await, platform).await;
    dead_letters::buried_message_is_a_dead_letter_with_its_reason(open().await).await;
    dead_letters::dead_letters_are_listed_newest_first_by_pages(open().await).await;
    dead_letters::replayed_message_has_its_attempts_forgotten(open().await, lacks).await;
    dead_letters::replay_takes_only_what_is_selected(open().await).await;
    if !lacks.groups {
        batch_is_received_in_the_order_sent(open().await).await;
        groups::group_is_in_one_receivers_hands_at_a_time(open().await).await;
        groups::held_group_does_not_hold_others_back(open().await).await;
        groups::group_is_free_again_when_settled(open().await, lacks).await;
        groups::large_group_is_worked_off_completely(open().await).await;
    }
    two_receivers_share_without_overlap(open().await).await;
    waiting_receiver_wakes_when_a_message_is_sent(open().await).await;
    empty_queue_answers_after_the_wait(open().await).await;
    depth_counts_each_message_once(open().await, lacks).await;
}

fn message(body: &str) -> NewMessage {
    NewMessage { body: body.to_owned(), ..NewMessage::default() }
}

fn grouped(body: &str, group: &str) -> NewMessage {
    NewMessage { group: Some(group.to_owned()), ..message(body) }
}

fn keyed(body: &str, key: &str) -> NewMessage {
    NewMessage { dedupe_key: Some(key.to_owned()), ..message(body) }
}

fn up_to(max: u32) -> NonZeroU32 {
    NonZeroU32::new(max).unwrap()
}

async fn send(queue: &Arc<dyn Queue>, batch: Vec<NewMessage>) -> Vec<SendOutcome> {
    queue.send(batch).await.unwrap()
}

/// Receives what is there at once.
async fn receive(queue: &Arc<dyn Queue>, max: u32, visibility: Duration) -> Vec<Delivery> {
    queue.receive(up_to(max), visibility, Duration::ZERO).await.unwrap()
}

/// Receives one message, waiting for it.
async fn receive_one(queue: &Arc<dyn Queue>, visibility: Duration) -> Delivery {
    queue.receive(up_to(1), visibility, DEADLINE).await.unwrap().pop().unwrap()
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|it| it.body.as_str()).collect()
}

async fn sent_message_is_received_as_it_was_sent(queue: Arc<dyn Queue>) {
    let body = "{\"docket\":\"2026-CV-0117 ✓ 'quoted' \\\"\"}";
    assert_eq!(send(&queue, vec![grouped(body, "case-1")]).await, [SendOutcome::Queued]);

    let delivery = receive_one(&queue, LONG).await;

    assert_eq!(delivery.body, body);
    assert_eq!(delivery.group.as_deref(), Some("case-1"));
    assert_eq!(delivery.attempt, 1);
}

async fn batch_is_received_in_the_order_sent(queue: Arc<dyn Queue>) {
    let sent: Vec<String> = (0..10).map(|it| it.to_string()).collect();
    send(&queue, sent.iter().map(|it| grouped(it, "one")).collect()).await;

    let deliveries = receive(&queue, 10, LONG).await;

    assert_eq!(bodies(&deliveries), sent);
}

async fn too_long_a_body_is_rejected_with_its_whole_batch(queue: Arc<dyn Queue>) {
    let longest = "x".repeat(queue.max_body_bytes());
    let too_long = format!("{longest}x");

    let error = queue.send(vec![message("short"), message(&too_long)]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(receive(&queue, 10, LONG).await.is_empty());

    send(&queue, vec![message(&longest)]).await;
    assert_eq!(receive_one(&queue, LONG).await.body.len(), longest.len());
}

async fn equal_keys_of_one_batch_are_queued_once(queue: Arc<dyn Queue>) {
    let outcomes =
        send(&queue, vec![keyed("a", "1"), keyed("b", "2"), keyed("c", "1"), message("d")]).await;

    let (queued, duplicate) = (SendOutcome::Queued, SendOutcome::Duplicate);
    assert_eq!(outcomes, [queued, queued, duplicate, queued]);
    assert_eq!(bodies(&receive(&queue, 10, LONG).await), ["a", "b", "d"]);
}

async fn thousand_concurrent_duplicates_are_queued_once(queue: Arc<dyn Queue>) {
    let sends = (0..1000).map(|it| queue.send(vec![keyed(&it.to_string(), "same")]));

    let outcomes = join_all(sends).await;

    let queued = |it: &&Result<Vec<SendOutcome>, _>| it.as_ref().unwrap()[0] == SendOutcome::Queued;
    assert_eq!(outcomes.iter().filter(queued).count(), 1);
    assert_eq!(receive(&queue, 10, LONG).await.len(), 1);
}

async fn key_is_remembered_after_its_message_is_gone(queue: Arc<dyn Queue>) {
    send(&queue, vec![keyed("a", "1")]).await;
    let delivery = receive_one(&queue, LONG).await;
    queue.ack(&[delivery]).await.unwrap();

    assert_eq!(send(&queue, vec![keyed("a", "1")]).await, [SendOutcome::Duplicate]);
    assert!(receive(&queue, 1, LONG).await.is_empty());
}

async fn received_message_is_hidden_until_acked(queue: Arc<dyn Queue>) {
    send(&queue, vec![message("a"), message("b")]).await;
    let deliveries = receive(&queue, 10, LONG).await;
    assert_eq!(deliveries.len(), 2);
    assert!(receive(&queue, 10, LONG).await.is_empty());

    queue.ack(&deliveries).await.unwrap();

    assert_eq!(queue.depth().await.unwrap().oldest_sent_at, None);
    assert!(receive(&queue, 10, LONG).await.is_empty());
}

async fn received_message_comes_back_when_its_visibility_ends(
    queue: Arc<dyn Queue>,
    platform: Platform,
) {
    send(&queue, vec![message("a")]).await;
    let first = receive_one(&queue, platform.visibility).await;

    let second = receive_one(&queue, LONG).await;

    assert_eq!((second.id, second.attempt), (first.id, 2));
    assert_ne!(second.receipt, first.receipt);
}

async fn extended_message_stays_hidden(queue: Arc<dyn Queue>, platform: Platform) {
    send(&queue, vec![message("a")]).await;
    let delivery = receive_one(&queue, platform.visibility).await;

    queue.extend(&delivery, LONG).await.unwrap();

    let wait = platform.visibility * 2;
    assert!(queue.receive(up_to(1), LONG, wait).await.unwrap().is_empty());
    queue.ack(&[delivery]).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().n_in_flight, 0);
}

async fn expired_receipt_changes_nothing(queue: Arc<dyn Queue>, platform: Platform) {
    send(&queue, vec![message("a")]).await;
    let expired = receive_one(&queue, platform.visibility).await;
    let valid = receive_one(&queue, LONG).await;

    let error = queue.extend(&expired, LONG).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    queue.ack(std::slice::from_ref(&expired)).await.unwrap();
    queue.release(&expired, Duration::ZERO, "late").await.unwrap();
    queue.give_back(&expired, Duration::ZERO).await.unwrap();
    queue.bury(&expired, "late").await.unwrap();

    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.n_in_flight, depth.n_dead), (1, 0));
    queue.extend(&valid, LONG).await.unwrap();
}

async fn settling_twice_changes_nothing(queue: Arc<dyn Queue>) {
    send(&queue, vec![message("a"), message("b")]).await;
    let deliveries = receive(&queue, 2, LONG).await;

    queue.ack(&deliveries[..1]).await.unwrap();
    queue.ack(&deliveries[..1]).await.unwrap();
    queue.release(&deliveries[0], Duration::ZERO, "again").await.unwrap();
    queue.bury(&deliveries[0], "again").await.unwrap();
    queue.bury(&deliveries[1], "first").await.unwrap();
    queue.bury(&deliveries[1], "second").await.unwrap();

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    assert_eq!(dead.iter().map(|it| it.reason.as_str()).collect::<Vec<_>>(), ["first"]);
    assert!(receive(&queue, 10, LONG).await.is_empty());
}

async fn delayed_message_stays_hidden_at_first(queue: Arc<dyn Queue>, platform: Platform) {
    let started = Instant::now();
    send(&queue, vec![NewMessage { delay: platform.visibility, ..message("a") }]).await;
    assert_eq!(queue.depth().await.unwrap().n_delayed, 1);

    assert_eq!(receive_one(&queue, LONG).await.body, "a");

    assert!(started.elapsed() + Duration::from_millis(2) >= platform.visibility);
}

async fn released_message_comes_back_after_its_delay(queue: Arc<dyn Queue>, platform: Platform) {
    send(&queue, vec![message("a"), message("b")]).await;
    let deliveries = receive(&queue, 2, LONG).await;
    let started = Instant::now();

    queue.release(&deliveries[0], platform.visibility, "busy").await.unwrap();
    queue.release(&deliveries[1], Duration::ZERO, "busy").await.unwrap();

    assert_eq!(receive_one(&queue, LONG).await.id, deliveries[1].id);
    let later = receive_one(&queue, LONG).await;
    assert_eq!((later.id.as_str(), later.attempt), (deliveries[0].id.as_str(), 2));
    assert!(started.elapsed() + Duration::from_millis(2) >= platform.visibility);
}

async fn two_receivers_share_without_overlap(queue: Arc<dyn Queue>) {
    send(&queue, (0..100).map(|it| message(&it.to_string())).collect()).await;

    let receives = (0..20).map(|_| queue.receive(up_to(5), LONG, Duration::ZERO));
    let received = join_all(receives).await;

    let ids: Vec<String> = received.into_iter().flat_map(Result::unwrap).map(|it| it.id).collect();
    assert_eq!(ids.len(), 100);
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 100);
}

async fn waiting_receiver_wakes_when_a_message_is_sent(queue: Arc<dyn Queue>) {
    let mut receiver = queue.receive(up_to(1), LONG, DEADLINE);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut receiver).await;
    assert!(early.is_err(), "{early:?}");
    let started = Instant::now();

    let (_, deliveries) = join(send(&queue, vec![message("a")]), receiver).await;

    assert_eq!(bodies(&deliveries.unwrap()), ["a"]);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "took {took:?}");
}

async fn empty_queue_answers_after_the_wait(queue: Arc<dyn Queue>) {
    let started = Instant::now();
    let wait = Duration::from_millis(100);

    assert!(queue.receive(up_to(1), LONG, wait).await.unwrap().is_empty());

    assert!(started.elapsed() + Duration::from_millis(2) >= wait);
    assert!(started.elapsed() < DEADLINE);
}

async fn depth_counts_each_message_once(queue: Arc<dyn Queue>, lacks: Lacks) {
    assert_eq!(queue.depth().await.unwrap().oldest_sent_at, None);
    send(&queue, (0..6).map(|it| grouped(&it.to_string(), "case-1")).collect()).await;
    if !lacks.delays {
        send(&queue, vec![NewMessage { delay: LONG, ..message("later") }]).await;
    }
    let deliveries = receive(&queue, 3, LONG).await;
    if !lacks.groups {
        assert!(receive(&queue, 3, LONG).await.is_empty());
    }
    queue.bury(&deliveries[0], "broken").await.unwrap();

    let depth = queue.depth().await.unwrap();

    let counted = (depth.n_ready, depth.n_in_flight, depth.n_delayed, depth.n_dead);
    assert_eq!(counted, (3, 2, u64::from(!lacks.delays), 1));
    if !lacks.age {
        assert_eq!(depth.oldest_sent_at, Some(deliveries[1].sent_at));
    }
}
