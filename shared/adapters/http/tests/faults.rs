//! The client against servers that refuse, drip, reset, storm and answer garbage.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings, Pace, PlainHttp, Request, Response};
use fault_server::{Answer, FaultServer, Script, Step};
use http::StatusCode;
use shared::ids::CorrelationId;
use shared::ports::{SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;
use shared::{PortError, PortErrorKind, chain};
use tokio::time::Instant;
use url::Url;

fn settings() -> HttpSettings {
    HttpSettings {
        connect_timeout: Duration::from_millis(500),
        attempt_timeout: Duration::from_millis(300),
        deadline: Duration::from_secs(5),
        backoff: Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(10) },
        breaker: BreakerSettings { n_failures: 50, open_for: Duration::from_millis(100) },
        ..HttpSettings::default()
    }
}

fn client(settings: HttpSettings) -> HttpClient {
    HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

async fn serve(script: Script) -> FaultServer {
    FaultServer::start(script).await.unwrap()
}

async fn always(step: impl Into<Step>) -> FaultServer {
    serve(Script::always(step)).await
}

fn url(server: &FaultServer) -> Url {
    Url::parse(&server.url("/path?token=hunter2")).unwrap()
}

fn get(server: &FaultServer) -> Request {
    Request::get("peer", "read", url(server))
}

fn failure(result: Result<Response, PortError>) -> PortError {
    let error = result.unwrap_err();
    assert!(!chain(&error).to_string().contains("hunter2"), "{}", chain(&error));
    error
}

#[tokio::test]
async fn storm_of_503_is_ridden_out() {
    let server = serve(Script::of([503, 500, 502].map(Step::status))).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(server.n_received(), 4);
}

#[tokio::test]
async fn last_answer_of_an_endless_storm_comes_back_as_it_is() {
    let server = always(Step::status(503)).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    assert_eq!(server.n_received(), 4);
    assert_eq!(failure(response.checked()).kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn post_is_sent_once_unless_it_is_marked_repeatable() {
    let server = always(Step::status(502)).await;
    let client = client(settings());
    let post = || Request::post("peer", "write", url(&server));

    client.send(post()).await.unwrap();
    assert_eq!(server.n_received(), 1);

    client.send(post().repeatable()).await.unwrap();
    assert_eq!(server.n_received(), 5);
}

#[tokio::test]
async fn retry_after_in_seconds_and_as_a_date_is_waited_for() {
    for asks in [Answer::slow_down(1), Answer::slow_down_until(Duration::from_secs(1))] {
        let server = serve(Script::of([asks])).await;
        let started = Instant::now();

        let response = client(settings()).send(get(&server)).await.unwrap();

        assert_eq!(response.status(), StatusCode::OK);
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn retry_after_beyond_the_deadline_is_handed_to_the_caller_at_once() {
    let server = always(Answer::slow_down(3600)).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    let error = failure(response.checked());
    assert_eq!(error.kind(), PortErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(server.n_received(), 1);
}

#[tokio::test]
async fn refused_connection_is_unavailable_and_a_server_that_comes_up_is_found() {
    let refusing = FaultServer::refusing().unwrap();
    let url = Url::parse(&refusing.url("/path?token=hunter2")).unwrap();
    let client = client(settings());

    let error = failure(client.send(Request::get("peer", "read", url.clone())).await);
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(chain(&error).to_string().contains("refused"), "{}", chain(&error));

    let _server = refusing.listen(Script::always(Step::status(200))).unwrap();
    client.send(Request::get("peer", "read", url)).await.unwrap();
}

#[tokio::test]
async fn reset_connections_are_tried_again() {
    let half = Step::ResetMidBody(Answer::json("0123456789"));
    let server = serve(Script::of([Step::Reset, half]).then(Answer::json("ok"))).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    assert_eq!(response.body().as_ref(), b"ok");
}

#[tokio::test]
async fn answer_cut_in_the_middle_is_tried_again() {
    let answer = Answer::json("half and half");
    let server = serve(Script::of([Step::CutMidBody(answer.clone())]).then(answer)).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    assert_eq!(response.body().as_ref(), b"half and half");
}

#[tokio::test]
async fn answer_that_was_truncated_before_it_was_sent_is_unavailable() {
    let server = always(Answer::json("[1, 2, 3]").truncated()).await;

    let response = client(settings()).send(get(&server)).await.unwrap();
    let error = response.json::<Vec<u32>>().unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn answer_that_drips_for_ever_ends_at_the_deadline() {
    let answer = Answer::json(".".repeat(100_000));
    let server = always(Step::Drip { answer, every: Duration::from_millis(20) }).await;
    let started = Instant::now();

    let request = get(&server).with_deadline(Duration::from_millis(700));
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn server_that_accepts_and_says_nothing_ends_at_the_deadline() {
    let server = always(Step::Hang).await;
    let started = Instant::now();

    let request = get(&server).with_deadline(Duration::from_millis(500));
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(1300), "{:?}", started.elapsed());
}

#[tokio::test]
async fn late_read_that_is_hedged_is_answered_by_the_second_attempt() {
    let server = serve(Script::of([Step::Hang]).then(Answer::json("ok"))).await;
    let hedge = adapter_http::HedgeSettings {
        soonest: Duration::ZERO,
        at_first: Duration::from_millis(20),
    };
    let started = Instant::now();

    let response = client(HttpSettings { hedge, ..settings() }).send(get(&server).hedged()).await;

    assert_eq!(response.unwrap().body().as_ref(), b"ok");
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test]
async fn garbage_instead_of_http_is_unavailable() {
    let server = always(Step::Garbage).await;

    let error = failure(client(settings()).send(get(&server)).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn html_where_json_was_expected_is_unavailable_and_not_repeated_in_the_error() {
    let server = always(Answer::html("<h1>hunter2</h1>")).await;

    let response = client(settings()).send(get(&server)).await.unwrap();
    let error = response.json::<Vec<u32>>().unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(!chain(&error).to_string().contains("hunter2"));
}

#[tokio::test]
async fn compressed_bomb_is_stopped_at_the_cap() {
    let server = always(Answer::gzip_bomb(4 * 1024 * 1024)).await;

    let request = get(&server).with_max_response_bytes(1024 * 1024);
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert_eq!(server.n_received(), 1);
}

#[tokio::test]
async fn body_is_streamed_in_pieces_up_to_the_cap() {
    let body = vec![7_u8; 300_000];
    let server = always(Answer::status(200).with_body("application/octet-stream", body)).await;
    let client = client(settings());

    let mut body = client.open(get(&server)).await.unwrap();
    let mut n_bytes = 0;
    while let Some(chunk) = body.next_chunk().await.unwrap() {
        n_bytes += chunk.len();
    }
    assert_eq!(n_bytes, 300_000);

    let mut body = client.open(get(&server).with_max_response_bytes(100_000)).await.unwrap();
    let error = loop {
        match body.next_chunk().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn breaker_stops_calls_to_a_sick_host_and_probes_it_later() {
    let server = serve(Script::of([500, 500, 500].map(Step::status))).await;
    let open_for = Duration::from_millis(100);
    let breaker = BreakerSettings { n_failures: 3, open_for };
    let client = client(HttpSettings { breaker, ..settings() });

    client.send(get(&server)).await.unwrap();
    let error = failure(client.send(get(&server)).await);
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(error.retry_after().is_some_and(|it| it <= open_for));
    assert_eq!(server.n_received(), 3, "the open breaker let something through");

    let deadline = Instant::now() + Duration::from_secs(5);
    while client.send(get(&server)).await.is_err() {
        assert!(Instant::now() < deadline, "the breaker stayed open");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.n_received(), 4);
}

#[tokio::test]
async fn sick_host_does_not_cost_more_than_its_retry_budget() {
    let server = always(Step::status(503)).await;
    let breaker = BreakerSettings { n_failures: u32::MAX, open_for: Duration::ZERO };
    let client = client(HttpSettings { breaker, ..settings() });

    for _ in 0..100 {
        client.send(get(&server)).await.unwrap();
    }

    let n_retries = server.n_received() - 100;
    assert!(n_retries <= 10 + 20, "{n_retries} retries");
}

#[tokio::test]
async fn calls_keep_the_pace_of_their_host() {
    let server = always(Step::status(200)).await;
    let pace = Pace { interval: Duration::from_millis(50), burst: 2 };
    let client = client(HttpSettings { pace: Some(pace), ..settings() });
    let started = Instant::now();

    for _ in 0..5 {
        client.send(get(&server)).await.unwrap();
    }

    assert!(started.elapsed() >= Duration::from_millis(150), "{:?}", started.elapsed());
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let far = Url::parse("http://example.test/path?token=hunter2").unwrap();
    let error = failure(client(settings()).send(Request::get("peer", "read", far)).await);
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("use https"), "{}", chain(&error));
}

#[tokio::test]
async fn name_that_does_not_resolve_is_unavailable() {
    let settings = HttpSettings { plain_http: PlainHttp::Anywhere, ..settings() };
    let nowhere = Url::parse("http://nowhere.invalid/?token=hunter2").unwrap();
    let error = failure(client(settings).send(Request::get("peer", "read", nowhere)).await);
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let server = always(Answer::redirect("http://127.0.0.1:1/")).await;

    let response = client(settings()).send(get(&server)).await.unwrap();

    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(failure(response.checked()).kind(), PortErrorKind::Rejected);
    assert_eq!(server.n_received(), 1);
}

#[tokio::test]
async fn correlation_id_and_user_agent_travel_along() {
    let date = ("date", "Sun, 22 Nov 2026 21:00:00 GMT");
    let server = always(Answer::status(200).with_header(date.0, date.1)).await;

    let request = get(&server).with_correlation(&CorrelationId::parse("abc-1").unwrap());
    let response = client(settings()).send(request).await.unwrap();

    let received = server.received();
    let request = received.first().unwrap();
    assert_eq!(request.header("x-correlation-id"), Some("abc-1"));
    assert!(request.header("user-agent").is_some_and(|it| it.starts_with("moodbridge/")));
    assert!(response.date().is_some());
}

#[tokio::test]
async fn thousand_calls_at_once_all_end_over_few_connections() {
    let server = always(Step::status(200)).await;
    let client = client(HttpSettings { attempt_timeout: Duration::from_secs(20), ..settings() });
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            let request = get(&server).with_deadline(Duration::from_secs(20));
            tokio::spawn(async move { client.send(request).await.unwrap().status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(server.n_received(), 1000);
    assert!(server.n_connections() <= 64, "{} connections", server.n_connections());
}

#[tokio::test]
async fn repeated_attempts_say_that_they_are() {
    let server = serve(Script::of([503, 502].map(Step::status))).await;
    let again = Url::parse(&server.url("/path?retry=true")).unwrap();
    let first = Url::parse(&server.url("/path")).unwrap();

    client(settings())
        .send(Request::post("peer", "write", first).repeatable_at(again))
        .await
        .unwrap();

    let targets: Vec<_> = server.received().iter().map(|it| it.query.clone()).collect();
    assert_eq!(targets, ["", "retry=true", "retry=true"]);
}

#[tokio::test]
async fn answer_that_is_final_is_not_asked_for_again() {
    let server = always(Step::status(408)).await;
    let client = client(settings());

    let request = get(&server).final_at(StatusCode::REQUEST_TIMEOUT);
    assert_eq!(client.send(request).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(server.n_received(), 1);

    client.send(get(&server)).await.unwrap();
    assert_eq!(server.n_received(), 5);
}
