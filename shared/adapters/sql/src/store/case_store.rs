//! The case store on both engines: loading shadows, finding records, applying writes.

use async_trait::async_trait;
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use shared::model::{Entity, RecordKey};
use shared::ports::{CaseStore, Committed, Shadow, Write};
use shared::{PortError, PortErrorKind};
use sqlx::AssertSqlSafe;

use super::decode::{checked, json_text};
use super::jobs::{Answer, Job};
use super::prepared::{PreparedWrite, table};
use super::rows::{KeyedShadow, SHADOW_COLUMNS, StoredShadow};
use super::{PostgresCaseStore, SqliteCaseStore};

/// Spells the query of one shadow: $1 connection, $2 object, $3 record.
fn one() -> String {
    format!(
        "SELECT {SHADOW_COLUMNS} FROM sync_shadow \
         WHERE connection = $1 AND object = $2 AND record_id = $3"
    )
}

/// Spells the query of many shadows with their places: $1 a JSON list of lists of connection, object
/// and record.
pub(super) struct Many {
    /// What makes lines of the list: a place and a value each.
    pub(super) lines: &'static str,
}

impl Many {
    fn sql(&self) -> String {
        format!(
            "SELECT asked.place AS place, {SHADOW_COLUMNS} FROM {} JOIN sync_shadow \
             ON connection = asked.line ->> 0 AND object = asked.line ->> 1 \
             AND record_id = asked.line ->> 2",
            self.lines
        )
    }
}

/// Spells the query of a row's record: $1 its id, or an alias of it.
fn locate(entity: Entity) -> String {
    format!(
        "SELECT connection, object, record_id FROM {} \
         WHERE id = coalesce((SELECT entity_id FROM id_aliases WHERE alias = $1), $1)",
        table(entity)
    )
}

fn key(
    (connection, object, record_id): (String, String, String),
) -> Result<RecordKey, sqlx::Error> {
    Ok(RecordKey {
        connection: checked(ConnectionId::parse(connection))?,
        object: checked(ObjectName::parse(object))?,
        record_id: checked(RecordId::parse(record_id))?,
    })
}

/// Puts shadows in their places.
fn placed(keys: &[RecordKey], rows: Vec<KeyedShadow>) -> Result<Vec<Option<Shadow>>, sqlx::Error> {
    let mut shadows: Vec<Option<Shadow>> = keys.iter().map(|_| None).collect();
    for KeyedShadow { place, shadow } in rows {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let (Some(slot), Some(key)) = (shadows.get_mut(place), keys.get(place)) {
            *slot = Some(shadow.read(key)?);
        }
    }
    Ok(shadows)
}

macro_rules! case_store {
    ($store:ty, $many:expr) => {
        #[async_trait]
        impl CaseStore for $store {
            async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError> {
                let failed = |cause| Self::read_failed(cause, "read shadow of", &key.to_string());
                // The text is made of the names above alone, here and below.
                let stored: Option<StoredShadow> = sqlx::query_as(AssertSqlSafe(one()))
                    .bind(key.connection.as_str())
                    .bind(key.object.as_str())
                    .bind(key.record_id.as_str())
                    .fetch_optional(self.readers())
                    .await
                    .map_err(failed)?;
                stored.map(|it| it.read(key)).transpose().map_err(failed)
            }

            async fn shadows(&self, keys: &[RecordKey]) -> Result<Vec<Option<Shadow>>, PortError> {
                if keys.is_empty() {
                    return Ok(Vec::new());
                }
                let failed = |cause| Self::read_failed(cause, "read", "shadows");
                let asked: Vec<[&str; 3]> = keys
                    .iter()
                    .map(|it| [it.connection.as_str(), it.object.as_str(), it.record_id.as_str()])
                    .collect();
                let rows: Vec<KeyedShadow> = sqlx::query_as(AssertSqlSafe($many.sql()))
                    .bind(json_text(&asked).map_err(failed)?)
                    .fetch_all(self.readers())
                    .await
                    .map_err(failed)?;
                placed(keys, rows).map_err(failed)
            }

            async fn locate(
                &self,
                entity: Entity,
                id: &EntityId,
            ) -> Result<Option<RecordKey>, PortError> {
                let failed = |cause| Self::read_failed(cause, "locate", id.as_str());
                let row: Option<(String, String, String)> =
                    sqlx::query_as(AssertSqlSafe(locate(entity)))
                        .bind(id.as_str())
                        .fetch_optional(self.readers())
                        .await
                        .map_err(failed)?;
                row.map(key).transpose().map_err(failed)
            }

            async fn apply(&self, write: Write) -> Result<Committed, PortError> {
                let subject = write.shadow.key.to_string();
                let job = Job::Apply(Box::new(PreparedWrite::new(Self::PLATFORM, write)?));
                match self.commit(job, "apply", &subject).await? {
                    Answer::Committed(committed) => Ok(committed),
                    _ => {
                        let kind = PortErrorKind::Conflict;
                        Err(PortError::new(kind, Self::PLATFORM, "apply", subject))
                    }
                }
            }
        }
    };
}

case_store!(SqliteCaseStore, super::sqlite::MANY);
case_store!(PostgresCaseStore, super::postgres::MANY);
