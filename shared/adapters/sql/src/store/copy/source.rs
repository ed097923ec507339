//! The file that is copied.

use std::path::Path;
use std::time::Duration;

use shared::ports::{AuditVerification, StoreDigest};
use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool as Pool};

use super::error::{CopyError, failed};
use crate::database::n_known;
use crate::error::OpenError;
use crate::store::chain::walk;
use crate::store::decode::count;
use crate::store::migrations::MigrationState;
use crate::store::sqlite::{MIGRATOR, digest, migration_status};

/// Who else has the file open does not let go within this time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Tables that the target makes of others, or has of its own.
const DERIVED: &str = "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'case\\_search%' \
     ESCAPE '\\' AND name NOT IN ('_sqlx_migrations', 'row_counts', 'case_status_counts', \
     'case_day_counts', 'change_second_counts', 'walls_revision')";

/// A case store in a file that nobody else has open.
pub(super) struct Source {
    /// One connection, which holds the lock.
    pool: SqlitePool,
}

impl Source {
    /// Locks the file at `path` for this process alone.
    pub(super) async fn open(path: &Path) -> Result<Self, CopyError> {
        let n_pending = migration_status(path).await.map_or(n_known(&MIGRATOR), |list| {
            list.iter().filter(|it| it.state != MigrationState::Applied).count()
        });
        if n_pending > 0 {
            let path = path.to_owned();
            return Err(CopyError::Source(OpenError::Outdated { path, n_pending }));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(PATIENCE);
        let in_use = |source| CopyError::InUse { path: path.to_owned(), source };
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(in_use)?;
        // The lock is taken by the first statement, and kept.
        sqlx::raw_sql("BEGIN EXCLUSIVE; COMMIT").execute(&pool).await.map_err(in_use)?;
        Ok(Self { pool })
    }

    /// Returns the connection.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns the tables to copy: records before what names them.
    pub(super) async fn tables(&mut self) -> Result<Vec<String>, CopyError> {
        let sql = format!(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND {DERIVED} \
             ORDER BY name <> 'accounts', name <> 'contacts', name <> 'cases', name"
        );
        let names = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool).await;
        names.map_err(failed("list of tables"))
    }

    /// Counts the rows of `table`, which is one of [`tables`](Self::tables).
    pub(super) async fn count(&mut self, table: &str) -> Result<u64, CopyError> {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let n_rows: i64 =
            sqlx::query_scalar(sql).fetch_one(&self.pool).await.map_err(failed(table))?;
        Ok(count(n_rows))
    }

    /// Returns the number of the newest change row that ever was.
    pub(super) async fn newest_change(&mut self) -> Result<u64, CopyError> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("changes"))?;
        Ok(newest.map_or(0, count))
    }

    /// Digests every record.
    pub(super) async fn digest(&mut self) -> Result<StoreDigest, CopyError> {
        digest(&self.pool).await.map_err(failed("digest"))
    }

    /// Proves the audit log.
    pub(super) async fn verify(&mut self) -> Result<AuditVerification, CopyError> {
        let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(&self.pool);
        walk(rows, &|_| {}).await.map_err(failed("audit"))
    }

    /// Returns the counts of the first page.
    pub(super) async fn figures(&mut self) -> Result<Vec<(String, i64)>, CopyError> {
        sqlx::query_as("SELECT name, n_rows FROM row_counts ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("row_counts"))
    }
}
