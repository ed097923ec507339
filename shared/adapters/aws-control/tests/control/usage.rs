//! What functions took, counted by the peer while it ran them.

use std::sync::Arc;

use adapter_aws_control::{DeployPlace, LambdaUsage};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use shared::ports::{DeployTarget, SystemClock, UsageMeter};

use crate::peer::{PREFIX, Peer, sound};

#[tokio::test]
async fn calls_times_and_changes_are_counted() {
    let Some(peer) = Peer::open().await else { return };
    peer.function("worker", sound("worker", 1)).await;
    peer.function("poller", sound("poller", 1)).await;
    let target = peer.target(None);
    for _ in 0..3 {
        target.check("worker", 1).await.unwrap();
    }
    // The peer writes no metrics of queues.
    let queue = Dimension::builder().name("QueueName").value("moodbridge-test-events").build();
    let sent = MetricDatum::builder().metric_name("NumberOfMessagesSent").value(12.0);
    let put = peer.cloudwatch.put_metric_data().namespace("AWS/SQS");
    put.metric_data(sent.dimensions(queue).build()).send().await.unwrap();

    let place = DeployPlace { prefix: PREFIX.to_owned(), bucket: None };
    let usage = LambdaUsage::of(&peer.config, place, Arc::new(SystemClock)).usage(1).await.unwrap();

    assert_eq!((usage.n_days, usage.n_changes), (1, 12));
    let counted: Vec<_> = usage.functions.iter().map(|it| (&*it.function, it.n_calls)).collect();
    assert_eq!(counted, [("poller", 0), ("worker", 3)]);
    assert!(usage.functions[1].total_ms > 0, "{usage:?}");
    assert_eq!(usage.functions[1].memory_mb, 128);
}
