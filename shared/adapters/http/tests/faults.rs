//! The client against servers that refuse, drip, reset, storm and answer garbage.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter_http::{BreakerSettings, HttpClient, HttpSettings, Pace, PlainHttp, Request, Response};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::any;
use shared::ids::CorrelationId;
use shared::ports::{SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::{PortError, PortErrorKind, chain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}/path?token=hunter2")).unwrap()
}

fn get(address: SocketAddr) -> Request {
    Request::get("peer", "read", url(address))
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves answers by the number of the request, from 1, and counts the requests.
async fn serve_script<R: IntoResponse + 'static>(
    answer: impl Fn(usize) -> R + Clone + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let counter = n_calls.clone();
    let handler = move || {
        let response = answer(counter.fetch_add(1, Ordering::SeqCst) + 1).into_response();
        async move { response }
    };
    (serve(Router::new().fallback(any(handler))).await, n_calls)
}

/// Serves raw sockets.
async fn serve_raw<F>(handle: impl Fn(TcpStream, usize) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut n_connections = 0;
        while let Ok((socket, _)) = listener.accept().await {
            n_connections += 1;
            tokio::spawn(handle(socket, n_connections));
        }
    });
    address
}

async fn read_request(socket: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !seen.windows(4).any(|it| it == b"\r\n\r\n") {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => seen.extend_from_slice(&buffer[..n]),
        }
    }
}

fn failure(result: Result<Response, PortError>) -> PortError {
    let error = result.unwrap_err();
    assert!(!chain(&error).to_string().contains("hunter2"), "{}", chain(&error));
    error
}

