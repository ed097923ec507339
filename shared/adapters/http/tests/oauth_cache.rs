//! The token cache against a real token endpoint that counts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_http::oauth::{
    CachePolicy, ClientCredentialsSource, Endpoints, OAuthClient, OAuthSettings,
    RefreshTokenSource, SecretPlace, TokenCache,
};
use adapter_http::{HttpClient, HttpSettings, Request};
use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use shared::config::Env;
use shared::ports::{
    Clock, LocalSecrets, SecretAddress, SecretWriter, Secrets, SystemClock, SystemRandom,
};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;
use shared::{PortError, PortErrorKind, chain};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

struct HandClock(AtomicI64);

impl HandClock {
    fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A server whose tokens are `access-N`; the API takes the newest only.
#[derive(Default)]
struct Server {
    n_asked: AtomicUsize,
    n_given: AtomicUsize,
    oldest_good: AtomicUsize,
    n_refused: AtomicUsize,
    failure: Mutex<Option<(u16, &'static str)>>,
    rotates: AtomicBool,
    shown: Mutex<Vec<String>>,
    /// Answers wait for this when it is set.
    gate: Mutex<Option<Arc<Notify>>>,
}

impl Server {
    async fn start(self: &Arc<Self>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/token", post(token))
            .route("/records", get(records))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Url::parse(&url).unwrap()
    }

    fn n_asked(&self) -> usize {
        self.n_asked.load(Ordering::SeqCst)
    }

