//! One SQLite file: how it is opened, migrated and read.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::error::OpenError;
use crate::field_views::sqlite;
use crate::steps::move_to;
use crate::turnstile::Turnstile;

/// How long a statement waits for another process to end its write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept for each connection.
const N_STATEMENTS: usize = 128;
/// Readers at most; each is opened when needed and closed when idle.
const N_READERS: u32 = 4;
const READER_IDLE: Duration = Duration::from_secs(30);

/// What to do about tables that are older than this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationPolicy {
    /// Bring them up to date, and create the file when it is missing.
    Apply,
    /// Change nothing, and answer [`OpenError::Outdated`].
    Check,
}

/// An open SQLite file: what readers share, and the recipe for the one connection that writes.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    options: SqliteConnectOptions,
    readers: SqlitePool,
    writer_cache_kib: Option<u32>,
}

impl Database {
    /// Opens the file at `path` and brings its tables up to date, or checks that they are.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub(crate) async fn open(
        path: &Path,
        migrator: &Migrator,
        policy: MigrationPolicy,
    ) -> Result<Self, OpenError> {
        let options = options(path);
        let mut first = match policy {
            MigrationPolicy::Check if !path.exists() => {
                let n_pending = n_known(migrator);
                return Err(OpenError::Outdated { path: path.to_owned(), n_pending });
            }
            MigrationPolicy::Check => connect(path, &options).await?,
            MigrationPolicy::Apply => {
                make_folder(path)?;
                connect(path, &options.clone().create_if_missing(true)).await?
            }
        };
        check_journal(path, &mut first).await?;
        match policy {
            MigrationPolicy::Apply => apply(path, &mut first, migrator).await?,
            MigrationPolicy::Check => check(path, &mut first, migrator).await?,
        }
        first.close().await.map_err(|source| unopened(path, source))?;

        let readers = SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(N_READERS)
            .idle_timeout(READER_IDLE)
            .acquire_timeout(BUSY_TIMEOUT)
            // A connection to a file does not go stale.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().pragma("query_only", "1"));
        Ok(Self { options, readers, writer_cache_kib: None })
    }

    /// Lets whoever writes keep so many KiB of pages in memory, in place of the 2,000 of SQLite.
    #[must_use]
    pub(crate) fn with_writer_cache_kib(self, kib: u32) -> Self {
        Self { writer_cache_kib: Some(kib), ..self }
    }

    /// Brings the tables of the file at `path` to `version`, up or down.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub(crate) async fn move_to(
        path: &Path,
        migrator: &Migrator,
        version: i64,
    ) -> Result<(), OpenError> {
        make_folder(path)?;
        let mut connection = connect(path, &options(path).create_if_missing(true)).await?;
        check_journal(path, &mut connection).await?;
        let begun = connection.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(|source| unopened(path, source))?;
        let down = sqlite::take_down(&mut transaction).await;
        down.map_err(|source| unopened(path, source))?;
        let moved = move_to(migrator, &mut *transaction, version).await;
        moved.map_err(|source| not_migrated(path, source))?;
        let n_pending = pending(&mut transaction, migrator).await;
        if n_pending.map_err(|source| not_migrated(path, source))? == 0 {
            put_views_up(&mut transaction).await.map_err(|source| unopened(path, source))?;
        }
        transaction.commit().await.map_err(|source| unopened(path, source))?;
        connection.close().await.map_err(|source| unopened(path, source))
    }

    /// Opens a connection that may write. Only a [`Writer`](crate::writer::Writer) keeps one.
    ///
    /// # Errors
    ///
    /// As SQLite answers.
    pub(crate) async fn write_connection(&self) -> Result<SqliteConnection, sqlx::Error> {
        let options = self.options.clone();
        match self.writer_cache_kib {
            // Below zero it counts KiB, above it pages. Source: SQLite, "PRAGMA cache_size".
            Some(kib) => options.pragma("cache_size", format!("-{kib}")).connect().await,
            None => options.connect().await,
        }
    }

    /// Opens the lock file at which writers take turns.
    pub(crate) fn turnstile(&self) -> Turnstile {
        Turnstile::open(self.options.get_filename())
    }

    /// Returns the connections that only read.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(N_STATEMENTS)
        // Pages that are written again and again go into the file once in 8,000, not once in 1,000.
        .pragma("wal_autocheckpoint", "8000")
        // The log is cut back after a burst; 64 MiB hold some ten thousand commits.
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|source| OpenError::Folder { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}

async fn connect(
    path: &Path,
    options: &SqliteConnectOptions,
) -> Result<SqliteConnection, OpenError> {
    options.connect().await.map_err(|source| unopened(path, source))
}

async fn check_journal(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let journal_mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(connection)
        .await
        .map_err(|source| unopened(path, source))?;
    if journal_mode == "wal" {
        Ok(())
    } else {
        Err(OpenError::NoWriteAheadLog { path: path.to_owned(), journal_mode })
    }
}

