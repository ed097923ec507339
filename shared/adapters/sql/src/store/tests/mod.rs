//! The case store on a real file.

mod chain;
mod copy;
mod costs;
mod deployment;
mod field_views;
mod lists;
mod postgres;
mod rollups;
mod settings;
mod two_way;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;

use shared::auth::Sight;
use shared::chain;
use shared::model::Entity;
use shared::ports::case_store_contract::{
    audit_chain_contract, feed_contract, ledger_contract, next_write, sample_write, text_fields,
    write_contract,
};
use shared::ports::documents_contract::{
    documents_contract, documents_of_merged_cases_contract, filing_is_seen_contract,
};
use shared::ports::matter_import_contract::matter_import_contract;
use shared::ports::walls_contract::{sight_contract, walls_contract};
use shared::ports::{CaseStore, CaseView, SystemClock, WriteKind};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::*;
use crate::database::MigrationPolicy;

/// A store on a file that goes away with it.
struct Fixture {
    folder: tempfile::TempDir,
    store: Arc<SqliteCaseStore>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(open(folder.path().join("cases.db")).await);
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cases.db")
    }

    /// Runs statements behind the back of the store.
    async fn tamper(&self, sql: &str) {
        let mut connection = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn raw(&self) -> SqliteConnection {
        open_raw(&self.path()).await
    }
}

async fn open(path: PathBuf) -> SqliteCaseStore {
    SqliteCaseStore::open(&path, MigrationPolicy::Apply, Arc::new(SystemClock)).await.unwrap()
}

async fn open_raw(path: &std::path::Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap()
}

async fn refusal(path: PathBuf) -> String {
    let opened = SqliteCaseStore::open(&path, MigrationPolicy::Apply, Arc::new(SystemClock)).await;
    chain(&opened.err().unwrap()).to_string()
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract_of_writes() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    write_contract(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(open(folder.path().join(format!("{number}.db"))).await)
    })
    .await;
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract_of_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    feed_contract(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(open(folder.path().join(format!("{number}.db"))).await)
    })
    .await;
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract_of_walls() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    walls_contract(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(open(folder.path().join(format!("{number}.db"))).await)
    })
    .await;
}

#[tokio::test]
async fn every_read_of_sqlite_equals_that_of_a_store_without_the_hidden_cases() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    sight_contract(|clock| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.db"));
        async move {
            let store = SqliteCaseStore::open(&path, MigrationPolicy::Apply, clock).await;
            Arc::new(store.unwrap())
        }
    })
    .await;
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract_of_imports() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    matter_import_contract(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(open(folder.path().join(format!("{number}.db"))).await)
    })
    .await;
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract_of_documents() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    documents_contract(|| async {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(open(folder.path().join(format!("{number}.db"))).await)
    })
    .await;
    filing_is_seen_contract(&*Fixture::new().await.store).await;
    documents_of_merged_cases_contract(&*Fixture::new().await.store).await;
}

#[tokio::test]
async fn sqlite_ledger_keeps_its_contract() {
    ledger_contract(&*Fixture::new().await.store).await;
}

#[tokio::test]
async fn sqlite_store_hands_out_the_audit_log_as_it_is_stored() {
    audit_chain_contract(&*Fixture::new().await.store).await;
}

#[tokio::test]
async fn reopened_store_holds_what_was_committed() {
    let fixture = Fixture::new().await;
    let case = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    fixture.store.apply(case.clone()).await.unwrap();
    let digest = fixture.store.digest().await.unwrap();
    let Fixture { folder, store } = fixture;
    drop(store);

    let store = open(folder.path().join("cases.db")).await;

    assert_eq!(store.digest().await.unwrap(), digest);
    assert_eq!(store.shadow(&case.shadow.key).await.unwrap().unwrap().revision, 1);
    store.apply(next_write(case, WriteKind::Updated, 1)).await.unwrap();
}

#[tokio::test]
async fn file_of_a_newer_build_is_refused() {
    let fixture = Fixture::new().await;
    fixture
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES (9999, 'from the future', 1, x'00', 0)",
        )
        .await;

    let message = refusal(fixture.path()).await;

    assert!(message.contains("9999"), "{message}");
    let status = migration_status(&fixture.path()).await.unwrap();
    assert_eq!(status.last().unwrap().state, MigrationState::Unknown);
}

#[tokio::test]
async fn file_whose_migration_was_altered_is_refused() {
    let fixture = Fixture::new().await;
    fixture.tamper("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;

    let message = refusal(fixture.path()).await;

    assert!(message.contains("migration 1"), "{message}");
    let status = migration_status(&fixture.path()).await.unwrap();
    assert_eq!(status.first().unwrap().state, MigrationState::Altered);
}

#[tokio::test]
async fn file_without_tables_is_refused_when_migrations_are_required() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.db");
    let pending = migration_status(&path).await.unwrap();
    assert!(pending.iter().all(|it| it.state == MigrationState::Pending));

    let opened = SqliteCaseStore::open(&path, MigrationPolicy::Check, Arc::new(SystemClock)).await;

    let message = opened.err().unwrap().to_string();
    assert!(message.contains("moodbridge db migrate"), "{message}");
    assert!(!path.exists());
}
