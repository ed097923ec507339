//! Messages that were set aside, and how they come back.

use std::sync::Arc;
use std::time::Duration;

use super::{LONG, Lacks, Platform, grouped, keyed, message, receive, receive_one, send, up_to};
use crate::ports::{Queue, ReplaySelection};

pub(super) async fn message_released_too_often_becomes_a_dead_letter(
    queue: Arc<dyn Queue>,
    platform: Platform,
) {
    send(&queue, vec![grouped("a", "case-1")]).await;
    for attempt in 1..=platform.max_attempts.get() {
        let delivery = receive_one(&queue, LONG).await;
        assert_eq!(delivery.attempt, attempt);
        queue.release(&delivery, Duration::ZERO, &format!("failure {attempt}")).await.unwrap();
    }

    assert!(receive(&queue, 1, LONG).await.is_empty());

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_str(), dead[0].group.as_deref()), ("a", Some("case-1")));
    assert_eq!(dead[0].n_attempts, platform.max_attempts.get());
    let last = format!("failure {}", platform.max_attempts);
    assert!(dead[0].reason.contains(&last), "{}", dead[0].reason);
}

pub(super) async fn message_given_back_unhandled_counts_no_attempt(
    queue: Arc<dyn Queue>,
    platform: Platform,
) {
    send(&queue, vec![grouped("a", "case-1"), grouped("b", "case-1")]).await;
    for _ in 0..=platform.max_attempts.get() {
        let delivery = receive_one(&queue, LONG).await;
        assert_eq!((delivery.body.as_str(), delivery.attempt), ("a", 1));
        // Long enough that a later instant would be another place.
        tokio::time::sleep(Duration::from_millis(3)).await;
        queue.give_back(&delivery, Duration::ZERO).await.unwrap();
    }

    assert_eq!(receive(&queue, 2, LONG).await.len(), 2);
    assert_eq!(queue.depth().await.unwrap().n_dead, 0);
}

pub(super) async fn message_abandoned_too_often_becomes_a_dead_letter(
    queue: Arc<dyn Queue>,
    platform: Platform,
) {
    send(&queue, vec![message("a")]).await;
    for attempt in 1..=platform.max_attempts.get() {
        assert_eq!(receive_one(&queue, platform.visibility).await.attempt, attempt);
    }

    let wait = platform.visibility * 3;
    assert!(queue.receive(up_to(1), LONG, wait).await.unwrap().is_empty());

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].n_attempts, platform.max_attempts.get());
    assert!(!dead[0].reason.is_empty());
}

pub(super) async fn buried_message_is_a_dead_letter_with_its_reason(queue: Arc<dyn Queue>) {
    send(&queue, vec![message("a")]).await;
    let delivery = receive_one(&queue, LONG).await;

    queue.bury(&delivery, "not a change event").await.unwrap();

    let dead = queue.dead_letters(None, up_to(10)).await.unwrap();
    assert_eq!((dead[0].id.as_str(), dead[0].n_attempts), (delivery.id.as_str(), 1));
    assert_eq!(dead[0].reason, "not a change event");
    assert_eq!(dead[0].sent_at, delivery.sent_at);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.n_dead, depth.n_in_flight, depth.oldest_sent_at), (1, 0, None));
}

pub(super) async fn dead_letters_are_listed_newest_first_by_pages(queue: Arc<dyn Queue>) {
    for body in ["a", "b", "c"] {
        send(&queue, vec![message(body)]).await;
        queue.bury(&receive_one(&queue, LONG).await, "broken").await.unwrap();
    }

    let first = queue.dead_letters(None, up_to(2)).await.unwrap();
    let second = queue.dead_letters(Some(&first[1].id), up_to(2)).await.unwrap();

    let listed: Vec<&str> = first.iter().chain(&second).map(|it| it.body.as_str()).collect();
    assert_eq!(listed, ["c", "b", "a"]);
}

pub(super) async fn replayed_message_has_its_attempts_forgotten(
    queue: Arc<dyn Queue>,
    lacks: Lacks,
) {
    send(&queue, vec![keyed("a", "1")]).await;
    let dead = receive_one(&queue, LONG).await;
    queue.bury(&dead, "broken").await.unwrap();

    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 1);

    let replayed = receive_one(&queue, LONG).await;
    assert_eq!(replayed.body, "a");
    assert!(replayed.attempt == 1 || lacks.forgotten_attempts, "{replayed:?}");
    if !lacks.expired_receipts {
        queue.ack(&[dead]).await.unwrap();
    }
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.n_in_flight, depth.n_dead), (1, 0));
}

pub(super) async fn replay_takes_only_what_is_selected(queue: Arc<dyn Queue>) {
    send(&queue, vec![message("a"), message("b"), message("c")]).await;
    let deliveries = receive(&queue, 3, LONG).await;
    for delivery in &deliveries {
        queue.bury(delivery, "broken").await.unwrap();
    }

    let ids = vec![deliveries[1].id.clone(), "unknown".to_owned(), "987654321".to_owned()];
    assert_eq!(queue.replay(ReplaySelection::Ids(ids)).await.unwrap(), 1);

    assert_eq!(receive_one(&queue, LONG).await.body, "b");
    assert_eq!(queue.depth().await.unwrap().n_dead, 2);
}
