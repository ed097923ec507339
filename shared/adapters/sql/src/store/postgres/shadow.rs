//! The shadows: reading one, and digesting all of them.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::model::RecordKey;
use shared::ports::{CaseStore, Committed, Shadow, StoreDigest, Write};
use shared::sync::DigestSum;
use shared::{PortError, PortErrorKind};
use sqlx::PgConnection;

use super::postgres_case_store::PostgresCaseStore;
use crate::postgres::{PLATFORM, port_error};
use crate::store::jobs::{Answer, Job};
use crate::store::prepared::PreparedWrite;
use crate::store::rows::{DigestedShadow, StoredShadow};

#[async_trait]
impl CaseStore for PostgresCaseStore {
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError> {
        let failed = |cause| port_error(cause, "read shadow of", &key.to_string());
        let stored: Option<StoredShadow> = sqlx::query_as(
            "SELECT fields, version, field_versions, presence_version, is_deleted, revision \
             FROM sync_shadow \
             WHERE connection = $1 AND object = $2 AND record_id = $3",
        )
        .bind(key.connection.as_str())
        .bind(key.object.as_str())
        .bind(key.record_id.as_str())
        .fetch_optional(self.readers())
        .await
        .map_err(failed)?;
        stored.map(|it| it.read(key)).transpose().map_err(failed)
    }

    async fn apply(&self, write: Write) -> Result<Committed, PortError> {
        let subject = write.shadow.key.to_string();
        let job = Job::Apply(Box::new(PreparedWrite::new(PLATFORM, write)?));
        match self.write(job, "apply", &subject).await? {
            Answer::Committed(committed) => Ok(committed),
            _ => Err(PortError::new(PortErrorKind::Conflict, PLATFORM, "apply", subject)),
        }
    }
}

/// Digests every shadow, one at a time. The transaction of `connection` has no time limit.
pub(in crate::store) async fn digest(
    connection: &mut PgConnection,
) -> Result<StoreDigest, sqlx::Error> {
    let mut rows = sqlx::query_as::<_, DigestedShadow>(
        "SELECT connection, object, record_id, is_deleted, fields FROM sync_shadow",
    )
    .fetch(connection);
    let mut sum = DigestSum::default();
    while let Some(row) = rows.try_next().await? {
        row.add_to(&mut sum)?;
    }
    Ok(sum.finish())
}
