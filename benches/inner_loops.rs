//! The inner loops: what every event goes through, one step at a time.
//!
//! `cargo bench -- --quick` takes less than a minute; `scripts/bench/` compares whole processes.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use criterion::{Criterion, Throughput};
use http::Request;
use shared::auth::{SignatureScheme, WebhookVerifier};
use shared::config::Env;
use shared::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use shared::model::{Change, ChangeEvent, Channel, Fields, RecordKey, Scope};
use shared::ports::{LocalSecrets, NewMessage, Queue, SystemClock, SystemRandom};
use shared::secret::Secret;
use shared::sync::{AuditColumns, Authority, MergeContext, Merged, merge};
use shared::time::Timestamp;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use webhook_intake::{Intake, IntakeSettings, Limits, Senders, router};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const OUTBOUND_MESSAGE: &str = include_str!("../events/salesforce/outbound-message-many.xml");
const CHANGE_EVENT: &str = include_str!("../events/salesforce/change-event-update.json");
const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "6f1c2b7a9d3e4f508192a3b4c5d6e7f8";
const SETTINGS: &str = r#"{"connections": [
    {"name": "main", "organization_id": "00D5f000000ABCDEA4", "tokens": ["env:TOKEN"]}
]}"#;
const N_BATCH: u64 = 100;

fn main() -> Outcome {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let runtime = Runtime::new()?;
    merge_an_event(&mut criterion)?;
    check_a_signature(&mut criterion)?;
    take_webhooks(&mut criterion, &runtime)?;
    send_a_batch(&mut criterion, &runtime)?;
    hash_an_audit_row(&mut criterion);
    criterion.final_summary();
    Ok(())
}

/// An update of one field of a case whose shadow is known.
fn merge_an_event(criterion: &mut Criterion) -> Outcome {
    let mappings = wiring::connecting::standard_mappings()?;
    let object = ObjectName::parse("Case")?;
    let mapping = mappings.get(&object).ok_or("no mapping of `Case`")?;
    let actor = "salesforce:main";
    let context = MergeContext { mapping, actor, authority: Authority::Read, reported: None };
    let mut event = ChangeEvent {
        event_id: "7e6d1720".to_owned(),
        key: RecordKey {
            connection: ConnectionId::parse("main")?,
            object,
            record_id: RecordId::parse("5005f00000TgQ1aAAF")?,
        },
        change: Change::Upsert,
        version: Some(Timestamp::from_millis(1_793_527_201_000)),
        scope: Scope::Full,
        fields: case_fields()?,
        unread: Vec::new(),
        channel: Channel::Webhook,
        received_at: Timestamp::from_millis(1_793_527_202_000),
        is_backfill: false,
        correlation_id: CorrelationId::parse("01-bench")?,
    };
    let Merged::Write(first) = merge(&event, None, context)? else {
        return Err("the first event writes nothing".into());
    };
    event.version = event.version.map(|it| it.plus(Duration::from_secs(1)));
    event.fields.insert("Status".to_owned(), shared::model::FieldValue::text("Settled"));
    criterion.bench_function("merge an update", |bench| {
        bench.iter(|| merge(black_box(&event), Some(&first.shadow), context));
    });
    Ok(())
}

fn case_fields() -> Result<Fields, serde_json::Error> {
    serde_json::from_str(
        r#"{"CaseNumber": "00001042", "Docket_Number__c": "2026-CV-01042", "Subject": "Doe v. Roe",
            "Court__c": "Circuit Court of Cook County", "Status": "Mediation", "Priority": "High",
            "Practice_Area__c": "Employment", "Origin": "Web", "Reason": null,
            "Description": "The client was dismissed after a report to the labor department.",
            "AccountId": "0015f00002J9YYEAA3", "ContactId": "0035f00001kLmNoAAK", "IsClosed": false,
            "CreatedDate": "2026-10-12T09:15:00.000Z", "ClosedDate": null}"#,
    )
}

