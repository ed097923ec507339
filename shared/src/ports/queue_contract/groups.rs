//! Messages of one group, in one receiver's hands at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{DEADLINE, LONG, Lacks, bodies, grouped, message, receive, receive_one, send};
use crate::ports::Queue;

pub(super) async fn group_is_in_one_receivers_hands_at_a_time(queue: Arc<dyn Queue>) {
    send(&queue, (0..5).map(|it| grouped(&it.to_string(), "case-1")).collect()).await;

    let first = receive(&queue, 2, LONG).await;

    assert_eq!(bodies(&first), ["0", "1"]);
    assert!(receive(&queue, 10, LONG).await.is_empty());
    queue.ack(&first[..1]).await.unwrap();
    assert!(receive(&queue, 10, LONG).await.is_empty());
    queue.ack(&first[1..]).await.unwrap();
    assert_eq!(bodies(&receive(&queue, 10, LONG).await), ["2", "3", "4"]);
}

pub(super) async fn held_group_does_not_hold_others_back(queue: Arc<dyn Queue>) {
    let mut batch: Vec<_> = (0..500).map(|it| grouped(&it.to_string(), "case-1")).collect();
    batch.extend([grouped("other", "case-2"), message("alone")]);
    send(&queue, batch).await;
    assert_eq!(receive(&queue, 1, LONG).await.len(), 1);

    let rest = receive(&queue, 10, LONG).await;

    assert_eq!(bodies(&rest), ["other", "alone"]);
}

pub(super) async fn group_is_free_again_when_settled(queue: Arc<dyn Queue>, lacks: Lacks) {
    send(&queue, (0..4).map(|it| grouped(&it.to_string(), "case-1")).collect()).await;
    let (delay, next, rest): (_, _, &[&str]) = if lacks.overtaking {
        (Duration::ZERO, "0", &["1", "2", "3"])
    } else {
        (LONG, "1", &["2", "3"])
    };

    let first = receive_one(&queue, LONG).await;
    assert!(receive(&queue, 10, LONG).await.is_empty());
    queue.release(&first, delay, "busy").await.unwrap();
    let second = receive_one(&queue, LONG).await;
    assert!(receive(&queue, 10, LONG).await.is_empty());
    queue.bury(&second, "broken").await.unwrap();

    assert_eq!(second.body, next);
    assert_eq!(bodies(&receive(&queue, 10, LONG).await), rest);
}

pub(super) async fn large_group_is_worked_off_completely(queue: Arc<dyn Queue>) {
    send(&queue, (0..100).map(|it| grouped(&it.to_string(), "case-1")).collect()).await;
    let started = Instant::now();
    let mut seen = Vec::new();

    while seen.len() < 100 && started.elapsed() < DEADLINE {
        let deliveries = receive(&queue, 7, LONG).await;
        assert!(receive(&queue, 1, LONG).await.is_empty());
        queue.ack(&deliveries).await.unwrap();
        seen.extend(deliveries.into_iter().map(|it| it.body));
    }

    assert_eq!(seen, (0..100).map(|it| it.to_string()).collect::<Vec<_>>());
}
