//! Names, texts and types of Snowflake.

use shared::etl::{ColumnKind, WarehouseTable};

pub(super) use shared::etl::quoted_name as name;

/// The longest value that is shown in a reject, in characters.
const MAX_SHOWN: usize = 200;

/// A value, and the conditions under which it cannot be worked out for a row. There it is anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) faults: Vec<String>,
}

impl Sql {
    /// A value that can always be worked out.
    pub(super) fn sure(text: impl Into<String>) -> Self {
        Self { text: text.into(), faults: Vec::new() }
    }

    /// Returns the condition that it cannot be worked out; `None` when it always can.
    pub(super) fn fault(&self) -> Option<String> {
        any(&self.faults)
    }
}

/// Returns what is true where one of the conditions is; `None` of none.
pub(super) fn any(conditions: &[String]) -> Option<String> {
    match conditions {
        [] => None,
        all => Some(format!("COALESCE({}, FALSE)", all.join(" OR "))),
    }
}

/// Writes a text between single quotes, where a backslash escapes too.
/// Source: Snowflake, "String and binary data types", escape sequences.
pub(super) fn text(raw: &str) -> String {
    format!("'{}'", raw.replace('\\', "\\\\").replace('\'', "''"))
}

/// Writes the name of a table.
pub(super) fn table(table: &WarehouseTable) -> String {
    let WarehouseTable { database, schema, name: it } = table;
    format!("{}.{}.{}", name(database.as_str()), name(schema.as_str()), name(it.as_str()))
}

/// Returns the type that holds every value of `kind`. An instant is in UTC, as in the tables of the
/// lake.
pub(super) fn type_name(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Text => "VARCHAR".to_owned(),
        ColumnKind::Bool => "BOOLEAN".to_owned(),
        ColumnKind::Long => "NUMBER(19,0)".to_owned(),
        ColumnKind::Float => "FLOAT".to_owned(),
        ColumnKind::Decimal { precision, scale } => format!("NUMBER({precision},{scale})"),
        ColumnKind::Date => "DATE".to_owned(),
        ColumnKind::Instant => "TIMESTAMP_NTZ(3)".to_owned(),
    }
}

/// Writes a value as text, as it is usually written.
pub(super) fn as_text(sql: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Text => sql.to_owned(),
        ColumnKind::Bool => format!("CASE WHEN {sql} THEN 'true' WHEN NOT {sql} THEN 'false' END"),
        ColumnKind::Date => format!("TO_VARCHAR({sql}, 'YYYY-MM-DD')"),
        ColumnKind::Instant => {
            let part =
                |it: &str| format!("LPAD(CAST(DATE_PART('{it}', {sql}) AS VARCHAR), 2, '0')");
            let millis = format!("MOD(DATE_PART('epoch_millisecond', {sql}), 1000)");
            // Before 1970 the rest is below zero.
            let millis = format!("LPAD(CAST(MOD({millis} + 1000, 1000) AS VARCHAR), 3, '0')");
            format!(
                "TO_VARCHAR(CAST({sql} AS DATE), 'YYYY-MM-DD') || 'T' || {} || ':' || {} || ':' || {} \
                 || '.' || {millis} || 'Z'",
                part("hour"),
                part("minute"),
                part("second")
            )
        }
        ColumnKind::Long | ColumnKind::Float | ColumnKind::Decimal { .. } => {
            format!("CAST({sql} AS VARCHAR)")
        }
    }
}

/// Puts the texts of values behind each other, shortened as in every reject.
pub(super) fn shown(texts: &[String]) -> String {
    if texts.is_empty() {
        return "''".to_owned();
    }
    let texts: Vec<String> = texts.iter().map(|it| format!("COALESCE({it}, '')")).collect();
    let all = texts.join(" || '|' || ");
    format!(
        "CASE WHEN LENGTH({all}) > {MAX_SHOWN} THEN LEFT({all}, {MAX_SHOWN}) || '…' ELSE {all} END"
    )
}