/// A body of a kilobyte, with one accepted secret.
fn check_a_signature(criterion: &mut Criterion) -> Outcome {
    let now = Timestamp::from_millis(1_793_527_201_000);
    let (id, timestamp, body) = ("msg_1", "1793527201", vec![b'x'; 1024]);
    let secrets = [Secret::new(SIGNING_SECRET)];
    let verifier = WebhookVerifier::new(SignatureScheme::standard_webhooks(), &secrets)?;
    let signature = verifier.sign(id, timestamp, &body);
    let header = |name: &str| match name {
        "webhook-id" => Some(id),
        "webhook-timestamp" => Some(timestamp),
        "webhook-signature" => Some(signature.as_str()),
        _ => None,
    };
    verifier.verify(header, &body, now)?;
    criterion.bench_function("check a signature over 1 KiB", |bench| {
        bench.iter(|| verifier.verify(header, black_box(&body), now));
    });
    Ok(())
}

/// A whole request through the routes, up to a queue in memory that knows its events already.
fn take_webhooks(criterion: &mut Criterion, runtime: &Runtime) -> Outcome {
    let intake = runtime.block_on(async {
        let secrets = LocalSecrets::new(Env::from_pairs([("TOKEN", TOKEN)]));
        let settings: IntakeSettings = serde_json::from_str(SETTINGS)?;
        let senders = Senders::resolve(&settings, &secrets, &SystemRandom).await?;
        let queue = wiring::queue(&"memory:?queue=events".parse()?).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let intake = Intake::new(queue, clock, random, senders, Limits::default());
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(router(Arc::new(intake)))
    })?;
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000)));
    let mut group = criterion.benchmark_group("intake");
    let cases = [
        ("take an outbound message", "outbound", "text/xml", OUTBOUND_MESSAGE),
        ("take a change event", "changes", "application/json", CHANGE_EVENT),
    ];
    for (name, endpoint, kind, body) in cases {
        let request = || {
            Request::post(format!("/hooks/salesforce/{endpoint}/main/{TOKEN}"))
                .header("content-type", kind)
                .extension(peer)
                .body(Body::from(body))
        };
        let answer = runtime.block_on(intake.clone().oneshot(request()?))?;
        if !answer.status().is_success() {
            return Err(format!("{name}: {}", answer.status()).into());
        }
        group.throughput(Throughput::Bytes(body.len().try_into()?));
        group.bench_function(name, |bench| {
            bench.iter(|| request().map(|it| runtime.block_on(intake.clone().oneshot(it))));
        });
    }
    group.finish();
    Ok(())
}

/// One commit of new messages, each with its dedupe key, with its fsync.
fn send_a_batch(criterion: &mut Criterion, runtime: &Runtime) -> Outcome {
    let folder = tempfile::tempdir()?;
    let address = format!("sqlite:{}/queue.db?queue=events", folder.path().display()).parse()?;
    let queue: Arc<dyn Queue> = runtime.block_on(wiring::queue(&address))?;
    let mut n_sent = 0_u64;
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(N_BATCH));
    group.bench_function("send a hundred messages to SQLite", |bench| {
        bench.iter(|| {
            let batch = (n_sent..n_sent + N_BATCH).map(message).collect();
            n_sent += N_BATCH;
            runtime.block_on(queue.send(batch))
        });
    });
    group.finish();
    Ok(())
}

fn message(idx: u64) -> NewMessage {
    NewMessage {
        body: CHANGE_EVENT.to_owned(),
        group: Some(format!("main/Case/{idx}")),
        dedupe_key: Some(format!("bench:{idx}")),
        delay: Duration::ZERO,
        trace_parent: None,
    }
}

fn hash_an_audit_row(criterion: &mut Criterion) {
    let row = AuditColumns {
        seq: 4711,
        at: 1_793_527_201_000,
        actor: "salesforce:main",
        kind: "updated",
        entity: "case",
        entity_id: "0199d1f2-7a3c-7e11-8f25-2b9d7a4c1e90",
        channel: "webhook",
        event_id: "04l5f000000fztFAAQ",
        correlation_id: "0199d1f27a3c7e118f252b9d7a4c1e90",
        source_version: 1_793_527_201_000,
        received_at: 1_793_527_201_250,
        changes: r#"[{"field":"status","before":"Mediation","after":"Settled"}]"#,
    };
    let previous = row.hash("");
    criterion.bench_function("hash an audit row", |bench| {
        bench.iter(|| black_box(&row).hash(black_box(&previous)));
    });
}
