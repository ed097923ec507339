//! Intake over an in-memory queue, and the requests that senders make of it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use shared::auth::{SignatureScheme, WebhookVerifier};
use shared::config::Env;
use shared::ids::CorrelationId;
use shared::model::ChangeEvent;
use shared::ports::{
    Clock, DeadLetter, Delivery, LocalSecrets, MemoryQueue, NewMessage, Queue, QueueDepth, Random,
    ReplaySelection, SendOutcome, SystemRandom,
};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tower::ServiceExt as _;
use webhook_intake::{Intake, IntakeSettings, Limits, Senders, router};

pub(crate) const TOKEN: &str = "6f1c2b7a9d3e4f508192a3b4c5d6e7f8";
pub(crate) const NEXT_TOKEN: &str = "00112233445566778899aabbccddeeff";
pub(crate) const API_KEY: &str = "key-0123456789";
pub(crate) const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const NEXT_SIGNING_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
pub(crate) const ORGANIZATION: &str = "00D1I000003qqqEUAQ";
/// 2026-02-03T04:05:06Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_770_091_506_000);
pub(crate) const MAX_BODY_BYTES: usize = 1_048_576;

const SETTINGS: &str = r#"{
    "connections": [
        {"name": "main", "organization_id": "00D1I000003qqqE", "tokens": ["env:TOKEN", "env:NEXT_TOKEN"]},
        {"name": "walled", "organization_id": "00D1I000003qqqE", "allowed_ips": ["13.108.0.0/14"],
         "client_certificate": {"header": "x-client-cert", "value": "CN=org"}},
        {"name": "signed", "organization_id": "00D1I000003qqqE",
         "signature": {"secrets": ["env:SIGNING"]}, "api_key": {"keys": ["env:API_KEY"]}}
    ],
    "sources": [{"name": "forms", "secrets": ["env:NEXT_SIGNING", "env:SIGNING"]}]
}"#;

/// A clock that stands still.
pub(crate) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// The in-memory queue, which can be told to fail.
pub(crate) struct TestQueue {
    inner: MemoryQueue,
    pub(crate) fails_with: std::sync::Mutex<Option<PortErrorKind>>,
    pub(crate) is_stuck: AtomicBool,
    pub(crate) n_sends: AtomicU64,
}

#[async_trait]
impl Queue for TestQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        self.n_sends.fetch_add(1, Ordering::Relaxed);
        if self.is_stuck.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let fails_with = *self.fails_with.lock().unwrap();
        if let Some(kind) = fails_with {
            let error = PortError::new(kind, "test", "send", "events");
            return Err(error.with_retry_after(Duration::from_secs(17)));
        }
        self.inner.send(batch).await
    }

    async fn receive(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        self.inner.receive(max, visibility, wait).await
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        self.inner.extend(delivery, visibility).await
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        self.inner.ack(deliveries).await
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        self.inner.release(delivery, delay, reason).await
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        self.inner.give_back(delivery, delay).await
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        self.inner.bury(delivery, reason).await
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        self.inner.depth().await
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        self.inner.dead_letters(after, limit).await
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        self.inner.replay(selection).await
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn max_body_bytes(&self) -> usize {
        self.inner.max_body_bytes()
    }
}