#[tokio::test]
async fn storm_of_503_is_ridden_out() {
    let (address, n_calls) = serve_script(|n| match n {
        1..=3 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    })
    .await;

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(n_calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn last_answer_of_an_endless_storm_comes_back_as_it_is() {
    let (address, n_calls) = serve_script(|_| StatusCode::SERVICE_UNAVAILABLE).await;

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(n_calls.load(Ordering::SeqCst), 4);
    assert_eq!(failure(response.checked()).kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn post_is_sent_once_unless_it_is_marked_repeatable() {
    let (address, n_calls) = serve_script(|_| StatusCode::BAD_GATEWAY).await;
    let client = client(settings());
    let post = || Request::post("peer", "write", url(address));

    client.send(post()).await.unwrap();
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);

    client.send(post().repeatable()).await.unwrap();
    assert_eq!(n_calls.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn retry_after_in_seconds_is_waited_for() {
    let (address, _) = serve_script(|n| match n {
        1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let started = Instant::now();

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn retry_after_beyond_the_deadline_is_handed_to_the_caller_at_once() {
    let (address, n_calls) =
        serve_script(|_| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")])).await;

    let response = client(settings()).send(get(address)).await.unwrap();

    let error = failure(response.checked());
    assert_eq!(error.kind(), PortErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn refused_connection_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = failure(client(settings()).send(get(address)).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(chain(&error).to_string().contains("refused"), "{}", chain(&error));
}

#[tokio::test]
async fn reset_connections_are_tried_again() {
    let address = serve_raw(|mut socket, n| async move {
        read_request(&mut socket).await;
        if n <= 2 {
            socket.set_zero_linger().unwrap();
            return;
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(response.body().as_ref(), b"ok");
}

#[tokio::test]
async fn answer_cut_in_the_middle_is_tried_again() {
    let address = serve_raw(|mut socket, n| async move {
        read_request(&mut socket).await;
        let body: &[u8] = if n == 1 { b"half" } else { b"half and half" };
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
    })
    .await;

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(response.body().as_ref(), b"half and half");
}

#[tokio::test]
async fn answer_that_drips_for_ever_ends_at_the_deadline() {
    let address = serve_raw(|mut socket, _| async move {
        read_request(&mut socket).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        socket.write_all(head).await.unwrap();
        while socket.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let started = Instant::now();

    let request = get(address).with_deadline(Duration::from_millis(700));
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn server_that_accepts_and_says_nothing_ends_at_the_deadline() {
    let address = serve_raw(|socket, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(socket);
    })
    .await;
    let started = Instant::now();

    let request = get(address).with_deadline(Duration::from_millis(500));
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(1300), "{:?}", started.elapsed());
}

#[tokio::test]
async fn garbage_instead_of_http_is_unavailable() {
    let address = serve_raw(|mut socket, _| async move {
        read_request(&mut socket).await;
        let _ = socket.write_all(b"\x16\x03garbage\xff\xff\r\n\r\n").await;
    })
    .await;

    let error = failure(client(settings()).send(get(address)).await);

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn html_where_json_was_expected_is_unavailable_and_not_repeated_in_the_error() {
    let (address, _) = serve_script(|_| "<h1>hunter2</h1>").await;

    let response = client(settings()).send(get(address)).await.unwrap();
    let error = response.json::<Vec<u32>>().unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(!chain(&error).to_string().contains("hunter2"));
}

#[tokio::test]
async fn compressed_bomb_is_stopped_at_the_cap() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 4 * 1024 * 1024]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 8 * 1024);
    let (address, n_calls) =
        serve_script(move |_| ([("content-encoding", "gzip")], bomb.clone())).await;

    let request = get(address).with_max_response_bytes(1024 * 1024);
    let error = failure(client(settings()).send(request).await);

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn body_is_streamed_in_pieces_up_to_the_cap() {
    let (address, _) = serve_script(|_| vec![7_u8; 300_000]).await;
    let client = client(settings());

    let mut body = client.open(get(address)).await.unwrap();
    let mut n_bytes = 0;
    while let Some(chunk) = body.next_chunk().await.unwrap() {
        n_bytes += chunk.len();
    }
    assert_eq!(n_bytes, 300_000);

    let mut body = client.open(get(address).with_max_response_bytes(100_000)).await.unwrap();
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
    let (address, n_calls) = serve_script(|n| match n {
        1..=3 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    })
    .await;
    let open_for = Duration::from_millis(100);
    let breaker = BreakerSettings { n_failures: 3, open_for };
    let client = client(HttpSettings { breaker, ..settings() });

    client.send(get(address)).await.unwrap();
    let error = failure(client.send(get(address)).await);
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(error.retry_after().is_some_and(|it| it <= open_for));
    assert_eq!(n_calls.load(Ordering::SeqCst), 3, "the open breaker let nothing through");

    let deadline = Instant::now() + Duration::from_secs(5);
    while client.send(get(address)).await.is_err() {
        assert!(Instant::now() < deadline, "the breaker stayed open");
        tokio::task::yield_now().await;
    }
    assert_eq!(n_calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn sick_host_does_not_cost_more_than_its_retry_budget() {
    let (address, n_calls) = serve_script(|_| StatusCode::SERVICE_UNAVAILABLE).await;
    let breaker = BreakerSettings { n_failures: u32::MAX, open_for: Duration::ZERO };
    let client = client(HttpSettings { breaker, ..settings() });

    for _ in 0..100 {
        client.send(get(address)).await.unwrap();
    }

    let n_retries = n_calls.load(Ordering::SeqCst) - 100;
    assert!(n_retries <= 10 + 20, "{n_retries} retries");
}

#[tokio::test]
async fn calls_keep_the_pace_of_their_host() {
    let (address, _) = serve_script(|_| StatusCode::OK).await;
    let pace = Pace { interval: Duration::from_millis(50), burst: 2 };
    let client = client(HttpSettings { pace: Some(pace), ..settings() });
    let started = Instant::now();

    for _ in 0..5 {
        client.send(get(address)).await.unwrap();
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
    let (address, n_calls) =
        serve_script(|_| (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")])).await;

    let response = client(settings()).send(get(address)).await.unwrap();

    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(failure(response.checked()).kind(), PortErrorKind::Rejected);
    assert_eq!(n_calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn correlation_id_and_user_agent_travel_along() {
    let echo = |headers: HeaderMap| async move {
        let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        format!("{} {}", text("x-correlation-id"), text("user-agent"))
    };
    let address = serve(Router::new().fallback(any(echo))).await;

    let request = get(address).with_correlation(&CorrelationId::parse("abc-1").unwrap());
    let response = client(settings()).send(request).await.unwrap();

    assert!(response.body().starts_with(b"abc-1 moodbridge/"));
    assert!(response.date().is_some());
}

#[tokio::test]
async fn thousand_calls_at_once_all_end() {
    let (address, n_calls) = serve_script(|_| StatusCode::OK).await;
    let client = client(HttpSettings { attempt_timeout: Duration::from_secs(20), ..settings() });
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            let request = get(address).with_deadline(Duration::from_secs(20));
            tokio::spawn(async move { client.send(request).await.unwrap().status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(n_calls.load(Ordering::SeqCst), 1000);
}
