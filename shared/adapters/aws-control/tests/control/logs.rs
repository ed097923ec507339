//! The contract of a search in logs, in groups that are named as Terraform names them.
//!
//! The peer understands patterns and order, and lets every level pass: what is asked about levels is
//! proven by the text of the query.

use std::time::Duration;

use adapter_aws_control::{LambdaLogs, LogPlace};
use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use shared::chain;
use shared::error::PortErrorKind;
use shared::ports::log_search_contract::{
    LINES, log_search_contract, stopped_search_contract, text_filters_contract,
};
use shared::ports::{Clock, LineFilter, LogQuestion, LogSearch, LogWish, SystemClock};
use shared::time::Timestamp;

use crate::account;

fn logs(config: &SdkConfig, deployment: &str, environment: &str) -> LambdaLogs {
    let place = LogPlace { deployment: deployment.to_owned(), environment: environment.to_owned() };
    LambdaLogs::of(config, place)
}

fn question(at: Timestamp, functions: &[&str]) -> LogQuestion {
    LogQuestion {
        functions: functions.iter().map(|it| (*it).to_owned()).collect(),
        from: at,
        until: at.plus(Duration::from_secs(60)),
        limit: Some(10),
        wish: LogWish::Lines(LineFilter::default()),
    }
}

/// Makes the log group of a function, with nothing in it.
async fn group(client: &Client, full_name: &str) {
    let name = format!("/aws/lambda/{full_name}");
    client.create_log_group().log_group_name(&name).send().await.unwrap();
    let stream = client.create_log_stream().log_group_name(name);
    stream.log_stream_name("2026/01/31/[1]abc").send().await.unwrap();
}

/// Has the functions of environment `test` written what the contract wants, and returns since when.
async fn write_lines(client: &Client) -> Timestamp {
    let at = SystemClock.now().minus(Duration::from_secs(3600)).to_second();
    for function in ["sync-worker", "webhook-intake"] {
        let full_name = format!("moodbridge-test-{function}");
        group(client, &full_name).await;
        let events = LINES.into_iter().filter(|it| it.0 == function).map(|(_, after, written)| {
            let event = InputLogEvent::builder().timestamp(at.plus(after).as_millis());
            event.message(written).build().unwrap()
        });
        let put = client.put_log_events().log_group_name(format!("/aws/lambda/{full_name}"));
        let put = put.log_stream_name("2026/01/31/[1]abc").set_log_events(Some(events.collect()));
        put.send().await.unwrap();
    }
    at
}

#[tokio::test]
async fn insights_keeps_the_contract() {
    let Some(config) = account::open_ministack().await else { return };
    let client = Client::new(&config);
    let at = write_lines(&client).await;
    // Groups of others, whose names begin alike.
    group(&client, "moodbridge-test2-sync-worker").await;
    group(&client, "moodbridge-prod-sync-worker").await;
    let logs = logs(&config, "moodbridge", "test");

    log_search_contract(&logs, at, "fields @timestamp, @message | limit 3").await;
    text_filters_contract(&logs, at).await;
    stopped_search_contract(&logs, at).await;
}

#[tokio::test]
async fn wrong_environment_deployment_and_function_are_told_with_what_is_there() {
    let Some(config) = account::open_ministack().await else { return };
    let client = Client::new(&config);
    for name in ["moodbridge-dev-sync-worker", "moodbridge-test-sync-worker"] {
        group(&client, name).await;
    }
    let at = SystemClock.now();

    for (deployment, environment, functions, wanted) in [
        (
            "moodbridge",
            "prod",
            &[][..],
            "no environment `prod` has logs here, but these have: dev, test",
        ),
        ("moodbridge", "prod", &["sync-worker"][..], "but these have: dev, test"),
        ("moodbridge", "dev", &["sync-wroker"][..], "`dev` has logs of: sync-worker"),
        ("other", "dev", &[][..], "nothing called `other` has logs here"),
    ] {
        let logs = logs(&config, deployment, environment);
        let error = logs.begin(&question(at, functions)).await.unwrap_err();
        let said = chain(&error).to_string();
        assert_eq!(error.kind(), PortErrorKind::NotFound, "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}

#[tokio::test]
async fn more_functions_than_one_search_can_take_are_refused() {
    let Some(config) = account::open_ministack().await else { return };
    let client = Client::new(&config);
    for number in 0..51 {
        group(&client, &format!("moodbridge-test-f{number}")).await;
    }
    let logs = logs(&config, "moodbridge", "test");
    let at = SystemClock.now();

    let error = logs.begin(&question(at, &[])).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("name at most 50"), "{}", chain(&error));
    assert!(logs.begin(&question(at, &["f7"])).await.is_ok());
}
