//! The ledger in the same database: small facts by name.

use async_trait::async_trait;
use shared::ports::{Ledger, LedgerEntry};
use shared::{PortError, PortErrorKind};
use sqlx::PgConnection;

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::{PLATFORM, port_error};
use crate::store::decode::{count, number};
use crate::store::jobs::{Answer, Job};
use crate::store::text::{StoredText, marked};

/// Writes an entry when its stored revision is the expected one.
pub(super) async fn put(
    connection: &mut PgConnection,
    name: &str,
    value: &str,
    expected_revision: u64,
) -> Result<Answer, sqlx::Error> {
    let sql = if expected_revision == 0 {
        "INSERT INTO ledger (name, value, revision) VALUES ($1, $2, $3 + 1) \
         ON CONFLICT (name) DO NOTHING"
    } else {
        "UPDATE ledger SET value = $2, revision = revision + 1 \
         WHERE name = $1 AND revision = $3"
    };
    let done = sqlx::query(sql)
        .bind(marked(name))
        .bind(marked(value))
        .bind(number(expected_revision))
        .execute(connection)
        .await?;
    Ok(match done.rows_affected() {
        0 => Answer::Conflict,
        _ => Answer::Revision(expected_revision + 1),
    })
}

#[async_trait]
impl Ledger for PostgresCaseStore {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        let stored: Option<(StoredText, i64)> =
            sqlx::query_as("SELECT value, revision FROM ledger WHERE name = $1")
                .bind(marked(name))
                .fetch_optional(self.readers())
                .await
                .map_err(|cause| port_error(cause, "get", name))?;
        Ok(stored.map(|(value, revision)| LedgerEntry {
            value: value.into(),
            revision: count(revision),
        }))
    }

    async fn put(&self, name: &str, value: &str, expected_revision: u64) -> Result<u64, PortError> {
        let job = Job::Put { name: name.to_owned(), value: value.to_owned(), expected_revision };
        match self.commit(job, "put", name).await? {
            Answer::Revision(revision) => Ok(revision),
            _ => Err(PortError::new(PortErrorKind::Conflict, PLATFORM, "put", name)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        // Names are compared byte by byte: all that start with the prefix stand together.
        let rows: Vec<(StoredText, StoredText, i64)> = sqlx::query_as(
            "SELECT name, value, revision FROM ledger \
             WHERE name >= $1 AND name < $1 || chr(1114111) AND starts_with(name, $1) \
             ORDER BY name",
        )
        .bind(marked(prefix))
        .fetch_all(self.readers())
        .await
        .map_err(|cause| port_error(cause, "list", prefix))?;
        Ok(rows
            .into_iter()
            .map(|(name, value, revision)| {
                (name.into(), LedgerEntry { value: value.into(), revision: count(revision) })
            })
            .collect())
    }
}
