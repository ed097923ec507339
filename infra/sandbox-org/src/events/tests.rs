//! What commits mean as events, and how the log is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Map, Value as Json, json};

use super::log::ReplayRefused;
use super::*;
use crate::Clock;
use crate::ids::RecordId;
use crate::org::{Author, Change, Org};
use crate::schema::Schema;

const NOON: i64 = 1_781_956_800_000;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// An org whose commits go into a log.
struct Bus {
    org: Org,
    log: Arc<EventLog>,
    now: Arc<AtomicI64>,
    author: Author,
}

impl Bus {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(NOON));
        let ticking = Arc::clone(&now);
        let log = EventLog::new(Clock::new(move || ticking.load(Ordering::Relaxed)));
        let schema = Arc::new(Schema::parse(crate::OBJECTS).unwrap());
        let author = Author::inside(RecordId::new(*b"005", 1));
        Self { org: Org::new(schema), log: Arc::new(log), now, author }
    }

    fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }

    fn commit(&mut self, changes: Vec<Change>) -> (Vec<RecordId>, Vec<Arc<ChangeEvent>>) {
        let now = self.now.load(Ordering::Relaxed);
        let (settled, commit) = self.org.write(&self.author, changes, false, now);
        let ids = settled.into_iter().map(|one| one.unwrap().id).collect();
        (ids, self.log.append(self.org.schema(), &commit.unwrap()))
    }

    fn account(&mut self, name: &str) -> RecordId {
        self.commit(vec![create("Account", json!({"Name": name}))]).0[0]
    }
}

fn fields(json: Json) -> Map<String, Json> {
    serde_json::from_value(json).unwrap()
}

fn create(object: &str, json: Json) -> Change {
    Change::Create { object: object.to_owned(), fields: fields(json) }
}

fn update(id: RecordId, json: Json) -> Change {
    Change::Update { object: None, id: id.to_string(), fields: fields(json) }
}

fn names(events: &[Arc<ChangeEvent>]) -> Vec<(&'static str, Vec<String>)> {
    events.iter().map(|event| (event.kind.name(), event.records.names())).collect()
}

#[test]
fn rows_that_change_alike_share_an_event() {
    let mut bus = Bus::new();
    let (one, two, three) = (bus.account("Doe"), bus.account("Roe"), bus.account("Poe"));
    let alike = json!({"BillingCity": "Oakland", "Site": null});

    let (_, events) = bus.commit(vec![
        update(one, alike.clone()),
        update(two, alike),
        update(three, json!({"BillingCity": "Reno"})),
    ]);

    let both = vec![one.to_string(), two.to_string()];
    assert_eq!(names(&events), [("UPDATE", both), ("UPDATE", vec![three.to_string()])]);
    assert_eq!((events[0].sequence, events[1].sequence), (1, 2));
    assert_eq!(events[0].transaction.key, events[1].transaction.key);
    let written = payload(&events[0]);
    let changed = &written["ChangeEventHeader"]["changedFields"];
    assert_eq!(*changed, json!(["LastModifiedDate", "BillingAddress.City"]));
    assert_eq!(written["BillingAddress"], json!({"City": "Oakland"}));
}

#[test]
fn row_touched_twice_in_a_transaction_has_one_event_of_the_first_kind() {
    let mut bus = Bus::new();
    let id = bus.account("Doe");
    let next = RecordId::new(*b"001", id.number() + 1);

    let (_, events) = bus.commit(vec![
        create("Account", json!({"Name": "Roe"})),
        update(next, json!({"Name": "Roe LLC"})),
        update(id, json!({"Site": "Oakland"})),
        Change::Delete { id: id.to_string() },
    ]);

    let expected = [("CREATE", vec![next.to_string()]), ("DELETE", vec![id.to_string()])];
    assert_eq!(names(&events), expected);
    assert_eq!(payload(&events[0])["Name"], "Roe LLC");
    let (_, none) = bus.commit(vec![
        create("Account", json!({"Name": "Poe"})),
        Change::Delete { id: RecordId::new(*b"001", id.number() + 2).to_string() },
    ]);
    assert!(none.is_empty());
}

