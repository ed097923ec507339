//! Rows that travel both ways, on both engines.

use std::sync::Arc;

use shared::ids::EntityId;
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::case_tally_contract::case_tally_contract;
use shared::ports::conflicts_contract::conflicts_contract;
use shared::ports::current_rows_contract::current_rows_contract;
use shared::ports::history_contract::history_contract;
use shared::ports::pipeline_journal_contract::pipeline_journal_contract;
use shared::ports::reconcile_journal_contract::reconcile_journal_contract;
use shared::ports::record_scan_contract::record_scan_contract;
use shared::ports::report_journal_contract::{report_journal_contract, screened_case, watcher};
use shared::ports::two_way_contract::{identity_contract, outbox_contract};
use shared::ports::{
    CaseStore, Clock, ScanRange, Shadow, Stance, SystemClock, Wall, Walls, Write, WriteKind,
};
use shared::time::Timestamp;
use tokio::sync::Mutex;

use super::deployment::{Deployment, on_both_engines};
use crate::MigrationPolicy;
use crate::store::{PostgresCaseStore, SqliteCaseStore};
use crate::testkit::FreshDatabase;

/// Files that live as long as the contract that runs on them.
#[derive(Default)]
struct Files(Mutex<Vec<tempfile::TempDir>>);

impl Files {
    async fn fresh(&self, clock: Arc<dyn Clock>) -> Arc<SqliteCaseStore> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        let store = SqliteCaseStore::open(&path, MigrationPolicy::Apply, clock).await.unwrap();
        self.0.lock().await.push(folder);
        Arc::new(store)
    }
}

#[tokio::test]
async fn sqlite_store_keeps_the_contracts_of_rows_that_travel_both_ways() {
    let files = Files::default();
    identity_contract(|| files.fresh(Arc::new(SystemClock))).await;
    outbox_contract(|clock| files.fresh(clock)).await;
    conflicts_contract(|| files.fresh(Arc::new(SystemClock))).await;
    reconcile_journal_contract(&*files.fresh(Arc::new(SystemClock)).await).await;
    pipeline_journal_contract(&*files.fresh(Arc::new(SystemClock)).await).await;
    report_journal_contract(&*screened(files.fresh(Arc::new(SystemClock)).await).await).await;
    record_scan_contract(|| files.fresh(Arc::new(SystemClock))).await;
    case_tally_contract(|| files.fresh(Arc::new(SystemClock))).await;
    current_rows_contract(|| files.fresh(Arc::new(SystemClock))).await;
    history_contract(|clock| files.fresh(clock)).await;
}

/// Databases that live as long as the contract that runs on them.
#[derive(Default)]
struct Databases(Mutex<Vec<FreshDatabase>>);

impl Databases {
    async fn fresh(&self, clock: Arc<dyn Clock>) -> Arc<PostgresCaseStore> {
        let database = FreshDatabase::create().await.unwrap();
        let policy = MigrationPolicy::Apply;
        let store = PostgresCaseStore::open(&database.options(), policy, clock).await.unwrap();
        self.0.lock().await.push(database);
        Arc::new(store)
    }
}

#[tokio::test]
async fn postgres_store_keeps_the_contracts_of_rows_that_travel_both_ways() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    identity_contract(|| databases.fresh(Arc::new(SystemClock))).await;
    outbox_contract(|clock| databases.fresh(clock)).await;
    conflicts_contract(|| databases.fresh(Arc::new(SystemClock))).await;
    reconcile_journal_contract(&*databases.fresh(Arc::new(SystemClock)).await).await;
    pipeline_journal_contract(&*databases.fresh(Arc::new(SystemClock)).await).await;
    report_journal_contract(&*screened(databases.fresh(Arc::new(SystemClock)).await).await).await;
    record_scan_contract(|| databases.fresh(Arc::new(SystemClock))).await;
    case_tally_contract(|| databases.fresh(Arc::new(SystemClock))).await;
    current_rows_contract(|| databases.fresh(Arc::new(SystemClock))).await;
    history_contract(|clock| databases.fresh(clock)).await;
}

