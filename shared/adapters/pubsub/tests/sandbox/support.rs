//! An org with its service, a subscriber, and a sink that remembers.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter_pubsub::{PubSubPorts, PubSubSettings, PubSubStream};
use async_trait::async_trait;
use sandbox_org::{RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value, json};
use shared::PortError;
use shared::ids::{ConnectionId, SalesforceId, TopicName};
use shared::model::ChangeEvent;
use shared::platform::OutboundTls;
use shared::ports::{
    ChangeBatch, ChangeSink, ChangeStream as _, Clock, Extent, Gap, Ledger, MemoryLedger,
    RemoteSession, RemoteSessions, SystemRandom,
};
use shared::secret::Secret;
use shared::time::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that the org and the subscriber share, and that a test moves on.
#[derive(Clone, Default)]
pub(crate) struct SharedClock(Arc<AtomicI64>);

impl SharedClock {
    fn now_ms(&self) -> i64 {
        shared::ports::SystemClock.now().as_millis() + self.0.load(Ordering::Relaxed)
    }

    /// Moves it on.
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms())
    }
}

/// Logs in at the org's token endpoint, and again when a token was refused.
struct Sessions {
    url: String,
    client: reqwest::Client,
    current: tokio::sync::Mutex<Option<RemoteSession>>,
    refused: Mutex<Vec<String>>,
}

#[async_trait]
impl RemoteSessions for Sessions {
    async fn session(&self) -> Result<RemoteSession, PortError> {
        let mut current = self.current.lock().await;
        if let Some(session) = current.as_ref() {
            let refused = self.refused.lock().unwrap();
            if !refused.iter().any(|it| it == session.token.expose()) {
                return Ok(session.clone());
            }
        }
        let url = format!("{}/services/oauth2/token", self.url);
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let request = self.client.post(url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let text = |name: &str| answer[name].as_str().unwrap();
        let organization = text("id").rsplit('/').nth(1).unwrap();
        let session = RemoteSession {
            token: Secret::new(text("access_token")),
            instance_url: text("instance_url").parse().unwrap(),
            organization_id: SalesforceId::parse(organization).unwrap(),
        };
        *current = Some(session.clone());
        Ok(session)
    }

    fn refuse(&self, session: &RemoteSession) {
        self.refused.lock().unwrap().push(session.token.expose().to_owned());
    }
}

/// Remembers what it was handed.
#[derive(Default)]
pub(crate) struct Sink {
    pub(crate) events: Mutex<Vec<ChangeEvent>>,
    pub(crate) gaps: Mutex<Vec<Gap>>,
    pub(crate) n_unreadable: Mutex<usize>,
}

#[async_trait]
impl ChangeSink for Sink {
    async fn take(&self, batch: &ChangeBatch) -> Result<(), PortError> {
        self.events.lock().unwrap().extend(batch.changes.iter().map(|it| it.event.clone()));
        *self.n_unreadable.lock().unwrap() += batch.unreadable.len();
        Ok(())
    }

    async fn lost(&self, gap: &Gap) -> Result<(), PortError> {
        self.gaps.lock().unwrap().push(gap.clone());
        Ok(())
    }
}

pub(crate) const TOPIC: &str = "/data/ChangeEvents";

/// An org and what follows it.
pub(crate) struct Firm {
    org: RunningSandbox,
    client: reqwest::Client,
    token: String,
    pub(crate) sessions: Arc<dyn RemoteSessions>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) clock: SharedClock,
    pub(crate) sink: Arc<Sink>,
}

