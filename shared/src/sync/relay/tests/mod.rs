//! The relay against a platform that refuses, changes behind our back, and loses answers.

mod jobs;
mod org;

use std::sync::Arc;

use super::*;
use crate::auth::Sight;
use crate::ids::{EntityId, ObjectName, RecordId};
use crate::model::{ChangeEvent, Channel, Entity, FieldValue, Fields, RecordKey, Scope};
use crate::ports::two_way_contract::HandClock;
use crate::ports::{
    ConflictFilter, Conflicts as _, MemoryCaseStore, MemoryLedger, OutboxStatus, RefusalClass,
    SystemRandom,
};
use crate::sync::mapping::ConflictPolicy;
use crate::sync::testing::salesforce_mappings;
use crate::sync::{Author, Authority, Desk, Inbound};
use org::{Org, refusal};

struct World {
    clock: Arc<HandClock>,
    org: Arc<Org>,
    store: Arc<MemoryCaseStore>,
    ledger: Arc<MemoryLedger>,
    desk: Desk,
    settings: RelaySettings,
    mappings: Mappings,
}

fn main() -> ConnectionId {
    ConnectionId::parse("main").unwrap()
}

fn object(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), FieldValue::text(value))).collect()
}

fn anna() -> Author {
    Author {
        actor: "person:anna".to_owned(),
        event_id: "request-1".to_owned(),
        correlation_id: CorrelationId::from_random(1),
    }
}

impl World {
    fn new() -> Self {
        Self::with(salesforce_mappings())
    }

    fn with(mappings: Mappings) -> Self {
        let clock = Arc::new(HandClock::default());
        let store = Arc::new(MemoryCaseStore::new(clock.clone()));
        let desk = Desk::new(
            store.clone(),
            store.clone(),
            clock.clone(),
            Arc::new(SystemRandom),
            [(main(), mappings.clone())],
        );
        Self {
            org: Arc::new(Org::new(clock.clone())),
            clock,
            store,
            ledger: Arc::default(),
            desk,
            settings: RelaySettings { bulk_threshold: 20, ..RelaySettings::default() },
            mappings,
        }
    }

    fn relay(&self) -> Relay {
        let remote = RelayRemote {
            connection: main(),
            mappings: self.mappings.clone(),
            crm: self.org.clone(),
            writer: self.org.clone(),
            bulk: Some(self.org.clone()),
        };
        let ports = RelayPorts {
            store: self.store.clone(),
            outbox: self.store.clone(),
            scan: self.store.clone(),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        };
        Relay::new(vec![remote], ports, self.settings.clone())
    }

    /// A process of its own that sends, some time later.
    async fn send(&self) -> Result<RelayTally, Failure> {
        self.pass(2);
        self.relay().run(None).await
    }

    fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
    }

    fn key(name: &str, record_id: &RecordId) -> RecordKey {
        RecordKey { connection: main(), object: object(name), record_id: record_id.clone() }
    }

    /// Makes an account over there and takes it in.
    async fn account(&self, id: &str, name: &str) -> (RecordId, EntityId) {
        let id = self.org.put(id, &fields(&[("Name", name)]));
        self.poll("Account", &id).await;
        let row = Self::key("Account", &id).entity_id();
        (id, row)
    }

    async fn poll(&self, name: &str, id: &RecordId) {
        let record = self.org.state().records[id].clone();
        let event = ChangeEvent {
            event_id: "poll".to_owned(),
            key: Self::key(name, id),
            change: if record.is_deleted {
                crate::model::Change::Delete
            } else {
                crate::model::Change::Upsert
            },
            version: Some(record.version),
            scope: Scope::Full,
            fields: record.fields,
            unread: Vec::new(),
            channel: Channel::Poll,
            received_at: self.clock.now(),
            is_backfill: false,
            correlation_id: CorrelationId::from_random(2),
        };
        let mappings = salesforce_mappings();
        let mapping = mappings.get(&object(name)).unwrap();
        let inbound =
            Inbound { store: &*self.store, crm: &*self.org, mapping, actor: "salesforce:main" };
        inbound.absorb(&event, Authority::Read).await.unwrap();
    }

    async fn change(&self, row: &EntityId, name: &str, value: &str) {
        let fields = fields(&[(name, value)]);
        self.desk.change(Entity::Account, row, fields, &anna()).await.unwrap();
    }

    async fn create(&self, entity: Entity, fields: Fields) -> EntityId {
        self.desk.create(entity, None, fields, &anna()).await.unwrap().entity_id
    }

    async fn shadow(&self, name: &str, id: &RecordId) -> crate::ports::Shadow {
        self.store.shadow(&Self::key(name, id)).await.unwrap().unwrap()
    }

    async fn n_waiting(&self, status: OutboxStatus) -> usize {
        self.store.waiting(status, None, 1000).await.unwrap().len()
    }

    /// Tells whether the audit log names a policy by which `value` did not stand.
    fn tells_of_loss(&self, value: &str) -> bool {
        let writes = self.store.writes();
        let changes = writes.iter().filter_map(|it| it.audit.as_ref()).flat_map(|it| &it.changes);
        let mut decisions = changes.flat_map(|it| &it.decisions);
        decisions.any(|it| it.other.as_text() == Some(value))
    }

    fn n_audited(&self) -> usize {
        self.store.writes().iter().filter(|it| it.audit.is_some()).count()
    }
}