#[test]
fn changes_above_a_hundred_thousand_overflow_once_for_each_object() {
    let mut bus = Bus::new();
    let n = 9_000;
    let changes = |object: &'static str, key: &'static str| {
        (0..n).map(move |idx| create(object, json!({key: format!("Doe {idx}")})))
    };

    let (_, events) =
        bus.commit(changes("Contact", "LastName").chain(changes("Account", "Name")).collect());

    let last = &events[events.len() - 1];
    assert_eq!((last.kind, last.object.name.as_str()), (ChangeKind::GapOverflow, "Account"));
    assert_eq!(last.records.names(), ["000000000000000AAA"]);
    let n_overflows = events.iter().filter(|event| event.kind == ChangeKind::GapOverflow).count();
    assert_eq!(n_overflows, 1);
    assert!(events.len() < 2 * n);
}

#[test]
fn event_above_a_megabyte_is_a_gap() {
    let mut bus = Bus::new();
    let longer = crate::OBJECTS.replace("32000", "2000000");
    bus.org = Org::new(Arc::new(Schema::parse(&longer).unwrap()));
    let id = bus.account("Doe");

    let (_, events) = bus.commit(vec![update(id, json!({"Description": "x".repeat(1_000_001)}))]);

    assert_eq!(names(&events), [("GAP_UPDATE", vec![id.to_string()])]);
    assert!(events[0].fields.is_empty());
}

#[test]
fn reader_goes_on_behind_a_replay_id() {
    let mut bus = Bus::new();
    let start = bus.log.newest();
    bus.account("Doe");
    let second = bus.log.newest();
    let roe = bus.account("Roe");

    let read = |from| {
        let mut reader = bus.log.open(from).unwrap();
        let events = reader.take(10).unwrap();
        (events.len(), reader.position())
    };

    assert_eq!(read(ReplayFrom::Earliest).0, 2);
    assert_eq!(read(ReplayFrom::Latest), (0, bus.log.newest()));
    let behind = bus.log.read(second, 10).unwrap();
    assert_eq!(names(&behind), [("CREATE", vec![roe.to_string()])]);
    assert_eq!(read(ReplayFrom::After(start)).0, 2);
    let unknown = ReplayRefused::Unknown { replay_id: u64::MAX };
    assert_eq!(bus.log.open(ReplayFrom::After(u64::MAX)).unwrap_err(), unknown);
}

#[test]
fn events_are_kept_for_72_hours() {
    let mut bus = Bus::new();
    let start = bus.log.newest();
    bus.account("Doe");
    let first = bus.log.newest();
    bus.pass(HOUR_MS);
    bus.account("Roe");

    bus.pass(71 * HOUR_MS - 1);
    assert_eq!(bus.log.read(start, 10).unwrap().len(), 2);
    bus.pass(1);

    let refusal = bus.log.read(start, 10).unwrap_err();
    assert_eq!(refusal, ReplayRefused::Expired { replay_id: start });
    assert_eq!(bus.log.read(first, 10).unwrap().len(), 1);
    assert_eq!(bus.log.len(), 1);
}

#[tokio::test]
async fn waiting_reader_is_woken_by_the_next_commit() {
    let mut bus = Bus::new();
    let mut reader = bus.log.open(ReplayFrom::Latest).unwrap();
    let waiting = tokio::spawn(async move { reader.next(10).await.unwrap() });
    tokio::task::yield_now().await;

    let id = bus.account("Doe");

    let events = tokio::time::timeout(std::time::Duration::from_secs(5), waiting).await;
    assert_eq!(names(&events.unwrap().unwrap()), [("CREATE", vec![id.to_string()])]);
}
