//! Events as AWS sends them.

use async_trait::async_trait;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use serde_json::json;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    DeadLetter, Delivery, MemoryQueue, NewMessage, QueueDepth, ReplaySelection, SendOutcome,
};
use shared::worker::{MessageHandler, ScheduleHandler};

use super::*;

struct Script;

#[async_trait]
impl MessageHandler for Script {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        match message.body.as_str() {
            "bad" => Err(Failure::permanent("no")),
            body if body.starts_with("at ") => Err(Failure::permanent("a pointer is no body")),
            _ => Ok(()),
        }
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

/// A queue whose long bodies lie elsewhere: `at body` stands for `body`.
struct Elsewhere(Arc<MemoryQueue>);

#[async_trait]
impl Queue for Elsewhere {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        self.0.send(batch).await
    }

    async fn receive(
        &self,
        max: std::num::NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        self.0.receive(max, visibility, wait).await
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        self.0.extend(delivery, visibility).await
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        self.0.ack(deliveries).await
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        self.0.release(delivery, delay, reason).await
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        self.0.give_back(delivery, delay).await
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        self.0.bury(delivery, reason).await
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        self.0.depth().await
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: std::num::NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        self.0.dead_letters(after, limit).await
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        self.0.replay(selection).await
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        match body.strip_prefix("at ") {
            Some("nowhere") => {
                Err(PortError::new(PortErrorKind::NotFound, "test", "fetch body", "nowhere"))
            }
            Some("nobody") => {
                Err(PortError::new(PortErrorKind::Unavailable, "test", "fetch body", "nobody"))
            }
            Some(rest) => Ok(rest.to_owned()),
            None => Ok(body),
        }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn max_body_bytes(&self) -> usize {
        self.0.max_body_bytes()
    }
}

#[tokio::test]
async fn body_that_lies_elsewhere_is_fetched_or_its_message_is_set_aside() {
    let attempts = std::num::NonZeroU32::new(5).unwrap();
    let queue = Arc::new(MemoryQueue::new("events", attempts, Arc::new(SystemClock)));
    let mut records = Vec::new();
    for body in ["at good", "at bad", "at nowhere", "at nobody", "good"] {
        records.push(handed_over(&queue, body).await);
    }
    let failed: Vec<_> = [1, 2, 3].map(|it: usize| records[it]["messageId"].clone()).into();
    let app = App::new("worker").queue("events", Arc::new(Script));
    let app = app.with_queue(Arc::new(Elsewhere(Arc::clone(&queue))));

    let answer = invoke(app, json!({"Records": records})).await.unwrap();

    let reported = answer["batchItemFailures"].as_array().unwrap();
    let mut reported: Vec<_> = reported.iter().map(|it| it["itemIdentifier"].clone()).collect();
    reported.sort_by_key(ToString::to_string);
    assert_eq!(reported, failed);
    let dead = queue.dead_letters(None, attempts).await.unwrap();
    let mut dead: Vec<_> =
        dead.iter().map(|it| (it.body.as_str(), it.reason.contains("fetch body"))).collect();
    dead.sort_unstable();
    // As they came: who sends them again sends the pointer.
    assert_eq!(dead, [("at bad", false), ("at nowhere", true)]);
    assert_eq!(queue.depth().await.unwrap().n_delayed, 1);
}

/// Says when it is to begin nothing more, and does not end by itself.
struct Endless(Arc<std::sync::Mutex<Option<Tick>>>);

#[async_trait]
impl ScheduleHandler for Endless {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        *self.0.lock().unwrap() = Some(tick);
        std::future::pending().await
    }
}

#[tokio::test]
async fn run_is_told_its_end_and_cut_off_before_lambda_does() {
    let seen = Arc::new(std::sync::Mutex::default());
    let endless = Arc::new(Endless(Arc::clone(&seen)));
    let app = App::new("poller").schedule("poll", Duration::from_secs(60), endless);
    let function =
        Function::new(app, Duration::from_secs(5), Arc::new(shared::ports::SystemRandom));
    let mut context = lambda_runtime::Context::default();
    let end = SystemClock.now().plus(Duration::from_millis(2_500));
    context.deadline = u64::try_from(end.as_millis()).unwrap();
    let event = json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});

    let error = function.invoke(&event.to_string(), context).await.unwrap_err();

    assert!(error.to_string().contains("cut off"), "{error}");
    assert!(SystemClock.now() < end, "too late to write anything out");
    let tick = seen.lock().unwrap().unwrap();
    assert_eq!(tick.until, Some(end.minus(LAST_BEGIN)));
    assert!(tick.is_over(SystemClock.now()) && !tick.is_over(end.minus(LAST_BEGIN * 2)));
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
