//! Walks along all records of an object.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::{Entity, RecordKey};
use shared::ports::{RecordScan, ScanRange, ScannedRecord, Shadow};
use sqlx::AssertSqlSafe;

use crate::store::decode::{checked, count, json_text};
use crate::store::prepared::table;
use crate::store::rows::{SHADOW_COLUMNS, StoredRecord, StoredShadow, record_columns};
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// A shadow with the last part of its key.
#[derive(sqlx::FromRow)]
struct NamedShadow {
    record_id: String,
    #[sqlx(flatten)]
    shadow: StoredShadow,
}

impl NamedShadow {
    fn read(self, range: &ScanRange) -> Result<Shadow, sqlx::Error> {
        let key = RecordKey {
            connection: range.connection.clone(),
            object: range.object.clone(),
            record_id: checked(RecordId::parse(self.record_id))?,
        };
        self.shadow.read(&key)
    }
}

const COUNT: &str = "SELECT count(*) FROM sync_shadow \
     WHERE connection = $1 AND object = $2 AND NOT is_deleted";

/// Spells the query of shadows along the primary key: $1 connection, $2 object, $3 behind it,
/// $4 how many, $5 up to it. No id is empty, so that every one is behind the empty text.
fn shadows(has_end: bool) -> String {
    let end = if has_end { "AND record_id <= $5" } else { "" };
    format!(
        "SELECT record_id, {SHADOW_COLUMNS} FROM sync_shadow WHERE connection = $1 \
         AND object = $2 AND record_id > $3 {end} ORDER BY record_id LIMIT $4"
    )
}

/// Spells the query of the rows whose ids stand in a JSON list, which `ids` takes apart.
fn rows(entity: Entity, ids: &str) -> String {
    format!("SELECT {} FROM {} WHERE id IN ({ids})", record_columns(entity), table(entity))
}

/// Puts each shadow beside its row.
fn beside(shadows: Vec<Shadow>, mut rows: BTreeMap<String, StoredRecord>) -> Vec<ScannedRecord> {
    let found = shadows.into_iter().map(|shadow| {
        let row = rows.remove(shadow.entity_id.as_str());
        ScannedRecord {
            is_row_deleted: row.as_ref().is_some_and(|it| it.is_deleted),
            row: row.map(|it| it.fields),
            shadow,
        }
    });
    found.collect()
}

macro_rules! scan {
    ($module:ident, $connection:ty, $store:ty, $ids:literal) => {
        mod $module {
            use super::*;

            async fn read_shadows(
                connection: &mut $connection,
                range: &ScanRange,
            ) -> Result<Vec<Shadow>, sqlx::Error> {
                // The text is made of the names above alone, here and below.
                let mut query = sqlx::query_as(AssertSqlSafe(shadows(range.until.is_some())))
                    .bind(range.connection.as_str())
                    .bind(range.object.as_str())
                    .bind(range.after.as_ref().map_or("", |it| it.as_str()))
                    .bind(i64::from(range.limit));
                if let Some(until) = &range.until {
                    query = query.bind(until.as_str());
                }
                let stored: Vec<NamedShadow> = query.fetch_all(connection).await?;
                stored.into_iter().map(|it| it.read(range)).collect()
            }

            /// Reads the rows of `shadows` by their ids. The records of one object have their rows
            /// in one table, but nothing here says in which.
            async fn read_rows(
                connection: &mut $connection,
                shadows: &[Shadow],
            ) -> Result<BTreeMap<String, StoredRecord>, sqlx::Error> {
                let mut found = BTreeMap::new();
                for entity in Entity::ALL {
                    let ids = shadows.iter().map(|it| it.entity_id.as_str());
                    let missing: Vec<&str> = ids.filter(|id| !found.contains_key(*id)).collect();
                    if missing.is_empty() {
                        break;
                    }
                    let stored = sqlx::query(AssertSqlSafe(rows(entity, $ids)))
                        .bind(json_text(&missing)?)
                        .fetch_all(&mut *connection)
                        .await?;
                    for row in &stored {
                        let row = StoredRecord::read(row, entity)?;
                        found.insert(row.id.clone(), row);
                    }
                }
                Ok(found)
            }

            #[async_trait]
            impl RecordScan for $store {
                async fn n_records(
                    &self,
                    connection: &ConnectionId,
                    object: &ObjectName,
                ) -> Result<u64, PortError> {
                    let n_records: i64 = sqlx::query_scalar(COUNT)
                        .bind(connection.as_str())
                        .bind(object.as_str())
                        .fetch_one(self.readers())
                        .await
                        .map_err(|cause| Self::read_failed(cause, "count", object.as_str()))?;
                    Ok(count(n_records))
                }

                async fn scan(&self, range: &ScanRange) -> Result<Vec<ScannedRecord>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "scan", range.object.as_str());
                    // One state of the store: a shadow and a row that belong together.
                    let mut snapshot = self.snapshot().await.map_err(failed)?;
                    let shadows = read_shadows(&mut snapshot, range).await.map_err(failed)?;
                    let rows = read_rows(&mut snapshot, &shadows).await.map_err(failed)?;
                    Ok(beside(shadows, rows))
                }
            }
        }
    };
}

scan!(sqlite, sqlx::SqliteConnection, SqliteCaseStore, "SELECT value FROM json_each($1)");
scan!(
    postgres,
    sqlx::PgConnection,
    PostgresCaseStore,
    "SELECT jsonb_array_elements_text($1::jsonb)"
);

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row, SqliteConnection};

    use super::*;
    use crate::store::sqlite::MIGRATOR;

    async fn plan(sql: String) -> String {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        MIGRATOR.run(&mut connection).await.unwrap();
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect()
    }

    #[tokio::test]
    async fn page_of_shadows_is_a_piece_of_the_primary_key() {
        for has_end in [false, true] {
            let plan = plan(shadows(has_end)).await;

            let search = "SEARCH sync_shadow USING PRIMARY KEY \
                 (connection=? AND object=? AND record_id>?";
            assert!(plan.contains(search) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[tokio::test]
    async fn rows_of_a_page_are_looked_up_by_their_ids() {
        for entity in Entity::ALL {
            let plan = plan(rows(entity, "SELECT value FROM json_each($1)")).await;

            let index = format!("INDEX sqlite_autoindex_{}_1 (id=?)", table(entity));
            assert!(plan.contains(&index), "{plan}");
        }
    }
}
