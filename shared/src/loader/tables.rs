//! The tables of the warehouse: their names, and the statements that make them.
//!
//! Instants are stored without a zone, in UTC, and JSON as text: what a warehouse makes of either while
//! it loads differs. Source of the types: Snowflake, "Summary of data types".

use crate::ids::InvalidId;
use crate::lake::{Column, ColumnType, LakeTable};
use crate::ports::warehouse::{Identifier, TableName};

/// The table of rows that were refused.
pub(super) const REJECTS: &str = "LOAD_REJECTS";
/// The number of a change: the key of all changes, and the version of a row.
pub(super) const CHANGE_SEQ: &str = "change_seq";
/// When a change was committed: it never differs for one change.
pub(super) const CHANGED_AT: &str = "changed_at";
/// The row.
pub(super) const ID: &str = "id";

/// The tables of one table of the lake.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Where files are loaded.
    pub(super) staging: TableName,
    /// All changes.
    pub(super) changes: TableName,
    /// The rows as they stand.
    pub(super) current: TableName,
}

impl Tables {
    pub(super) fn of(table: LakeTable, generation: u32) -> Result<Self, InvalidId> {
        let upper = table.as_str().to_ascii_uppercase();
        let named = |name: String| Identifier::parse(name).map(TableName::new);
        let staging = match generation {
            0 => format!("{upper}_STAGING"),
            number => format!("{upper}_STAGING_{number}"),
        };
        Ok(Self {
            staging: named(staging)?,
            changes: named(format!("{upper}_CHANGES"))?,
            current: named(upper)?,
        })
    }

    pub(super) fn all(&self) -> [&TableName; 3] {
        [&self.staging, &self.changes, &self.current]
    }
}

/// Names a column as the warehouse stores it.
pub(super) fn column(name: &str) -> Result<Identifier, InvalidId> {
    Identifier::parse(name.to_ascii_uppercase())
}

/// Names the columns but for those of `without`.
pub(super) fn columns(columns: &[Column], without: &[&str]) -> Result<Vec<Identifier>, InvalidId> {
    let named = columns.iter().filter(|it| !without.contains(&it.name.as_str()));
    named.map(|it| column(&it.name)).collect()
}

/// Writes a name between double quotes, as the SQL standard has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn type_of(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "BOOLEAN",
        ColumnType::Int | ColumnType::Long => "NUMBER(19, 0)",
        ColumnType::Float => "FLOAT",
        ColumnType::Instant => "TIMESTAMP_NTZ(3)",
        ColumnType::Text | ColumnType::Json => "VARCHAR",
    }
}

pub(super) fn create(table: &TableName, columns: &[Column]) -> String {
    let line = |it: &Column| {
        let rule = if it.is_required { " NOT NULL" } else { "" };
        format!("{} {}{rule}", quoted(&it.name.to_ascii_uppercase()), type_of(it.kind))
    };
    let lines: Vec<_> = columns.iter().map(line).collect();
    format!("CREATE TABLE IF NOT EXISTS {} ({})", quoted(table.table.as_str()), lines.join(", "))
}

pub(super) fn create_rejects() -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\"LOAD_ID\" VARCHAR NOT NULL, \"TABLE_NAME\" VARCHAR NOT NULL, \
         \"FILE\" VARCHAR NOT NULL, \"LINE\" NUMBER(19, 0), \"ROW_NUMBER\" NUMBER(19, 0), \
         \"COLUMN_NAME\" VARCHAR, \"REASON\" VARCHAR NOT NULL, \"N_ROWS\" NUMBER(19, 0) NOT NULL, \
         \"LOADED_AT\" TIMESTAMP_NTZ(3) NOT NULL)",
        quoted(REJECTS)
    )
}

/// Asks for no row, but for the columns.
pub(super) fn look(table: &TableName) -> String {
    format!("SELECT * FROM {} WHERE 1 = 0", quoted(table.table.as_str()))
}

pub(super) fn add_column(table: &TableName, column: &Column) -> String {
    format!(
        "ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}",
        quoted(table.table.as_str()),
        quoted(&column.name.to_ascii_uppercase()),
        type_of(column.kind)
    )
}

pub(super) fn drop_table(table: &TableName) -> String {
    format!("DROP TABLE IF EXISTS {}", quoted(table.table.as_str()))
}

/// Deletes what is merged: changes up to a bound number.
pub(super) fn clear(table: &TableName) -> String {
    format!(
        "DELETE FROM {} WHERE {} <= ?",
        quoted(table.table.as_str()),
        quoted(&CHANGE_SEQ.to_ascii_uppercase())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_quote_every_name() {
        let tables = Tables::of(LakeTable::Cases, 2).unwrap();
        let columns = [
            Column::required("change_seq", ColumnType::Long),
            Column::new("a\"b", ColumnType::Json),
        ];
        assert_eq!(
            create(&tables.staging, &columns),
            "CREATE TABLE IF NOT EXISTS \"CASES_STAGING_2\" (\"CHANGE_SEQ\" NUMBER(19, 0) NOT NULL, \"A\"\"B\" VARCHAR)"
        );
        assert_eq!(
            add_column(&tables.current, &columns[1]),
            "ALTER TABLE \"CASES\" ADD COLUMN IF NOT EXISTS \"A\"\"B\" VARCHAR"
        );
        assert_eq!(
            clear(&tables.changes),
            "DELETE FROM \"CASES_CHANGES\" WHERE \"CHANGE_SEQ\" <= ?"
        );
    }
}
