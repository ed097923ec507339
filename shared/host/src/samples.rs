//! The files under `events/` are what the hosts take them for.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::routing::post;
use http::StatusCode;
use serde_json::Value;
use shared::ids::SalesforceId;
use shared::model::ChangeEvent;
use shared::ports::SystemRandom;
use shared::worker::{Failure, Message, MessageHandler, ScheduleHandler, Tick};
use tower::ServiceExt;

use crate::app::App;
use crate::lambda;

fn sample(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// Reads each message as a change event and keeps it; a body that is none is poison.
#[derive(Default)]
struct Kept(Mutex<Vec<(Message, ChangeEvent)>>);

#[async_trait]
impl MessageHandler for Kept {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let event = serde_json::from_str(&message.body)
            .map_err(|error| Failure::permanent(error.to_string()))?;
        self.0.lock().unwrap().push((message.clone(), event));
        Ok(())
    }
}

#[async_trait]
impl ScheduleHandler for Kept {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        assert!(tick.due_at.to_string().starts_with("2026-11-01T10:00:00."));
        Ok(())
    }
}

fn worker() -> (App, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let handler: Arc<dyn MessageHandler> = kept.clone();
    (App::new("sync-worker").queue("events", handler), kept)
}

/// Answers with the length of the body, so that a test sees it arrive whole.
fn intake() -> App {
    let measure = |body: Bytes| async move { (StatusCode::ACCEPTED, body.len().to_string()) };
    let router = Router::new()
        .route("/hooks/salesforce/outbound/{connection}/{token}", post(measure))
        .route("/hooks/salesforce/changes/{connection}/{token}", post(measure));
    App::new("webhook-intake").http(router)
}

async fn on_lambda(app: App, name: &str) -> Value {
    lambda::invoke_once(app, &sample(name)).await.unwrap()
}

async fn on_azure(app: App, path: &str, name: &str) -> (StatusCode, Value) {
    let random = Arc::new(SystemRandom);
    let router = crate::azure::router_of(app, Duration::from_secs(5), random);
    let request = http::Request::post(path).body(Body::from(sample(name))).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 65_536).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn sqs_batch_holds_three_change_events() {
    let (app, kept) = worker();
    let answer = on_lambda(app, "aws/sqs-events-batch.json").await;
    assert_eq!(answer.to_string(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(kept.0.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn sqs_batch_with_a_bad_record_loses_only_that_one() {
    let (app, kept) = worker();
    let answer = on_lambda(app, "aws/sqs-one-bad-record.json").await;
    let failed = "2e1424d4-f796-459a-8184-9c92662be6da";
    assert_eq!(answer, serde_json::json!({"batchItemFailures": [{"itemIdentifier": failed}]}));
    assert_eq!(kept.0.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn both_gateway_requests_reach_the_intake_whole() {
    for name in ["aws/apigw-v2-outbound-message.json", "aws/function-url-change-event.json"] {
        let event: Value = serde_json::from_str(&sample(name)).unwrap();
        let answer = on_lambda(intake(), name).await;
        assert_eq!(answer["statusCode"], 202, "{name}");
        let sent = event["body"].as_str().unwrap().len().to_string();
        assert_eq!(answer["body"], sent, "{name}");
    }
}

#[tokio::test]
async fn both_timers_run_the_schedule() {
    let app = || {
        let every = Duration::from_secs(300);
        App::new("delta-poller").schedule("poll", every, Arc::new(Kept::default()))
    };
    on_lambda(app(), "aws/eventbridge-schedule.json").await;
    let (status, _) = on_azure(app(), "/delta-poller", "azure/timer.json").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn every_azure_encoding_gives_the_change_event() {
    let names = [
        "azure/queue-double-encoded.json",
        "azure/queue-triple-encoded.json",
        "azure/service-bus.json",
    ];
    for name in names {
        let (app, kept) = worker();
        let (status, answer) = on_azure(app, "/sync-worker", name).await;
        assert_eq!(
            (status, &answer["Outputs"]),
            (StatusCode::OK, &serde_json::json!({})),
            "{name}"
        );
        let kept = kept.0.lock().unwrap();
        assert_eq!(kept.len(), 1, "{name}");
        assert!(!kept[0].0.id.contains('"'), "{name}: {}", kept[0].0.id);
    }
}

#[tokio::test]
async fn azure_http_envelope_reaches_the_intake_whole() {
    let event: Value = serde_json::from_str(&sample("azure/http.json")).unwrap();
    let sent = event["Data"]["req"]["Body"].as_str().unwrap().len().to_string();
    let (_, answer) = on_azure(intake(), "/webhook-intake", "azure/http.json").await;
    assert_eq!(answer["Outputs"]["res"]["statusCode"], "202");
    assert_eq!(answer["Outputs"]["res"]["body"], sent);
}

#[test]
fn salesforce_samples_hold_valid_ids_only() {
    let names = [
        "outbound-message-one.xml",
        "outbound-message-many.xml",
        "change-event-create.json",
        "change-event-update.json",
        "change-event-delete.json",
    ];
    let mut n_ids = 0;
    for name in names {
        let text = sample(&format!("salesforce/{name}"));
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words.filter(|word| word.len() == 18 && word.starts_with("00")) {
            SalesforceId::parse(word).unwrap();
            n_ids += 1;
        }
    }
    assert!(n_ids > 15, "{n_ids}");
}