/// Hides the case of the contract of reports from its watcher.
async fn screened<S: Walls>(store: Arc<S>) -> Arc<S> {
    let wall = Wall {
        case_id: screened_case(),
        person: watcher(),
        stance: Stance::Screened,
        reason: "advised the other side".to_owned(),
        set_by: watcher(),
        set_at: Timestamp::EPOCH,
    };
    store.set_wall(&wall).await.unwrap();
    store
}

fn case_of(account: &EntityId, number: u32) -> Write {
    let row = text_fields([("title", "Doe v. Roe"), ("account_id", account.as_str())]);
    sample_write(Entity::Case, number, row)
}

/// Makes an account here, lets the platform name it, and points two cases at it: one by its own
/// id, one by that of the record. Then merges it into another.
async fn play(store: &dyn CaseStore) {
    let id = EntityId::from_random(7);
    let mut made = sample_write(Entity::Account, 1, text_fields([("name", "Made Here")]));
    made.entity_id = id.clone();
    let mut key = sample_key(Entity::Account, 1);
    key.record_id = shared::ids::RecordId::of_local(&id);
    made.shadow = Shadow::unseen(key.clone());
    store.apply(made.clone()).await.unwrap();

    let mut named = next_write(made.clone(), WriteKind::Updated, 1);
    named.marks.was_named = Some(key.record_id);
    named.shadow.key = sample_key(Entity::Account, 1);
    store.apply(named.clone()).await.unwrap();
    store.apply(case_of(&id, 1)).await.unwrap();
    store.apply(case_of(&sample_key(Entity::Account, 1).entity_id(), 2)).await.unwrap();

    let winner = sample_write(Entity::Account, 2, text_fields([("name", "Winner")]));
    store.apply(winner.clone()).await.unwrap();
    let mut merged = next_write(named, WriteKind::Deleted, 2);
    merged.marks.was_named = None;
    merged.marks.merged_into = Some(winner.entity_id);
    store.apply(merged).await.unwrap();

    let mut custom = case_of(&id, 3);
    custom.row.insert("custom.fee".to_owned(), FieldValue::Float(19.99));
    custom.row.insert("custom.note".to_owned(), FieldValue::text("a \"b\" \u{0}"));
    custom.row.insert("custom.none".to_owned(), FieldValue::Null);
    store.apply(custom).await.unwrap();
}

async fn references_follow_names_and_merges(deployment: Deployment) {
    play(&*deployment.store).await;
    let rows: Vec<(Option<String>, String)> = deployment
        .rows("SELECT account_id, CAST(custom AS TEXT) FROM cases ORDER BY record_id")
        .await;
    let winner = sample_key(Entity::Account, 2).entity_id();
    assert!(rows.iter().all(|it| it.0.as_deref() == Some(winner.as_str())), "{rows:?}");
    let custom: serde_json::Value = serde_json::from_str(&rows[2].1).unwrap();
    assert_eq!(custom, serde_json::json!({"fee": 19.99, "note": "a \"b\" \u{0}"}));
    assert_eq!(rows[0].1, "{}");
}

async fn references_come_back_with_a_row_that_is_no_longer_merged(deployment: Deployment) {
    let store = &*deployment.store;
    let [loser, winner] =
        [1, 2].map(|it| sample_write(Entity::Account, it, text_fields([("name", "Acme")])));
    for write in [&loser, &winner] {
        store.apply(write.clone()).await.unwrap();
    }
    // One case is of the first account over there, and one has become one of the second.
    for (number, account) in [(1, &loser), (2, &winner)] {
        let mut case = case_of(&loser.entity_id, number);
        let named = FieldValue::Text(account.shadow.key.record_id.as_str().to_owned());
        case.shadow.fields = [("AccountId".to_owned(), named)].into();
        store.apply(case).await.unwrap();
    }
    let mut merged = next_write(loser.clone(), WriteKind::Deleted, 1);
    merged.marks.merged_into = Some(winner.entity_id.clone());
    store.apply(merged.clone()).await.unwrap();

    merged.marks.merged_into = None;
    store.apply(next_write(merged, WriteKind::Restored, 2)).await.unwrap();

    let rows: Vec<(String,)> =
        deployment.rows("SELECT account_id FROM cases ORDER BY record_id").await;
    let wanted = [loser, winner].map(|it| (it.entity_id.to_string(),));
    assert_eq!(rows, wanted);
}

