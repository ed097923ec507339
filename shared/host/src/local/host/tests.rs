//! The local host, spoken to over a socket.

use async_trait::async_trait;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::app::ReadyCheck;

struct Check(Result<(), String>);

#[async_trait]
impl ReadyCheck for Check {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.clone()
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), HostError>>,
}

async fn run(host: LocalHost) -> Running {
    let bound = host.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = bound.address();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(bound.run(async move { drop(stopped.await) }));
    Running { address, stop, task }
}

impl Running {
    async fn ask(&self, request: &str) -> String {
        ask(self.address, request).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn two_apps_and_further_routes_share_one_listener() {
    let one = App::new("one").http(Router::new().route("/one", get(|| async { "first" })));
    let two = App::new("two").http(Router::new().route("/two", post(|| async { "second" })));
    let extra = Router::new().fallback(|| async { "the dashboard" });
    let running = run(LocalHost::new().app(one).app(two).merge(extra)).await;
    assert!(running.get("/one").await.ends_with("first"));
    let posted =
        "POST /two HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(running.ask(posted).await.ends_with("second"));
    assert!(running.get("/cases").await.ends_with("the dashboard"));
    running.end().await;
}

#[tokio::test]
async fn unknown_path_and_wrong_method_are_problems() {
    let app = App::new("one").http(Router::new().route("/one", post(|| async { "" })));
    let running = run(LocalHost::new().app(app)).await;
    let unknown = running.get("/nowhere").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    assert!(unknown.contains("application/problem+json"), "{unknown}");
    let wrong = running.get("/one").await;
    assert!(wrong.starts_with("HTTP/1.1 405"), "{wrong}");
    assert!(wrong.contains("allow: POST"), "{wrong}");
    running.end().await;
}

#[tokio::test]
async fn correlation_id_of_the_sender_comes_back_and_a_missing_one_is_made() {
    let app = App::new("one").http(Router::new().route("/one", get(|| async { "" })));
    let running = run(LocalHost::new().app(app)).await;
    let head = "GET /one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Correlation-Id:";
    let kept = running.ask(&format!("{head} abc-1\r\n\r\n")).await;
    assert!(kept.contains("x-correlation-id: abc-1"), "{kept}");
    let replaced = running.ask(&format!("{head} not well formed\r\n\r\n")).await;
    assert!(!replaced.contains("not well formed"), "{replaced}");
    assert!(replaced.contains("x-correlation-id: "), "{replaced}");
    running.end().await;
}

async fn boom() -> StatusCode {
    panic!("inner words")
}

#[tokio::test]
async fn panic_answers_500_and_the_next_request_is_served() {
    let app = App::new("one").http(Router::new().route("/boom", get(boom)));
    let running = run(LocalHost::new().app(app)).await;
    let answer = running.get("/boom").await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(!answer.contains("inner words"), "{answer}");
    assert!(running.get("/healthz").await.starts_with("HTTP/1.1 200"));
    running.end().await;
}

#[tokio::test]
async fn handler_without_an_end_answers_504() {
    let forever = || async { std::future::pending::<StatusCode>().await };
    let app = App::new("one").http(Router::new().route("/forever", get(forever)));
    let host = LocalHost::new().app(app).with_request_timeout(Duration::from_millis(30));
    let running = run(host).await;
    assert!(running.get("/forever").await.starts_with("HTTP/1.1 504"));
    running.end().await;
}

#[tokio::test]
async fn crowd_is_turned_away_at_once_while_health_is_answered() {
    let forever = || async { std::future::pending::<StatusCode>().await };
    let app = App::new("one").http(Router::new().route("/forever", get(forever)));
    let host = LocalHost::new()
        .app(app)
        .with_max_in_flight(1)
        .with_request_timeout(Duration::from_secs(2));
    let running = run(host).await;
    let address = running.address;
    let request = "GET /forever HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let first = tokio::spawn(async move { ask(address, request).await });

    // One of the two is in hand, and the other is turned away long before the time limit.
    let answer = running.get("/forever").await;
    let health = running.get("/healthz").await;
    let other = first.await.unwrap();

    let is_shed = |it: &str| it.starts_with("HTTP/1.1 503") && it.contains("retry-after: 1\r\n");
    assert!(is_shed(&answer) != is_shed(&other), "{answer}\n{other}");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    running.end().await;
}

#[tokio::test]
async fn readiness_names_the_dependency_that_fails() {
    let app = App::new("one")
        .ready(Arc::new(Check(Ok(()))))
        .ready(Arc::new(Check(Err("the file is locked".into()))));
    let running = run(LocalHost::new().app(app)).await;
    let answer = running.get("/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains(r#""reason":"the file is locked""#), "{answer}");
    assert!(answer.contains(r#""status":"ok""#), "{answer}");
    running.end().await;
}

#[tokio::test]
async fn readiness_without_faults_is_200() {
    let running = run(LocalHost::new().app(App::new("one").ready(Arc::new(Check(Ok(())))))).await;
    assert!(running.get("/readyz").await.starts_with("HTTP/1.1 200"));
    running.end().await;
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_status() {
    let app = App::new("one").http(Router::new().route("/things/{id}", get(|| async { "" })));
    let running = run(LocalHost::new().app(app)).await;
    running.get("/things/1").await;
    running.get("/things/2").await;
    let page = running.get("/metrics").await;
    let counted = r#"http_requests_total{method="GET",route="/things/{id}",status="200"} 2"#;
    assert!(page.contains(counted), "{page}");
    assert!(page.contains("http_request_duration_seconds_bucket"), "{page}");
    running.end().await;
}

#[tokio::test]
async fn stop_lets_a_request_in_hand_finish() {
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        move || async move {
            begun.notify_one();
            gate.notified().await;
            "done"
        }
    };
    let app = App::new("one").http(Router::new().route("/slow", get(slow)));
    let running = run(LocalHost::new().app(app)).await;
    let address = running.address;
    let head = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let request = tokio::spawn(async move { ask(address, head).await });
    begun.notified().await;
    running.stop.send(()).unwrap();
    gate.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
    running.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn stop_ends_server_sent_events() {
    let begun = Arc::new(Notify::new());
    let endless = {
        let begun = Arc::clone(&begun);
        move || async move {
            begun.notify_one();
            let kind = [("content-type", "text/event-stream")];
            let first = std::future::ready(Ok::<_, std::io::Error>("data: 1\n\n"));
            let stream = futures_util::stream::once(first).chain(futures_util::stream::pending());
            (kind, axum::body::Body::from_stream(stream))
        }
    };
    let app = App::new("one").http(Router::new().route("/changes", get(endless)));
    let running = run(LocalHost::new().app(app)).await;
    let address = running.address;
    let head = "GET /changes HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let request = tokio::spawn(async move { ask(address, head).await });
    begun.notified().await;
    let ended = tokio::time::timeout(Duration::from_secs(5), running.end()).await;
    assert!(ended.is_ok(), "the stream held up the stop");
    assert!(request.await.unwrap().contains("data: 1"));
}

#[tokio::test]
async fn handler_without_a_local_queue_is_refused() {
    struct Nothing;
    #[async_trait]
    impl MessageHandler for Nothing {
        async fn handle(&self, _: &shared::worker::Message) -> Result<(), shared::worker::Failure> {
            Ok(())
        }
    }
    let app = App::new("worker").queue("events", Arc::new(Nothing));
    let bound = LocalHost::new().app(app).bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let error = bound.run(std::future::pending()).await.unwrap_err().to_string();
    assert_eq!(error, "app `worker` has a handler for queue `events`, but no local queue");
}

#[tokio::test]
async fn address_that_is_taken_is_named() {
    let first = LocalHost::new().bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let second = LocalHost::new().bind(first.address()).await;
    let Err(error) = second else { panic!("bound twice") };
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}

#[tokio::test]
async fn name_that_is_not_of_this_machine_reaches_only_what_proves_its_callers() {
    let words = |words: &'static str| get(move || async move { words });
    let app = App::new("one")
        .http(Router::new().route("/cases", words("cases")))
        .http_by_any_name(Router::new().route("/hooks", words("hooks")));
    let extra = Router::new().route("/", words("page"));
    let allowed = HostName::parse("bridge.example").unwrap();
    let running = run(LocalHost::new().app(app).merge(extra).with_allowed_hosts([allowed])).await;
    let ask = async |path, host| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        running.ask(&head).await
    };
    let port = running.address.port();
    for path in ["/", "/cases", "/metrics", "/healthz"] {
        let refused = ask(path, "evil.example".to_owned()).await;
        assert!(refused.starts_with("HTTP/1.1 421"), "{path}: {refused}");
        assert!(refused.contains("application/problem+json"), "{refused}");
        for host in ["localhost".to_owned(), format!("127.0.0.1:{port}"), "bridge.example".into()] {
            assert!(ask(path, host).await.starts_with("HTTP/1.1 200"), "{path}");
        }
    }
    assert!(ask("/hooks", "tunnel.example".to_owned()).await.ends_with("hooks"));
    running.end().await;
}

#[tokio::test]
async fn token_in_a_path_stands_in_no_answer_and_no_metric() {
    let forever = || async { std::future::pending::<StatusCode>().await };
    let router = Router::new()
        .route("/hooks/{name}/{token}", post(forever))
        .route("/panic/{token}", get(boom));
    let app = App::new("one").http_by_any_name(router);
    let host = LocalHost::new().app(app).with_request_timeout(Duration::from_millis(30));
    let running = run(host).await;
    for (method, path, status) in [
        ("POST", "/hooks/main/hush-hush", 504),
        ("GET", "/hooks/main/hush-hush", 405),
        ("POST", "/hooks/main/hush-hush/", 404),
        ("GET", "/panic/hush-hush", 500),
    ] {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = running.ask(&head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        assert!(!answer.contains("hush-hush"), "{answer}");
    }
    assert!(!running.get("/metrics").await.contains("hush-hush"));
    running.end().await;
}

/// Counts as a schedule and as a service.
#[derive(Default)]
struct Both {
    n_ticks: std::sync::atomic::AtomicU32,
    is_stopped: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl shared::worker::ScheduleHandler for Both {
    async fn run(&self, _: shared::worker::Tick) -> Result<(), shared::worker::Failure> {
        self.n_ticks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl shared::worker::Service for Both {
    async fn run(&self, stop: shared::worker::Stop) -> Result<(), shared::worker::Failure> {
        stop.await;
        self.is_stopped.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn service_stands_in_for_the_schedule_of_its_name_and_is_told_to_stop() {
    let both = Arc::new(Both::default());
    let app = App::new("events")
        .schedule("events", Duration::from_millis(1), both.clone())
        .local_service("events", both.clone());
    let running = run(LocalHost::new().app(app)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.end().await;
    assert_eq!(both.n_ticks.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert!(both.is_stopped.load(std::sync::atomic::Ordering::SeqCst));
}
