//! How rows once stood, on both engines: the row, and its audit rows played from the first.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::model::Entity;
use shared::ports::{History, PastRow};
use shared::sync::Replay;
use shared::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::decode::{count, entity_id, instant};
use super::prepared::table;
use super::rows::{StoredAudit, StoredRecord, record_columns};
use super::sight::shown_cases;
use super::{PostgresCaseStore, SqliteCaseStore};

/// Spells the query of one row: $1 its id, or an alias of it when no row has that id; $2 person.
/// `None` when `sight` shows no row of the kind.
fn row(sight: &Sight, entity: Entity) -> Option<String> {
    let shown = match (entity, sight) {
        (Entity::Case, _) => shown_cases(sight, "id", "$2"),
        (Entity::Account | Entity::Contact, Sight::Only(_)) => return None,
        (Entity::Account | Entity::Contact, _) => None,
    };
    let (columns, table) = (record_columns(entity), table(entity));
    // A parameter that stands nowhere is refused by PostgreSQL.
    let shown = shown.unwrap_or_else(|| "($2 IS NULL OR $2 = $2)".to_owned());
    Some(format!(
        "SELECT {columns} FROM {table} WHERE id = coalesce( \
             (SELECT id FROM {table} WHERE id = $1), \
             (SELECT entity_id FROM id_aliases WHERE alias = $1)) AND {shown}"
    ))
}

/// The last audit row up to an instant: $1 row, $2 kind, $3 instant.
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM audit \
     WHERE entity_id = $1 AND entity = $2 AND at <= $3";

/// All audit rows in order: $1 row, $2 kind.
const AUDIT: &str = "SELECT * FROM audit WHERE entity_id = $1 AND entity = $2 ORDER BY seq";

macro_rules! history {
    ($module:ident, $connection:ty, $store:ty) => {
        mod $module {
            use super::*;

            async fn read(
                connection: &mut $connection,
                sight: &Sight,
                entity: Entity,
                id: &EntityId,
                at: Timestamp,
            ) -> Result<Option<PastRow>, sqlx::Error> {
                let Some(sql) = row(sight, entity) else { return Ok(None) };
                // The text is made of the names above alone.
                let stored = sqlx::query(AssertSqlSafe(sql))
                    .bind(id.as_str())
                    .bind(sight.person().map(PersonId::as_str))
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(stored) = stored else { return Ok(None) };
                let stored = StoredRecord::read(&stored, entity)?;
                if stored.created_at > at.as_millis() {
                    return Ok(None);
                }
                let last: i64 = sqlx::query_scalar(LAST)
                    .bind(&stored.id)
                    .bind(entity.as_str())
                    .bind(at.as_millis())
                    .fetch_one(&mut *connection)
                    .await?;
                let id = entity_id(stored.id.clone())?;
                let mut replay = Replay::new(entity, id, at, instant(stored.created_at));
                let mut audit = sqlx::query_as::<_, StoredAudit>(AUDIT)
                    .bind(&stored.id)
                    .bind(entity.as_str())
                    .fetch(connection);
                while let Some(row) = audit.try_next().await? {
                    let row = row.read()?;
                    replay.take(&row, row.seq > count(last));
                }
                Ok(Some(replay.finish(stored.fields, stored.is_deleted)))
            }

            #[async_trait]
            impl History for $store {
                async fn as_of(
                    &self,
                    sight: &Sight,
                    entity: Entity,
                    id: &EntityId,
                    at: Timestamp,
                ) -> Result<Option<PastRow>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "read history of", id.as_str());
                    // One state of the store: the row and the audit rows belong together.
                    let mut snapshot = self.snapshot().await.map_err(failed)?;
                    read(&mut snapshot, sight, entity, id, at).await.map_err(failed)
                }
            }
        }
    };
}

history!(sqlite, sqlx::SqliteConnection, SqliteCaseStore);
history!(postgres, sqlx::PgConnection, PostgresCaseStore);
