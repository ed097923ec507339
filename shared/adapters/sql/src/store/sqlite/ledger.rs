//! The ledger in the same file: small facts by name.

use async_trait::async_trait;
use shared::ports::{Ledger, LedgerEntry};
use shared::{PortError, PortErrorKind};
use sqlx::SqliteConnection;

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::{PLATFORM, read_error};
use crate::store::decode::{count, number};
use crate::store::jobs::{Answer, Job};

/// Writes an entry when its stored revision is the expected one.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    name: &str,
    value: &str,
    expected_revision: u64,
) -> Result<Answer, sqlx::Error> {
    let sql = if expected_revision == 0 {
        "INSERT INTO ledger (name, value, revision) VALUES (?1, ?2, ?3 + 1) \
         ON CONFLICT (name) DO NOTHING"
    } else {
        "UPDATE ledger SET value = ?2, revision = revision + 1 WHERE name = ?1 AND revision = ?3"
    };
    let done = sqlx::query(sql)
        .bind(name)
        .bind(value)
        .bind(number(expected_revision))
        .execute(connection)
        .await?;
    Ok(match done.rows_affected() {
        0 => Answer::Conflict,
        _ => Answer::Revision(expected_revision + 1),
    })
}

#[async_trait]
impl Ledger for SqliteCaseStore {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        let stored: Option<(String, i64)> =
            sqlx::query_as("SELECT value, revision FROM ledger WHERE name = ?1")
                .bind(name)
                .fetch_optional(self.readers())
                .await
                .map_err(|cause| read_error(cause, "get", name))?;
        Ok(stored.map(|(value, revision)| LedgerEntry { value, revision: count(revision) }))
    }

    async fn put(&self, name: &str, value: &str, expected_revision: u64) -> Result<u64, PortError> {
        let job = Job::Put { name: name.to_owned(), value: value.to_owned(), expected_revision };
        match self.write(job).await.map_err(|cause| cause.into_port("put", name))? {
            Answer::Revision(revision) => Ok(revision),
            _ => Err(PortError::new(PortErrorKind::Conflict, PLATFORM, "put", name)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        // Names are compared byte by byte: all that start with the prefix stand together.
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT name, value, revision FROM ledger \
             WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 \
             AND name < ?1 || char(1114111) ORDER BY name",
        )
        .bind(prefix)
        .fetch_all(self.readers())
        .await
        .map_err(|cause| read_error(cause, "list", prefix))?;
        Ok(rows
            .into_iter()
            .map(|(name, value, revision)| (name, LedgerEntry { value, revision: count(revision) }))
            .collect())
    }
}
