//! `moodbridge deploy` with real functions at a peer that runs them.

mod firm;

use std::time::Duration;

use serde_json::{Value, json};

use firm::Firm;

/// Steps that are watched for so short a time that tests do not wait.
const QUICK: [&str; 4] = ["--steps", "10,50,100", "--watch", "1s"];
/// Time enough to interfere.
const SLOW: [&str; 4] = ["--steps", "10,100", "--watch", "60s"];

fn outcome(answer: &Value) -> &str {
    answer["outcome"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn second_version_goes_live_a_third_time_is_nothing_and_a_rollback_brings_the_first_back() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.packages(&[("webhook-intake", 2)]);

    let (code, plan) = firm.deploy(&["--dry-run"]).await;
    assert_eq!(
        (code, &plan["functions"][0]["task"]["deploy"]),
        (0, &json!({"is_uploaded": false}))
    );
    assert_eq!(firm.live("webhook-intake").await, ("1".to_owned(), None));

    let (code, report) = firm.deploy(&QUICK).await;
    assert_eq!((code, outcome(&report)), (0, "deployed"), "{report}");
    assert_eq!(firm.live("webhook-intake").await, ("2".to_owned(), None));
    assert_eq!(report["functions"][0]["from"], 1);

    let (code, report) = firm.deploy(&QUICK).await;
    assert_eq!((code, outcome(&report)), (0, "nothing_to_do"));

    let (code, status) = firm.run(&["status"]).await;
    assert_eq!((code, &status["functions"][0]["before"]), (0, &json!(1)), "{status}");
    let (code, undone) = firm.run(&["rollback"]).await;
    assert_eq!((code, &undone["functions"]), (0, &json!([["webhook-intake", 1]])));
    assert_eq!(firm.live("webhook-intake").await, ("1".to_owned(), None));
    let (code, _) = firm.run(&["rollback"]).await;
    assert_eq!(code, 1, "there is nothing more to take back");
}

#[tokio::test]
async fn package_that_does_not_start_or_is_another_functions_gets_no_call() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.broken_package("webhook-intake");

    let (code, report) = firm.deploy(&QUICK).await;

    assert_eq!((code, outcome(&report)), (3, "not_begun"), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("is not sound"), "{report}");
    assert_eq!(firm.live("webhook-intake").await, ("1".to_owned(), None));

    firm.function("sync-worker-like", 1).await;
    firm.packages(&[("sync-worker-like", 2)]);
    let (code, report) = firm.deploy(&QUICK).await;
    assert_eq!(code, 3);
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("it is the package of `webhook-intake`"), "{reason}");
}

#[tokio::test]
async fn package_whose_bytes_are_not_those_of_the_list_is_refused() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.packages(&[("webhook-intake", 2)]);
    firm.alter("webhook-intake");
    let (code, _) = firm.deploy(&QUICK).await;
    assert_eq!(code, 1);
    assert_eq!(firm.n_versions("webhook-intake").await, 1);
}

#[tokio::test]
async fn alarm_during_the_watch_takes_the_deployment_back() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.alarm("webhook-intake-errors", "webhook-intake", false).await;
    firm.packages(&[("webhook-intake", 2)]);

    let deploying = firm.begin(&SLOW);
    firm.wait_until_shifted("webhook-intake").await;
    assert_eq!(firm.live("webhook-intake").await, ("1".to_owned(), Some(("2".to_owned(), 0.1))));
    firm.alarm("webhook-intake-errors", "webhook-intake", true).await;
    let (code, report) = deploying.end().await;

    assert_eq!((code, outcome(&report)), (3, "taken_back"), "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("moodbridge-test-webhook-intake-errors"), "{reason}");
    assert_eq!(firm.live("webhook-intake").await, ("1".to_owned(), None));

    let (code, _) = firm.deploy(&QUICK).await;
    assert_eq!(code, 1, "an alarm that sounds lets nothing begin");
    firm.alarm("webhook-intake-errors", "webhook-intake", false).await;
    let (code, report) = firm.deploy(&QUICK).await;
    assert_eq!((code, outcome(&report)), (0, "deployed"), "{report}");
}

#[tokio::test]
async fn killed_deployment_is_told_gone_on_with_or_taken_back() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.packages(&[("webhook-intake", 2)]);

    let deploying = firm.begin(&SLOW);
    firm.wait_until_shifted("webhook-intake").await;
    deploying.kill();
    let (code, status) = firm.run(&["status"]).await;
    assert_eq!(code, 3, "{status}");
    assert_eq!(
        (&status["functions"][0]["next"], &status["functions"][0]["percent"]),
        (&json!(2), &json!(10))
    );

    let (code, report) = firm.deploy(&QUICK).await;
    assert_eq!((code, outcome(&report)), (0, "deployed"), "{report}");
    assert_eq!(report["deployment"], status["half_way"], "it is the same deployment");

    firm.packages(&[("webhook-intake", 3)]);
    let deploying = firm.begin(&SLOW);
    firm.wait_until_shifted("webhook-intake").await;
    deploying.kill();
    let (code, _) = firm.run(&["rollback"]).await;
    assert_eq!(code, 0);
    assert_eq!(firm.live("webhook-intake").await, ("2".to_owned(), None));
    let (code, status) = firm.run(&["status"]).await;
    assert_eq!((code, &status["functions"][0]["taken_back"]), (0, &json!(3)));
}

#[tokio::test]
async fn stop_signal_leaves_it_half_way_and_says_how_to_go_on() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    firm.packages(&[("webhook-intake", 2)]);
    let deploying = firm.begin(&SLOW);
    firm.wait_until_shifted("webhook-intake").await;
    let (code, said) = deploying.interrupt(Duration::from_secs(10)).await;
    assert_eq!(code, 1);
    assert!(said.contains("the same command goes on from here"), "{said}");
}

#[tokio::test]
async fn costs_are_estimated_from_what_was_counted() {
    let Some(firm) = Firm::open().await else { return };
    firm.function("webhook-intake", 1).await;
    let (code, estimate) = firm.estimate(&["--environment", "test", "--changes", "10k"]).await;
    assert_eq!(code, 0);
    assert_eq!(estimate["changes"], json!([10_000]));
    let of_intake = &estimate["functions"][0];
    assert_eq!(
        (&of_intake["function"], &of_intake["basis"]),
        (&json!("webhook-intake"), &json!("assumed"))
    );
    assert_eq!(of_intake["memory_mb"], 256, "as it is in the account");
}