/// What a sender got back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Intake as its callers see it.
pub(crate) struct Fixture {
    pub(crate) router: Router,
    pub(crate) queue: Arc<TestQueue>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(SETTINGS, Limits { max_body_bytes: MAX_BODY_BYTES, ..Limits::default() }).await
    }

    pub(crate) async fn with(settings: &str, limits: Limits) -> Self {
        let settings: IntakeSettings = serde_json::from_str(settings).unwrap();
        let secrets = LocalSecrets::new(Env::from_pairs([
            ("TOKEN", TOKEN),
            ("NEXT_TOKEN", NEXT_TOKEN),
            ("API_KEY", API_KEY),
            ("SIGNING", SIGNING_SECRET),
            ("NEXT_SIGNING", NEXT_SIGNING_SECRET),
        ]));
        let senders = Senders::resolve(&settings, &secrets, &SystemRandom).await.unwrap();
        let attempts = NonZeroU32::new(5).unwrap();
        let queue = Arc::new(TestQueue {
            inner: MemoryQueue::new("events", attempts, Arc::new(StillClock)),
            fails_with: std::sync::Mutex::default(),
            is_stuck: AtomicBool::default(),
            n_sends: AtomicU64::default(),
        });
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let intake =
            Intake::new(Arc::clone(&queue) as _, Arc::new(StillClock), random, senders, limits);
        Self { router: router(Arc::new(intake)), queue }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }

    /// Returns what the queue holds, in order.
    pub(crate) async fn queued(&self) -> Vec<ChangeEvent> {
        let all = NonZeroU32::new(100_000).unwrap();
        let deliveries = self.queue.receive(all, Duration::from_secs(60), Duration::ZERO).await;
        deliveries.unwrap().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect()
    }

    pub(crate) async fn n_queued(&self) -> u64 {
        self.queue.depth().await.unwrap().n_ready
    }
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Makes a request with the given content type and body.
pub(crate) fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", kind);
    let mut request = request.body(body.into()).unwrap();
    let correlation = CorrelationId::parse("test-correlation").unwrap();
    request.extensions_mut().insert(correlation);
    request
}

pub(crate) fn with_peer(mut request: Request<Body>, peer: &str) -> Request<Body> {
    let peer: SocketAddr = format!("{peer}:443").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

pub(crate) fn with_header(
    mut request: Request<Body>,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// Signs a request as Standard Webhooks does, `age_s` seconds before now.
pub(crate) fn signed(path: &str, id: &str, secret: &str, age_s: i64, body: &str) -> Request<Body> {
    let scheme = SignatureScheme::standard_webhooks();
    let verifier = WebhookVerifier::new(scheme, &[Secret::new(secret)]).unwrap();
    let timestamp = (NOW.as_millis() / 1000 - age_s).to_string();
    let signature = verifier.sign(id, &timestamp, body.as_bytes());
    let request = post(path, "application/json", body.to_owned());
    let request = with_header(request, "webhook-id", id);
    let request = with_header(request, "webhook-timestamp", &timestamp);
    with_header(request, "webhook-signature", &signature)
}

pub(crate) fn outbound_path() -> String {
    format!("/hooks/salesforce/outbound/main/{TOKEN}")
}

pub(crate) fn changes_path() -> String {
    format!("/hooks/salesforce/changes/main/{TOKEN}")
}

/// An outbound message with `notifications` in it.
pub(crate) fn envelope(notifications: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{ORGANIZATION}</OrganizationId>
   <ActionId>04k1I000000bmsHQAQ</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/66.0/00D1I000003qqqE</EnterpriseUrl>
   <PartnerUrl>https://example.my.salesforce.com/services/Soap/u/66.0/00D1I000003qqqE</PartnerUrl>
   {notifications}
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>"#
    )
}

/// The `idx`-th notification: a case with the given further fields.
pub(crate) fn notification(idx: usize, fields: &str) -> String {
    format!(
        r#"<Notification>
    <Id>04l1I00000{idx:05}</Id>
    <sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>5001I00000{idx:05}</sf:Id>{fields}
    </sObject>
   </Notification>"#
    )
}

/// A change event of one case.
pub(crate) fn change(change_type: &str, header: &str, body: &str) -> String {
    format!(
        r#"{{"ChangeEventHeader":{{"entityName":"Case","recordIds":["5001I0000000001"],"changeType":"{change_type}","changeOrigin":"","transactionKey":"00007e6d-1720-70a0-4379-f4dc745d2b31","sequenceNumber":1,"commitTimestamp":1778192987999,"commitNumber":1778192987716501506,"commitUser":"005bm000005uOROAA2"{header}}}{body}}}"#
    )
}

/// A webhook in our own form.
pub(crate) fn webhook(data: &str) -> String {
    format!(
        r#"{{"type":"record.changed","timestamp":"2026-02-03T04:05:05Z","data":{{"object":"Case","record_id":"A-17"{data}}}}}"#
    )
}
