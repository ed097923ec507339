//! Changes that are made here, on their whole way into an org: desk, outbox, relay, org, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_salesforce::{SalesforceCrm, standard_mappings};
use http::Method;
use sandbox_org::{BulkPace, BulkSettings, Seed, Settings};
use serde_json::{Value, json};
use shared::ids::{ConnectionId, CorrelationId, EntityId, RecordId};
use shared::model::{Change, ChangeEvent, Channel, Entity, FieldValue, Fields, RecordKey, Scope};
use shared::ports::{
    BulkWriter, CaseStore as _, Clock as _, Crm, CrmWriter, MemoryCaseStore, MemoryLedger,
    Outbox as _, OutboxStatus, SystemClock, SystemRandom,
};
use shared::sync::{
    Author, Authority, Desk, Inbound, Mappings, Relay, RelayPorts, RelayRemote, RelaySettings,
    RelayTally,
};
use shared::worker::Backoff;

use crate::support::{PACE, Peer, fields, object, text};

struct World {
    peer: Peer,
    crm: Arc<SalesforceCrm>,
    store: Arc<MemoryCaseStore>,
    ledger: Arc<MemoryLedger>,
    desk: Desk,
    mappings: Mappings,
    settings: RelaySettings,
}

fn main() -> ConnectionId {
    ConnectionId::parse("main").unwrap()
}

fn anna() -> Author {
    Author {
        actor: "person:anna".to_owned(),
        event_id: "request-1".to_owned(),
        correlation_id: CorrelationId::from_random(1),
    }
}

fn key(name: &str, record_id: &RecordId) -> RecordKey {
    RecordKey { connection: main(), object: object(name), record_id: record_id.clone() }
}

impl World {
    async fn start(bulk_threshold: u64) -> Self {
        let bulk = BulkSettings { pace: BulkPace::Polls, ..BulkSettings::default() };
        let peer = Peer::start(Settings { seed: Seed::Empty, bulk, ..Settings::default() }).await;
        let crm = Arc::new(SalesforceCrm::over(peer.client()).with_pace(PACE));
        let store = Arc::new(MemoryCaseStore::new(Arc::new(SystemClock)));
        let mappings = standard_mappings().unwrap();
        let desk = Desk::new(
            store.clone(),
            store.clone(),
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
            [(main(), mappings.clone())],
        );
        let backoff = Backoff { first: Duration::from_millis(50), cap: Duration::from_millis(100) };
        let settings = RelaySettings { bulk_threshold, backoff, ..RelaySettings::default() };
        Self { peer, crm, store, ledger: Arc::default(), desk, mappings, settings }
    }

