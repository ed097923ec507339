//! Bodies that are made while they are sent, packed bodies, and answers read in pieces.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_http::{BodyChunks, HttpClient, HttpSettings, Request};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use flate2::read::GzDecoder;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Method};
use shared::ports::{SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::{PortError, PortErrorKind, chain};
use tokio::net::TcpListener;
use url::Url;

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A peer that keeps what it is sent, and answers as it is told: a status and a body.
struct Peer {
    seen: Seen,
    url: Url,
}

impl Peer {
    async fn start(statuses: &'static [u16]) -> Self {
        let seen = Seen::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let keep = move |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| async move {
            let mut seen = seen.lock().unwrap();
            seen.push((headers, body));
            answer(*statuses.get(seen.len() - 1).or(statuses.last()).unwrap())
        };
        let router = Router::new().route("/", any(keep)).with_state(seen.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { seen, url }
    }

    fn request(&self) -> Request {
        Request::new("peer", "put", Method::PUT, self.url.clone())
    }

    fn last(&self) -> (HeaderMap, Bytes) {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn answer(status: u16) -> Response {
    (StatusCode::from_u16(status).unwrap(), "[\"why\"]").into_response()
}

fn client() -> HttpClient {
    let settings = HttpSettings {
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(2) },
        ..HttpSettings::default()
    };
    HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

fn csv() -> HeaderValue {
    HeaderValue::from_static("text/csv")
}

/// Pieces of 1,000 bytes, made one by one.
fn pieces(n: usize) -> BodyChunks {
    stream::iter((0..n).map(|at| Ok(Bytes::from(format!("{at:0>999}\n"))))).boxed()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

async fn gathered(chunks: BodyChunks) -> Vec<u8> {
    chunks.fold(Vec::new(), async |all, next| [all, next.unwrap().to_vec()].concat()).await
}

#[tokio::test]
async fn stream_arrives_whole_without_a_length_and_is_opened_again_for_a_retry() {
    let peer = Peer::start(&[503, 201]).await;
    let n_opened = Arc::new(AtomicUsize::new(0));
    let source = {
        let n_opened = n_opened.clone();
        move || {
            n_opened.fetch_add(1, Ordering::SeqCst);
            pieces(2000)
        }
    };

    let request = peer.request().with_stream(csv(), Arc::new(source));
    let response = client().send(request).await.unwrap();

    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(n_opened.load(Ordering::SeqCst), 2);
    let (headers, body) = peer.last();
    assert_eq!(headers["content-type"], "text/csv");
    assert_eq!(headers["transfer-encoding"], "chunked");
    assert_eq!(body, gathered(pieces(2000)).await);
}

#[tokio::test]
async fn stream_that_must_not_come_twice_is_sent_once() {
    let peer = Peer::start(&[503, 201]).await;

    let request = peer.request().with_stream(csv(), Arc::new(|| pieces(1))).unrepeatable();
    let response = client().send(request).await.unwrap();

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn stream_and_long_body_go_packed_and_a_short_body_as_it_is() {
    let peer = Peer::start(&[200]).await;
    let long = "a,b\n".repeat(10_000);

    let request = peer.request().with_stream(csv(), Arc::new(|| pieces(500))).gzipped();
    client().send(request).await.unwrap();
    let (headers, body) = peer.last();
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(body.len() < 50_000, "{}", body.len());
    assert_eq!(unpacked(&body), gathered(pieces(500)).await);

    client().send(peer.request().gzipped().with_body(csv(), long.clone())).await.unwrap();
    let (headers, body) = peer.last();
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(unpacked(&body), long.as_bytes());

    client().send(peer.request().with_body(csv(), "a,b\n").gzipped()).await.unwrap();
    let (headers, body) = peer.last();
    assert!(!headers.contains_key("content-encoding"));
    assert_eq!(body, "a,b\n");
}

#[tokio::test]
async fn source_that_fails_ends_the_call_with_its_own_error() {
    let peer = Peer::start(&[200]).await;
    let source = || {
        let error = PortError::new(PortErrorKind::Unavailable, "sqlite", "read rows", "outbox");
        stream::iter([Ok(Bytes::from_static(b"a,b\n")), Err(error)]).boxed()
    };

    let error =
        client().send(peer.request().with_stream(csv(), Arc::new(source))).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    let text = chain(&error).to_string();
    assert!(text.contains("sqlite: read rows `outbox` failed"), "{text}");
    assert!(peer.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answer_that_is_no_success_can_be_opened_and_says_why() {
    let peer = Peer::start(&[400]).await;

    let error = client().open(peer.request()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);

    let answer = client().open_any(peer.request()).await.unwrap();
    assert_eq!(answer.head().status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.gather().await.unwrap().body(), "[\"why\"]");
}
