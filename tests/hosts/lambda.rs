//! The functions as Lambdas, handed the samples under `events/aws`.

use std::time::{Duration, Instant};

use sandbox_org::{Sandbox, Seed, Settings};
use serde_json::{Value, json};

use crate::binaries::{Stores, binary, sample};
use crate::lambda_api::{LambdaApi, Outcome};

#[tokio::test]
async fn both_gateway_requests_are_queued() {
    let stores = Stores::new().await;
    let mut lambda = LambdaApi::start(&binary("webhook-intake"), &stores.settings()).await;

    let Outcome::Answered(outbound) =
        lambda.invoke(&sample("aws/apigw-v2-outbound-message.json")).await
    else {
        panic!("no answer")
    };
    let Outcome::Answered(change) =
        lambda.invoke(&sample("aws/function-url-change-event.json")).await
    else {
        panic!("no answer")
    };

    assert_eq!(outbound["statusCode"], 200, "{outbound}");
    assert!(outbound["body"].as_str().unwrap().contains("<Ack>true</Ack>"), "{outbound}");
    assert_eq!(change["statusCode"], 202, "{change}");
    assert_eq!(lambda.terminate().await, Some(0));
    assert_eq!(stores.n_queued().await, 2);
}

#[tokio::test]
async fn batch_is_applied_and_its_bad_record_reported() {
    let stores = Stores::new().await;
    let mut lambda = LambdaApi::start(&binary("sync-worker"), &stores.settings()).await;

    let with_bad = lambda.invoke(&sample("aws/sqs-one-bad-record.json")).await;
    let whole = lambda.invoke(&sample("aws/sqs-events-batch.json")).await;

    let bad = "2e1424d4-f796-459a-8184-9c92662be6da";
    let failures = json!({"batchItemFailures": [{"itemIdentifier": bad}]});
    assert_eq!(with_bad, Outcome::Answered(failures));
    assert_eq!(whole, Outcome::Answered(json!({"batchItemFailures": []})));
    assert_eq!(lambda.terminate().await, Some(0));
    let titles = stores.titles().await;
    assert_eq!(titles, ["Estate of M. Okafor", "Harper v. Lindqvist Logistics"]);
}

#[tokio::test]
async fn tick_without_an_org_fails_and_is_retried_by_the_platform() {
    let stores = Stores::new().await;
    let mut lambda = LambdaApi::start(&binary("delta-poller"), &stores.settings()).await;
    let said = lambda.invoke(&sample("aws/eventbridge-schedule.json")).await;
    let Outcome::Failed(Value::Object(error)) = said else { panic!("{said:?}") };
    assert!(error.contains_key("errorMessage"), "{error:?}");
    lambda.terminate().await;
}

#[tokio::test]
async fn tick_hands_back_before_its_time_is_over() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings { seed: Seed::Empty, ..Settings::default() };
    settings.pub_sub.address = Some(([127, 0, 0, 1], 0).into());
    let org = Sandbox::start(settings, listener).unwrap();
    let stores = Stores::new().await.with_connection(&json!({
        "platform": "salesforce", "connection": "main", "login_url": org.url(),
        "auth": {
            "flow": "client_credentials", "client_id": "moodbridge-sandbox",
            "client_secret": "env:ORG_SECRET",
        },
        "events": {"endpoint": org.pub_sub_url().unwrap()},
    }));
    let mut settings = stores.settings();
    // By itself it would wait for four minutes.
    settings.extend([("ORG_SECRET", "sandbox-secret"), ("EVENTS_QUIET", "240s")]);
    let mut lambda = LambdaApi::start(&binary("change-subscriber"), &settings).await;
    let tick = sample("aws/eventbridge-schedule.json");
    let limit = Duration::from_secs(6);

    let began = Instant::now();
    let said = lambda.invoke_within(&tick, Some(limit)).await;

    assert_eq!(said, Outcome::Answered(Value::Null));
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    assert_eq!(lambda.terminate().await, Some(0));
}

