//! Many rows at once, on both engines.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use shared::model::{Entity, RecordKey};
use shared::ports::{CurrentRow, CurrentRows};
use sqlx::{AssertSqlSafe, Row};

use super::decode::{checked, entity_id, instant, json_text};
use super::prepared::table;
use super::rows::{StoredRecord, record_columns};
use super::{PostgresCaseStore, SqliteCaseStore};

/// Spells the query of the rows whose ids stand in a JSON list, which `ids` takes apart.
fn rows(entity: Entity, ids: &str) -> String {
    let (columns, table) = (record_columns(entity), table(entity));
    format!(
        "SELECT {columns}, connection, object, record_id, version, \
         (SELECT entity_id FROM id_aliases WHERE alias = {table}.id) AS merged_into \
         FROM {table} WHERE id IN ({ids})"
    )
}

macro_rules! current_rows {
    ($module:ident, $connection:ty, $row:ty, $store:ty, $ids:literal) => {
        mod $module {
            use super::*;

            fn read_row(row: &$row, entity: Entity) -> Result<(String, CurrentRow), sqlx::Error> {
                let stored = StoredRecord::read(row, entity)?;
                let merged_into: Option<String> = row.try_get("merged_into")?;
                let key = RecordKey {
                    connection: checked(ConnectionId::parse(
                        row.try_get::<String, _>("connection")?,
                    ))?,
                    object: checked(ObjectName::parse(row.try_get::<String, _>("object")?))?,
                    record_id: checked(RecordId::parse(row.try_get::<String, _>("record_id")?))?,
                };
                let row = CurrentRow {
                    fields: stored.fields,
                    is_deleted: stored.is_deleted,
                    key,
                    version: instant(row.try_get("version")?),
                    merged_into: merged_into.map(entity_id).transpose()?,
                };
                Ok((stored.id, row))
            }

            async fn read_rows(
                connection: &mut $connection,
                entity: Entity,
                ids: &[&str],
            ) -> Result<BTreeMap<String, CurrentRow>, sqlx::Error> {
                // The text is made of the names above alone.
                let stored = sqlx::query(AssertSqlSafe(rows(entity, $ids)))
                    .bind(json_text(&ids)?)
                    .fetch_all(connection)
                    .await?;
                stored.iter().map(|row| read_row(row, entity)).collect()
            }

            #[async_trait]
            impl CurrentRows for $store {
                async fn current_rows(
                    &self,
                    entity: Entity,
                    ids: &[EntityId],
                ) -> Result<Vec<Option<CurrentRow>>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "read rows of", entity.as_str());
                    let wanted: Vec<&str> = ids.iter().map(EntityId::as_str).collect();
                    let mut snapshot = self.snapshot().await.map_err(failed)?;
                    let found = read_rows(&mut snapshot, entity, &wanted).await.map_err(failed)?;
                    Ok(wanted.iter().map(|id| found.get(*id).cloned()).collect())
                }
            }
        }
    };
}

current_rows!(
    sqlite,
    sqlx::SqliteConnection,
    sqlx::sqlite::SqliteRow,
    SqliteCaseStore,
    "SELECT value FROM json_each($1)"
);
current_rows!(
    postgres,
    sqlx::PgConnection,
    sqlx::postgres::PgRow,
    PostgresCaseStore,
    "SELECT jsonb_array_elements_text($1::jsonb)"
);

#[cfg(test)]
mod tests {
    use sqlx::{Connection, SqliteConnection};

    use super::*;
    use crate::store::sqlite::MIGRATOR;

    #[tokio::test]
    async fn rows_and_their_aliases_are_looked_up_by_ids() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        MIGRATOR.run(&mut connection).await.unwrap();
        for entity in Entity::ALL {
            let sql = rows(entity, "SELECT value FROM json_each($1)");
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            let plan: String =
                steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect();

            let index = format!("INDEX sqlite_autoindex_{}_1 (id=?)", table(entity));
            let aliases = "SEARCH id_aliases USING PRIMARY KEY (alias=?)";
            assert!(plan.contains(&index) && plan.contains(aliases), "{plan}");
        }
    }
}
