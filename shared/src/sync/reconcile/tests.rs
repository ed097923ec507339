//! Both sides of one org, made to differ in every way there is.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::error::PortError;
use crate::ids::{EntityId, RecordId};
use crate::model::{ChangeEvent, Channel, FieldValue, Scope};
use crate::ports::two_way_contract::HandClock;
use crate::ports::{MemoryCaseStore, MemoryLedger, RemoteRecord, SystemRandom};
use crate::sync::testing::salesforce_mappings;
use crate::sync::whole_org::{WholeOrg, account, id, key, main};
use crate::sync::{Author, Authority, Desk, Inbound};

#[derive(Default)]
struct Journal(Mutex<Vec<Reconciliation>>);

#[async_trait]
impl ReconcileJournal for Journal {
    async fn record_reconciliation(&self, run: &Reconciliation) -> Result<(), PortError> {
        self.0.lock().unwrap().push(run.clone());
        Ok(())
    }

    async fn reconciliations(&self, _: u32) -> Result<Vec<Reconciliation>, PortError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

struct World {
    journal: Journal,
    clock: Arc<HandClock>,
    org: WholeOrg,
    store: Arc<MemoryCaseStore>,
    ledger: MemoryLedger,
    settings: ReconcileSettings,
}

impl World {
    /// `n_accounts` accounts, all changed an hour ago, the same on both sides.
    async fn new(n_accounts: usize) -> Self {
        let clock = Arc::new(HandClock::default());
        let store = Arc::new(MemoryCaseStore::new(clock.clone()));
        let settings = ReconcileSettings {
            range_size: 4,
            settle: Duration::from_secs(30),
            guard: DeleteGuard { min_records: 2, max_share: 0.05 },
            ..ReconcileSettings::default()
        };
        let world = Self {
            journal: Journal::default(),
            clock,
            org: WholeOrg::default(),
            store,
            ledger: MemoryLedger::default(),
            settings,
        };
        for number in 0..n_accounts {
            let an_hour_ago = world.clock.now().minus(Duration::from_hours(1)).to_second();
            world.org.put(number, &format!("Account {number}"), an_hour_ago);
            world.take_in(number).await;
        }
        world
    }

    fn record(&self, number: usize) -> RemoteRecord {
        self.org.records.lock().unwrap()[&id(number)].clone()
    }

    async fn take_in(&self, number: usize) {
        let RemoteRecord { version, fields, .. } = self.record(number);
        let mappings = salesforce_mappings();
        let event = ChangeEvent {
            event_id: "poll".to_owned(),
            key: key(number),
            change: crate::model::Change::Upsert,
            version: Some(version),
            scope: Scope::Full,
            fields,
            unread: Vec::new(),
            channel: Channel::Poll,
            received_at: self.clock.now(),
            is_backfill: false,
            correlation_id: CorrelationId::from_random(1),
        };
        let inbound = Inbound {
            store: &*self.store,
            crm: &self.org,
            mapping: mappings.get(&account()).unwrap(),
            actor: "salesforce:main",
        };
        inbound.absorb(&event, Authority::Reported).await.unwrap();
    }

    async fn reconcile(&self) -> Reconciliation {
        let (mappings, connection) = (salesforce_mappings(), main());
        let reconciler = Reconciler {
            connection: &connection,
            actor: "salesforce:main",
            reader: &self.org,
            crm: &self.org,
            store: &*self.store,
            scan: &*self.store,
            ledger: &self.ledger,
            journal: &self.journal,
            clock: &*self.clock,
            random: &SystemRandom,
            settings: &self.settings,
        };
        reconciler.run(mappings.get(&account()).unwrap()).await.unwrap()
    }

    async fn name(&self, number: usize) -> Option<String> {
        let shadow = self.store.shadow(&key(number)).await.unwrap()?;
        Some(shadow.fields.get("Name")?.as_text()?.to_owned())
    }

