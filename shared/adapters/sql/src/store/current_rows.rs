//! Many rows at once, on both engines.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use shared::model::{Entity, RecordKey};
use shared::ports::{CurrentRow, CurrentRows};
use sqlx::{AssertSqlSafe, Row};

use super::decode::{checked, entity_id, instant, json_text};
use super::prepared::table;
use super::rows::{StoredRecord, record_columns};
use super::sight::shown_cases;
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

/// Spells the query of the next rows along the primary key: $1 behind it, $2 how many, $3 who asks. No id is
/// empty, so that every one is behind the empty text. `None` when nothing of the kind is shown.
fn next_rows(sight: &Sight, entity: Entity) -> Option<String> {
    let shown = match (entity, sight) {
        (Entity::Case, sight) => shown_cases(sight, "id", "$3"),
        (Entity::Account | Entity::Contact, Sight::Only(_)) => return None,
        (Entity::Account | Entity::Contact, _) => None,
    };
    let shown = shown.map_or(String::new(), |it| format!("AND {it}"));
    let (columns, table) = (record_columns(entity), table(entity));
    Some(format!(
        "SELECT {columns}, connection, object, record_id, version, NULL AS merged_into FROM {table} \
         WHERE id > $1 AND NOT is_deleted {shown} ORDER BY id LIMIT $2"
    ))
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

                async fn rows_after(
                    &self,
                    sight: &Sight,
                    entity: Entity,
                    after: Option<&EntityId>,
                    limit: u32,
                ) -> Result<Vec<(EntityId, CurrentRow)>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "walk along", entity.as_str());
                    let Some(sql) = next_rows(sight, entity) else { return Ok(Vec::new()) };
                    let has_asker = sql.contains("$3");
                    // The text is made of the names above alone.
                    let mut query = sqlx::query(AssertSqlSafe(sql))
                        .bind(after.map_or("", |it| it.as_str()))
                        .bind(i64::from(limit));
                    if let Some(person) = sight.person().filter(|_| has_asker) {
                        query = query.bind(person.as_str());
                    }
                    let stored = query.fetch_all(self.readers()).await.map_err(failed)?;
                    let read = |row: &$row| {
                        let (id, row) = read_row(row, entity)?;
                        Ok((entity_id(id)?, row))
                    };
                    stored.iter().map(read).collect::<Result<_, _>>().map_err(failed)
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
    use shared::ids::PersonId;

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

    #[tokio::test]
    async fn next_rows_are_a_piece_of_the_primary_key() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        MIGRATOR.run(&mut connection).await.unwrap();
        let anna = PersonId::parse("anna").unwrap();
        for sight in [Sight::Everything, Sight::AllBut(anna)] {
            for entity in Entity::ALL {
                let sql = next_rows(&sight, entity).unwrap();
                let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
                let steps = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                let plan: String =
                    steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect();
                let index = format!("INDEX sqlite_autoindex_{}_1 (id>?)", table(entity));
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }
}
