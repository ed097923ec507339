//! Moving a store from SQLite to PostgreSQL, and tables up and down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use shared::auth::Sight;
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::case_store_contract::{next_write, sample_write, text_fields};
use shared::ports::matter_import_contract::{sample_batch, sample_denial};
use shared::ports::walls_contract::{person, sample_wall};
use shared::ports::{
    AuditLog, CaseFilter, CaseSort, CaseStore, CaseView, ChangeFeed, IncidentView, Ledger,
    MatterImport, Stance, SystemClock, Walls, WriteKind,
};
use tokio::sync::oneshot;

use super::deployment::{Deployment, Engine, Store};
use crate::MigrationPolicy;
use crate::store::{
    CopyError, PostgresCaseStore, SqliteCaseStore, copy_to_postgres, move_postgres_to_version,
    move_to_version, postgres_migration_status,
};
use crate::testkit::FreshDatabase;

async fn sqlite(path: &Path) -> SqliteCaseStore {
    let policy = MigrationPolicy::Apply;
    SqliteCaseStore::open(path, policy, Arc::new(SystemClock)).await.unwrap()
}

async fn postgres(database: &FreshDatabase) -> PostgresCaseStore {
    let policy = MigrationPolicy::Apply;
    PostgresCaseStore::open(&database.options(), policy, Arc::new(SystemClock)).await.unwrap()
}

/// Fills a store with `n_cases` cases, and closes it.
async fn filled(folder: &tempfile::TempDir, n_cases: u32) -> PathBuf {
    let path = folder.path().join("cases.db");
    let store = sqlite(&path).await;
    let account = sample_write(Entity::Account, 1, text_fields([("name", "M\u{fc}ller & Co")]));
    let writes = (0..n_cases).map(|number| {
        let row = text_fields([
            ("title", ["a\0b", "Doe v. Roe", "\u{10fffe} odd"][number as usize % 3]),
            ("docket_number", ["24-CV-01", "24-cv-02"][number as usize % 2]),
            ("account_id", account.entity_id.as_str()),
            ("opened_at", "2026-01-02T03:04:05Z"),
        ]);
        sample_write(Entity::Case, number, row)
    });
    let applied = writes.chain([account.clone()]).map(|write| store.apply(write));
    for applied in futures_util::future::join_all(applied).await {
        applied.unwrap();
    }
    let gone = sample_write(Entity::Case, 0, text_fields([("title", "gone")]));
    store.apply(next_write(gone.clone(), WriteKind::Deleted, 1)).await.unwrap();
    store.put("cursor/main/Case", "2026\0", 0).await.unwrap();
    store.put("settings/0000000001", "{}", 0).await.unwrap();
    let items = vec![sample_denial(1, "2024-05-01", Some("a\0b \u{10fffe}"), Some(0.1 + 0.2))];
    store.import_items(&sample_batch(0, items)).await.unwrap();
    store.set_wall(&sample_wall(&gone.entity_id, "anna", Stance::Screened)).await.unwrap();
    path
}

async fn ids(store: &dyn Store, sort: CaseSort, search: Option<&str>) -> Vec<EntityId> {
    let search = search.map(str::to_owned);
    let filter = CaseFilter { sort, search, limit: 200, ..CaseFilter::default() };
    let page = store.cases(&Sight::AllBut(person("anna")), &filter).await.unwrap();
    page.items.into_iter().map(|it| it.id).collect()
}

#[tokio::test]
async fn copied_store_answers_as_its_source_and_goes_on_where_that_stood() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 150).await;

    let copied = copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap();

    assert_eq!((copied.digest.n_records, copied.n_audit_rows), (151, 154));
    let (source, target) = (sqlite(&path).await, postgres(&database).await);
    assert_eq!(target.digest().await.unwrap(), copied.digest);
    assert_eq!(source.digest().await.unwrap(), copied.digest);
    let sorts = [
        CaseSort::UpdatedDesc,
        CaseSort::OpenedAsc,
        CaseSort::OpenedDesc,
        CaseSort::DocketAsc,
        CaseSort::TitleAsc,
    ];
    for sort in sorts {
        for search in [None, Some("mull"), Some("24-cv-0"), Some("doe")] {
            let expected = ids(&source, sort, search).await;
            assert!(!expected.is_empty());
            assert_eq!(ids(&target, sort, search).await, expected, "{sort:?} {search:?}");
        }
    }
    assert_eq!(
        target.audit(&Sight::Everything, None, None, 200).await.unwrap(),
        source.audit(&Sight::Everything, None, None, 200).await.unwrap()
    );
    let case_id = sample_batch(0, Vec::new()).case_id;
    assert_eq!(target.imported(&case_id).await.unwrap(), source.imported(&case_id).await.unwrap());
    let figures = target.incidents(&Sight::Everything, 9).await.unwrap();
    assert_eq!(figures, source.incidents(&Sight::Everything, 9).await.unwrap());
    assert_eq!(figures.n_incidents, 1);
    assert_eq!(target.list("").await.unwrap(), source.list("").await.unwrap());
    assert_eq!(
        target.changes_after(0, 500).await.unwrap(),
        source.changes_after(0, 500).await.unwrap()
    );
    let newest = target.newest_change().await.unwrap();
    let new = sample_write(Entity::Case, 999, text_fields([("title", "new")]));
    assert_eq!(target.apply(new).await.unwrap().change_seq, Some(newest + 1));
    let found = target.verify(&|_| {}).await.unwrap();
    assert_eq!((found.n_rows, found.fault), (155, None));
}

