//! The example function, driven as each platform drives it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::functions_host::{Fault, FunctionsHost, Settled, Written, lay_out};
use crate::lambda_api::{LambdaApi, Outcome};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Finds the example beside this test in the target folder.
fn echo() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    deps.parent().unwrap().parent().unwrap().join("examples/echo")
}

/// Starts the example as a function app with one folder `echo` of these bindings.
async fn functions_host(kind: &str, bindings: Value) -> (tempfile::TempDir, FunctionsHost) {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("source/echo");
    std::fs::create_dir_all(&folder).unwrap();
    let function = json!({ "bindings": bindings }).to_string();
    std::fs::write(folder.join("function.json"), function).unwrap();
    let app = directory.path().join("app");
    lay_out(&app, &repository().join("infra/azure-functions/host.json"), &folder, &echo());
    let host = FunctionsHost::start(&app, &[("ECHO", kind)]).await;
    (directory, host)
}

fn queue_bindings() -> Value {
    json!([
        {"type": "queueTrigger", "direction": "in", "name": "message", "queueName": "events"},
        {"type": "queue", "direction": "out", "name": "parked", "queueName": "parked"},
    ])
}

#[tokio::test]
async fn azure_message_is_done_at_its_first_attempt() {
    let (_directory, mut host) = functions_host("queue", queue_bindings()).await;
    assert_eq!(host.deliver("echo", r#"{"event_id":"e1"}"#).await, Settled::Done(1));
    assert_eq!(host.deliver("echo", "plain text").await, Settled::Done(1));
    host.stop().await;
}

#[tokio::test]
async fn azure_message_that_keeps_failing_is_poison_after_five_attempts() {
    let (_directory, mut host) = functions_host("queue", queue_bindings()).await;
    let Settled::Poison(5, Fault::Status(500, body)) = host.deliver("echo", "later").await else {
        panic!("not poison")
    };
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], 500);
    assert!(body["detail"].as_str().unwrap().ends_with("told to fail"), "{body}");
    host.stop().await;
}

#[tokio::test]
async fn azure_message_that_can_never_succeed_is_parked_at_once_as_json() {
    let (_directory, mut host) = functions_host("queue", queue_bindings()).await;
    assert_eq!(host.deliver("echo", "never").await, Settled::Done(1));
    let [Written::Json(parked)] = host.written("parked") else { panic!("not parked") };
    assert_eq!(parked["reason"], "told never to succeed");
    assert_eq!(parked["body"], "never");
    assert_eq!(parked["attempts"], 1);
    host.stop().await;
}

#[tokio::test]
async fn azure_handler_that_crashes_is_restarted_and_the_message_comes_again() {
    let (_directory, mut host) = functions_host("queue", queue_bindings()).await;
    let Err(Fault::Gone(_)) =
        host.post_envelope("echo", r#"{"Data":{"message":"exit"},"Metadata":{"Id":"m"}}"#).await
    else {
        panic!("still there")
    };
    assert_eq!(host.deliver("echo", "ok").await, Settled::Done(1));
    assert_eq!(host.n_restarts(), 1);
    host.stop().await;
}

#[tokio::test]
async fn azure_request_is_forwarded_and_answered() {
    let bindings = json!([
        {"type": "httpTrigger", "direction": "in", "name": "req", "methods": ["post"], "route": "say"},
        {"type": "http", "direction": "out", "name": "res"},
    ]);
    let (_directory, mut host) = functions_host("http", bindings).await;
    let answer = host.request("POST", "/say", &[("X-Correlation-Id", "c-1")], b"hi").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hi"));
    assert_eq!(answer.header("x-correlation-id"), Some("c-1"));
    host.stop().await;
}

#[tokio::test]
async fn azure_timer_runs_the_schedule() {
    let bindings = json!([{"type": "timerTrigger", "direction": "in", "name": "timer"}]);
    let (_directory, mut host) = functions_host("schedule", bindings).await;
    assert_eq!(host.tick("echo").await, Ok(()));
    host.stop().await;
}

#[tokio::test]
async fn azure_handler_with_bad_settings_answers_the_probe_and_ends_with_78() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(echo())
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "0")
        .env("ECHO", "nonsense")
        .current_dir(directory.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(78));
    let mut log = String::new();
    child.stdout.take().unwrap().read_to_string(&mut log).await.unwrap();
    let faults: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(faults.len(), 2, "{log}");
    assert!(faults[0]["message"].as_str().unwrap().contains("ECHO is `nonsense`"), "{log}");
}

#[tokio::test]
async fn lambda_answers_requests_batches_and_ticks() {
    let mut http = LambdaApi::start(&echo(), &[("ECHO", "http")]).await;
    let request =
        std::fs::read_to_string(repository().join("events/aws/function-url-change-event.json"))
            .unwrap()
            .replace("/hooks/salesforce/changes/main/sample-path-token-0123456789abcdef", "/say");
    let Outcome::Answered(answer) = http.invoke(&request).await else { panic!("no answer") };
    assert_eq!(answer["statusCode"], 200);
    assert!(answer["body"].as_str().unwrap().contains("CaseChangeEvent"));
    assert_eq!(http.terminate().await, Some(0));

    let mut queue = LambdaApi::start(&echo(), &[("ECHO", "queue")]).await;
    let record = |id: &str, body: &str| json!({"messageId": id, "body": body});
    let batch = json!({"Records": [record("1", "ok"), record("2", "later"), {"messageId": "3"}]});
    let Outcome::Answered(answer) = queue.invoke(&batch.to_string()).await else {
        panic!("no answer")
    };
    let failures = json!([{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]);
    assert_eq!(answer["batchItemFailures"], failures);
    assert_eq!(queue.terminate().await, Some(0));

    let mut schedule = LambdaApi::start(&echo(), &[("ECHO", "schedule")]).await;
    let tick =
        std::fs::read_to_string(repository().join("events/aws/eventbridge-schedule.json")).unwrap();
    assert_eq!(schedule.invoke(&tick).await, Outcome::Answered(Value::Null));
    assert_eq!(schedule.terminate().await, Some(0));
}

#[tokio::test]
async fn lambda_event_without_a_handler_fails_and_the_function_lives_on() {
    let mut http = LambdaApi::start(&echo(), &[("ECHO", "http")]).await;
    let batch = json!({"Records": [{"messageId": "1", "body": "x"}]}).to_string();
    assert!(matches!(http.invoke(&batch).await, Outcome::Failed(_)));
    assert!(matches!(http.invoke(&batch).await, Outcome::Failed(_)));
    assert_eq!(http.terminate().await, Some(0));
}

#[tokio::test]
async fn lambda_with_bad_settings_ends_with_78() {
    let api = LambdaApi::start(&echo(), &[("ECHO", "nonsense")]).await;
    assert_eq!(api.wait_for_exit().await, Some(78));
}
