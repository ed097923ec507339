//! The case store on a real PostgreSQL.

use std::sync::Arc;

use shared::chain;
use shared::ports::case_store_contract::{
    audit_chain_contract, feed_contract, ledger_contract, write_contract,
};
use shared::ports::cost_ledger_contract::cost_ledger_contract;
use shared::ports::documents_contract::{
    documents_contract, documents_of_merged_cases_contract, filing_is_seen_contract,
};
use shared::ports::matter_import_contract::matter_import_contract;
use shared::ports::walls_contract::{sight_contract, walls_contract};
use shared::ports::{Clock, SystemClock};
use tokio::sync::Mutex;

use crate::MigrationPolicy;
use crate::store::{MigrationState, PostgresCaseStore, postgres_migration_status};
use crate::testkit::FreshDatabase;

/// Databases that live as long as the contract that runs on them.
#[derive(Default)]
struct Databases(Mutex<Vec<FreshDatabase>>);

impl Databases {
    async fn fresh(&self) -> Arc<PostgresCaseStore> {
        self.fresh_by(Arc::new(SystemClock)).await
    }

    async fn fresh_by(&self, clock: Arc<dyn Clock>) -> Arc<PostgresCaseStore> {
        let database = FreshDatabase::create().await.unwrap();
        let policy = MigrationPolicy::Apply;
        let store = PostgresCaseStore::open(&database.options(), policy, clock).await.unwrap();
        self.0.lock().await.push(database);
        Arc::new(store)
    }
}

async fn open(
    database: &FreshDatabase,
    policy: MigrationPolicy,
) -> Result<PostgresCaseStore, String> {
    PostgresCaseStore::open(&database.options(), policy, Arc::new(SystemClock))
        .await
        .map_err(|error| chain(&error).to_string())
}

#[tokio::test]
async fn postgres_store_keeps_the_contract_of_writes() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    write_contract(|| databases.fresh()).await;
    audit_chain_contract(&*databases.fresh().await).await;
}

#[tokio::test]
async fn postgres_store_keeps_the_contract_of_the_feed() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    feed_contract(|| databases.fresh()).await;
}

#[tokio::test]
async fn postgres_store_keeps_the_contract_of_walls() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    walls_contract(|| databases.fresh()).await;
}

#[tokio::test]
async fn every_read_of_postgres_equals_that_of_a_store_without_the_hidden_cases() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    sight_contract(|clock| databases.fresh_by(clock)).await;
}

#[tokio::test]
async fn costs_keep_their_contract_on_postgres() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    cost_ledger_contract(&*databases.fresh().await).await;
}

#[tokio::test]
async fn postgres_store_keeps_the_contract_of_imports() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    matter_import_contract(|| databases.fresh()).await;
}

#[tokio::test]
async fn postgres_store_keeps_the_contract_of_documents() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    documents_contract(|| databases.fresh()).await;
    filing_is_seen_contract(&*databases.fresh().await).await;
    documents_of_merged_cases_contract(&*databases.fresh().await).await;
}

#[tokio::test]
async fn postgres_ledger_keeps_its_contract() {
    let Some(_) = FreshDatabase::create().await else { return };
    let databases = Databases::default();
    ledger_contract(&*databases.fresh().await).await;
}

#[tokio::test]
async fn database_of_a_newer_build_is_refused() {
    let Some(database) = FreshDatabase::create().await else { return };
    drop(open(&database, MigrationPolicy::Apply).await.unwrap());
    database
        .run(
            "INSERT INTO moodbridge.migration (version, description, success, checksum, \
             execution_time) VALUES (9999, 'from the future', true, '\\x00', 0)",
        )
        .await;

    let message = open(&database, MigrationPolicy::Apply).await.err().unwrap();

    assert!(message.contains("9999"), "{message}");
    let status = postgres_migration_status(&database.options()).await.unwrap();
    assert_eq!(status.last().unwrap().state, MigrationState::Unknown);
}

#[tokio::test]
async fn database_whose_migration_was_altered_is_refused() {
    let Some(database) = FreshDatabase::create().await else { return };
    drop(open(&database, MigrationPolicy::Apply).await.unwrap());
    database.run("UPDATE moodbridge.migration SET checksum = '\\x00' WHERE version = 1").await;

    let message = open(&database, MigrationPolicy::Apply).await.err().unwrap();

    assert!(message.contains("migration 1"), "{message}");
    let status = postgres_migration_status(&database.options()).await.unwrap();
    assert_eq!(status.first().unwrap().state, MigrationState::Altered);
}

#[tokio::test]
async fn database_without_tables_is_refused_when_migrations_are_required() {
    let Some(database) = FreshDatabase::create().await else { return };
    let pending = postgres_migration_status(&database.options()).await.unwrap();
    assert!(pending.iter().all(|it| it.state == MigrationState::Pending));

    let message = open(&database, MigrationPolicy::Check).await.err().unwrap();

    assert!(message.contains("moodbridge db migrate"), "{message}");
}