#[tokio::test]
async fn tick_takes_what_a_stream_holds_and_goes_on_behind_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings { seed: Seed::Empty, ..Settings::default() };
    settings.pub_sub.address = Some(([127, 0, 0, 1], 0).into());
    let org = Sandbox::start(settings, listener).unwrap();
    let stores = Stores::new().await.with_connection(&json!({
        "platform": "salesforce", "connection": "main", "login_url": org.url(),
        "auth": {
            "flow": "client_credentials", "client_id": "moodbridge-sandbox",
            "client_secret": "env:ORG_SECRET",
        },
        "events": {"endpoint": org.pub_sub_url().unwrap()},
    }));
    let mut settings = stores.settings();
    settings.extend([("ORG_SECRET", "sandbox-secret"), ("EVENTS_QUIET", "500ms")]);
    let mut lambda = LambdaApi::start(&binary("change-subscriber"), &settings).await;
    let create = async |subject: &str| {
        let change = json!({"create": {"object": "Case", "fields": {"Subject": subject}}});
        let client = reqwest::Client::builder().build().unwrap();
        let request = client.post(format!("{}/_sandbox/changes", org.url()));
        let answer = request.json(&json!({"changes": [change]})).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    };
    let tick = sample("aws/eventbridge-schedule.json");

    create("1").await;
    create("2").await;
    assert_eq!(lambda.invoke(&tick).await, Outcome::Answered(Value::Null));
    assert_eq!(stores.n_queued().await, 2);
    assert_eq!(lambda.invoke(&tick).await, Outcome::Answered(Value::Null));
    create("3").await;
    assert_eq!(lambda.invoke(&tick).await, Outcome::Answered(Value::Null));
    assert_eq!(stores.n_queued().await, 3);
    assert_eq!(lambda.terminate().await, Some(0));
}

#[tokio::test]
async fn tick_sends_what_was_changed_here_and_a_comparison_finds_both_sides_equal() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let org =
        Sandbox::start(Settings { seed: Seed::Empty, ..Settings::default() }, listener).unwrap();
    let stores = Stores::new().await.with_connection(&json!({
        "platform": "salesforce", "connection": "main", "login_url": org.url(),
        "auth": {
            "flow": "client_credentials", "client_id": "moodbridge-sandbox",
            "client_secret": "env:ORG_SECRET",
        },
    }));
    stores.make_case("Doe v. Roe").await;
    let mut settings = stores.settings();
    settings.push(("ORG_SECRET", "sandbox-secret"));
    let tick = sample("aws/eventbridge-schedule.json");

    let mut relay = LambdaApi::start(&binary("outbox-relay"), &settings).await;
    for _ in 0..2 {
        assert_eq!(relay.invoke(&tick).await, Outcome::Answered(Value::Null));
    }
    assert_eq!(relay.terminate().await, Some(0));
    let counts = reqwest::get(format!("{}/_sandbox/counts", org.url())).await.unwrap();
    let counts: Value = counts.json().await.unwrap();
    assert!(counts.to_string().contains("\"Case\":"), "{counts}");

    // What was never read to its end is not compared.
    let mut poller = LambdaApi::start(&binary("delta-poller"), &settings).await;
    assert_eq!(poller.invoke(&tick).await, Outcome::Answered(Value::Null));
    assert_eq!(poller.terminate().await, Some(0));
    let mut reconciler = LambdaApi::start(&binary("reconciler"), &settings).await;
    assert_eq!(reconciler.invoke(&tick).await, Outcome::Answered(Value::Null));
    assert_eq!(reconciler.terminate().await, Some(0));
    let compared = stores.comparison_of("Case").await;
    assert_eq!((compared.outcome.as_str(), compared.n_here, compared.n_there), ("equal", 1, 1));
}

#[tokio::test]
async fn lambda_without_settings_ends_with_78() {
    let lambda = LambdaApi::start(&binary("webhook-intake"), &[]).await;
    assert_eq!(lambda.wait_for_exit().await, Some(78));
}

#[tokio::test]
async fn every_kind_of_function_says_that_it_is_sound_and_works_nothing() {
    let stores = Stores::new().await;
    let question = sample("aws/deployment-check.json");
    for function in ["webhook-intake", "sync-worker", "delta-poller"] {
        let mut lambda = LambdaApi::start(&binary(function), &stores.settings()).await;
        let Outcome::Answered(said) = lambda.invoke(&question).await else { panic!("no answer") };
        assert_eq!(
            (&said["function"], &said["is_ready"]),
            (&json!(function), &json!(true)),
            "{said}"
        );
        lambda.terminate().await;
    }
    assert_eq!(stores.n_queued().await, 0);
}
