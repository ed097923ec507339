//! The contract of a target, and whole deployments of small functions.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use shared::error::PortErrorKind;
use shared::ports::deploy_target_contract::deploy_target_contract;
use shared::ports::{CheckAnswer, Clock, DeployTarget, Digest, NewRoute, SystemClock, VersionRuns};

use crate::peer::{PREFIX, Peer, broken, sound};

#[tokio::test]
async fn lambda_keeps_the_contract_with_and_without_a_bucket() {
    let Some(peer) = Peer::open().await else { return };
    peer.function("worker", sound("worker", 1)).await;
    deploy_target_contract(&peer.target(None), "worker", sound("worker", 2)).await;

    let s3 = aws_sdk_s3::config::Builder::from(&peer.config).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    s3.create_bucket().bucket("artefacts").send().await.unwrap();
    let archive = sound("worker", 3);
    let key = format!("packages/worker/{}.zip", Digest::of(&archive));
    deploy_target_contract(&peer.target(Some("artefacts")), "worker", archive.clone()).await;
    let kept = s3.get_object().bucket("artefacts").key(key).send().await.unwrap();
    assert_eq!(kept.body.collect().await.unwrap().to_vec(), archive);
}

#[tokio::test]
async fn wrong_bucket_and_missing_alias_are_told() {
    let Some(peer) = Peer::open().await else { return };
    peer.function("worker", sound("worker", 1)).await;
    let archive = sound("worker", 2);
    let digest = Digest::of(&archive);

    let target = peer.target(Some("nowhere"));
    let error = target.upload("worker", &digest, archive).await.unwrap_err();
    let text = shared::chain(&error).to_string();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{text}");
    assert!(text.contains("--bucket") || text.contains("terraform"), "{text}");

    let name = format!("{PREFIX}worker");
    peer.lambda.delete_alias().function_name(name).name("live").send().await.unwrap();
    assert_eq!(target.functions().await.unwrap()[0].route, None);
    let route = NewRoute { live: 1, next: None, note: String::new() };
    let error = target.route("worker", &route, "x").await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
}

#[tokio::test]
async fn version_that_ends_at_its_start_is_an_answer_and_not_an_error() {
    let Some(peer) = Peer::open().await else { return };
    peer.function("worker", sound("worker", 1)).await;
    let target = peer.target(None);
    let archive = broken();
    let digest = Digest::of(&archive);
    target.upload("worker", &digest, archive).await.unwrap();
    let version = target.publish("worker", &digest).await.unwrap();

    let answer = target.check("worker", version).await.unwrap();

    assert!(matches!(&answer, CheckAnswer::Broken(reason) if !reason.is_empty()), "{answer:?}");
}

#[tokio::test]
async fn alarms_are_told_with_their_function_and_state() {
    let Some(peer) = Peer::open().await else { return };
    peer.alarm("worker-errors", Some("worker"), false).await;
    peer.alarm("events-behind", None, true).await;

    let alarms = peer.target(None).alarms().await.unwrap();

    let told: Vec<_> =
        alarms.iter().map(|it| (&*it.name, it.function.as_deref(), it.is_raised)).collect();
    assert_eq!(
        told,
        [
            ("moodbridge-test-events-behind", None, true),
            ("moodbridge-test-worker-errors", Some("worker"), false),
        ]
    );
    assert_eq!(alarms[0].reason, "set by a test");
}

#[tokio::test]
async fn calls_of_a_version_are_counted_by_what_lambda_writes() {
    let Some(peer) = Peer::open().await else { return };
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let now = SystemClock.now();
    // What Lambda itself writes while an alias names two versions.
    for (version, metric, value) in
        [("2", "Invocations", 7.0), ("2", "Errors", 3.0), ("1", "Invocations", 90.0)]
    {
        let datum = MetricDatum::builder()
            .metric_name(metric)
            .value(value)
            .dimensions(dimension("FunctionName", "moodbridge-test-worker"))
            .dimensions(dimension("Resource", "moodbridge-test-worker:live"))
            .dimensions(dimension("ExecutedVersion", version))
            .build();
        let put = peer.cloudwatch.put_metric_data().namespace("AWS/Lambda").metric_data(datum);
        put.send().await.unwrap();
    }

    let since = now.minus(Duration::from_secs(60));
    let runs = peer.target(None).runs("worker", 2, since).await.unwrap();

    assert_eq!(runs, VersionRuns { n_runs: 7, n_failed: 3 });
}