    fn relay(&self) -> Relay {
        let writer: Arc<dyn CrmWriter> = self.crm.clone();
        let bulk: Arc<dyn BulkWriter> = self.crm.clone();
        let remote = RelayRemote {
            connection: main(),
            mappings: self.mappings.clone(),
            crm: self.crm.clone(),
            writer,
            bulk: Some(bulk),
        };
        let ports = RelayPorts {
            store: self.store.clone(),
            outbox: self.store.clone(),
            scan: self.store.clone(),
            ledger: self.ledger.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        Relay::new(vec![remote], ports, self.settings.clone())
    }

    /// Sends until nothing waits any more; returns what that took in all.
    async fn send_all(&self) -> RelayTally {
        let until = Instant::now() + Duration::from_secs(20);
        let mut sum = RelayTally::default();
        while self.n(OutboxStatus::Waiting).await > 0 {
            assert!(Instant::now() < until, "still waiting: {:?}", self.waiting().await);
            let tally = self.relay().run(None).await.unwrap();
            sum.n_sent += tally.n_sent;
            sum.n_held += tally.n_held;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sum
    }

    async fn waiting(&self) -> Vec<String> {
        let waiting = self.store.waiting(OutboxStatus::Waiting, None, 10).await.unwrap();
        waiting.iter().map(|it| format!("{} {:?}", it.key, it.last)).collect()
    }

    async fn n(&self, status: OutboxStatus) -> usize {
        self.store.waiting(status, None, 10_000).await.unwrap().len()
    }

    /// Makes a record over there, as somebody in the org does.
    async fn make(&self, name: &str, values: &Value) -> RecordId {
        let made = self.peer.call(Method::POST, &format!("sobjects/{name}"), values).await;
        RecordId::parse(made["id"].as_str().unwrap()).unwrap()
    }

    /// Takes a record in as the poller does; returns its row.
    async fn poll(&self, name: &str, id: &RecordId) -> EntityId {
        let mapping = self.mappings.get(&object(name)).unwrap();
        let names = mapping.remote_fields();
        let record = self.crm.read(&object(name), id, &names).await.unwrap().unwrap();
        let event = ChangeEvent {
            event_id: "poll".to_owned(),
            key: key(name, id),
            change: if record.is_deleted { Change::Delete } else { Change::Upsert },
            version: Some(record.version),
            scope: Scope::Full,
            fields: record.fields,
            unread: record.unread,
            channel: Channel::Poll,
            received_at: SystemClock.now(),
            is_backfill: false,
            correlation_id: CorrelationId::from_random(2),
        };
        let inbound =
            Inbound { store: &*self.store, crm: &*self.crm, mapping, actor: "salesforce:main" };
        inbound.absorb(&event, Authority::Read).await.unwrap();
        self.store.shadow(&key(name, id)).await.unwrap().unwrap().entity_id
    }

    async fn there(&self, name: &str, id: &RecordId) -> Fields {
        let names = self.mappings.get(&object(name)).unwrap().remote_fields();
        let read = self.crm.read_many(&object(name), std::slice::from_ref(id), &names).await;
        read.unwrap().records.remove(0).unwrap().fields
    }

    async fn record_of(&self, entity: Entity, row: &EntityId) -> RecordId {
        self.store.locate(entity, row).await.unwrap().unwrap().record_id
    }
}

#[tokio::test]
async fn edit_create_and_delete_arrive_and_are_settled() {
    let world = World::start(2_000).await;
    let kept = world.make("Account", &json!({"Name": "Acme", "Industry": "Energy"})).await;
    let gone = world.make("Account", &json!({"Name": "Gone"})).await;
    let (kept_row, gone_row) =
        (world.poll("Account", &kept).await, world.poll("Account", &gone).await);
    let desk = &world.desk;

    let phone = fields(&[("phone", text("555-1")), ("industry", FieldValue::Null)]);
    desk.change(Entity::Account, &kept_row, phone, &anna()).await.unwrap();
    desk.delete(Entity::Account, &gone_row, &anna()).await.unwrap();
    let parent = fields(&[("name", text("New firm 日本"))]);
    let parent = desk.create(Entity::Account, None, parent, &anna()).await.unwrap().entity_id;
    let case = fields(&[("title", text("Doe v. Roe")), ("account_id", text(parent.as_str()))]);
    let case = desk.create(Entity::Case, None, case, &anna()).await.unwrap().entity_id;
    let sent = world.send_all().await;

    assert_eq!((sent.n_sent, sent.n_held), (4, 0));
    let there = world.there("Account", &kept).await;
    assert_eq!(there["Phone"], text("555-1"));
    assert_eq!((&there["Industry"], &there["Name"]), (&FieldValue::Null, &text("Acme")));
    let read = world.crm.read_many(&object("Account"), std::slice::from_ref(&gone), &[]).await;
    assert!(read.unwrap().records[0].as_ref().unwrap().is_deleted);
    let parent_record = world.record_of(Entity::Account, &parent).await;
    let case_record = world.record_of(Entity::Case, &case).await;
    let there = world.there("Case", &case_record).await;
    assert_eq!(there["AccountId"], text(parent_record.as_str()));
    assert_eq!(there["MoodBridge_Id__c"], text(case.as_str()));
    // What comes back is known already.
    let n_written = world.store.writes().len();
    for (name, id) in [("Account", &kept), ("Account", &parent_record), ("Case", &case_record)] {
        world.poll(name, id).await;
        let shadow = world.store.shadow(&key(name, id)).await.unwrap().unwrap();
        assert!(shadow.edits.is_empty(), "{name}");
    }
    let audited = world.store.writes().split_off(n_written);
    assert!(
        audited.iter().all(|it| it.audit.is_none()),
        "our own change came back as one of theirs"
    );
    assert_eq!(world.relay().run(None).await.unwrap(), RelayTally::default());
}

#[tokio::test]
async fn change_of_somebody_else_in_between_is_merged() {
    let world = World::start(2_000).await;
    let id = world.make("Account", &json!({"Name": "Acme"})).await;
    let row = world.poll("Account", &id).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let phone = fields(&[("phone", text("ours"))]);
    world.desk.change(Entity::Account, &row, phone, &anna()).await.unwrap();
    let path = format!("sobjects/Account/{id}");
    world.peer.call(Method::PATCH, &path, &json!({"Website": "theirs"})).await;

    world.send_all().await;

    let there = world.there("Account", &id).await;
    assert_eq!((&there["Phone"], &there["Website"]), (&text("ours"), &text("theirs")));
    let row = &world.store.rows()[&(Entity::Account, row)];
    assert_eq!((&row["phone"], &row["website"]), (&text("ours"), &text("theirs")));
}

#[tokio::test]
async fn many_new_rows_go_by_jobs_and_the_odd_one_by_a_call() {
    let world = World::start(250).await;
    let account = fields(&[("name", text("Acme"))]);
    let account =
        world.desk.create(Entity::Account, None, account, &anna()).await.unwrap().entity_id;
    for no in 0..400 {
        // A bulk file would take this text for "nothing".
        let title = if no == 7 { "#N/A".to_owned() } else { format!("Case {no}") };
        let case = fields(&[("title", text(&title)), ("account_id", text(account.as_str()))]);
        world.desk.create(Entity::Case, None, case, &anna()).await.unwrap();
    }

    let sent = world.send_all().await;

    assert_eq!((sent.n_sent, sent.n_held), (401, 0));
    let rows = world.peer.rows("SELECT Id, AccountId, Subject FROM Case").await;
    assert_eq!(rows.len(), 400);
    let account = world.record_of(Entity::Account, &account).await;
    assert!(rows.iter().all(|it| it["AccountId"].as_str() == Some(account.as_str())));
    assert_eq!(rows.iter().filter(|it| it["Subject"] == "#N/A").count(), 1);
    assert_eq!(world.n(OutboxStatus::Failed).await, 0);
}