    /// Changes a record over there without a word to us, half an hour ago.
    fn change_unheard(&self, number: usize, name: &str) {
        let half_an_hour_ago = self.clock.now().minus(Duration::from_mins(30)).to_second();
        self.org.put(number, name, half_an_hour_ago);
    }
}

fn kinds(run: &Reconciliation) -> Vec<(RecordId, DifferenceKind)> {
    let mut kinds: Vec<_> = run.samples.iter().map(|it| (it.record_id.clone(), it.kind)).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn equal_sides_are_equal() {
    let world = World::new(10).await;
    let run = world.reconcile().await;
    assert_eq!(run.outcome, ReconcileOutcome::Equal);
    assert_eq!((run.n_here, run.n_there, run.n_differ), (10, 10, 0));
    assert!((run.accuracy() - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn empty_object_is_equal() {
    let world = World::new(0).await;
    assert_eq!(world.reconcile().await.outcome, ReconcileOutcome::Equal);
}

#[tokio::test]
async fn whatever_differs_is_named_put_right_and_equal_the_next_time() {
    let world = World::new(12).await;
    world.change_unheard(2, "Changed");
    world.change_unheard(77, "New");
    world.org.records.lock().unwrap().remove(&id(5));
    let run = world.reconcile().await;
    assert_eq!(run.outcome, ReconcileOutcome::Repaired);
    assert_eq!(
        kinds(&run),
        [
            (id(2), DifferenceKind::Fields),
            (id(5), DifferenceKind::MissingThere),
            (id(77), DifferenceKind::MissingHere),
        ]
    );
    assert_eq!(run.samples.iter().find(|it| it.record_id == id(2)).unwrap().fields, ["Name"]);
    assert_eq!((run.n_here, run.n_there, run.n_repaired), (12, 12, 3));
    assert_eq!(world.name(2).await.as_deref(), Some("Changed"));
    assert_eq!(world.name(77).await.as_deref(), Some("New"));
    assert!(world.store.shadow(&key(5)).await.unwrap().unwrap().is_deleted);
    assert_eq!(world.reconcile().await.outcome, ReconcileOutcome::Equal);
}

#[tokio::test]
async fn look_without_repair_changes_nothing() {
    let mut world = World::new(10).await;
    world.settings.repairs = false;
    world.change_unheard(2, "Changed");
    let run = world.reconcile().await;
    assert_eq!((run.outcome, run.n_repaired), (ReconcileOutcome::Differs, 0));
    assert_eq!(world.name(2).await.as_deref(), Some("Account 2"));
}

#[tokio::test]
async fn too_many_deletions_wait_for_a_person() {
    let world = World::new(10).await;
    for number in 0..4 {
        world.org.records.lock().unwrap().remove(&id(number));
    }
    let run = world.reconcile().await;
    assert_eq!(run.outcome, ReconcileOutcome::Differs);
    let error = run.error.unwrap();
    assert!(error.contains("allow-deletes"), "{error}");
    assert!(!world.store.shadow(&key(0)).await.unwrap().unwrap().is_deleted);
    DeleteGuard::let_through(&world.ledger, &main(), &account(), world.clock.now()).await.unwrap();
    assert_eq!(world.reconcile().await.outcome, ReconcileOutcome::Repaired);
    assert!(world.store.shadow(&key(0)).await.unwrap().unwrap().is_deleted);
}

#[tokio::test(start_paused = true)]
async fn change_of_a_moment_ago_is_looked_at_again_before_it_counts() {
    let world = World::new(10).await;
    world.org.put(3, "Just now", world.clock.now().to_second());
    // The hand clock stands still while the comparison waits: it comes in meanwhile.
    let (run, ()) = tokio::join!(world.reconcile(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.take_in(3).await;
    });
    assert_eq!((run.outcome, run.n_differ), (ReconcileOutcome::Equal, 0));
}

#[tokio::test]
async fn what_waits_to_be_sent_is_no_difference() {
    let world = World::new(10).await;
    let desk = Desk::new(
        world.store.clone(),
        world.store.clone(),
        world.clock.clone(),
        Arc::new(SystemRandom),
        [(main(), salesforce_mappings())],
    );
    let author = Author {
        actor: "person:anna".to_owned(),
        event_id: "request-1".to_owned(),
        correlation_id: CorrelationId::from_random(1),
    };
    let row: EntityId = key(4).entity_id();
    let fields = [("name".to_owned(), FieldValue::text("Edited here"))].into();
    desk.change(crate::model::Entity::Account, &row, fields, &author).await.unwrap();
    let run = world.reconcile().await;
    assert_eq!((run.outcome, run.n_differ), (ReconcileOutcome::Equal, 0));
}
