//! Tests of the worker over stores in memory.

use std::sync::Mutex;

use shared::Retry;
use shared::ids::{CorrelationId, ObjectName, RecordId};
use shared::model::{Channel, FieldValue, Fields, RecordKey, Scope};
use shared::ports::{DeltaPage, DeltaQuery, Health, MemoryCaseStore, MemoryLedger, RemoteRecord};
use shared::sync::testing::salesforce_mappings;

use super::*;

/// A remote system that holds what a test puts there.
#[derive(Default)]
struct FakeCrm {
    records: Mutex<BTreeMap<RecordId, RemoteRecord>>,
    n_reads: Mutex<u32>,
}

#[async_trait]
impl Crm for FakeCrm {
    async fn read(
        &self,
        _object: &ObjectName,
        record_id: &RecordId,
        _fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        *self.n_reads.lock().unwrap() += 1;
        Ok(self.records.lock().unwrap().get(record_id).cloned())
    }

    async fn changes(&self, _query: &DeltaQuery) -> Result<DeltaPage, PortError> {
        Ok(DeltaPage::default())
    }

    async fn more_changes(&self, _query: &DeltaQuery, _next: &str) -> Result<DeltaPage, PortError> {
        Ok(DeltaPage::default())
    }

    async fn health(&self) -> Result<Health, PortError> {
        Ok(Health { remote_now: Timestamp::EPOCH, calls_left: None })
    }
}

struct Rig {
    store: Arc<MemoryCaseStore>,
    ledger: Arc<MemoryLedger>,
    crm: Arc<FakeCrm>,
    worker: SyncWorker,
}

fn rig() -> Rig {
    let store = Arc::new(MemoryCaseStore::default());
    let ledger = Arc::new(MemoryLedger::default());
    let crm = Arc::new(FakeCrm::default());
    let remote = Remote {
        connection: ConnectionId::parse("main").unwrap(),
        crm: crm.clone(),
        mappings: salesforce_mappings(),
    };
    let worker = SyncWorker::new(store.clone(), ledger.clone(), vec![remote]);
    Rig { store, ledger, crm, worker }
}

fn record_id() -> RecordId {
    RecordId::parse("0015f00002J9YYEAA3").unwrap()
}

fn fields(name: &str) -> Fields {
    [("Name".to_owned(), FieldValue::text(name))].into()
}

fn event(change: Change, second: i64, scope: Scope, fields: Fields) -> ChangeEvent {
    ChangeEvent {
        event_id: format!("e-{second}"),
        key: RecordKey {
            connection: ConnectionId::parse("main").unwrap(),
            object: ObjectName::parse("Account").unwrap(),
            record_id: record_id(),
        },
        change,
        version: Some(Timestamp::from_millis(second * 1000)),
        scope,
        fields,
        unread: Vec::new(),
        channel: Channel::ChangeEvent,
        received_at: Timestamp::from_millis(second * 1000),
        is_backfill: false,
        correlation_id: CorrelationId::parse("c-1").unwrap(),
    }
}

impl Rig {
    async fn handle(&self, event: &ChangeEvent) -> Result<(), Failure> {
        self.handle_body(serde_json::to_string(event).unwrap()).await
    }

    async fn handle_body(&self, body: String) -> Result<(), Failure> {
        let message =
            Message { id: "m-1".into(), body, group: None, attempt: 1, trace_parent: None };
        self.worker.handle(&message).await
    }

    fn hold(&self, second: i64, is_deleted: bool, name: &str) {
        let record = RemoteRecord {
            record_id: record_id(),
            version: Timestamp::from_millis(second * 1000),
            is_deleted,
            fields: fields(name),
            unread: Vec::new(),
        };
        self.crm.records.lock().unwrap().insert(record_id(), record);
    }

    fn name(&self) -> Option<String> {
        let rows = self.store.rows();
        rows.values().next().and_then(|row| row["name"].as_text().map(str::to_owned))
    }

    fn is_deleted(&self) -> bool {
        self.store.shadows().values().next().unwrap().is_deleted
    }

    fn n_reads(&self) -> u32 {
        *self.crm.n_reads.lock().unwrap()
    }
}

#[tokio::test]
async fn full_event_needs_no_read() {
    let rig = rig();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Acme"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Acme"));
    assert_eq!(rig.n_reads(), 0);
}

#[tokio::test]
async fn partial_event_of_an_unknown_record_reads_it() {
    let rig = rig();
    rig.hold(2, false, "Acme");
    rig.handle(&event(Change::Upsert, 1, Scope::Changed, Fields::new())).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Acme"));
}

#[tokio::test]
async fn duplicate_event_is_written_once() {
    let rig = rig();
    let event = event(Change::Upsert, 1, Scope::Full, fields("Acme"));
    rig.handle(&event).await.unwrap();
    rig.handle(&event).await.unwrap();
    assert_eq!(rig.store.writes().len(), 1);
}