/// Tables that the copy makes of others, or has of its own.
const MADE_THERE: [&str; 9] = [
    "case_day_counts",
    "case_search",
    "case_status_counts",
    "case_words",
    "change_second_counts",
    "ends",
    "migration",
    "row_counts",
    "walls_revision",
];

#[tokio::test]
async fn every_column_of_every_table_is_copied() {
    let Some(target) = Deployment::new(Engine::Postgres).await else { return };
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 3).await;
    let copied = copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap();
    let copied: BTreeSet<String> = copied.tables.into_iter().map(|it| it.name).collect();

    let of_target: Vec<(String, String)> = target
        .rows(
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'moodbridge' AND is_generated = 'NEVER'",
        )
        .await;
    let source = Deployment::new(Engine::Sqlite).await.unwrap();
    let of_source: Vec<(String, String)> = source
        .rows(
            "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_xinfo(t.name) c \
             WHERE t.type = 'table' AND c.hidden = 0",
        )
        .await;

    let tables: BTreeSet<String> = of_target.iter().map(|it| it.0.clone()).collect();
    let uncopied: Vec<&String> = tables.difference(&copied).collect();
    assert_eq!(uncopied, MADE_THERE);
    let columns = |all: Vec<(String, String)>| -> BTreeSet<(String, String)> {
        all.into_iter().filter(|it| copied.contains(&it.0)).collect()
    };
    assert_eq!(columns(of_source), columns(of_target));
}

#[tokio::test]
async fn store_that_another_process_has_open_is_not_copied() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 3).await;
    let running = sqlite(&path).await;
    running.digest().await.unwrap();

    let refused = copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap_err();

    assert!(matches!(refused, CopyError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("stop `moodbridge serve`"), "{refused}");
}

#[tokio::test]
async fn target_that_holds_rows_is_refused_and_keeps_them() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 3).await;
    let target = postgres(&database).await;
    let own = sample_write(Entity::Account, 7, text_fields([("name", "Zenith")]));
    target.apply(own).await.unwrap();
    let before = target.digest().await.unwrap();

    let refused = copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap_err();

    assert!(matches!(&refused, CopyError::NotEmpty { table } if table == "accounts"), "{refused}");
    assert_eq!(target.digest().await.unwrap(), before);
}

#[tokio::test]
async fn store_whose_audit_log_is_broken_is_not_copied() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 3).await;
    let mut raw = super::open_raw(&path).await;
    sqlx::raw_sql(
        "DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'x' WHERE seq = 2",
    )
    .execute(&mut raw)
    .await
    .unwrap();
    sqlx::Connection::close(raw).await.unwrap();

    let refused = copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap_err();

    assert!(matches!(refused, CopyError::BrokenChain { seq: 2 }), "{refused}");
}

#[tokio::test]
async fn copy_that_is_cut_off_leaves_nothing_and_can_be_repeated() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 50).await;
    let (begun, has_begun) = oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let (from, options) = (path.clone(), database.options());
    let copying = tokio::spawn(async move {
        let progress = move |_| {
            if let Some(begun) = begun.lock().unwrap().take() {
                begun.send(()).unwrap();
            }
        };
        copy_to_postgres(&from, &options, &progress).await
    });
    has_begun.await.unwrap();

    copying.abort();

    assert!(copying.await.unwrap_err().is_cancelled());
    assert_eq!(postgres(&database).await.digest().await.unwrap().n_records, 0);
    copy_to_postgres(&path, &database.options(), &|_| {}).await.unwrap();
}

#[tokio::test]
async fn tables_of_postgres_go_down_to_nothing_and_up_again() {
    let Some(database) = FreshDatabase::create().await else { return };
    drop(postgres(&database).await);
    let versions = postgres_migration_status(&database.options()).await.unwrap();

    for status in versions.iter().rev() {
        move_postgres_to_version(&database.options(), status.version - 1).await.unwrap();
    }
    // Nothing but the list of migrations may be left.
    database
        .run(
            "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_class WHERE relnamespace = \
             'moodbridge'::regnamespace AND relkind IN ('r', 'v')) = 1; \
             ASSERT (SELECT count(*) FROM pg_proc WHERE pronamespace = \
             'moodbridge'::regnamespace) = 0; END $$",
        )
        .await;
    for status in &versions {
        move_postgres_to_version(&database.options(), status.version).await.unwrap();
    }

    assert_eq!(postgres_migration_status(&database.options()).await.unwrap(), versions);
    let refused = move_postgres_to_version(&database.options(), 9_999).await.unwrap_err();
    assert!(shared::chain(&refused).to_string().contains("9999"), "{refused:?}");
}

#[tokio::test]
async fn tables_of_sqlite_go_down_to_nothing_and_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(&folder, 3).await;
    let versions = crate::store::migration_status(&path).await.unwrap();

    for status in versions.iter().rev() {
        move_to_version(&path, status.version - 1).await.unwrap();
    }
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut super::open_raw(&path).await)
    .await
    .unwrap();
    assert_eq!(left, ["_sqlx_migrations"]);
    for status in &versions {
        move_to_version(&path, status.version).await.unwrap();
    }

    assert_eq!(crate::store::migration_status(&path).await.unwrap(), versions);
    assert_eq!(sqlite(&path).await.digest().await.unwrap().n_records, 0);
}
