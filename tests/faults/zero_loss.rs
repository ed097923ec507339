//! Zero loss: whatever dies whenever, every acknowledged event is applied exactly once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::ids::{ConnectionId, ObjectName, RecordId, SalesforceId};
use shared::model::{FieldValue, Fields, RecordKey};
use shared::ports::StoreDigest;
use shared::sync::{DigestSum, Mappings};

use crate::moodbridge::{Moodbridge, command, free_port};

/// Events that are posted, by this many senders.
const N_EVENTS: usize = 20_000;
const N_SENDERS: usize = 32;
/// Events of one request: as many as a small transaction has.
const N_BATCH: usize = 5;
/// Every fourth record gets several versions, in random order.
const N_VERSIONS: usize = 4;
/// How often the process is killed at least.
const N_KILLS: usize = 20;
const CONNECTION: &str = "soak";
const ORGANIZATION: &str = "00D5f000000ABCDEA4";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// How long everything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

/// One change of one record, as the source sends it.
#[derive(Clone)]
struct Sent {
    record_id: RecordId,
    version_ms: i64,
    is_delete: bool,
    title: String,
}

impl Sent {
    fn json(&self) -> Value {
        let change = if self.is_delete { "DELETE" } else { "CREATE" };
        let header = json!({
            "entityName": "Case", "recordIds": [self.record_id], "changeType": change,
            "transactionKey": format!("{}-{}", self.record_id, self.version_ms),
            "sequenceNumber": 1, "commitTimestamp": self.version_ms, "commitNumber": 1,
            "commitUser": "0055f000005mc66AAA", "changedFields": [],
        });
        if self.is_delete {
            json!({ "ChangeEventHeader": header })
        } else {
            json!({ "ChangeEventHeader": header, "Subject": self.title, "Status": "Active" })
        }
    }
}

/// A small generator, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for idx in (1..items.len()).rev() {
            items.swap(idx, self.below(idx + 1));
        }
    }
}

/// Makes the life of many records; the last version of some is a delete.
fn events() -> Vec<Sent> {
    let mut events = Vec::with_capacity(N_EVENTS);
    let mut record_idx = 0;
    while events.len() < N_EVENTS {
        let id = SalesforceId::parse(format!("5005f00000{record_idx:05}")).unwrap().to_record_id();
        let n_versions = if record_idx % 4 == 0 { N_VERSIONS } else { 1 };
        for version in 1..=n_versions.min(N_EVENTS - events.len()) {
            events.push(Sent {
                record_id: id.clone(),
                version_ms: 1_780_000_000_000 + i64::try_from(version).unwrap() * 60_000,
                is_delete: version == N_VERSIONS && record_idx % 8 == 0,
                title: format!("case {record_idx} version {version}"),
            });
        }
        record_idx += 1;
    }
    events
}

/// What the store must hold once every event is applied.
fn expected(events: &[Sent]) -> StoreDigest {
    let mut lives: BTreeMap<&RecordId, Vec<&Sent>> = BTreeMap::new();
    for event in events {
        lives.entry(&event.record_id).or_default().push(event);
    }
    let object = ObjectName::parse("Case").unwrap();
    let mapping = Mappings::salesforce().unwrap().get(&object).unwrap().clone();
    let mut sum = DigestSum::default();
    for (record_id, mut life) in lives {
        life.sort_by_key(|it| it.version_ms);
        let is_deleted = life.last().unwrap().is_delete;
        let last = life.iter().rfind(|it| !it.is_delete).unwrap();
        let fields: Fields = [
            ("Subject".to_owned(), FieldValue::text(&last.title)),
            ("Status".to_owned(), FieldValue::text("Active")),
        ]
        .into();
        let key = RecordKey {
            connection: ConnectionId::parse(CONNECTION).unwrap(),
            object: object.clone(),
            record_id: record_id.clone(),
        };
        sum.add(&key, is_deleted, &mapping.canonical(&fields).unwrap());
    }
    sum.finish()
}

