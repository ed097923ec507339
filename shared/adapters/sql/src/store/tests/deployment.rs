//! A store with its database, on either engine.

use std::path::PathBuf;
use std::sync::Arc;

use shared::ports::{
    AuditLog, CaseStore, CaseView, ChangeFeed, Clock, FieldViews, Ledger, RecordScan, SyncJournal,
    SystemClock,
};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, FromRow, PgConnection, SqliteConnection};

use crate::MigrationPolicy;
use crate::store::{
    PostgresCaseStore, SqliteCaseStore, migration_status, move_postgres_to_version,
    move_to_version, postgres_migration_status,
};
use crate::testkit::FreshDatabase;

/// Every port of a case store.
pub(super) trait Store:
    CaseStore + CaseView + AuditLog + ChangeFeed + RecordScan + SyncJournal + Ledger + FieldViews
{
}

impl<T> Store for T where
    T: CaseStore
        + CaseView
        + AuditLog
        + ChangeFeed
        + RecordScan
        + SyncJournal
        + Ledger
        + FieldViews
{
}

/// What keeps the tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// A database that goes away with this value.
enum Place {
    File(tempfile::TempDir),
    Database(FreshDatabase),
}

/// A store on a database of its own.
pub(super) struct Deployment {
    place: Place,
    pub(super) store: Arc<dyn Store>,
}

impl Deployment {
    /// Makes a store on a fresh database; `None` where there is no such engine.
    pub(super) async fn new(engine: Engine) -> Option<Self> {
        let place = match engine {
            Engine::Sqlite => Place::File(tempfile::tempdir().unwrap()),
            Engine::Postgres => Place::Database(FreshDatabase::create().await?),
        };
        let store = open(&place, Arc::new(SystemClock)).await;
        Some(Self { place, store })
    }

    /// Opens the same database once more, as another process would.
    pub(super) async fn other(&self) -> Arc<dyn Store> {
        open(&self.place, Arc::new(SystemClock)).await
    }

    /// Runs statements behind the back of the store.
    pub(super) async fn tamper(&self, sql: &str) {
        self.try_to_tamper(sql).await.unwrap();
    }

    pub(super) async fn try_to_tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match &self.place {
            Place::File(folder) => {
                sqlx::raw_sql(sql).execute(&mut file(folder).await).await.map(drop)
            }
            Place::Database(database) => {
                sqlx::raw_sql(sql).execute(&mut server(database).await).await.map(drop)
            }
        }
    }

    /// Returns the number of the newest migration.
    pub(super) async fn newest_version(&self) -> i64 {
        let status = match &self.place {
            Place::File(folder) => migration_status(&path(folder)).await,
            Place::Database(it) => postgres_migration_status(&it.options()).await,
        };
        status.unwrap().last().unwrap().version
    }

    /// Brings the tables to `version`, up or down.
    pub(super) async fn move_to(&self, version: i64) {
        match &self.place {
            Place::File(folder) => move_to_version(&path(folder), version).await.unwrap(),
            Place::Database(it) => {
                move_postgres_to_version(&it.options(), version).await.unwrap();
            }
        }
    }

    /// Connects to the server, past the store.
    pub(super) async fn server(&self) -> PgConnection {
        match &self.place {
            Place::File(_) => panic!("a file has no server"),
            Place::Database(it) => server(it).await,
        }
    }

    /// Makes a role of the server; see [`FreshDatabase::role`].
    pub(super) async fn role(&self, sql: &str) -> String {
        match &self.place {
            Place::File(_) => panic!("a file has no roles"),
            Place::Database(it) => it.role(sql).await,
        }
    }

    /// Takes away what protects the audit log.
    pub(super) async fn unlock_audit(&self) {
        let on_audit = match &self.place {
            Place::File(_) => "",
            Place::Database(_) => "ON audit",
        };
        self.tamper(&format!(
            "DROP TRIGGER audit_is_never_changed {on_audit}; \
             DROP TRIGGER audit_is_never_shortened {on_audit};"
        ))
        .await;
    }

    /// Reads rows behind the back of the store.
    pub(super) async fn rows<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        match &self.place {
            Place::File(folder) => sqlx::query_as(sql).fetch_all(&mut file(folder).await).await,
            Place::Database(it) => sqlx::query_as(sql).fetch_all(&mut server(it).await).await,
        }
        .unwrap()
    }
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("cases.db")
}

async fn open(place: &Place, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let policy = MigrationPolicy::Apply;
    match place {
        Place::File(folder) => {
            Arc::new(SqliteCaseStore::open(&path(folder), policy, clock).await.unwrap())
        }
        Place::Database(it) => {
            Arc::new(PostgresCaseStore::open(&it.options(), policy, clock).await.unwrap())
        }
    }
}

async fn file(folder: &tempfile::TempDir) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", path(folder).display())).await.unwrap()
}

async fn server(database: &FreshDatabase) -> PgConnection {
    let options = PgConnectOptions::from_url(&database.address()).unwrap();
    options.options([("search_path", "moodbridge")]).connect().await.unwrap()
}

/// Makes two tests of each function that takes a [`Deployment`]: one for each engine.
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                let engine = $crate::store::tests::deployment::Engine::Sqlite;
                let deployment = $crate::store::tests::deployment::Deployment::new(engine).await;
                super::$test(deployment.unwrap()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                let engine = $crate::store::tests::deployment::Engine::Postgres;
                let deployment = $crate::store::tests::deployment::Deployment::new(engine).await;
                let Some(deployment) = deployment else { return };
                super::$test(deployment).await;
            })+
        }
    };
}

pub(super) use on_both_engines;
