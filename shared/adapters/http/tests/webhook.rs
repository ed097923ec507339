//! Signed webhooks, as their receiver finds them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings, SignedWebhook};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use shared::auth::{SignatureScheme, WebhookVerifier};
use shared::config::Env;
use shared::ports::{
    Clock as _, LocalSecrets, SecretAddress, SystemClock, SystemRandom, WebhookSender as _,
};
use shared::secret::Secret;
use shared::worker::Backoff;
use shared::{PortErrorKind, chain};
use tokio::net::TcpListener;
use url::Url;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Starts a receiver that answers with each of `statuses`, the last one for good.
async fn receiver(statuses: &'static [u16]) -> (Seen, Url) {
    let seen = Seen::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks?key=5", listener.local_addr().unwrap());
    let take = move |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| async move {
        let mut seen = seen.lock().unwrap();
        seen.push((headers, body));
        StatusCode::from_u16(*statuses.get(seen.len() - 1).or(statuses.last()).unwrap()).unwrap()
    };
    let router = Router::new().route("/hooks", post(take)).with_state(seen.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (seen, Url::parse(&url).unwrap())
}

fn webhook(url: Url) -> SignedWebhook {
    let settings = HttpSettings {
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(2) },
        ..HttpSettings::default()
    };
    let clock = Arc::new(SystemClock);
    let http = HttpClient::new(settings, clock.clone(), Arc::new(SystemRandom)).unwrap();
    let secrets = LocalSecrets::new(Env::from_pairs([("HOOK", SECRET)]));
    let secret: SecretAddress = "env:HOOK".parse().unwrap();
    SignedWebhook::new(http, url, secret, Arc::new(secrets), clock)
}

#[tokio::test]
async fn message_is_proved_by_its_receiver_and_keeps_its_id_when_it_comes_again() {
    let (seen, url) = receiver(&[503, 200]).await;

    webhook(url).send("report-1", r#"{"event":"report.ready"}"#).await.unwrap();

    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    let scheme = SignatureScheme::standard_webhooks();
    let verifier = WebhookVerifier::new(scheme, &[Secret::new(SECRET.to_owned())]).unwrap();
    for (headers, body) in &seen {
        let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        let proved = verifier.verify(header, body, SystemClock.now());
        assert_eq!(proved.unwrap(), Some("report-1"));
        assert_eq!(headers["content-type"], "application/json");
        assert!(verifier.verify(header, b"{}", SystemClock.now()).is_err());
    }
}

#[tokio::test]
async fn receiver_that_refuses_is_told_of_without_its_address() {
    let (_, url) = receiver(&[422]).await;
    let error = webhook(url).send("report-1", "{}").await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let text = chain(&error).to_string();
    assert!(!text.contains("key=5") && !text.contains(SECRET), "{text}");
}