async fn scanned_row_of_a_case_has_the_form_of_its_write(deployment: Deployment) {
    let mut write = case_of(&sample_key(Entity::Account, 1).entity_id(), 1);
    let given = [
        ("is_closed", FieldValue::Bool(true)),
        ("opened_at", FieldValue::text("2026-01-02T03:04:05.006Z")),
        ("closed_at", FieldValue::Null),
        ("description", FieldValue::Text("zero \0, mark \u{10fffe}0".to_owned())),
        ("custom.fee", FieldValue::Float(19.99)),
        ("custom.note", FieldValue::Text("a \"b\" \0 \u{10fffe}1".to_owned())),
        ("custom.none", FieldValue::Null),
    ];
    write.row.extend(given.map(|(name, value)| (name.to_owned(), value)));
    deployment.store.apply(write.clone()).await.unwrap();

    let key = sample_key(Entity::Case, 1);
    let (connection, object) = (key.connection, key.object);
    let range = ScanRange { connection, object, after: None, until: None, limit: 9 };
    let scanned = deployment.store.scan(&range).await.unwrap();

    let row = scanned[0].row.clone().unwrap();
    for (name, value) in &write.row {
        assert_eq!(row.get(name).unwrap_or(&FieldValue::Null), value, "{name}");
    }
    assert_eq!(row["status"], FieldValue::Null);
}

/// Many new records in one commit: some refer to a row by an alias, one comes twice, one has a row
/// already, and their columns differ.
async fn records_that_come_together_stand_as_each_was_written(deployment: Deployment) {
    let store = &deployment.store;
    let (id, alias) = account_with_an_alias(&**store).await;
    let has_row = case_of(&id, 3);
    store.apply(has_row.clone()).await.unwrap();
    let record_id = has_row.shadow.key.record_id.as_str();
    deployment.tamper(&format!("DELETE FROM sync_shadow WHERE record_id = '{record_id}'")).await;

    let mut writes: Vec<Write> = (1..=150)
        .map(|number| {
            let mut write = case_of(if number % 2 == 0 { &id } else { &alias }, number);
            if number % 3 == 0 {
                let note = format!("filing {number}, zero \0");
                write.row.insert("description".to_owned(), FieldValue::Text(note));
                write.row.insert("custom.rating".to_owned(), FieldValue::Int(5));
            }
            write
        })
        .collect();
    writes.push(case_of(&id, 9));
    writes.push(sample_write(Entity::Contact, 1, text_fields([("last_name", "Byron")])));
    let together = writes.iter().map(|it| store.apply(it.clone()));
    let applied = futures_util::future::join_all(together).await;

    assert_eq!(applied.iter().filter(|it| it.is_err()).count(), 1, "{applied:?}");
    let key = sample_key(Entity::Case, 1);
    let (connection, object) = (key.connection, key.object);
    let range = ScanRange { connection, object, after: None, until: None, limit: 999 };
    let scanned = store.scan(&range).await.unwrap();
    assert_eq!(scanned.len(), 150);
    for (scanned, write) in scanned.iter().zip(&writes) {
        assert_eq!(scanned.shadow, Shadow { revision: 1, ..write.shadow.clone() });
        let row = scanned.row.clone().unwrap();
        for (name, value) in write.row.iter().filter(|it| it.0 != "account_id") {
            assert_eq!(&row[name], value, "{name}");
        }
        assert_eq!(row["account_id"], FieldValue::text(id.as_str()));
    }
    let audit = store.verify(&|_| {}).await.unwrap();
    assert_eq!((audit.n_rows, audit.fault), (3 + 151, None));
    assert_eq!(store.newest_change().await.unwrap(), 3 + 151);
}

