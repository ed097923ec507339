//! What watches over calls to AWS, at a server that fails as it is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter_aws::testkit::account_at;
use adapter_aws::{CallGuard, DynamoLedger, QueueAddress, SecretsManager, SqsQueue};
use fault_server::{Answer, FaultServer, Script, Step};
use shared::cost::{CostMeter, PriceList};
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    Clock, Ledger as _, MemoryCostLedger, MemoryLedger, NewMessage, Queue as _, SecretAddress,
    Secrets as _, SystemClock, SystemRandom,
};
use shared::time::Timestamp;
use shared::worker::breaker::{self, BreakerBoard, BreakerSettings};
use url::Url;

const KEY: &str = "key-that-must-not-be-seen";
const SECRET: &str = "value-that-must-not-be-seen";
const OPEN_FOR: Duration = Duration::from_secs(60);

/// A clock that stands still until it is moved.
#[derive(Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl HandClock {
    fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

fn guard(clock: Arc<dyn Clock>) -> CallGuard {
    CallGuard::new(BreakerSettings { n_failures: 3, open_for: OPEN_FOR }, clock)
}

async fn ledger(server: &FaultServer, guard: &CallGuard) -> DynamoLedger {
    DynamoLedger::new(&account_at(&server.url(""), KEY).await.guarded_by(guard), "ledger")
}

async fn queue(server: &FaultServer, guard: &CallGuard) -> SqsQueue {
    let account = account_at(&server.url(""), KEY).await.guarded_by(guard);
    let address = Url::parse("sqs://sqs.us-east-1.amazonaws.com/123456789012/events").unwrap();
    SqsQueue::new(&account, QueueAddress::of(&address).unwrap(), "events")
}

async fn send(queue: &SqsQueue) -> Result<(), PortError> {
    let message = NewMessage { body: "hello".to_owned(), ..NewMessage::default() };
    queue.send(vec![message]).await.map(drop)
}

