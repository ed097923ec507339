//! The stream of changes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{get, ports, serve};
use crate::testing::Firm;
use crate::{Api, router};

const SOON: Duration = Duration::from_secs(60);

/// A client that has read the greeting.
struct Client {
    body: Body,
    text: String,
}

impl Client {
    async fn connect(routes: &Router, path: &str, last_seen: Option<&str>) -> Self {
        Self::connect_as("chair.admin", routes, path, last_seen).await
    }

    async fn connect_as(token: &str, routes: &Router, path: &str, last_seen: Option<&str>) -> Self {
        let mut request = Request::get(path).header("authorization", format!("Bearer {token}"));
        if let Some(seq) = last_seen {
            request = request.header("Last-Event-ID", seq);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut client = Self { body: response.into_body(), text: String::new() };
        assert!(client.read().await);
        assert_eq!(client.text, "retry: 2000\n: connected\n\n");
        client.text.clear();
        client
    }

    /// Reads one chunk; `false` at the end of the stream.
    async fn read(&mut self) -> bool {
        match tokio::time::timeout(SOON, self.body.frame()).await.expect("a chunk in time") {
            Some(frame) => {
                let chunk = frame.unwrap().into_data().unwrap();
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
                true
            }
            None => false,
        }
    }

    /// Reads until `n` events have come, and returns their ids.
    async fn ids(&mut self, n: usize) -> Vec<u64> {
        while self.text.matches("event: change\n").count() < n {
            assert!(self.read().await, "the stream ended after {}", self.text);
        }
        let ids = self.text.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_replayed_what_it_missed_and_then_follows_live() {
    let firm = Arc::<Firm>::default();
    firm.commit(5);
    let routes = serve(&firm).await;

    let mut client = Client::connect(&routes, "/v1/changes?after=2", None).await;
    assert_eq!(client.ids(3).await, [3, 4, 5]);
    firm.commit(2);
    assert_eq!(client.ids(5).await, [3, 4, 5, 6, 7]);

    let event = client.text.split("\n\n").next().unwrap();
    let [kind, id, data] = event.lines().collect::<Vec<_>>()[..] else { panic!("{event}") };
    assert_eq!((kind, id), ("event: change", "id: 3"));
    let row: shared::ports::ChangeRow =
        serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(row.seq, 3);
}

#[tokio::test(start_paused = true)]
async fn the_last_event_id_wins_over_the_address() {
    let firm = Arc::<Firm>::default();
    firm.commit(5);
    let mut client = Client::connect(&serve(&firm).await, "/v1/changes?after=0", Some("4")).await;
    assert_eq!(client.ids(1).await, [5]);
}

#[tokio::test(start_paused = true)]
async fn without_a_position_the_stream_begins_with_the_next_change() {
    let firm = Arc::<Firm>::default();
    firm.commit(5);
    let routes = serve(&firm).await;
    for path in ["/v1/changes", "/v1/changes?after=900"] {
        let mut client = Client::connect(&routes, path, None).await;
        firm.commit(1);
        assert_eq!(client.ids(1).await.len(), 1, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_kept_alive() {
    let firm = Arc::<Firm>::default();
    let mut client = Client::connect(&serve(&firm).await, "/v1/changes", None).await;

    let began = tokio::time::Instant::now();
    client.read().await;

    assert_eq!(client.text, ": keep-alive\n\n");
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_nobody_and_misses_nothing() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let mut slow = Client::connect(&routes, "/v1/changes", None).await;
    let mut fast = Client::connect(&routes, "/v1/changes", None).await;

    for n in 1..=50 {
        firm.commit(100);
        assert_eq!(fast.ids(n * 100).await.len(), n * 100);
    }

    assert_eq!(slow.ids(5000).await, (1..=5000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_limit() {
    let firm = Arc::<Firm>::default();
    let api = Api::new(ports(&firm).await).with_stream_limit(Duration::from_secs(20));
    let mut client = Client::connect(&router(Arc::new(api)), "/v1/changes", None).await;

    let began = tokio::time::Instant::now();
    while client.read().await {}

    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let firm = Arc::<Firm>::default();
    firm.commit(3);
    let routes = serve(&firm).await;
    let path = "/v1/changes?after=0";
    let mut client = Client::connect_as("lena.lawyer.soon", &routes, path, None).await;
    assert_eq!(client.ids(3).await, [1, 2, 3]);

    let began = tokio::time::Instant::now();
    while client.read().await {}

    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_gives_back_its_seat_and_the_last_one_stops_the_reader() {
    let firm = Arc::<Firm>::default();
    let api = Arc::new(Api::new(ports(&firm).await));
    let routes = router(Arc::clone(&api));
    let n_seats = api.followers.available_permits();

    let client = Client::connect(&routes, "/v1/changes", None).await;
    assert_eq!(api.followers.available_permits(), n_seats - 1);
    drop(client);
    assert_eq!(api.followers.available_permits(), n_seats);

    let deadline = tokio::time::Instant::now() + SOON;
    while api.tail.is_reading() {
        assert!(tokio::time::Instant::now() < deadline, "the reader goes on");
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    firm.commit(1);
    let mut client = Client::connect(&routes, "/v1/changes?after=0", None).await;
    assert_eq!(client.ids(1).await, [1]);
}

#[tokio::test]
async fn one_client_too_many_is_asked_to_come_back() {
    let firm = Arc::<Firm>::default();
    let api = Arc::new(Api::new(ports(&firm).await));
    let _taken = api.followers.try_acquire_many(512).unwrap();

    let answer = get(&router(Arc::clone(&api)), "/v1/changes").await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "15");
}

#[tokio::test]
async fn a_last_event_id_that_is_no_number_is_refused() {
    let firm = Arc::<Firm>::default();
    let request = Request::get("/v1/changes")
        .header("authorization", "Bearer chair.admin")
        .header("Last-Event-ID", "x");
    let answer = super::send(&serve(&firm).await, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.faults(), [("Last-Event-ID", "`x` is not the number of a change")]);
}
