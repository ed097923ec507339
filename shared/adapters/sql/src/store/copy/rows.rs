//! Streams the rows of one table, a bounded number at a time.

use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, TypeInfo, ValueRef};

use super::error::{CopyError, failed};
use super::source::Source;
use super::target::{Column, Target};
use crate::store::text::marked;

/// Rows of one statement at most.
const N_ROWS: u64 = 1_000;
/// The length after which a statement takes no more rows, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Columns of JSON text, which spells U+0000 in its own way and is stored as it is.
const JSON: [&str; 8] = [
    "fields",
    "field_versions",
    "changes",
    "edits",
    "setback",
    "local_value",
    "remote_value",
    "samples",
];

/// Copies every row of `table`, and returns how many there were; calls `progress` with the rows
/// copied so far.
pub(super) async fn copy(
    source: &mut Source,
    target: &mut Target,
    table: &str,
    columns: &[Column],
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, CopyError> {
    let names: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
    // The names come from the catalogues of both sides.
    let sql = AssertSqlSafe(format!("SELECT {} FROM {table}", names.join(", ")));
    let mut rows = sqlx::query(sql).fetch(source.pool());
    let (mut n_rows, mut n_waiting, mut lines) = (0, 0, String::new());
    loop {
        let row = rows.try_next().await.map_err(failed(table))?;
        let is_last = row.is_none();
        if let Some(row) = row {
            lines.push(if n_waiting == 0 { '[' } else { ',' });
            lines.push_str(&line(&row, columns).map_err(failed(table))?.to_string());
            n_waiting += 1;
        }
        if n_waiting > 0 && (is_last || n_waiting == N_ROWS || lines.len() > MAX_BYTES) {
            lines.push(']');
            target.insert(table, columns, std::mem::take(&mut lines)).await?;
            n_rows += std::mem::take(&mut n_waiting);
            progress(n_rows);
        }
        if is_last {
            return Ok(n_rows);
        }
    }
}

fn line(row: &SqliteRow, columns: &[Column]) -> Result<Value, sqlx::Error> {
    let values = columns.iter().enumerate().map(|(place, column)| value(row, place, column));
    values.collect::<Result<_, _>>().map(Value::Array)
}

fn value(row: &SqliteRow, place: usize, column: &Column) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(place)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    if raw.type_info().name() == "INTEGER" {
        return row.try_get_unchecked::<i64, _>(place).map(Value::from);
    }
    if raw.type_info().name() == "REAL" {
        return row.try_get_unchecked::<f64, _>(place).map(Value::from);
    }
    let text: String = row.try_get_unchecked(place)?;
    let is_json = column.form == "json" || JSON.contains(&column.name.as_str());
    Ok(Value::String(if is_json { text } else { marked(&text).into_owned() }))
}