fn sent() -> Answer {
    let digest = "5d41402abc4b2a76b9719d911017c592";
    let one = format!(r#"{{"Id":"0","MessageId":"m","MD5OfMessageBody":"{digest}"}}"#);
    Answer::json(format!(r#"{{"Successful":[{one}],"Failed":[]}}"#))
}

#[tokio::test]
async fn breaker_opens_after_failures_in_a_row_and_one_probe_closes_it() {
    let faults = Script::of([500, 500, 500, 500].map(Step::status));
    let server = FaultServer::start(faults.then(Answer::json("{}"))).await.unwrap();
    let clock = Arc::new(HandClock::default());
    let ledger = ledger(&server, &guard(clock.clone())).await;

    let error = ledger.get("cursor/main").await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert_eq!(error.retry_after(), Some(OPEN_FOR), "{}", shared::chain(&error));
    assert_eq!(server.n_received(), 3, "the open breaker let an attempt through");
    ledger.get("cursor/main").await.unwrap_err();
    assert_eq!(server.n_received(), 3, "the open breaker let a call through");

    clock.forward(OPEN_FOR);
    ledger.get("cursor/main").await.unwrap_err();
    assert_eq!(server.n_received(), 4, "one probe, and it failed");
    clock.forward(OPEN_FOR);
    assert_eq!(ledger.get("cursor/main").await.unwrap(), None);
    assert_eq!(ledger.get("cursor/main").await.unwrap(), None);
    assert_eq!(server.n_received(), 6);
}

#[tokio::test]
async fn refusal_opens_no_breaker_and_is_not_tried_again() {
    let no = r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException"}"#;
    let server = FaultServer::start(Script::always(Answer::json(no).with_status(400)));
    let server = server.await.unwrap();
    let ledger = ledger(&server, &guard(Arc::new(SystemClock))).await;
    for _ in 0..5 {
        assert_eq!(ledger.get("a/b").await.unwrap_err().kind(), PortErrorKind::Denied);
    }
    assert_eq!(server.n_received(), 5);
}

#[tokio::test]
async fn breakers_are_shared_but_for_those_of_the_ledger_itself() {
    let server = FaultServer::start(Script::always(Step::status(500))).await.unwrap();
    let guard = guard(Arc::new(SystemClock));
    let board = Arc::new(MemoryLedger::default());
    let clock = Arc::new(SystemClock);
    guard.share_breakers(Arc::new(BreakerBoard::new(board.clone(), clock, &SystemRandom)));

    ledger(&server, &guard).await.get("a/b").await.unwrap_err();
    send(&queue(&server, &guard).await).await.unwrap_err();

    let shared = breaker::list(&*board).await.unwrap();
    let shared: Vec<_> =
        shared.iter().map(|it| (it.name.platform.as_str(), it.name.operation.as_str())).collect();
    assert_eq!(shared, [("sqs", "send_message_batch")]);
}

#[tokio::test]
async fn breaker_that_is_open_elsewhere_is_open_here() {
    let server = FaultServer::start(Script::always(sent())).await.unwrap();
    let (board, clock) = (Arc::new(MemoryLedger::default()), Arc::new(SystemClock));
    let elsewhere = BreakerBoard::new(board.clone(), clock.clone(), &SystemRandom);
    let name = breaker::BreakerName {
        platform: "sqs".into(),
        host: server.address().to_string(),
        operation: "send_message_batch".into(),
    };
    elsewhere.open(&name, clock.now().plus(OPEN_FOR)).await.unwrap();
    let guard = guard(clock.clone());
    guard.share_breakers(Arc::new(BreakerBoard::new(board, clock, &SystemRandom)));

    let error = send(&queue(&server, &guard).await).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert_eq!(server.n_received(), 0);
}

#[tokio::test]
async fn board_whose_ledger_is_down_too_holds_no_call_up() {
    let server = FaultServer::start(Script::always(Step::Hang)).await.unwrap();
    let good = FaultServer::start(Script::always(sent())).await.unwrap();
    let guard = guard(Arc::new(SystemClock));
    let ledger = Arc::new(ledger(&server, &guard).await);
    let board = BreakerBoard::new(ledger, Arc::new(SystemClock), &SystemRandom);
    guard.share_breakers(Arc::new(board));

    let began = Instant::now();
    send(&queue(&good, &guard).await).await.unwrap();

    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn short_wait_that_aws_asks_for_is_waited() {
    let busy = Answer::status(503).with_header("retry-after", "1");
    let script = Script::of([busy]).then(Answer::json("{}"));
    let server = FaultServer::start(script).await.unwrap();
    let ledger = ledger(&server, &guard(Arc::new(SystemClock))).await;
    let began = Instant::now();
    ledger.get("a/b").await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(server.n_received(), 2);
}

#[tokio::test]
async fn long_wait_that_aws_asks_for_is_handed_on_and_kept() {
    for status in [429, 503] {
        let busy = Answer::status(status).with_header("retry-after", "60");
        let server = FaultServer::start(Script::always(busy)).await.unwrap();
        let ledger = ledger(&server, &guard(Arc::new(SystemClock))).await;
        for _ in 0..2 {
            let error = ledger.get("a/b").await.unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::RateLimited, "{}", shared::chain(&error));
            let wait = error.retry_after().unwrap();
            assert!(wait > Duration::from_secs(40) && wait <= Duration::from_secs(60), "{wait:?}");
        }
        assert_eq!(server.n_received(), 1);
    }
}

/// What the log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn calls_are_measured_logged_and_billed_and_no_secret_is_seen() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let meter = Arc::new(CostMeter::new(
        PriceList::built_in().unwrap(),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    ));
    let guard = guard(Arc::new(SystemClock));
    guard.observe(meter.clone());
    let secret = format!(r#"{{"SecretString":"{SECRET}"}}"#);
    let script = Script::of([Answer::status(503), sent(), Answer::json(secret)]);
    let server = FaultServer::start(script.then(Answer::json("{}"))).await.unwrap();
    let nobody = FaultServer::refusing().unwrap();
    let account = account_at(&server.url(""), KEY).await.guarded_by(&guard);

    send(&queue(&server, &guard).await).await.unwrap();
    let address = SecretAddress::parse("secretsmanager:key").unwrap();
    let secrets = SecretsManager::new(&account, Arc::new(SystemClock));
    assert_eq!(secrets.read(&address).await.unwrap().expose(), SECRET);
    ledger(&server, &guard).await.get("a/b").await.unwrap();
    let unreached = account_at(&nobody.url(""), KEY).await.guarded_by(&guard);
    DynamoLedger::new(&unreached, "ledger").get("a/b").await.unwrap_err();

    let costs = MemoryCostLedger::default();
    meter.flush(&costs).await.unwrap();
    let lines: Vec<_> = costs
        .lines()
        .into_iter()
        .map(|it| (it.platform, it.operation, it.quantity, it.cost.as_nanos()))
        .collect();
    let line = |platform: &str, operation: &str, quantity, nanos| {
        (platform.to_owned(), operation.to_owned(), quantity, nanos)
    };
    assert_eq!(
        lines,
        [
            line("dynamodb", "get_item", 1, 125),
            line("secretsmanager", "get_secret_value", 1, 5_000),
            line("sqs", "send_message_batch", 2, 800),
        ]
    );
    let page = metrics.render();
    for (operation, outcome, platform, n) in [
        ("send_message_batch", "platform_fault", "sqs", 1),
        ("send_message_batch", "ok", "sqs", 1),
        ("get_secret_value", "ok", "secretsmanager", 1),
        ("get_item", "ok", "dynamodb", 1),
        ("get_item", "connection", "dynamodb", 3),
        ("get_item", "breaker_open", "dynamodb", 1),
    ] {
        let wanted = format!(
            "platform_calls_total{{platform=\"{platform}\",operation=\"{operation}\",\
             outcome=\"{outcome}\"}} {n}\n"
        );
        assert!(page.contains(&wanted), "{wanted}{page}");
    }
    assert!(page.contains("platform_retries_total{platform=\"sqs\""), "{page}");
    assert!(page.contains("platform_breaker_state{platform=\"dynamodb\""), "{page}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("called `send_message_batch` of sqs"), "{log}");
    for hidden in [KEY, SECRET] {
        assert!(!log.contains(hidden) && !page.contains(hidden), "a secret is in the log");
    }
}
