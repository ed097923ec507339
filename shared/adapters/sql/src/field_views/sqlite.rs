//! The views in a SQLite file.

use shared::model::Entity;
use shared::ports::{ColumnKind, FieldColumn, FieldColumns};
use sqlx::{AssertSqlSafe, SqliteConnection, SqliteExecutor};

use super::{LEDGER_NAME, Note, literal, quoted, view};
use crate::store::table;

/// Spells the statements that make the views.
fn statements(columns: &FieldColumns) -> Vec<String> {
    let make = |entity| {
        let plain = FieldColumns::plain(entity).map(quoted);
        let fields = columns.of_entity(entity).map(|it| {
            let FieldColumn { field, column } = it;
            format!("{} AS {}", value(field.name(), field.kind()), quoted(column))
        });
        let selected: Vec<String> = plain.chain(fields).collect();
        format!(
            "CREATE VIEW {} AS SELECT {} FROM {}",
            view(entity),
            selected.join(", "),
            table(entity)
        )
    };
    Entity::ALL.map(make).into()
}

/// Spells the value of a field: none when it does not fit its kind.
fn value(name: &str, kind: ColumnKind) -> String {
    let path = literal(&format!("$.\"{name}\""));
    let (stored, form) = (format!("custom ->> {path}"), format!("json_type(custom, {path})"));
    match kind {
        ColumnKind::Text => format!(
            "CAST(CASE WHEN {form} IN ('true', 'false') THEN {form} ELSE {stored} END AS TEXT)"
        ),
        ColumnKind::Bool => {
            format!("CAST(CASE {form} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END AS INTEGER)")
        }
        ColumnKind::Number => {
            format!("CAST(CASE WHEN {form} IN ('integer', 'real') THEN {stored} END AS NUMERIC)")
        }
        // `2026-02-31` is a day of March to SQLite.
        ColumnKind::Date => format!(
            "CAST(CASE WHEN {form} = 'text' AND date({stored}) = {stored} THEN {stored} END AS TEXT)"
        ),
        ColumnKind::Datetime => format!(
            "CAST(CASE WHEN {form} = 'text' AND {stored} GLOB '????-??-??T??:??:??*Z' \
             AND date({stored}) = substr({stored}, 1, 10) THEN {stored} END AS TEXT)"
        ),
    }
}

/// Shows `columns` and no others; tells whether anything was to be done. Belongs into a transaction.
///
/// # Errors
///
/// As SQLite answers.
pub(crate) async fn publish(
    connection: &mut SqliteConnection,
    columns: &FieldColumns,
) -> Result<bool, sqlx::Error> {
    if is_shown(&mut *connection, columns).await? {
        return Ok(false);
    }
    take_down(&mut *connection).await?;
    let statements = statements(columns);
    let note = Note::of(columns, &statements);
    for statement in statements {
        // The text is made of names that are quoted.
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    sqlx::query(
        "INSERT INTO ledger (name, value, revision) VALUES (?1, ?2, 1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = revision + 1",
    )
    .bind(LEDGER_NAME)
    .bind(note.text()?)
    .execute(connection)
    .await?;
    Ok(true)
}

/// Tells whether the views stand and show `columns`.
///
/// # Errors
///
/// As SQLite answers.
pub(crate) async fn is_shown<'e>(
    connection: impl SqliteExecutor<'e>,
    columns: &FieldColumns,
) -> Result<bool, sqlx::Error> {
    let row: Option<(String, i64)> = sqlx::query_as(
        "SELECT value, (SELECT count(*) FROM sqlite_master WHERE type = 'view' \
             AND name IN ('account_fields', 'contact_fields', 'case_fields')) \
         FROM ledger WHERE name = ?1",
    )
    .bind(LEDGER_NAME)
    .fetch_optional(connection)
    .await?;
    let wanted = Note::of(columns, &statements(columns)).text()?;
    Ok(row.is_some_and(|(noted, n_views)| noted == wanted && n_views == 3))
}

/// Returns what is shown.
///
/// # Errors
///
/// As SQLite answers, or when the note was altered.
pub(crate) async fn published<'e>(
    connection: impl SqliteExecutor<'e>,
) -> Result<FieldColumns, sqlx::Error> {
    let noted: Option<String> = sqlx::query_scalar("SELECT value FROM ledger WHERE name = ?1")
        .bind(LEDGER_NAME)
        .fetch_optional(connection)
        .await?;
    noted.map_or_else(|| Ok(FieldColumns::default()), |it| Ok(Note::read(&it)?.columns))
}

/// Removes the views, so that the tables below them can change.
///
/// # Errors
///
/// As SQLite answers.
pub(crate) async fn take_down(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for entity in Entity::ALL {
        let sql = format!("DROP VIEW IF EXISTS {}", view(entity));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Makes the views again that [`take_down`] removed, when there were any.
///
/// # Errors
///
/// As SQLite answers.
pub(crate) async fn put_up(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let has_ledger: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ledger')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !has_ledger {
        return Ok(());
    }
    let noted: Option<String> = sqlx::query_scalar("SELECT value FROM ledger WHERE name = ?1")
        .bind(LEDGER_NAME)
        .fetch_optional(&mut *connection)
        .await?;
    match noted {
        Some(noted) => publish(connection, &Note::read(&noted)?.columns).await.map(drop),
        None => Ok(()),
    }
}
