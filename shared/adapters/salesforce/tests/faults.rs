//! The adapter against an org that storms, hangs, answers garbage and counts its calls.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use adapter_salesforce::{SalesforceCrm, SalesforceSettings};
use fault_server::{Answer, FaultServer, Received, Script, Step};
use serde_json::json;
use shared::config::Env;
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::ports::{Clock, Crm, Ledger, LocalSecrets, MemoryLedger, SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::worker::quota::{self, QuotaSettings};
use shared::{PortError, PortErrorKind};

const EMPTY_PAGE: &str = r#"{"totalSize": 0, "done": true, "records": []}"#;

/// An org that gives a token to whoever asks and meets every query as `step` says, by its number.
async fn org(step: impl Fn(usize) -> Step + Send + Sync + 'static) -> FaultServer {
    let n_queries = std::sync::atomic::AtomicUsize::new(0);
    let choose = move |received: &Received| {
        if received.path == "/services/oauth2/token" {
            let host = received.header("host").unwrap();
            let instance_url = format!("http://{host}");
            return Step::json(
                json!({
                    "access_token": "00D!1", "instance_url": instance_url, "token_type": "Bearer",
                    "id": "https://login.salesforce.com/id/00D/005",
                    "issued_at": "1657741493799", "signature": "x", "scope": "api",
                })
                .to_string(),
            );
        }
        step(n_queries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1)
    };
    FaultServer::start(Script::by(choose)).await.unwrap()
}

fn crm(org: &FaultServer, ledger: Arc<dyn Ledger>) -> SalesforceCrm {
    let settings: SalesforceSettings = serde_json::from_value(json!({
        "connection": "main",
        "login_url": org.url(""),
        "auth": {"flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SECRET"},
    }))
    .unwrap();
    let http = HttpSettings {
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(5) },
        ..HttpSettings::default()
    };
    let quota = QuotaSettings::daily("salesforce", "main", 1000);
    let http = HttpClient::new(http, Arc::new(SystemClock), Arc::new(SystemRandom))
        .unwrap()
        .shared_through(ledger, "salesforce", quota);
    let secrets = Arc::new(LocalSecrets::new(Env::from_pairs([("SECRET", "s3cret")])));
    SalesforceCrm::new(settings, http, secrets, Arc::new(SystemClock))
}

async fn read(crm: &SalesforceCrm) -> Result<bool, PortError> {
    let case: RecordId = SalesforceId::parse("5005f00002J9YYE").unwrap().to_record_id();
    let object = ObjectName::parse("Case").unwrap();
    Ok(crm.read(&object, &case, &["Subject".into()]).await?.is_some())
}

#[tokio::test]
async fn storm_and_resets_are_ridden_out() {
    let org = org(|n| match n {
        1 => Step::status(503),
        2 => Step::Reset,
        3 => Step::ResetMidBody(Answer::json(EMPTY_PAGE)),
        _ => Step::json(EMPTY_PAGE),
    })
    .await;
    assert!(!read(&crm(&org, Arc::new(MemoryLedger::default()))).await.unwrap());
}

#[tokio::test]
async fn garbage_an_error_page_and_half_an_answer_are_unavailable_and_never_an_empty_answer() {
    for step in [
        Step::Garbage,
        Answer::html("<h1>Down for maintenance</h1>").into(),
        Answer::json(EMPTY_PAGE).truncated().into(),
    ] {
        let org = org(move |_| step.clone()).await;
        let error = read(&crm(&org, Arc::new(MemoryLedger::default()))).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn org_that_hangs_holds_a_caller_no_longer_than_it_waits() {
    let org = org(|_| Step::Hang).await;
    let crm = crm(&org, Arc::new(MemoryLedger::default()));
    // The adapter's own limit is that of a query, minutes; the worker's is the message's.
    let read = tokio::time::timeout(Duration::from_millis(500), read(&crm)).await;
    assert!(read.is_err());
    assert!(org.n_received() >= 2);
}

#[tokio::test]
async fn calls_that_the_org_counts_are_in_the_shared_quota() {
    let org = org(|n| {
        let usage = format!("api-usage={}/15000", 14_000 + n);
        Answer::json(EMPTY_PAGE).with_header("sforce-limit-info", &usage).into()
    })
    .await;
    let ledger = Arc::new(MemoryLedger::default());
    let crm = crm(&org, ledger.clone());

    read(&crm).await.unwrap();
    // A tenth of 15,000 is kept for people: nothing is left for a worker.
    let error = read(&crm).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::RateLimited);
    let states = quota::list(&*ledger, SystemClock.now()).await.unwrap();
    let state = states.first().unwrap();
    assert_eq!((state.limit, state.reserve), (15_000, 1500));
    assert!((14_001..=14_003).contains(&state.n_used), "{state:?}");
}