#[tokio::test]
async fn out_of_order_events_end_in_the_latest_state() {
    let rig = rig();
    rig.handle(&event(Change::Upsert, 2, Scope::Full, fields("New"))).await.unwrap();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Old"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("New"));
}

#[tokio::test]
async fn deleted_record_comes_back_by_undelete_only() {
    let rig = rig();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Acme"))).await.unwrap();
    rig.handle(&event(Change::Delete, 3, Scope::Full, Fields::new())).await.unwrap();
    rig.handle(&event(Change::Upsert, 2, Scope::Full, fields("Late"))).await.unwrap();
    assert!(rig.is_deleted());
    rig.handle(&event(Change::Undelete, 4, Scope::Full, fields("Back"))).await.unwrap();
    assert!(!rig.is_deleted());
    assert_eq!(rig.name().as_deref(), Some("Back"));
}

#[tokio::test]
async fn record_that_is_gone_for_good_is_deleted_here_too() {
    let rig = rig();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Acme"))).await.unwrap();
    rig.handle(&event(Change::Unknown, 2, Scope::Changed, Fields::new())).await.unwrap();
    assert!(rig.is_deleted());
}

#[tokio::test]
async fn two_edits_within_one_second_are_settled_by_reading() {
    let rig = rig();
    rig.hold(1, false, "Second");
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("First"))).await.unwrap();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Second"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Second"));
    assert_eq!(rig.n_reads(), 1);
}

#[tokio::test]
async fn tie_is_settled_by_reading_although_the_record_was_stamped_before_its_commit() {
    let rig = rig();
    rig.hold(1, false, "Second");
    rig.handle(&event(Change::Upsert, 2, Scope::Full, fields("First"))).await.unwrap();
    rig.handle(&event(Change::Upsert, 2, Scope::Full, fields("Second"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Second"));
}

#[tokio::test]
async fn names_in_another_case_and_a_short_id_are_the_same_record() {
    let rig = rig();
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Acme"))).await.unwrap();
    let mut event = event(Change::Upsert, 2, Scope::Changed, Fields::new());
    event.key.object = ObjectName::parse("ACCOUNT").unwrap();
    event.key.record_id = RecordId::parse("0015f00002J9YYE").unwrap();
    event.fields.insert("name".to_owned(), FieldValue::text("Acme & Sons"));
    rig.handle(&event).await.unwrap();
    assert_eq!(rig.store.rows().len(), 1);
    assert_eq!(rig.name().as_deref(), Some("Acme & Sons"));
}

#[tokio::test]
async fn version_of_a_clock_that_is_wrong_hides_no_later_change() {
    let rig = rig();
    rig.hold(1, false, "Acme");
    let mut ahead = event(Change::Upsert, 1, Scope::Full, fields("Ahead"));
    ahead.version = Some(Timestamp::parse("9999-01-01T00:00:00Z").unwrap());
    rig.handle(&ahead).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Acme"));
    rig.handle(&event(Change::Upsert, 3, Scope::Full, fields("Later"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Later"));
}

#[tokio::test]
async fn unknown_object_is_set_aside_with_the_fix() {
    let rig = rig();
    let mut event = event(Change::Upsert, 1, Scope::Full, Fields::new());
    event.key.object = ObjectName::parse("Lead").unwrap();
    let failure = rig.handle(&event).await.unwrap_err();
    assert_eq!(failure.retry(), Retry::Never);
    assert!(failure.reason().contains("`Lead` has no mapping"), "{failure}");
}

#[tokio::test]
async fn message_that_is_no_event_is_set_aside_without_being_repeated() {
    let rig = rig();
    for body in ["", "{", "[]", r#"{"name":"private"}"#] {
        let failure = rig.handle_body(body.to_owned()).await.unwrap_err();
        assert_eq!(failure.retry(), Retry::Never, "{body}");
        assert!(!failure.reason().contains("private"), "{failure}");
    }
}

#[tokio::test]
async fn conflicting_writers_merge_again() {
    let rig = rig();
    rig.store.refuse_next(3);
    rig.handle(&event(Change::Upsert, 1, Scope::Full, fields("Acme"))).await.unwrap();
    assert_eq!(rig.name().as_deref(), Some("Acme"));
}

#[tokio::test]
async fn lost_changes_set_the_poller_back_to_the_start() {
    let rig = rig();
    let mut event = event(Change::Unknown, 1, Scope::Changed, Fields::new());
    event.key.record_id = RecordId::parse("000000000000000AAA").unwrap();
    rig.handle(&event).await.unwrap();
    let name = Cursor::ledger_name(&event.key.connection, &event.key.object);
    let entry = rig.ledger.get(&name).await.unwrap().unwrap();
    let cursor: Cursor = serde_json::from_str(&entry.value).unwrap();
    assert_eq!(cursor.at, Timestamp::EPOCH);
}