    fn end_tokens(&self) {
        self.oldest_good.store(self.n_given.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    fn fail(&self, status: u16, body: &'static str) {
        *self.failure.lock().unwrap() = Some((status, body));
    }

    fn mend(&self) {
        *self.failure.lock().unwrap() = None;
    }
}

async fn token(State(server): State<Arc<Server>>, body: String) -> Response {
    server.n_asked.fetch_add(1, Ordering::SeqCst);
    let shown = url::form_urlencoded::parse(body.as_bytes())
        .find(|(name, _)| name == "refresh_token")
        .map(|(_, value)| value.into_owned());
    server.shown.lock().unwrap().extend(shown);
    let gate = server.gate.lock().unwrap().clone();
    match gate {
        Some(gate) => gate.notified().await,
        // Long enough that every caller of a burst finds this question under way.
        None => tokio::time::sleep(Duration::from_millis(30)).await,
    }
    if let Some((status, body)) = *server.failure.lock().unwrap() {
        let json = [("content-type", "application/json")];
        return (StatusCode::from_u16(status).unwrap(), json, body).into_response();
    }
    let n = server.n_given.fetch_add(1, Ordering::SeqCst) + 1;
    let mut answer = json!({
        "access_token": format!("access-{n}"), "token_type": "bearer", "expires_in": 600,
    });
    if server.rotates.load(Ordering::SeqCst) {
        answer["refresh_token"] = format!("refresh-{n}").into();
    }
    axum::Json(answer).into_response()
}

async fn records(State(server): State<Arc<Server>>, headers: HeaderMap) -> StatusCode {
    let n: usize = headers["authorization"]
        .to_str()
        .unwrap()
        .trim_start_matches("Bearer access-")
        .parse()
        .unwrap();
    if n < server.oldest_good.load(Ordering::SeqCst) {
        server.n_refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED;
    }
    StatusCode::OK
}

struct Fixture {
    server: Arc<Server>,
    url: Url,
    http: HttpClient,
    client: OAuthClient,
    cache: TokenCache,
    clock: Arc<HandClock>,
}

async fn fixture() -> Fixture {
    let server = Arc::new(Server::default());
    let url = server.start().await;
    let settings = HttpSettings {
        max_attempts: 1,
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(1) },
        breaker: BreakerSettings { n_failures: 1000, open_for: Duration::from_secs(1) },
        ..HttpSettings::default()
    };
    let http = HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    let clock = Arc::new(HandClock(AtomicI64::new(1_780_000_000_000)));
    let app = OAuthSettings::new(
        "testing",
        "main",
        "app",
        Endpoints::of_token(url.join("token").unwrap()),
    )
    .with_secret(SecretAddress::parse("env:APP_SECRET").unwrap(), SecretPlace::Header);
    let secrets = Arc::new(LocalSecrets::new(Env::from_pairs([("APP_SECRET", "hunter2")])));
    let client = OAuthClient::new(app, http.clone(), secrets, clock.clone());
    let source = Arc::new(ClientCredentialsSource::new(client.clone(), Vec::new()));
    let cache = TokenCache::new("testing", "main", source, clock.clone());
    Fixture { server, url, http, client, cache, clock }
}

/// Reads a record as an adapter does: a refused token is replaced once.
async fn read(http: HttpClient, url: Url, cache: TokenCache) -> StatusCode {
    let url = url.join("records").unwrap();
    let mut status = StatusCode::OK;
    for _ in 0..2 {
        let token = cache.token().await.unwrap();
        let request =
            Request::get("testing", "read", url.clone()).with_bearer(token.secret()).unwrap();
        status = http.send(request).await.unwrap().status();
        if status != StatusCode::UNAUTHORIZED {
            break;
        }
        cache.refuse(&token);
    }
    status
}

async fn thousand_reads(fixture: &Fixture) {
    let Fixture { http, url, cache, .. } = fixture;
    let reads: Vec<_> =
        (0..1000).map(|_| tokio::spawn(read(http.clone(), url.clone(), cache.clone()))).collect();
    for read in reads {
        assert_eq!(read.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_refused_calls_lead_to_one_refresh() {
    let fixture = fixture().await;

    thousand_reads(&fixture).await;
    assert_eq!(fixture.server.n_asked(), 1);

    fixture.server.end_tokens();
    thousand_reads(&fixture).await;
    assert_eq!(fixture.server.n_asked(), 2);
    assert!(fixture.server.n_refused.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn token_that_was_replaced_meanwhile_is_not_replaced_again() {
    let Fixture { server, cache, .. } = fixture().await;
    let old = cache.token().await.unwrap();
    cache.refuse(&old);
    let new = cache.token().await.unwrap();

    cache.refuse(&old);

    assert_eq!(cache.token().await.unwrap().generation(), new.generation());
    assert_eq!(server.n_asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_question_is_shared_and_not_repeated_at_once() {
    let Fixture { server, cache, clock, .. } = fixture().await;
    server.fail(503, "");
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.token().await.unwrap_err() })
        })
        .collect();
    for one in all {
        let error = one.await.unwrap();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(error.retry_after().unwrap() <= Duration::from_secs(1));
    }
    assert_eq!(server.n_asked(), 1);

    clock.forward(Duration::from_millis(1001));
    cache.token().await.unwrap_err();
    assert_eq!(server.n_asked(), 2);

    // Twice as long after the second failure.
    clock.forward(Duration::from_millis(1001));
    cache.token().await.unwrap_err();
    assert_eq!(server.n_asked(), 2);

    clock.forward(Duration::from_millis(1000));
    server.mend();
    cache.token().await.unwrap();
    assert_eq!(server.n_asked(), 3);
}

#[tokio::test]
async fn whoever_gives_up_waiting_ends_the_question_for_nobody() {
    let Fixture { server, cache, .. } = fixture().await;
    let gate = Arc::new(Notify::new());
    *server.gate.lock().unwrap() = Some(gate.clone());
    let leader = tokio::spawn({
        let cache = cache.clone();
        async move { cache.token().await.map(|it| it.generation()) }
    });
    wait_until(|| server.n_asked() == 1).await;
    let follower = tokio::spawn({
        let cache = cache.clone();
        async move { cache.token().await.map(|it| it.generation()) }
    });

    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.notify_one();

    assert_eq!(follower.await.unwrap().unwrap(), 1);
    assert_eq!(server.n_asked(), 1);
}

#[tokio::test]
async fn token_is_renewed_before_its_end_and_serves_through_an_outage_until_then() {
    let Fixture { server, cache, clock, .. } = fixture().await;
    cache.token().await.unwrap();
    clock.forward(Duration::from_secs(539));
    assert_eq!(cache.token().await.unwrap().generation(), 1);

    server.fail(503, "");
    clock.forward(Duration::from_secs(2));
    assert_eq!(cache.token().await.unwrap().generation(), 1);
    assert_eq!(server.n_asked(), 2);

    clock.forward(Duration::from_secs(60));
    let error = cache.token().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn token_refused_during_an_outage_does_not_serve_on() {
    let Fixture { server, cache, clock, .. } = fixture().await;
    let token = cache.token().await.unwrap();
    let gate = Arc::new(Notify::new());
    *server.gate.lock().unwrap() = Some(gate.clone());
    server.fail(503, "");
    clock.forward(Duration::from_secs(541));
    let renewal = tokio::spawn({
        let cache = cache.clone();
        async move { cache.token().await }
    });
    wait_until(|| server.n_asked() == 2).await;

    cache.refuse(&token);
    gate.notify_one();

    assert_eq!(renewal.await.unwrap().unwrap_err().kind(), PortErrorKind::Unavailable);
}

/// Secrets in memory, whose writer can be broken.
#[derive(Default)]
struct Vault {
    value: Mutex<String>,
    is_broken: AtomicBool,
}

#[async_trait]
impl Secrets for Vault {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        match address.as_str() {
            "env:APP_SECRET" => Ok(Secret::new("hunter2")),
            _ => Ok(Secret::new(self.value.lock().unwrap().as_str())),
        }
    }
}

#[async_trait]
impl SecretWriter for Vault {
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        if self.is_broken.load(Ordering::SeqCst) {
            let kind = PortErrorKind::Denied;
            return Err(PortError::new(kind, "vault", "write", address.as_str()));
        }
        *self.value.lock().unwrap() = secret.expose().to_owned();
        Ok(())
    }
}

fn refresh_cache(fixture: &Fixture, vault: &Arc<Vault>) -> TokenCache {
    "refresh-0".clone_into(&mut vault.value.lock().unwrap());
    let app = fixture.client.settings().clone();
    let client = OAuthClient::new(app, fixture.http.clone(), vault.clone(), fixture.clock.clone());
    let address = SecretAddress::parse("file:refresh").unwrap();
    let source = RefreshTokenSource::new(client, address, vault.clone()).with_writer(vault.clone());
    TokenCache::new("testing", "main", Arc::new(source), fixture.clock.clone())
        .with_policy(CachePolicy::default())
}

#[tokio::test]
async fn rotated_refresh_token_is_written_before_the_access_token_is_used() {
    let fixture = fixture().await;
    let vault = Arc::new(Vault::default());
    let cache = refresh_cache(&fixture, &vault);
    fixture.server.rotates.store(true, Ordering::SeqCst);

    cache.token().await.unwrap();
    assert_eq!(*vault.value.lock().unwrap(), "refresh-1");

    fixture.clock.forward(Duration::from_secs(541));
    cache.token().await.unwrap();
    assert_eq!(*fixture.server.shown.lock().unwrap(), ["refresh-0", "refresh-1"]);
    assert_eq!(*vault.value.lock().unwrap(), "refresh-2");
}

#[tokio::test]
async fn refresh_token_that_could_not_be_written_is_written_later_without_a_new_question() {
    let fixture = fixture().await;
    let vault = Arc::new(Vault::default());
    let cache = refresh_cache(&fixture, &vault);
    fixture.server.rotates.store(true, Ordering::SeqCst);
    vault.is_broken.store(true, Ordering::SeqCst);

    let error = cache.token().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert_eq!(*vault.value.lock().unwrap(), "refresh-0");

    vault.is_broken.store(false, Ordering::SeqCst);
    fixture.clock.forward(Duration::from_millis(1001));
    cache.token().await.unwrap();
    assert_eq!(*vault.value.lock().unwrap(), "refresh-1");
    assert_eq!(fixture.server.n_asked(), 1);
}

#[tokio::test]
async fn rotated_refresh_token_is_written_although_nobody_waits_any_more() {
    let fixture = fixture().await;
    let vault = Arc::new(Vault::default());
    let cache = refresh_cache(&fixture, &vault);
    fixture.server.rotates.store(true, Ordering::SeqCst);
    let gate = Arc::new(Notify::new());
    *fixture.server.gate.lock().unwrap() = Some(gate.clone());
    let only = tokio::spawn(async move { cache.token().await });
    wait_until(|| fixture.server.n_asked() == 1).await;

    only.abort();
    assert!(only.await.unwrap_err().is_cancelled());
    gate.notify_one();

    wait_until(|| *vault.value.lock().unwrap() == "refresh-1").await;
}

#[tokio::test]
async fn ended_permission_says_to_connect_again_and_shows_no_token() {
    let fixture = fixture().await;
    let vault = Arc::new(Vault::default());
    let cache = refresh_cache(&fixture, &vault);
    let body = r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#;
    fixture.server.fail(400, body);

    for _ in 0..10 {
        let error = cache.token().await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied);
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("run `moodbridge connect testing --name main` again"), "{text}");
        assert!(text.contains("expired access/refresh token"), "{text}");
        assert!(!text.contains("refresh-0") && !text.contains("hunter2"), "{text}");
    }
    assert_eq!(fixture.server.n_asked(), 1);
}

#[tokio::test]
async fn nothing_printable_shows_a_token() {
    let Fixture { cache, client, .. } = fixture().await;
    let token = cache.token().await.unwrap();
    let text = format!("{token:?} {:?} {cache:?} {client:?}", token.grant());
    assert!(!text.contains("access-1") && !text.contains("hunter2"), "{text}");
}

async fn wait_until(holds: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
}