#[tokio::test]
async fn change_is_one_write_there_and_then_silence() {
    let world = World::new();
    let (id, row) = world.account("acc-1", "Acme").await;
    world.pass(5);
    world.change(&row, "phone", "555-1").await;
    let n_audited = world.n_audited();

    let tally = world.send().await.unwrap();
    assert_eq!(tally, RelayTally { n_sent: 1, ..RelayTally::default() });
    world.pass(5);
    world.poll("Account", &id).await;

    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("555-1"));
    assert_eq!(world.org.state().writes.len(), 1);
    assert_eq!(world.n_audited(), n_audited, "our own change came back as one of theirs");
    assert_eq!(world.send().await.unwrap(), RelayTally::default());
    assert!(world.shadow("Account", &id).await.edits.is_empty());
}

#[tokio::test]
async fn new_rows_go_parents_first_and_get_their_names() {
    let world = World::new();
    let account = world.create(Entity::Account, fields(&[("name", "Acme")])).await;
    let case_fields = fields(&[("title", "Doe v. Roe"), ("account_id", account.as_str())]);
    let case = world.create(Entity::Case, case_fields).await;

    let tally = world.send().await.unwrap();

    assert_eq!(tally.n_sent, 2);
    assert_eq!(world.org.state().calls, ["save 1 Account", "save 1 Case"]);
    let (account_record, case_record) = {
        let state = world.org.state();
        (state.external[&account].clone(), state.external[&case].clone())
    };
    assert_eq!(
        world.org.field(&case_record, "AccountId").as_deref(),
        Some(account_record.as_str())
    );
    let located = world.store.locate(Entity::Case, &case).await.unwrap().unwrap();
    assert_eq!(located.record_id, case_record);
    let row = &world.store.rows()[&(Entity::Case, case)];
    assert_eq!(row["account_id"].as_text(), Some(account.as_str()));
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn lost_answer_makes_no_second_record() {
    let world = World::new();
    let row = world.create(Entity::Account, fields(&[("name", "Acme")])).await;
    world.org.state().loses_answer = true;

    assert!(world.send().await.is_err());
    world.send().await.unwrap();

    assert_eq!(world.org.state().records.len(), 1);
    let record = world.org.state().external[&row].clone();
    let located = world.store.locate(Entity::Account, &row).await.unwrap().unwrap();
    assert_eq!(located.record_id, record);
}

#[tokio::test]
async fn record_that_changed_just_before_our_write_is_merged_not_overwritten() {
    let world = World::new();
    let (id, row) = world.account("acc-1", "Acme").await;
    world.pass(5);
    world.change(&row, "phone", "ours").await;
    world.pass(5);
    // Somebody changes another field and this one, later than we did: theirs stands.
    world.org.state().meanwhile =
        vec![(id.clone(), fields(&[("Phone", "theirs"), ("Website", "w")]))];

    world.send().await.unwrap();
    world.send().await.unwrap();

    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("theirs"));
    let shadow = world.shadow("Account", &id).await;
    assert!(shadow.edits.is_empty());
    let row = &world.store.rows()[&(Entity::Account, row)];
    assert_eq!(row["phone"].as_text(), Some("theirs"));
    assert_eq!(row["website"].as_text(), Some("w"));
    assert!(world.tells_of_loss("ours"), "our value was lost without a word");
}

#[tokio::test]
async fn value_that_ours_replaces_by_policy_is_told_even_when_it_came_just_before_our_write() {
    let mut account = salesforce_mappings().get(&object("Account")).unwrap().clone();
    let phone = account.fields.iter_mut().find(|it| it.local == "phone").unwrap();
    phone.conflicts = ConflictPolicy::LocalWins;
    let world = World::with(Mappings::new("salesforce", [account]));
    let (id, row) = world.account("acc-1", "Acme").await;
    world.pass(5);
    world.change(&row, "phone", "ours").await;
    world.pass(5);
    world.org.state().meanwhile = vec![(id.clone(), fields(&[("Phone", "theirs")]))];

    world.send().await.unwrap();
    world.send().await.unwrap();

    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("ours"));
    assert!(world.tells_of_loss("theirs"), "their value was lost without a word");
}

