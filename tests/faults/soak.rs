//! A soak of change events: made, posted until acknowledged, and checked in the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::auth::Sight;
use shared::ids::{ConnectionId, ObjectName, RecordId, SalesforceId};
use shared::model::{FieldValue, Fields, RecordKey};
use shared::ports::StoreDigest;
use shared::sync::DigestSum;

use crate::place::Place;

/// Events of one request: as many as a small transaction has.
const N_BATCH: usize = 5;
/// Every fourth record gets several versions, in random order.
const N_VERSIONS: usize = 4;
const CONNECTION: &str = "soak";
const ORGANIZATION: &str = "00D5f000000ABCDEA4";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// One change of one record, as the source sends it.
#[derive(Clone)]
pub(crate) struct Sent {
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
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
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

/// Makes the life of many records in `n_events` events; the last version of some is a delete.
pub(crate) fn events(n_events: usize) -> Vec<Sent> {
    let mut events = Vec::with_capacity(n_events);
    let mut record_idx = 0;
    while events.len() < n_events {
        let id = SalesforceId::parse(format!("5005f00000{record_idx:05}")).unwrap().to_record_id();
        let n_versions = if record_idx % 4 == 0 { N_VERSIONS } else { 1 };
        for version in 1..=n_versions.min(n_events - events.len()) {
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
    let mapping = wiring::connecting::standard_mappings().unwrap().get(&object).unwrap().clone();
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

/// Puts `events` in random order, in batches, and deals them out to `n_senders`.
pub(crate) fn shares(events: &[Sent], dice: &mut Dice, n_senders: usize) -> Vec<Vec<Vec<Sent>>> {
    let mut shuffled = events.to_vec();
    dice.shuffle(&mut shuffled);
    let mut shares = vec![Vec::new(); n_senders];
    for (idx, batch) in shuffled.chunks(N_BATCH).enumerate() {
        shares[idx % n_senders].push(batch.to_vec());
    }
    shares
}

/// Writes the settings of a process that listens on `port` as `name` into the folder of `place`.
pub(crate) fn write_settings(place: &Place, name: &str, port: u16) {
    std::fs::write(place.path().join("token"), TOKEN).unwrap();
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
        client_secret = "mounted:token"
        [[intake.connections]]
        name = "{CONNECTION}"
        organization_id = "{ORGANIZATION}"
        tokens = ["mounted:token"]
        "#
    );
    let store = place.addresses().map_or_else(String::new, |(cases, queue)| {
        format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n")
    });
    std::fs::write(place.path().join(name), store + &settings).unwrap();
}

/// Returns where a process at `url` takes the events.
pub(crate) fn hook(url: &str) -> String {
    format!("{url}/hooks/salesforce/changes/{CONNECTION}/{TOKEN}")
}

/// Tells whether the first of `queues` has nothing left to hand out.
pub(crate) fn is_empty(queues: &Value) -> bool {
    let queue = &queues["items"][0];
    queue["n_ready"] == 0 && queue["n_in_flight"] == 0 && queue["n_delayed"] == 0
}

/// Posts its share until each batch is acknowledged, however often the server is not there.
pub(crate) async fn send_all(
    url: String,
    batches: Vec<Vec<Sent>>,
    n_acknowledged: Arc<AtomicUsize>,
) {
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

/// Compares the store with what was acknowledged, and proves the audit log.
pub(crate) async fn check_store(place: &Place, events: &[Sent]) {
    let in_folder = || {
        let folder = place.path().display();
        url::Url::parse(&format!("sqlite:{folder}/.moodbridge/cases.db")).unwrap()
    };
    let address = place.addresses().map_or_else(in_folder, |(cases, _)| cases);
    let stores = wiring::case_store(&address).await.unwrap();
    assert_eq!(stores.view.digest().await.unwrap(), expected(events));

    let verification = stores.audit.verify(&|_| {}).await.unwrap();
    assert_eq!(verification.fault, None);
    let mut n_rows_by_event: BTreeMap<String, usize> = BTreeMap::new();
    let mut before = None;
    loop {
        let page = stores.audit.audit(&Sight::Everything, None, before, 200).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        for row in page {
            *n_rows_by_event.entry(row.event_id).or_default() += 1;
        }
    }
    let twice: Vec<_> = n_rows_by_event.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "applied more than once: {twice:?}");
}