/// Applies what is pending, one process at a time: the library itself takes no lock on SQLite.
async fn apply(
    path: &Path,
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<(), OpenError> {
    let mut transaction =
        connection.begin_with("BEGIN IMMEDIATE").await.map_err(|source| unopened(path, source))?;
    let n_pending = pending(&mut transaction, migrator).await;
    if n_pending.map_err(|source| not_migrated(path, source))? > 0 {
        let unopened = |source| unopened(path, source);
        sqlite::take_down(&mut transaction).await.map_err(unopened)?;
        migrator.run(&mut *transaction).await.map_err(|source| not_migrated(path, source))?;
        put_views_up(&mut transaction).await.map_err(unopened)?;
    }
    transaction.commit().await.map_err(|source| unopened(path, source))
}

/// Makes the views of custom fields again, if it can be: tables are worth more than views.
async fn put_views_up(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut savepoint = connection.begin().await?;
    match sqlite::put_up(&mut savepoint).await {
        Ok(()) => savepoint.commit().await,
        Err(error) => {
            tracing::warn!(error = %shared::chain(&error),
                "views of custom fields were not made again: the next start makes them");
            savepoint.rollback().await
        }
    }
}

async fn check(
    path: &Path,
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<(), OpenError> {
    let n_pending = pending(connection, migrator).await.map_err(|it| not_migrated(path, it))?;
    if n_pending == 0 {
        Ok(())
    } else {
        Err(OpenError::Outdated { path: path.to_owned(), n_pending })
    }
}

/// Counts the migrations that a file lacks.
async fn pending(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<usize, MigrateError> {
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
    )
    .bind(migrator.table_name.as_ref())
    .fetch_one(&mut *connection)
    .await?;
    if !known {
        return Ok(n_known(migrator));
    }
    let sql = format!("SELECT version, checksum FROM {}", migrator.table_name);
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    n_pending(migrator, &applied)
}

/// Counts the migrations that this build knows.
pub(crate) fn n_known(migrator: &Migrator) -> usize {
    upwards(migrator).count()
}

/// Leaves out what undoes a migration.
fn upwards(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator.iter().filter(|it| !it.migration_type.is_down_migration())
}

/// Counts the migrations that are not among the `applied` ones, each a version and its checksum.
///
/// # Errors
///
/// When one was applied that this build does not know, or knows otherwise.
pub(crate) fn n_pending(
    migrator: &Migrator,
    applied: &[(i64, Vec<u8>)],
) -> Result<usize, MigrateError> {
    if let Some((version, _)) = applied.iter().find(|(it, _)| !migrator.version_exists(*it)) {
        return Err(MigrateError::VersionMissing(*version));
    }
    let mut n_pending = 0;
    for migration in upwards(migrator) {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => n_pending += 1,
            Some((_, checksum)) if checksum.as_slice() != migration.checksum.as_ref() => {
                return Err(MigrateError::VersionMismatch(migration.version));
            }
            Some(_) => {}
        }
    }
    Ok(n_pending)
}

fn unopened(path: &Path, source: sqlx::Error) -> OpenError {
    OpenError::Unopened { path: path.to_owned(), source }
}

fn not_migrated(path: &Path, source: MigrateError) -> OpenError {
    OpenError::NotMigrated { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::migrate::MigrationType;
    use sqlx::{SqlSafeStr, SqlStr};

    use super::*;

    fn migrator(n_migrations: i64) -> Migrator {
        let sql = |version| -> SqlStr {
            sqlx::AssertSqlSafe(format!("CREATE TABLE table_{version} (id INTEGER)")).into_sql_str()
        };
        let migration = |version| {
            let name = Cow::Borrowed("table");
            Migration::new(version, name, MigrationType::Simple, sql(version), false)
        };
        Migrator::with_migrations((1..=n_migrations).map(migration).collect())
    }

    #[tokio::test]
    async fn check_of_an_older_file_says_which_command_to_run_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("cases.db");
        let missing = Database::open(&path, &migrator(2), MigrationPolicy::Check).await;
        assert!(matches!(missing, Err(OpenError::Outdated { n_pending: 2, .. })));
        assert!(!path.exists());

        Database::open(&path, &migrator(1), MigrationPolicy::Apply).await.unwrap();
        let outdated = Database::open(&path, &migrator(2), MigrationPolicy::Check).await;

        let error = outdated.unwrap_err();
        assert!(matches!(error, OpenError::Outdated { n_pending: 1, .. }), "{error}");
        assert!(error.to_string().contains("`moodbridge db migrate`"), "{error}");
        Database::open(&path, &migrator(1), MigrationPolicy::Check).await.unwrap();
    }

    #[tokio::test]
    async fn file_of_a_newer_build_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        Database::open(&path, &migrator(2), MigrationPolicy::Apply).await.unwrap();

        for policy in [MigrationPolicy::Apply, MigrationPolicy::Check] {
            let opened = Database::open(&path, &migrator(1), policy).await;
            assert!(matches!(opened, Err(OpenError::NotMigrated { .. })), "{policy:?}");
        }
    }

    #[tokio::test]
    async fn file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        std::fs::write(&path, "not a database, and longer than a header would be: ".repeat(9))
            .unwrap();

        let opened = Database::open(&path, &migrator(1), MigrationPolicy::Apply).await;

        assert!(matches!(opened, Err(OpenError::Unopened { .. })));
    }

    #[tokio::test]
    async fn two_openers_at_once_migrate_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        let migrator = migrator(3);

        let open = || Database::open(&path, &migrator, MigrationPolicy::Apply);
        let (left, right) = futures_util::future::join(open(), open()).await;

        left.unwrap();
        right.unwrap();
    }

    #[tokio::test]
    async fn every_commit_is_synced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.db");
        let database = Database::open(&path, &migrator(1), MigrationPolicy::Apply).await.unwrap();
        let mut connection = database.write_connection().await.unwrap();

        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.unwrap();

        // 2 is FULL. Source: SQLite, "PRAGMA synchronous".
        assert_eq!(synchronous, 2);
    }
}
