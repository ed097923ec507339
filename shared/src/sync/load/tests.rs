//! A load that breaks off, meets changes, and meets records that do not fit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::model::{Channel, FieldValue, Scope};
use crate::ports::two_way_contract::HandClock;
use crate::ports::{MemoryCaseStore, MemoryLedger, Shadow};
use crate::sync::testing::salesforce_mappings;
use crate::sync::whole_org::{WholeOrg, account, key, main};
use crate::sync::{Authority, Inbound, read_mapping};

#[derive(Default)]
struct Letters(Mutex<Vec<ChangeEvent>>);

#[async_trait]
impl Aside for Letters {
    async fn set_aside(&self, event: ChangeEvent) -> Result<(), PortError> {
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

struct World {
    clock: Arc<HandClock>,
    org: WholeOrg,
    store: MemoryCaseStore,
    ledger: MemoryLedger,
    aside: Letters,
    mapping: ObjectMapping,
}

impl World {
    /// Ten accounts, all changed an hour ago.
    fn new() -> Self {
        let clock = Arc::new(HandClock::default());
        let store = MemoryCaseStore::new(clock.clone());
        let world = Self {
            clock,
            org: WholeOrg::default(),
            store,
            ledger: MemoryLedger::default(),
            aside: Letters::default(),
            mapping: salesforce_mappings().get(&account()).unwrap().clone(),
        };
        for number in 0..10 {
            world.org.put(number, &format!("Account {number}"), world.an_hour_ago());
        }
        world
    }

    fn an_hour_ago(&self) -> Timestamp {
        self.clock.now().minus(Duration::from_hours(1)).to_second()
    }

    async fn load(&self) -> Result<Loaded, Failure> {
        let connection = main();
        let loader = Loader {
            connection: &connection,
            actor: "salesforce:main",
            reader: &self.org,
            crm: &self.org,
            store: &self.store,
            ledger: &self.ledger,
            aside: &self.aside,
            clock: &*self.clock,
        };
        let order = LoadOrder {
            mapping: &self.mapping,
            remote_now: self.clock.now(),
            reads_deleted: false,
            run: &CorrelationId::from_random(7),
        };
        loader.load(order, &|_| {}).await
    }

    async fn shadow(&self, number: usize) -> Option<Shadow> {
        self.store.shadow(&key(number)).await.unwrap()
    }

    async fn name(&self, number: usize) -> Option<String> {
        Some(self.shadow(number).await?.fields.get("Name")?.as_text()?.to_owned())
    }
}

#[tokio::test]
async fn every_record_is_loaded_and_the_note_is_gone() {
    let world = World::new();
    let began = world.clock.now();
    let loaded = world.load().await.unwrap();
    assert_eq!(loaded.begun_at, began);
    assert_eq!((loaded.progress.n_read, loaded.progress.n_applied), (10, 10));
    for number in 0..10 {
        assert_eq!(world.name(number).await, Some(format!("Account {number}")));
    }
    assert_eq!(Loader::noted(&world.ledger, &main(), &account()).await.unwrap(), None);
}

#[tokio::test]
async fn load_that_broke_goes_on_at_its_piece_and_keeps_its_beginning() {
    let world = World::new();
    let began = world.clock.now();
    world.org.n_pieces_left.store(2, Ordering::SeqCst);
    world.load().await.unwrap_err();
    let note = Loader::noted(&world.ledger, &main(), &account()).await.unwrap().unwrap();
    assert!(note.n_read >= 3, "{note:?}");
    world.org.n_pieces_left.store(usize::MAX, Ordering::SeqCst);
    world.clock.pass(Duration::from_secs(600));
    let loaded = world.load().await.unwrap();
    assert_eq!(loaded.begun_at, began, "what changed in between would be lost");
    assert_eq!(loaded.progress.n_read, 10);
    assert_eq!(world.org.n_pieces_told.load(Ordering::SeqCst), 4, "a piece was read twice");
    assert_eq!(world.name(9).await.as_deref(), Some("Account 9"));
}

#[tokio::test]
async fn change_that_came_meanwhile_is_not_written_over() {
    let world = World::new();
    let newer = world.an_hour_ago().plus(Duration::from_secs(60));
    let mappings = salesforce_mappings();
    let inbound = Inbound {
        store: &world.store,
        crm: &world.org,
        mapping: mappings.get(&account()).unwrap(),
        actor: "salesforce:main",
    };
    let mut fields = world.org.records.lock().unwrap()[&key(4).record_id].fields.clone();
    fields.insert("Name".to_owned(), FieldValue::text("Newer"));
    let event = ChangeEvent {
        event_id: "hook".to_owned(),
        key: key(4),
        change: crate::model::Change::Upsert,
        version: Some(newer),
        scope: Scope::Full,
        fields,
        unread: Vec::new(),
        channel: Channel::Poll,
        received_at: world.clock.now(),
        is_backfill: false,
        correlation_id: CorrelationId::from_random(1),
    };
    inbound.absorb(&event, Authority::Reported).await.unwrap();
    let loaded = world.load().await.unwrap();
    assert_eq!((loaded.progress.n_applied, loaded.progress.n_known), (9, 1));
    assert_eq!(world.name(4).await.as_deref(), Some("Newer"));
}

#[tokio::test]
async fn second_load_writes_nothing() {
    let world = World::new();
    world.load().await.unwrap();
    let loaded = world.load().await.unwrap();
    assert_eq!((loaded.progress.n_applied, loaded.progress.n_known), (0, 10));
}

#[tokio::test]
async fn record_that_does_not_fit_is_set_aside_and_the_others_are_loaded() {
    let mut world = World::new();
    let mapping = "object: Account\nentity: account\nfields:\n  \
                   - { remote: Name, local: name }\n  \
                   - { remote: Website, local: custom.is_client, type: bool }\n";
    world.mapping = read_mapping("account.yaml", mapping).unwrap();
    world.org.change(5, |it| {
        it.fields.insert("Website".to_owned(), FieldValue::text("perhaps"));
    });
    let loaded = world.load().await.unwrap();
    assert_eq!((loaded.progress.n_applied, loaded.progress.n_aside), (9, 1));
    let aside = world.aside.0.lock().unwrap();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].key, key(5));
}
