//! Processes that die at any call, and deliveries that come twice.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::ports::PipelineRunState;
use shared::worker::MessageHandler as _;

use crate::fragile::{Blow, Life};
use crate::rig::{Rig, message};

const PARTED: &str = r#"
pipeline: parted
source:
  at: file:HERE/in/*.csv
  columns: [{name: id, required: true}, {name: fee, type: long}]
key: id
steps:
  - derive: {at: now()}
rules:
  - {range: {column: fee, min: 0}}
  - {row_count_drift: {max_percent: 50}, action: warn}
threshold: 50
sink: {at: "file:HERE/out/{partition}.csv"}
quarantine: {at: "file:HERE/out/{partition}-rejects.csv"}
baseline: "file:HERE/out/{partition}.json"
"#;

fn parted() -> Rig {
    let rig = Rig::new("parted", PARTED);
    rig.write("in/a.csv", "id,fee\na,1\nb,-1\nc,3\n");
    rig.write("in/b.csv", "id,fee\nd,1\n");
    rig
}

/// What a run leaves that nothing disturbs.
async fn undisturbed() -> (BTreeMap<String, String>, u64) {
    let rig = parted();
    let id = rig.start("parted").await;
    rig.drain().await;
    let shown = rig.shown(&id).await.summary;
    assert_eq!(shown.run.state, PipelineRunState::Succeeded, "{:?}", shown.run);
    (rig.written(), shown.counts.n_out)
}

#[tokio::test]
async fn process_that_dies_at_any_call_leaves_what_an_undisturbed_run_does() {
    let (files, n_out) = undisturbed().await;
    assert_eq!(files.len(), 6);
    // The begin of the round, then its first partition.
    for n_before in [0, 1] {
        for blow in [Blow::Before, Blow::After] {
            for number in 1.. {
                let rig = parted();
                let id = rig.start("parted").await;
                let healthy = rig.runner(&Life::endless());
                for _ in 0..n_before {
                    let delivery = rig.next().await.unwrap();
                    rig.deliver(&healthy, &delivery).await.unwrap();
                }
                let life = Life::until(number, blow);
                let delivery = rig.next().await.unwrap();
                let _ = rig.runner(&life).handle(&message(&delivery)).await;
                let was_killed = life.is_over();

                // The queue hands it out again when its visibility ends.
                rig.pass(Duration::from_hours(2));
                rig.drain().await;

                let shown = rig.shown(&id).await;
                let run = &shown.summary.run;
                let of = format!("{n_before} {blow:?} {number}: {run:?} {:?}", shown.partitions);
                assert_eq!(run.state, PipelineRunState::Succeeded, "{of}");
                assert_eq!(rig.written(), files, "{of}");
                assert_eq!((shown.summary.counts.n_out, rig.n_ends()), (n_out, 1), "{of}");
                if !was_killed {
                    assert!(number > 5, "{number}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn deliveries_at_once_are_done_once() {
    let (files, n_out) = undisturbed().await;
    let rig = parted();
    let id = rig.start("parted").await;
    let (first, second) = (rig.runner(&Life::endless()), rig.runner(&Life::endless()));
    let begin = rig.next().await.unwrap();
    let asked = message(&begin);
    let (one, other) = tokio::join!(first.handle(&asked), second.handle(&asked));
    one.unwrap();
    other.unwrap();
    rig.done(&begin).await;
    // Both have queued both partitions.
    let mut deliveries = Vec::new();
    while let Some(delivery) = rig.next().await {
        deliveries.push(delivery);
    }
    assert_eq!(deliveries.len(), 4);

    let handled = deliveries.iter().enumerate().map(|(idx, it)| {
        let runner = if idx % 2 == 0 { &first } else { &second };
        async move { runner.handle(&message(it)).await }
    });
    for handled in join(handled).await {
        handled.unwrap();
    }

    let shown = rig.shown(&id).await;
    assert_eq!(shown.summary.run.state, PipelineRunState::Succeeded);
    assert!(shown.partitions.iter().all(|it| it.n_attempts == 1), "{:?}", shown.partitions);
    assert_eq!((rig.written(), shown.summary.counts.n_out, rig.n_ends()), (files, n_out, 1));
    // The same messages once more.
    for delivery in &deliveries {
        first.handle(&message(delivery)).await.unwrap();
    }
    assert_eq!(rig.n_ends(), 1);
}

/// Runs all of them side by side in this task.
async fn join<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut done = Vec::new();
    let mut running: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|it| match it.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn redelivery_of_a_partition_in_hand_waits_until_its_process_must_be_dead() {
    let rig = parted();
    rig.start("parted").await;
    let healthy = rig.runner(&Life::endless());
    let begin = rig.next().await.unwrap();
    rig.deliver(&healthy, &begin).await.unwrap();
    let delivery = rig.next().await.unwrap();
    // It dies right after it claimed the partition.
    let _ = rig.runner(&Life::until(5, Blow::Before)).handle(&message(&delivery)).await;
    let failure = healthy.handle(&message(&delivery)).await.unwrap_err();
    assert!(failure.reason().contains("is in other hands"), "{failure}");

    rig.pass(Duration::from_mins(3));
    healthy.handle(&message(&delivery)).await.unwrap();
}
