//! The custom handler, spoken to as the Functions host does.

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use shared::ports::SystemRandom;
use shared::worker::{Failure, Message};

use super::*;

struct Ok200;

#[async_trait]
impl MessageHandler for Ok200 {
    async fn handle(&self, _: &Message) -> Result<(), Failure> {
        Ok(())
    }
}

struct Timer(Result<(), Failure>);

#[async_trait]
impl ScheduleHandler for Timer {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        assert_eq!(tick.due_at.to_string(), "2026-11-01T10:00:01.000Z");
        self.0.clone()
    }
}

async fn ask(app: App, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let router = router_of(app, Duration::from_secs(5), Arc::new(SystemRandom));
    let request = http::Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 65_536).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn timer_envelope() -> Value {
    json!({
        "Data": {"timer": {"Schedule": {}, "ScheduleStatus": {}, "IsPastDue": false}},
        "Metadata": {"sys": {"MethodName": "poll", "UtcNow": "2026-11-01T10:00:01Z"}},
    })
}

#[tokio::test]
async fn queue_is_invoked_by_its_own_name_and_by_the_app_name() {
    for path in ["/events", "/sync-worker"] {
        let app = App::new("sync-worker").queue("events", Arc::new(Ok200));
        let envelope = json!({"Data": {"message": "x"}, "Metadata": {"Id": "m1"}});
        let (status, body) = ask(app, "POST", path, envelope).await;
        assert_eq!((status, body["Outputs"].is_object()), (StatusCode::OK, true));
    }
}

#[tokio::test]
async fn timer_runs_the_schedule() {
    let schedule = Arc::new(Timer(Ok(())));
    let app = App::new("delta-poller").schedule("poll", Duration::from_secs(60), schedule);
    let (status, body) = ask(app, "POST", "/delta-poller", timer_envelope()).await;
    assert_eq!((status, body["Outputs"].is_object()), (StatusCode::OK, true));
}

#[tokio::test]
async fn failed_schedule_answers_500() {
    let schedule = Arc::new(Timer(Err(Failure::transient("org is away"))));
    let app = App::new("delta-poller").schedule("poll", Duration::from_secs(60), schedule);
    let (status, body) = ask(app, "POST", "/poll", timer_envelope()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["detail"], "schedule `poll` failed: org is away");
}

#[tokio::test]
async fn body_that_is_no_envelope_answers_400() {
    let app = App::new("sync-worker").queue("events", Arc::new(Ok200));
    let (status, _) = ask(app, "POST", "/events", json!([1])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn forwarded_request_reaches_its_own_path() {
    let router = Router::new().route("/hooks/{source}", post(|| async { StatusCode::ACCEPTED }));
    let app = App::new("webhook-intake").http(router);
    let (status, _) = ask(app, "POST", "/hooks/github", json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn enveloped_request_is_rebuilt_and_its_response_wrapped() {
    let echo = |headers: HeaderMap, body: String| async move {
        (StatusCode::CREATED, format!("{}:{body}", headers["x-sender"].to_str().unwrap()))
    };
    let app = App::new("webhook-intake").http(Router::new().route("/hooks/{source}", post(echo)));
    let envelope = json!({"Data": {"req": {
        "Url": "https://example.org/hooks/github?x=1",
        "Method": "POST",
        "Headers": {"X-Sender": ["me"]},
        "Body": "{\"a\":1}",
    }}, "Metadata": {}});
    let (status, body) = ask(app, "POST", "/webhook-intake", envelope).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["Outputs"]["res"]["statusCode"], "201");
    assert_eq!(body["Outputs"]["res"]["body"], "me:{\"a\":1}");
}

#[tokio::test]
async fn readiness_answers_while_the_app_is_being_built_and_others_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let build = async move {
        finished.await.unwrap();
        Ok(App::new("slow").http(Router::new().route("/late", get(|| async { "late" }))))
    };
    let host = tokio::spawn(run(listener, Duration::from_secs(5), Arc::new(SystemRandom), build));

    assert!(raw_get(address, "/").await.starts_with("HTTP/1.1 200"));
    let late = tokio::spawn(async move { raw_get(address, "/late").await });
    finish.send(()).unwrap();
    let late = late.await.unwrap();

    assert!(late.ends_with("late"), "{late}");
    host.abort();
}

async fn raw_get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
