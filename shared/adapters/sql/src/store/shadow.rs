//! The shadows: reading one, and digesting all of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::{Fields, RecordKey};
use shared::ports::{CaseStore, Committed, Shadow, StoreDigest, Write};
use shared::sync::DigestSum;
use shared::{PortError, PortErrorKind};
use sqlx::{FromRow, SqlitePool};

use super::decode::{checked, count, instant, json};
use super::prepared::PreparedWrite;
use super::sqlite_case_store::SqliteCaseStore;
use super::writes::{Answer, Job};
use crate::error::{PLATFORM, read_error};

#[derive(FromRow)]
struct StoredShadow {
    fields: String,
    version: i64,
    field_versions: String,
    presence_version: i64,
    is_deleted: bool,
    revision: i64,
}

impl StoredShadow {
    fn read(self, key: &RecordKey) -> Result<Shadow, sqlx::Error> {
        let versions: BTreeMap<String, i64> = json(&self.field_versions)?;
        Ok(Shadow {
            key: key.clone(),
            fields: json(&self.fields)?,
            version: instant(self.version),
            field_versions: versions.into_iter().map(|(name, at)| (name, instant(at))).collect(),
            presence_version: instant(self.presence_version),
            is_deleted: self.is_deleted,
            revision: count(self.revision),
        })
    }
}

#[async_trait]
impl CaseStore for SqliteCaseStore {
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError> {
        let failed = |cause| read_error(cause, "read shadow of", &key.to_string());
        let stored: Option<StoredShadow> = sqlx::query_as(
            "SELECT fields, version, field_versions, presence_version, is_deleted, revision \
             FROM sync_shadow WHERE connection = ?1 AND object = ?2 AND record_id = ?3",
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
        let job = Job::Apply(Box::new(PreparedWrite::new(write)?));
        match self.write(job).await.map_err(|cause| cause.into_port("apply", &subject))? {
            Answer::Committed(committed) => Ok(committed),
            _ => Err(PortError::new(PortErrorKind::Conflict, PLATFORM, "apply", subject)),
        }
    }
}

/// Digests every shadow, one at a time.
pub(super) async fn digest(readers: &SqlitePool) -> Result<StoreDigest, sqlx::Error> {
    let mut rows = sqlx::query_as::<_, (String, String, String, bool, String)>(
        "SELECT connection, object, record_id, is_deleted, fields FROM sync_shadow",
    )
    .fetch(readers);
    let mut sum = DigestSum::default();
    while let Some((connection, object, record_id, is_deleted, fields)) = rows.try_next().await? {
        let key = RecordKey {
            connection: checked(ConnectionId::parse(connection))?,
            object: checked(ObjectName::parse(object))?,
            record_id: checked(RecordId::parse(record_id))?,
        };
        let fields: Fields = json(&fields)?;
        sum.add(&key, is_deleted, &fields);
    }
    Ok(sum.finish())
}