/// Makes an account here and names it over there; returns its id, and the alias of that.
async fn account_with_an_alias(store: &dyn CaseStore) -> (EntityId, EntityId) {
    let id = EntityId::from_random(7);
    let mut made = sample_write(Entity::Account, 1, text_fields([("name", "Made Here")]));
    made.entity_id = id.clone();
    let mut key = sample_key(Entity::Account, 1);
    key.record_id = shared::ids::RecordId::of_local(&id);
    made.shadow = Shadow::unseen(key.clone());
    store.apply(made.clone()).await.unwrap();
    let mut named = next_write(made, WriteKind::Updated, 1);
    named.marks.was_named = Some(key.record_id);
    named.shadow.key = sample_key(Entity::Account, 1);
    store.apply(named).await.unwrap();
    (id, sample_key(Entity::Account, 1).entity_id())
}

/// What becomes of the case of `before`: some are deleted, some get other columns, one is only seen.
fn changed(before: &Write, number: u32) -> Write {
    let kind = if number.is_multiple_of(5) { WriteKind::Deleted } else { WriteKind::Updated };
    let mut write = next_write(before.clone(), kind, 1);
    match number % 3 {
        0 => {
            write.row.insert("title".to_owned(), FieldValue::Text(format!("filing {number} \0")));
            write.row.insert("custom.rating".to_owned(), FieldValue::Int(number.into()));
        }
        1 => {
            write.row.insert("status".to_owned(), FieldValue::text("open"));
            write.row.insert("is_closed".to_owned(), FieldValue::Bool(number.is_multiple_of(2)));
        }
        _ => {}
    }
    if number == 8 {
        write.audit = None;
    }
    write
}

/// Many changes in one commit: some refer to a row by an alias, one comes twice, one is stale, and
/// what differs is not the same in all.
async fn records_that_change_together_stand_as_each_was_written(deployment: Deployment) {
    let store = &deployment.store;
    let (id, alias) = account_with_an_alias(&**store).await;
    let made: Vec<Write> = (1..=150).map(|number| case_of(&id, number)).collect();
    let making = made.iter().map(|it| store.apply(it.clone()));
    for applied in futures_util::future::join_all(making).await {
        applied.unwrap();
    }

    let mut writes: Vec<Write> =
        made.iter().zip(1..).map(|(before, number)| changed(before, number)).collect();
    for write in writes.iter_mut().step_by(7) {
        write.row.insert("account_id".to_owned(), FieldValue::text(alias.as_str()));
    }
    let (twice, mut stale) = (writes[20].clone(), writes[30].clone());
    stale.shadow.revision = 9;
    let together = [&stale].into_iter().chain(&writes).chain([&twice]);
    let applied = futures_util::future::join_all(together.map(|it| store.apply(it.clone()))).await;

    let failed: Vec<_> = applied.iter().enumerate().filter(|it| it.1.is_err()).collect();
    assert_eq!(failed.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 151], "{failed:?}");
    let key = sample_key(Entity::Case, 1);
    let (connection, object) = (key.connection, key.object);
    let range = ScanRange { connection, object, after: None, until: None, limit: 999 };
    let scanned = store.scan(&range).await.unwrap();
    assert_eq!(scanned.len(), 150);
    for (scanned, write) in scanned.iter().zip(&writes) {
        assert_eq!(scanned.shadow, Shadow { revision: 2, ..write.shadow.clone() });
        let row = scanned.row.clone().unwrap();
        for (name, value) in write.row.iter().filter(|it| it.0 != "account_id") {
            assert_eq!(&row[name], value, "{name}");
        }
        assert_eq!(row["account_id"], FieldValue::text(id.as_str()));
    }
    let n_deleted: Vec<(i64,)> = deployment
        .rows("SELECT (SELECT count(*) FROM cases) - n_rows FROM row_counts WHERE name = 'case'")
        .await;
    assert_eq!(n_deleted, [(30,)]);
    let audit = store.verify(&|_| {}).await.unwrap();
    assert_eq!((audit.n_rows, audit.fault), (2 + 150 + 149, None));
    assert_eq!(store.newest_change().await.unwrap(), 2 + 150 + 149);
}

on_both_engines!(
    records_that_change_together_stand_as_each_was_written,
    records_that_come_together_stand_as_each_was_written,
    references_follow_names_and_merges,
    references_come_back_with_a_row_that_is_no_longer_merged,
    scanned_row_of_a_case_has_the_form_of_its_write,
);
