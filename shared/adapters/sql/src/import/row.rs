//! One row of a file, with every field it holds.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef};

use super::date;
use shared::time::Timestamp;

/// Why a row cannot be taken, and the fix.
pub(super) type Fault = String;

/// The fields of a row by column, and what was found in them.
pub(super) struct SourceRow {
    pub(super) fields: BTreeMap<String, Value>,
    /// What should be looked at although the row is taken.
    pub(super) findings: Vec<String>,
}

impl SourceRow {
    /// Reads the first of `row`, which are `columns`.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when a value cannot be kept as it is.
    pub(super) fn read(row: &SqliteRow, columns: &[String]) -> Result<Self, Fault> {
        let mut fields = BTreeMap::new();
        for (place, column) in columns.iter().enumerate() {
            fields.insert(column.clone(), value(row, place, column)?);
        }
        Ok(Self { fields, findings: Vec::new() })
    }

    /// Returns the text of `column`, trimmed; none when it is empty or not there.
    pub(super) fn text(&self, column: &str) -> Result<Option<String>, Fault> {
        let text = match self.fields.get(column) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Object(_)) => {
                return Err(format!("`{column}` holds bytes where text belongs: correct it"));
            }
            Some(other) => other.to_string(),
        };
        Ok((!text.is_empty()).then_some(text))
    }

    /// Returns the text of a column that must hold some.
    pub(super) fn needed(&self, column: &str) -> Result<String, Fault> {
        self.text(column)?.ok_or_else(|| format!("`{column}` is empty: fill it in"))
    }

    /// Returns the instant of a column that must hold one.
    pub(super) fn instant(&self, column: &str) -> Result<Timestamp, Fault> {
        let raw = self.needed(column)?;
        date::parse(&raw).ok_or_else(|| {
            format!("`{column}` is not a date: write it as `2024-05-01` or `2024-05-01 13:45:00`")
        })
    }

    /// Returns when the row was made, if it says so.
    pub(super) fn created_at(&mut self) -> Option<Timestamp> {
        let raw = self.text("created_at").ok().flatten()?;
        let at = date::parse(&raw);
        if at.is_none() {
            self.findings
                .push("`created_at` is not a date: the instant of the import is taken".into());
        }
        at
    }

    /// Returns the number of `column`; a value that is none is a finding.
    pub(super) fn number(&mut self, column: &str) -> Option<f64> {
        let found = match self.fields.get(column) {
            None | Some(Value::Null) => return None,
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) if text.trim().is_empty() => return None,
            Some(Value::String(text)) => text.trim().parse().ok().filter(|it: &f64| it.is_finite()),
            Some(_) => None,
        };
        if found.is_none() {
            self.findings
                .push(format!("`{column}` is not a number: it is kept as it is, and not counted"));
        }
        found
    }

    /// Returns the whole number of `column`; a value that is none is a finding.
    pub(super) fn whole(&mut self, column: &str) -> Option<i64> {
        match self.fields.get(column) {
            Some(Value::Number(number)) if number.is_i64() => number.as_i64(),
            _ => {
                #[expect(clippy::cast_possible_truncation, reason = "bounded before")]
                let whole = |it: f64| (it.fract() == 0.0 && it.abs() < 9e15).then_some(it as i64);
                self.number(column).and_then(whole)
            }
        }
    }

    /// Tells whether `column` says yes.
    pub(super) fn flag(&self, column: &str) -> bool {
        match self.fields.get(column) {
            Some(Value::Number(number)) => number.as_f64().is_some_and(|it| it != 0.0),
            Some(Value::String(text)) => {
                ["1", "true", "yes"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
            }
            _ => false,
        }
    }
}

fn value(row: &SqliteRow, place: usize, column: &str) -> Result<Value, Fault> {
    let unreadable = |_| format!("`{column}` is not text in UTF-8: correct it");
    let raw = row.try_get_raw(place).map_err(unreadable)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match raw.type_info().name() {
        "INTEGER" | "BOOLEAN" => {
            row.try_get_unchecked::<i64, _>(place).map(Value::from).map_err(unreadable)
        }
        "REAL" => {
            let number: f64 = row.try_get_unchecked(place).map_err(unreadable)?;
            let number = serde_json::Number::from_f64(number);
            number.map(Value::Number).ok_or_else(|| format!("`{column}` is not a finite number"))
        }
        "BLOB" => {
            let bytes: Vec<u8> = row.try_get_unchecked(place).map_err(unreadable)?;
            Ok(json!({ "base64": BASE64_STANDARD.encode(bytes) }))
        }
        _ => {
            let text: String = row.try_get_unchecked(place).map_err(unreadable)?;
            if text.contains('\0') {
                return Err(format!(
                    "`{column}` holds a zero character, as text in UTF-16 does: correct it"
                ));
            }
            Ok(Value::String(text))
        }
    }
}
