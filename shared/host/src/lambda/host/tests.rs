//! Events as AWS sends them.

use async_trait::async_trait;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use serde_json::json;
use shared::ports::{MemoryQueue, NewMessage};
use shared::worker::{MessageHandler, ScheduleHandler};

use super::*;

struct Script;

#[async_trait]
impl MessageHandler for Script {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        if message.body == "bad" { Err(Failure::permanent("no")) } else { Ok(()) }
    }
}

#[async_trait]
impl ScheduleHandler for Script {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        assert_eq!(tick.due_at.to_string(), "2026-11-01T10:00:00.000Z");
        Ok(())
    }
}

async fn invoke(app: App, event: Value) -> Result<Value, Error> {
    invoke_once(app, &event.to_string()).await
}

fn request(method: &str, path: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "a=1",
        "headers": {"content-type": "text/plain", "x-correlation-id": "c-1"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "stage": "$default", "requestId": "r1",
            "domainName": "x", "domainPrefix": "x", "routeKey": "$default", "timeEpoch": 1,
            "time": "01/Nov/2026:10:00:00 +0000",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "x"},
        },
        "body": body, "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn request_reaches_its_route_with_its_sender_and_correlation_id() {
    let echo = |ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>, body: String| async move {
        format!("{} {body}", peer.ip())
    };
    let app = App::new("intake").http(Router::new().route("/hooks/{source}", post(echo)));
    let answer = invoke(app, request("POST", "/hooks/github", "hi")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["body"], "203.0.113.7 hi");
    assert_eq!(answer["headers"]["x-correlation-id"], "c-1");
}

#[tokio::test]
async fn unknown_path_is_a_problem() {
    let app = App::new("intake").http(Router::new().route("/hooks", get(|| async { "" })));
    let answer = invoke(app, request("GET", "/nowhere", "")).await.unwrap();
    assert_eq!(answer["statusCode"], 404);
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
}

#[tokio::test(start_paused = true)]
async fn endless_stream_of_events_becomes_a_long_poll() {
    use futures_util::{StreamExt, stream};
    let endless = || async {
        let first = std::future::ready(Ok::<_, std::io::Error>("data: 1\n\n"));
        let body = stream::once(first).chain(stream::pending());
        ([("content-type", "text/event-stream")], axum::body::Body::from_stream(body))
    };
    let app = App::new("api").http(Router::new().route("/changes", get(endless)));
    let answer = invoke(app, request("GET", "/changes", "")).await.unwrap();
    assert_eq!(answer["body"], "data: 1\n\n");
}

#[tokio::test]
async fn one_handler_takes_a_queue_of_any_name() {
    let app = App::new("worker").queue("events", Arc::new(Script));
    let record = |id: &str, body: &str| {
        json!({"messageId": id, "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:1:something"})
    };
    let event = json!({"Records": [record("1", "good"), record("2", "bad")]});
    let answer = invoke(app, event).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
}

#[tokio::test]
async fn batch_for_a_function_without_queues_fails_so_that_nothing_is_lost() {
    let event = json!({"Records": [{"messageId": "1", "body": "x"}]});
    let error = invoke(App::new("intake"), event).await.unwrap_err();
    assert!(error.to_string().contains("`intake` has no handler for queue"), "{error}");
}

#[tokio::test]
async fn rule_picks_its_schedule_by_the_end_of_its_name() {
    let app = App::new("poller")
        .schedule("poll", Duration::from_secs(60), Arc::new(Script))
        .schedule("reconcile", Duration::from_secs(60), Arc::new(Script));
    let event = json!({"detail-type": "Scheduled Event", "source": "aws.events",
        "time": "2026-11-01T10:00:00Z", "detail": {},
        "resources": ["arn:aws:events:eu-west-1:1:rule/moodbridge-dev-poll"]});
    assert_eq!(invoke(app, event).await.unwrap(), Value::Null);
}

#[test]
fn platform_names_end_in_ours_behind_a_dash() {
    assert!(is_named("events", Some("moodbridge-dev-events.fifo")));
    assert!(!is_named("events", Some("moodbridge-dev-changeevents")));
    assert!(!is_named("events", None));
}

/// Sends `body` to `queue`, receives it, and writes it as Lambda hands it over.
async fn handed_over(queue: &Arc<MemoryQueue>, body: &str) -> Value {
    let message = NewMessage { body: body.to_owned(), ..NewMessage::default() };
    queue.send(vec![message]).await.unwrap();
    let visibility = Duration::from_secs(60);
    let one = std::num::NonZeroU32::MIN;
    let delivery = queue.receive(one, visibility, Duration::ZERO).await.unwrap().pop().unwrap();
    json!({
        "messageId": delivery.id, "receiptHandle": delivery.receipt, "body": body,
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:dev-events",
        "attributes": {"ApproximateReceiveCount": delivery.attempt.to_string()},
    })
}

#[tokio::test]
async fn poison_is_set_aside_with_its_reason_and_reported_all_the_same() {
    let attempts = std::num::NonZeroU32::new(5).unwrap();
    let queue = Arc::new(MemoryQueue::new("events", attempts, Arc::new(SystemClock)));
    let record = handed_over(&queue, "bad").await;
    let id = record["messageId"].clone();
    let app = App::new("worker").queue("events", Arc::new(Script)).with_queue(queue.clone());

    let answer = invoke(app, json!({"Records": [record]})).await.unwrap();

    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": id}]}));
    let dead = queue.dead_letters(None, attempts).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("no"), "{}", dead[0].reason);
    assert_eq!(queue.depth().await.unwrap().n_in_flight, 0);
}

#[tokio::test]
async fn message_for_which_no_time_is_left_is_given_back() {
    let attempts = std::num::NonZeroU32::new(5).unwrap();
    let queue = Arc::new(MemoryQueue::new("events", attempts, Arc::new(SystemClock)));
    let record = handed_over(&queue, "good").await;
    let id = record["messageId"].clone();
    let app = App::new("worker").queue("events", Arc::new(Script)).with_queue(queue.clone());
    let function =
        Function::new(app, Duration::from_secs(5), Arc::new(shared::ports::SystemRandom));
    let mut context = lambda_runtime::Context::default();
    context.deadline = u64::try_from(SystemClock.now().as_millis()).unwrap() + 1_000;

    let payload = json!({"Records": [record]}).to_string();
    let answer = function.invoke(&payload, context).await.unwrap();

    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": id}]}));
    assert_eq!(queue.depth().await.unwrap().n_ready, 1);
}

struct Need(Option<&'static str>);

#[async_trait]
impl ReadyCheck for Need {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.map_or(Ok(()), |reason| Err(reason.to_owned()))
    }
}

#[tokio::test]
async fn question_of_a_deployment_is_answered_without_any_work() {
    let question = json!({"moodbridge": "check"});
    let app = |need| {
        App::new("worker")
            .queue("events", Arc::new(Script))
            .schedule("poll", Duration::from_secs(60), Arc::new(Script))
            .ready(Arc::new(Need(need)))
    };

    let sound = invoke(app(None), question.clone()).await.unwrap();
    let broken = invoke(app(Some("no such queue")), question).await.unwrap();

    assert_eq!((&sound["function"], &sound["is_ready"]), (&json!("worker"), &json!(true)));
    assert!(sound["version"].is_string(), "{sound}");
    assert_eq!(broken["is_ready"], false);
    assert_eq!(broken["checks"][0]["reason"], "no such queue");
}
