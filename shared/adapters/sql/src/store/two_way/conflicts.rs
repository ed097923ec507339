//! Reads conflicts.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use shared::model::RecordKey;
use shared::ports::{Conflict, ConflictFilter, Conflicts};
use sqlx::AssertSqlSafe;

use crate::store::decode::{checked, count, entity_id, instant, json, number, word};
use crate::store::sight::shown_rows;
use crate::store::text::StoredText;
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// A conflict as it is stored.
#[derive(sqlx::FromRow)]
struct StoredConflict {
    row_number: i64,
    connection: String,
    object: String,
    record_id: String,
    entity: String,
    entity_id: String,
    label: Option<StoredText>,
    field: String,
    local_field: String,
    local_value: String,
    remote_value: String,
    remote_version: i64,
    policy: String,
    resolution: Option<String>,
    resolved_by: Option<StoredText>,
    resolved_at: Option<i64>,
    correlation_id: String,
    opened_at: i64,
}

impl StoredConflict {
    fn read(self) -> Result<Conflict, sqlx::Error> {
        Ok(Conflict {
            id: count(self.row_number),
            key: RecordKey {
                connection: checked(ConnectionId::parse(self.connection))?,
                object: checked(ObjectName::parse(self.object))?,
                record_id: checked(RecordId::parse(self.record_id))?,
            },
            entity: word(&self.entity)?,
            entity_id: entity_id(self.entity_id)?,
            label: self.label.map(Into::into),
            field: self.field,
            local_field: self.local_field,
            local_value: json(&self.local_value)?,
            remote_value: json(&self.remote_value)?,
            remote_version: instant(self.remote_version),
            policy: word(&self.policy)?,
            opened_at: instant(self.opened_at),
            resolved_at: self.resolved_at.map(instant),
            resolution: self.resolution.as_deref().map(word).transpose()?,
            resolved_by: self.resolved_by.map(Into::into),
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
        })
    }
}

const COLUMNS: &str = "row_number, connection, object, record_id, entity, entity_id, label, field, \
     local_field, local_value, remote_value, remote_version, policy, resolution, resolved_by, \
     resolved_at, correlation_id, opened_at";

/// Spells the list: $1 person, $2 status, $3 row or empty, $4 first number that is too large,
/// $5 how many, $6 connection or empty, $7 object or empty. It is made of the words here alone.
fn list(sight: &Sight) -> String {
    let shown = shown_rows(sight, "$1").map_or_else(String::new, |it| format!("AND {it}"));
    format!(
        "SELECT {COLUMNS} FROM conflicts WHERE $1 = $1 AND status = $2 \
         AND ($3 = '' OR entity_id = $3) AND ($6 = '' OR connection = $6) \
         AND ($7 = '' OR object = $7) AND row_number < $4 {shown} \
         ORDER BY row_number DESC LIMIT $5"
    )
}

/// Spells the query of one: $1 person, $2 number.
fn one(sight: &Sight) -> String {
    let shown = shown_rows(sight, "$1").map_or_else(String::new, |it| format!("AND {it}"));
    format!("SELECT {COLUMNS} FROM conflicts WHERE $1 = $1 AND row_number = $2 {shown}")
}

fn person(sight: &Sight) -> &str {
    sight.person().map_or("", |it| it.as_str())
}

macro_rules! conflicts {
    ($store:ty) => {
        #[async_trait]
        impl Conflicts for $store {
            async fn conflicts(
                &self,
                sight: &Sight,
                filter: &ConflictFilter,
            ) -> Result<Vec<Conflict>, PortError> {
                let failed = |cause| Self::read_failed(cause, "list", "conflicts");
                let rows: Vec<StoredConflict> = sqlx::query_as(AssertSqlSafe(list(sight)))
                    .bind(person(sight))
                    .bind(if filter.is_resolved { "resolved" } else { "open" })
                    .bind(filter.entity_id.as_ref().map_or("", |it| it.as_str()))
                    .bind(filter.before.map_or(i64::MAX, number))
                    .bind(i64::from(filter.limit))
                    .bind(filter.connection.as_ref().map_or("", |it| it.as_str()))
                    .bind(filter.object.as_ref().map_or("", |it| it.as_str()))
                    .fetch_all(self.readers())
                    .await
                    .map_err(failed)?;
                rows.into_iter()
                    .map(StoredConflict::read)
                    .collect::<Result<_, _>>()
                    .map_err(|cause| Self::read_failed(cause, "list", "conflicts"))
            }

            async fn conflict(
                &self,
                sight: &Sight,
                id: u64,
            ) -> Result<Option<Conflict>, PortError> {
                let failed = |cause| Self::read_failed(cause, "read conflict", &id.to_string());
                let row: Option<StoredConflict> = sqlx::query_as(AssertSqlSafe(one(sight)))
                    .bind(person(sight))
                    .bind(number(id))
                    .fetch_optional(self.readers())
                    .await
                    .map_err(failed)?;
                row.map(StoredConflict::read).transpose().map_err(failed)
            }

            async fn n_open_conflicts(&self) -> Result<u64, PortError> {
                let n_open: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM conflicts WHERE status = 'open'")
                        .fetch_one(self.readers())
                        .await
                        .map_err(|cause| Self::read_failed(cause, "count", "conflicts"))?;
                Ok(count(n_open))
            }
        }
    };
}

conflicts!(SqliteCaseStore);
conflicts!(PostgresCaseStore);
