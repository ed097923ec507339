//! The marks of a write, in its transaction.

use shared::ids::RecordId;
use shared::model::{Entity, RecordKey};
use shared::ports::{ConflictDraft, ConflictMark, OutboxKind, OutboxMark, WriteKind};
use shared::time::Timestamp;

use crate::store::batch::TextForm;
use crate::store::decode::json_text;
use crate::store::prepared::{PreparedWrite, table};

/// Says where references to a kind of row stand: table and column.
const fn references(entity: Entity) -> &'static [(&'static str, &'static str)] {
    match entity {
        Entity::Account => &[("contacts", "account_id"), ("cases", "account_id")],
        Entity::Contact => &[("cases", "contact_id")],
        Entity::Case => &[],
    }
}

/// Spells the statement that points the references in a column from one row to another.
fn repoint(table: &str, column: &str) -> String {
    format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2")
}

/// Spells the statement that points the references in a column back to a row that is no longer merged,
/// where the record over there still names it.
fn repoint_back(table: &str, column: &str) -> String {
    format!(
        "UPDATE {table} SET {column} = $1 WHERE {column} = $2 AND EXISTS (SELECT 1 \
         FROM sync_shadow s WHERE s.connection = {table}.connection AND s.object = {table}.object \
         AND s.record_id = {table}.record_id AND s.fields LIKE '%' || $3 || '%')"
    )
}

/// Spells the statement that gives a row its record's new id.
fn rename_row(entity: Entity) -> String {
    format!("UPDATE {} SET record_id = $1 WHERE id = $2", table(entity))
}

/// Where a shadow stands, and where it goes.
fn places<'a>(key: &'a RecordKey, old: &'a RecordId) -> [&'a str; 4] {
    [key.connection.as_str(), key.object.as_str(), old.as_str(), key.record_id.as_str()]
}

