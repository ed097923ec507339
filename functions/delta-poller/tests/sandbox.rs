//! The poller from the sandbox org to a queue and a case store in files, over real HTTP.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use delta_poller::{PollSettings, Poller, PollerPorts, Source};
use sandbox_org::{Clock, Sandbox, Seed, Settings};
use serde_json::{Value, json};
use shared::config::Env;
use shared::model::{Change, ChangeEvent};
use shared::platform::Surroundings;
use shared::ports::{LocalSecrets, Queue, RunOutcome, SystemClock, SystemRandom};
use shared::sync::{ConnectionState, ConnectionStatus};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;
use url::Url;
use wiring::{CaseStores, ConnectionSettings};

const START_MS: i64 = 1_780_000_000_000;

/// An org with its clock in the test's hand, served on loopback.
struct Firm {
    router: Router,
    url: String,
    now_ms: Arc<AtomicI64>,
}

impl Firm {
    async fn open(seed: Seed) -> Self {
        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let clock = now_ms.clone();
        let clock = Clock::new(move || clock.load(Ordering::SeqCst));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let instance_url = Some(url.clone());
        let settings = Settings { seed, clock, instance_url, ..Settings::default() };
        let router = Sandbox::new(settings).unwrap().router();
        let served = router.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { router, url, now_ms }
    }

    fn forward(&self, by: Duration) {
        self.now_ms.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Calls the org from inside its process, as another user would.
    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let login = Request::post("/services/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "sandbox")
            .body(Body::from(form))
            .unwrap();
        let token = self.answer(login).await;
        let request = Request::builder()
            .method(method)
            .uri(format!("/services/data/v66.0/{path}"))
            .header("content-type", "application/json")
            .header("host", "sandbox")
            .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()))
            .body(Body::from(body.to_string()))
            .unwrap();
        self.answer(request).await
    }

    async fn answer(&self, request: Request<Body>) -> Value {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert!(response.status() < StatusCode::BAD_REQUEST, "{}", response.status());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap_or_default()
    }
}

struct Bench {
    firm: Firm,
    poller: Poller,
    queue: Arc<dyn Queue>,
    stores: CaseStores,
    _folder: TempDir,
}

impl Bench {
    async fn set_up(seed: Seed) -> Self {
        let firm = Firm::open(seed).await;
        let settings = ConnectionSettings::from_json(&json!({
            "platform": "salesforce", "connection": "main", "login_url": firm.url,
            "auth": {
                "flow": "client_credentials", "client_id": "moodbridge-sandbox",
                "client_secret": "env:SF_SECRET",
            },
        }))
        .unwrap();
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let secrets =
            Arc::new(LocalSecrets::new(Env::from_pairs([("SF_SECRET", "sandbox-secret")])));
        let opened =
            settings.open(&Surroundings::new(secrets, clock.clone(), random.clone())).unwrap();
        let folder = TempDir::new().unwrap();
        let address =
            |rest| Url::parse(&format!("sqlite:{}/{rest}", folder.path().display())).unwrap();
        let queue = wiring::queue(&address("queue.db?queue=events")).await.unwrap();
        wiring::migrate(&address("cases.db")).await.unwrap();
        let stores = wiring::case_store(&address("cases.db")).await.unwrap();
        let ports = PollerPorts {
            queue: queue.clone(),
            store: None,
            ledger: stores.ledger.clone(),
            journal: stores.journal.clone(),
            clock,
            random,
        };
        let poller = Poller::new(Source::from(&opened), ports, PollSettings::default());
        Self { firm, poller, queue, stores, _folder: folder }
    }

    /// Takes every message out of the queue.
    async fn drain(&self) -> Vec<ChangeEvent> {
        let max = NonZeroU32::new(500).unwrap();
        let mut events = Vec::new();
        loop {
            let taken =
                self.queue.receive(max, Duration::from_secs(60), Duration::ZERO).await.unwrap();
            if taken.is_empty() {
                return events;
            }
            events.extend(taken.iter().map(|it| serde_json::from_str(&it.body).unwrap()));
            self.queue.ack(&taken).await.unwrap();
        }
    }
}

fn count_by_object(events: &[ChangeEvent]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.key.object.as_str()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_firm_is_queued_once_and_then_only_its_changes() {
    let bench = Bench::set_up(Seed::Firm).await;
    // The second in which the firm opens is not over yet; the next window would bring it.
    bench.firm.forward(Duration::from_secs(1));

    bench.poller.poll().await.unwrap();
    let events = bench.drain().await;
    let counts = count_by_object(&events);
    assert_eq!(counts, BTreeMap::from([("Account", 1000), ("Contact", 3000), ("Case", 10_000)]));
    let first_case = events.iter().position(|it| it.key.object.as_str() == "Case").unwrap();
    assert!(events[..first_case].iter().any(|it| it.key.object.as_str() == "Account"));

    let case = events.iter().find(|it| it.key.object.as_str() == "Case").unwrap();
    let id = case.key.record_id.as_str();
    bench.firm.forward(Duration::from_secs(60));
    bench.firm.call("PATCH", &format!("sobjects/Case/{id}"), &json!({"Status": "Trial"})).await;
    bench.firm.forward(Duration::from_secs(60));
    bench.poller.poll().await.unwrap();
    let events = bench.drain().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].fields["Status"].as_text(), Some("Trial"));

    bench.firm.call("DELETE", &format!("sobjects/Case/{id}"), &json!({})).await;
    bench.firm.forward(Duration::from_secs(60));
    bench.poller.poll().await.unwrap();
    let events = bench.drain().await;
    assert_eq!(events.iter().map(|it| it.change).collect::<Vec<_>>(), [Change::Delete]);

    let runs = bench.stores.journal.recent(100).await.unwrap();
    assert!(runs.iter().all(|it| it.outcome == RunOutcome::Succeeded), "{runs:?}");
    let name = ConnectionState::ledger_name(&runs[0].connection);
    let entry = bench.stores.ledger.get(&name).await.unwrap().unwrap();
    let state: ConnectionState = serde_json::from_str(&entry.value).unwrap();
    assert_eq!(state.status, ConnectionStatus::Healthy);
    assert!(state.calls_left.is_some());
}

#[tokio::test]
async fn function_is_put_together_from_its_environment() {
    let folder = TempDir::new().unwrap();
    let cases = format!("sqlite:{}/cases.db", folder.path().display());
    wiring::migrate(&Url::parse(&cases).unwrap()).await.unwrap();
    let env = Env::from_pairs([
        ("EVENTS_QUEUE", format!("sqlite:{}/queue.db?queue=events", folder.path().display())),
        ("CASE_STORE", cases),
        (
            "CONNECTIONS",
            json!([{
                "platform": "salesforce", "connection": "main",
                "login_url": "https://firm.my.salesforce.com",
                "auth": {
                    "flow": "client_credentials", "client_id": "3MVG",
                    "client_secret": "env:SF_SECRET",
                },
            }])
            .to_string(),
        ),
    ]);
    assert_eq!(delta_poller::app(env).await.unwrap().name(), "delta-poller");
}