impl Firm {
    /// Starts an empty org.
    pub(crate) async fn start() -> Self {
        let clock = SharedClock::default();
        let ticking = clock.clone();
        let mut settings = Settings {
            seed: Seed::Empty,
            token_lifetime: Duration::from_hours(1000),
            clock: sandbox_org::Clock::new(move || ticking.now_ms()),
            ..Settings::default()
        };
        settings.pub_sub.address = Some((Ipv4Addr::LOCALHOST, 0).into());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let org = Sandbox::start(settings, listener).unwrap();
        let client = reqwest::Client::builder().build().unwrap();
        let sessions: Arc<dyn RemoteSessions> = Arc::new(Sessions {
            url: org.url(),
            client: client.clone(),
            current: tokio::sync::Mutex::default(),
            refused: Mutex::default(),
        });
        let token = sessions.session().await.unwrap().token.expose().to_owned();
        let (ledger, sink) = (Arc::default(), Arc::default());
        Self { org, client, token, sessions, ledger, clock, sink }
    }

    /// Returns where the org's service is.
    pub(crate) fn endpoint(&self) -> String {
        self.org.pub_sub_url().unwrap()
    }

    /// Makes a subscriber that calls `endpoint`.
    pub(crate) fn stream_to(
        &self,
        endpoint: &str,
        tls: &OutboundTls,
    ) -> Result<PubSubStream, PortError> {
        let settings = PubSubSettings {
            connection: ConnectionId::parse("main").unwrap(),
            topics: vec![TopicName::parse(TOPIC).unwrap()],
            endpoint: Some(endpoint.parse().unwrap()),
            no_event_after: None,
        };
        let ports = PubSubPorts {
            sessions: Arc::clone(&self.sessions),
            ledger: self.ledger.clone(),
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SystemRandom),
        };
        PubSubStream::new(settings, ports, tls)
    }

    /// Makes a subscriber.
    pub(crate) fn stream(&self) -> PubSubStream {
        self.stream_to(&self.endpoint(), &OutboundTls::default()).unwrap()
    }

    /// Begins to follow the org in the background.
    pub(crate) fn follow(&self) -> Following {
        let (stream, sink) = (self.stream(), Arc::clone(&self.sink));
        Following(tokio::spawn(async move {
            let _ = stream.follow(&*sink, Extent::Endless).await;
        }))
    }

    /// Follows the org until nothing comes for a moment.
    pub(crate) async fn catch_up(&self) -> Result<(), PortError> {
        let extent = Extent::UntilQuiet { quiet: Duration::from_millis(300), at_most: PATIENCE };
        self.stream().follow(&*self.sink, extent).await
    }

    /// Calls the org, which must take it.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.org.url()));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// Creates a record.
    pub(crate) async fn create(&self, object: &str, fields: Value) -> String {
        let path = format!("/services/data/v66.0/sobjects/{object}");
        self.call("POST", &path, fields).await["id"].as_str().unwrap().to_owned()
    }

    /// Changes a record.
    pub(crate) async fn update(&self, object: &str, id: &str, fields: Value) {
        let path = format!("/services/data/v66.0/sobjects/{object}/{id}");
        self.call("PATCH", &path, fields).await;
    }

    /// Orders a fault of the service.
    pub(crate) async fn order(&self, fault: Value) {
        self.call("POST", "/_sandbox/pubsub", fault).await;
    }

    /// Ends all sessions of the org, and gets one of our own.
    pub(crate) async fn end_sessions(&mut self) {
        self.call("DELETE", "/_sandbox/sessions", json!({})).await;
    }

    /// Returns what the sink was handed, without repeats.
    pub(crate) fn events(&self) -> Vec<ChangeEvent> {
        let mut events: Vec<ChangeEvent> = Vec::new();
        for event in self.sink.events.lock().unwrap().iter() {
            if !events.iter().any(|it| it.event_id == event.event_id) {
                events.push(event.clone());
            }
        }
        events
    }

    /// Waits until `n` different events came.
    pub(crate) async fn wait_for(&self, n: usize) -> Vec<ChangeEvent> {
        let begun = Instant::now();
        loop {
            let events = self.events();
            if events.len() >= n {
                return events;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {n} events came", events.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the place that is kept.
    pub(crate) async fn place(&self) -> Option<Value> {
        let entry = self.ledger.get("replay/main/data/ChangeEvents").await.unwrap()?;
        serde_json::from_str(&entry.value).ok()
    }
}

/// A subscriber in the background, killed when this is dropped.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}