macro_rules! marks {
    ($module:ident, $connection:ty) => {
        /// The marks of a write on this engine.
        pub(in crate::store) mod $module {
            use sqlx::AssertSqlSafe;

            use super::*;

            /// Moves the shadow of a record that the platform has named to its new key; false when
            /// a shadow stands there.
            pub(in crate::store) async fn rename(
                connection: &mut $connection,
                prepared: &PreparedWrite,
                old: &RecordId,
            ) -> Result<bool, sqlx::Error> {
                let write = &prepared.write;
                let [of, object, old, new] = places(&write.shadow.key, old);
                let taken: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM sync_shadow \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                )
                .bind(of)
                .bind(object)
                .bind(new)
                .fetch_one(&mut *connection)
                .await?;
                if taken > 0 {
                    return Ok(false);
                }
                for sql in [
                    "UPDATE sync_shadow SET record_id = $4 \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                    "UPDATE outbox SET record_id = $4 \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                    "UPDATE conflicts SET record_id = $4 \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                ] {
                    let moved = sqlx::query(sql).bind(of).bind(object).bind(old).bind(new);
                    moved.execute(&mut *connection).await?;
                }
                let derived = write.shadow.key.entity_id();
                add_alias(connection, derived.as_str(), write.entity_id.as_str()).await?;
                // The text is made of the names of the tables alone.
                sqlx::query(AssertSqlSafe(rename_row(write.entity)))
                    .bind(new)
                    .bind(write.entity_id.as_str())
                    .execute(connection)
                    .await
                    .map(|_| true)
            }

            async fn add_alias(
                connection: &mut $connection,
                alias: &str,
                entity_id: &str,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(
                    "INSERT INTO id_aliases (alias, entity_id) VALUES ($1, $2) \
                     ON CONFLICT (alias) DO UPDATE SET entity_id = excluded.entity_id",
                )
                .bind(alias)
                .bind(entity_id)
                .execute(connection)
                .await
                .map(drop)
            }

            /// Does what the marks of an applied write say.
            pub(in crate::store) async fn apply(
                connection: &mut $connection,
                prepared: &PreparedWrite,
                at: Timestamp,
                form: TextForm,
            ) -> Result<(), sqlx::Error> {
                let marks = &prepared.write.marks;
                if let Some(into) = &marks.merged_into {
                    merge(connection, prepared, into.as_str()).await?;
                }
                if prepared.write.kind == WriteKind::Restored {
                    part(connection, prepared).await?;
                }
                match marks.outbox {
                    OutboxMark::Keep => {}
                    OutboxMark::Clear => clear(connection, prepared).await?,
                    OutboxMark::Send(kind) => send(connection, prepared, kind, at).await?,
                }
                for mark in &marks.conflicts {
                    match mark {
                        ConflictMark::Open(draft) => {
                            open(connection, prepared, draft, at, form).await?;
                        }
                        ConflictMark::Close { field, resolution, by } => {
                            sqlx::query(
                                "UPDATE conflicts SET status = 'resolved', resolution = $5, \
                                 resolved_by = $6, resolved_at = $7 WHERE connection = $1 \
                                 AND object = $2 AND record_id = $3 AND field = $4 \
                                 AND status = 'open'",
                            )
                            .bind(prepared.write.shadow.key.connection.as_str())
                            .bind(prepared.write.shadow.key.object.as_str())
                            .bind(prepared.write.shadow.key.record_id.as_str())
                            .bind(field)
                            .bind(resolution.as_str())
                            .bind(form(by).into_owned())
                            .bind(at.as_millis())
                            .execute(&mut *connection)
                            .await?;
                        }
                    }
                }
                Ok(())
            }

            async fn merge(
                connection: &mut $connection,
                prepared: &PreparedWrite,
                into: &str,
            ) -> Result<(), sqlx::Error> {
                let loser = prepared.write.entity_id.as_str();
                let stands_for: Option<String> =
                    sqlx::query_scalar("SELECT entity_id FROM id_aliases WHERE alias = $1")
                        .bind(into)
                        .fetch_optional(&mut *connection)
                        .await?;
                let winner = stands_for.as_deref().unwrap_or(into);
                if winner == loser {
                    return Ok(());
                }
                sqlx::query("UPDATE id_aliases SET entity_id = $1 WHERE entity_id = $2")
                    .bind(winner)
                    .bind(loser)
                    .execute(&mut *connection)
                    .await?;
                add_alias(connection, loser, winner).await?;
                for (table, column) in references(prepared.write.entity) {
                    // The text is made of the names above alone.
                    sqlx::query(AssertSqlSafe(repoint(table, column)))
                        .bind(winner)
                        .bind(loser)
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            }

            /// Lets the ids of a row that is back stand for it again, should it have been merged.
            async fn part(
                connection: &mut $connection,
                prepared: &PreparedWrite,
            ) -> Result<(), sqlx::Error> {
                let row = prepared.write.entity_id.as_str();
                let stood_for: Option<String> =
                    sqlx::query_scalar("DELETE FROM id_aliases WHERE alias = $1 RETURNING entity_id")
                        .bind(row)
                        .fetch_optional(&mut *connection)
                        .await?;
                let Some(survivor) = stood_for else { return Ok(()) };
                for (table, column) in references(prepared.write.entity) {
                    // The text is made of the names above alone.
                    sqlx::query(AssertSqlSafe(repoint_back(table, column)))
                        .bind(row)
                        .bind(&survivor)
                        .bind(format!("\"{}\"", prepared.write.shadow.key.record_id.as_str()))
                        .execute(&mut *connection)
                        .await?;
                }
                let derived = prepared.write.shadow.key.entity_id();
                match derived.as_str() {
                    derived if derived == row => Ok(()),
                    derived => add_alias(connection, derived, row).await,
                }
            }

            async fn clear(
                connection: &mut $connection,
                prepared: &PreparedWrite,
            ) -> Result<(), sqlx::Error> {
                let key = &prepared.write.shadow.key;
                sqlx::query(
                    "DELETE FROM outbox \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                )
                .bind(key.connection.as_str())
                .bind(key.object.as_str())
                .bind(key.record_id.as_str())
                .execute(connection)
                .await
                .map(drop)
            }

            async fn send(
                connection: &mut $connection,
                prepared: &PreparedWrite,
                kind: OutboxKind,
                at: Timestamp,
            ) -> Result<(), sqlx::Error> {
                let write = &prepared.write;
                let correlation = write.audit.as_ref().map_or("", |it| it.correlation_id.as_str());
                sqlx::query(
                    "INSERT INTO outbox (connection, object, record_id, entity, entity_id, kind, \
                     changed_at, correlation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                     ON CONFLICT (connection, object, record_id) DO UPDATE SET \
                     kind = excluded.kind, status = 'waiting', n_attempts = 0, setback = NULL, \
                     not_before = 0, leased_by = NULL, leased_until = 0, \
                     correlation_id = CASE excluded.correlation_id WHEN '' \
                     THEN outbox.correlation_id ELSE excluded.correlation_id END",
                )
                .bind(write.shadow.key.connection.as_str())
                .bind(write.shadow.key.object.as_str())
                .bind(write.shadow.key.record_id.as_str())
                .bind(write.entity.as_str())
                .bind(write.entity_id.as_str())
                .bind(kind.as_str())
                .bind(at.as_millis())
                .bind(correlation)
                .execute(connection)
                .await
                .map(drop)
            }

            async fn open(
                connection: &mut $connection,
                prepared: &PreparedWrite,
                draft: &ConflictDraft,
                at: Timestamp,
                form: TextForm,
            ) -> Result<(), sqlx::Error> {
                let write = &prepared.write;
                sqlx::query(
                    "INSERT INTO conflicts (connection, object, record_id, entity, entity_id, \
                     label, field, local_field, local_value, remote_value, remote_version, policy, \
                     correlation_id, opened_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                     ON CONFLICT (connection, object, record_id, field) WHERE status = 'open' \
                     DO UPDATE SET label = excluded.label, local_value = excluded.local_value, \
                     remote_value = excluded.remote_value, remote_version = excluded.remote_version",
                )
                .bind(write.shadow.key.connection.as_str())
                .bind(write.shadow.key.object.as_str())
                .bind(write.shadow.key.record_id.as_str())
                .bind(write.entity.as_str())
                .bind(write.entity_id.as_str())
                .bind(prepared.label.as_deref().map(|it| form(it).into_owned()))
                .bind(&draft.field)
                .bind(&draft.local_field)
                .bind(json_text(&draft.local_value)?)
                .bind(json_text(&draft.remote_value)?)
                .bind(draft.remote_version.as_millis())
                .bind(draft.policy.as_str())
                .bind(draft.correlation_id.as_str())
                .bind(at.as_millis())
                .execute(connection)
                .await
                .map(drop)
            }
        }
    };
}

marks!(sqlite, sqlx::SqliteConnection);
marks!(postgres, sqlx::PgConnection);