#[tokio::test]
async fn refused_record_waits_for_a_person_and_the_others_go() {
    let world = World::new();
    let (bad, bad_row) = world.account("acc-1", "Bad").await;
    let (good, good_row) = world.account("acc-2", "Good").await;
    world.pass(5);
    world.change(&bad_row, "phone", "1").await;
    world.change(&good_row, "phone", "2").await;
    let no = refusal(RefusalClass::Permanent, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    world.org.state().refusals.insert(bad.to_string(), [no].into());

    let tally = world.send().await.unwrap();

    assert_eq!((tally.n_sent, tally.n_held), (1, 1));
    assert_eq!(world.org.field(&good, "Phone").as_deref(), Some("2"));
    let failed = world.store.waiting(OutboxStatus::Failed, None, 10).await.unwrap();
    let code = &failed[0].last.as_ref().unwrap().code;
    assert_eq!(code, "FIELD_CUSTOM_VALIDATION_EXCEPTION");

    world.store.resend(&main(), None).await.unwrap();
    assert_eq!(world.send().await.unwrap().n_sent, 1);
    assert_eq!(world.org.field(&bad, "Phone").as_deref(), Some("1"));
}

#[tokio::test]
async fn locked_records_are_sent_again_alone() {
    let world = World::new();
    let mut ids = Vec::new();
    for number in 0..6 {
        let (id, row) = world.account(&format!("acc-{number}"), "Acme").await;
        world.pass(2);
        world.change(&row, "phone", "555").await;
        ids.push(id);
    }
    let locked = refusal(RefusalClass::Alone, "UNABLE_TO_LOCK_ROW");
    world.org.state().refusals.insert(ids[1].to_string(), [locked.clone(), locked].into());

    let tally = world.send().await.unwrap();
    assert_eq!((tally.n_sent, tally.n_postponed), (5, 1));
    while world.n_waiting(OutboxStatus::Waiting).await > 0 {
        world.send().await.unwrap();
    }

    for id in &ids {
        assert_eq!(world.org.field(id, "Phone").as_deref(), Some("555"));
    }
    assert_eq!(
        world.org.state().calls,
        ["save 3 Account", "save 3 Account", "save 1 Account", "save 1 Account"]
    );
}

#[tokio::test]
async fn record_that_cannot_be_written_for_long_waits_for_a_person() {
    let mut world = World::new();
    world.settings.max_attempts = 3;
    let (id, row) = world.account("acc-1", "Acme").await;
    world.pass(2);
    world.change(&row, "phone", "555").await;
    let busy = refusal(RefusalClass::Later, "SERVER_UNAVAILABLE");
    world.org.state().refusals.insert(id.to_string(), vec![busy; 9].into());

    for _ in 0..10 {
        world.send().await.unwrap();
        world.pass(600);
    }

    assert_eq!(world.org.state().calls.len(), 3);
    assert_eq!(world.n_waiting(OutboxStatus::Failed).await, 1);
}

#[tokio::test]
async fn records_are_deleted_restored_and_merged() {
    let world = World::new();
    let (one, one_row) = world.account("acc-1", "One").await;
    let (two, two_row) = world.account("acc-2", "Two").await;
    world.pass(5);

    world.desk.delete(Entity::Account, &one_row, &anna()).await.unwrap();
    world.send().await.unwrap();
    assert!(world.org.state().records[&one].is_deleted);
    world.pass(5);
    world.poll("Account", &one).await;
    assert!(world.store.deleted_rows().contains(&(Entity::Account, one_row.clone())));

    world.desk.restore(Entity::Account, &one_row, &anna()).await.unwrap();
    world.send().await.unwrap();
    assert!(!world.org.state().records[&one].is_deleted);
    assert!(!world.store.deleted_rows().contains(&(Entity::Account, one_row.clone())));

    world.pass(5);
    world.desk.merge(Entity::Account, &one_row, &two_row, &anna()).await.unwrap();
    world.send().await.unwrap();
    assert_eq!(
        world.org.state().calls,
        ["delete 1 Account", "undelete 1 Account", "merge Account acc-1 into acc-2"]
    );
    let located = world.store.locate(Entity::Account, &one_row).await.unwrap().unwrap();
    assert_eq!(located.record_id, two);
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn merge_waits_for_the_name_of_its_survivor() {
    let world = World::new();
    let (one, one_row) = world.account("acc-1", "One").await;
    let two_row = world.create(Entity::Account, fields(&[("name", "Two")])).await;
    world.desk.merge(Entity::Account, &one_row, &two_row, &anna()).await.unwrap();
    world.pass(5);
    for _ in 0..3 {
        world.send().await.unwrap();
        world.pass(5);
    }
    assert!(world.org.state().records[&one].is_deleted);
    let located = world.store.locate(Entity::Account, &two_row).await.unwrap().unwrap();
    let call = format!("merge Account {one} into {}", located.record_id);
    assert!(world.org.state().calls.contains(&call), "{:?}", world.org.state().calls);
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn record_whose_survivor_was_deleted_over_there_lives_on() {
    let world = World::new();
    let (one, one_row) = world.account("acc-1", "One").await;
    let (two, two_row) = world.account("acc-2", "Two").await;
    world.pass(5);
    world.desk.merge(Entity::Account, &one_row, &two_row, &anna()).await.unwrap();
    world.org.state().records.get_mut(&two).unwrap().is_deleted = true;
    world.org.state().records.get_mut(&two).unwrap().version = world.clock.now().to_second();
    world.pass(5);
    world.poll("Account", &two).await;

    world.send().await.unwrap();

    assert!(!world.org.state().records[&one].is_deleted);
    assert!(!world.store.deleted_rows().contains(&(Entity::Account, one_row.clone())));
    let located = world.store.locate(Entity::Account, &one_row).await.unwrap().unwrap();
    assert_eq!(located.record_id, one, "its id stands for it again");
    let last = world.store.writes().into_iter().rev().find_map(|it| it.audit).unwrap();
    let told = last.changes.iter().find(|it| it.field == "merged_into").unwrap();
    assert_eq!(told.decisions.len(), 1);
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn record_that_is_gone_over_there_is_a_question_for_a_person() {
    let world = World::new();
    let (id, row) = world.account("acc-1", "One").await;
    world.pass(5);
    world.change(&row, "phone", "555").await;
    world.org.state().records.get_mut(&id).unwrap().is_deleted = true;
    world.pass(5);
    world.org.state().records.get_mut(&id).unwrap().version = world.clock.now().to_second();

    world.send().await.unwrap();

    assert!(world.org.state().writes.is_empty());
    let filter = ConflictFilter { limit: 10, ..ConflictFilter::default() };
    let open = world.store.conflicts(&Sight::Everything, &filter).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].field, "is_deleted");
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn row_that_was_made_and_deleted_here_is_never_made_there() {
    let world = World::new();
    let row = world.create(Entity::Account, fields(&[("name", "Acme")])).await;
    world.desk.delete(Entity::Account, &row, &anna()).await.unwrap();

    let tally = world.send().await.unwrap();

    assert_eq!(tally.n_settled, 1);
    assert!(world.org.state().records.is_empty());
    assert_eq!(world.n_waiting(OutboxStatus::Waiting).await, 0);
}

#[tokio::test]
async fn too_many_deletions_stop_the_object_until_somebody_lets_them_through() {
    let mut world = World::new();
    world.settings.guard = DeleteGuard { min_records: 2, max_share: 0.05 };
    let mut rows = Vec::new();
    for number in 0..8 {
        rows.push(world.account(&format!("acc-{number}"), "Acme").await.1);
    }
    world.pass(5);
    for row in &rows[..4] {
        world.desk.delete(Entity::Account, row, &anna()).await.unwrap();
    }
    let stopped = world.send().await.unwrap_err();
    assert!(stopped.reason().contains("allow-deletes"), "{stopped}");
    assert!(world.org.state().calls.is_empty());

    let now = world.clock.now();
    DeleteGuard::let_through(&*world.ledger, &main(), &object("Account"), now).await.unwrap();
    assert_eq!(world.send().await.unwrap().n_sent, 4);
}

#[tokio::test]
async fn record_of_the_present_second_waits_until_it_is_over() {
    let world = World::new();
    let (id, row) = world.account("acc-1", "Acme").await;
    world.change(&row, "phone", "555").await;

    let tally = world.relay().run(None).await.unwrap();
    assert_eq!((tally.n_sent, tally.n_postponed), (0, 1));
    assert!(world.org.state().writes.is_empty());

    assert_eq!(world.send().await.unwrap().n_sent, 1);
    assert_eq!(world.org.field(&id, "Phone").as_deref(), Some("555"));
    assert_eq!(world.n_waiting(OutboxStatus::Failed).await, 0);
}