fn write_settings(folder: &Path, port: u16) {
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    let settings = format!(
        r#"
        [server]
        address = "127.0.0.1:{port}"
        [[connections]]
        platform = "salesforce"
        connection = "{CONNECTION}"
        login_url = "http://127.0.0.1:9"
        [connections.auth]
        flow = "client_credentials"
        client_id = "nobody"
        client_secret = "file:token"
        [[intake.connections]]
        name = "{CONNECTION}"
        organization_id = "{ORGANIZATION}"
        tokens = ["file:token"]
        "#
    );
    std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
}

/// Posts its share until each batch is acknowledged, however often the server is not there.
async fn send_all(url: String, batches: Vec<Vec<Sent>>, n_acknowledged: Arc<AtomicUsize>) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    for batch in batches {
        let body = Value::Array(batch.iter().map(Sent::json).collect()).to_string();
        loop {
            let answer = client
                .post(&url)
                .header("content-type", "application/json")
                .body(body.clone())
                .send()
                .await;
            match answer {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) if answer.status() == 503 => {}
                Ok(answer) => panic!("{}: {}", answer.status(), answer.text().await.unwrap()),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        n_acknowledged.fetch_add(batch.len(), Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_any_number_of_kills_and_are_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    write_settings(folder.path(), port);
    assert!(command(folder.path(), &["db", "migrate"]).status.success());
    let events = events();
    let mut dice = Dice(42);
    let mut shuffled = events.clone();
    dice.shuffle(&mut shuffled);
    let mut shares = vec![Vec::new(); N_SENDERS];
    for (idx, batch) in shuffled.chunks(N_BATCH).enumerate() {
        shares[idx % N_SENDERS].push(batch.to_vec());
    }

    let begun = Instant::now();
    let mut moodbridge = Moodbridge::start(folder.path(), port, &["serve"]).await;
    let url = format!("{}/hooks/salesforce/changes/{CONNECTION}/{TOKEN}", moodbridge.url);
    let n_acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(send_all(url.clone(), share, Arc::clone(&n_acknowledged))))
        .collect();
    let mut n_kills = 0;
    while n_kills < N_KILLS || senders.iter().any(|it| !it.is_finished()) {
        assert!(begun.elapsed() < LIMIT, "{} acknowledged", n_acknowledged.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(dice.below(400) as u64)).await;
        if n_kills < N_KILLS {
            drop(moodbridge);
            n_kills += 1;
            moodbridge = Moodbridge::start(folder.path(), port, &["serve"]).await;
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(n_acknowledged.load(Ordering::Relaxed), N_EVENTS);
    let empty = |it: &Value| {
        let queue = &it["items"][0];
        queue["n_ready"] == 0 && queue["n_in_flight"] == 0 && queue["n_delayed"] == 0
    };
    let (queues, _) = moodbridge.wait_for("/v1/queues", LIMIT, empty).await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
    assert_eq!(moodbridge.stop(), Some(0));

    check_store(folder.path(), &events).await;
}

/// Compares the store with what was acknowledged, and proves the audit log.
async fn check_store(folder: &Path, events: &[Sent]) {
    let address = format!("sqlite:{}/.moodbridge/cases.db", folder.display());
    let stores = wiring::case_store(&url::Url::parse(&address).unwrap()).await.unwrap();
    assert_eq!(stores.view.digest().await.unwrap(), expected(events));

    let verification = stores.audit.verify(&|_| {}).await.unwrap();
    assert_eq!(verification.fault, None);
    let mut n_rows_by_event: BTreeMap<String, usize> = BTreeMap::new();
    let mut before = None;
    loop {
        let page = stores.audit.audit(None, before, 200).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        for row in page {
            *n_rows_by_event.entry(row.event_id).or_default() += 1;
        }
    }
    let twice: Vec<_> = n_rows_by_event.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "applied more than once: {twice:?}");
}
