//! The statements for one row of a record.

use std::fmt::Write as _;

use crate::store::prepared::{PreparedWrite, table};

/// The statements for one row. Their parameters are the same: id, connection, object, record id,
/// deleted, version, now, then the columns.
pub(super) struct RowStatements<'a> {
    table: &'static str,
    columns: &'a [&'static str],
}

/// The number of the parameter that holds the first column.
const FIRST_COLUMN: usize = 8;

/// Spells what a column is given: a reference to an alias becomes one to what that stands for.
fn value(column: &str, number: usize) -> String {
    match column {
        "account_id" | "contact_id" => format!(
            "coalesce((SELECT entity_id FROM id_aliases WHERE alias = ?{number}), ?{number})"
        ),
        _ => format!("?{number}"),
    }
}

impl<'a> RowStatements<'a> {
    /// Prepares the statements for the row of `prepared`.
    pub(super) fn of(prepared: &'a PreparedWrite) -> Self {
        Self { table: table(prepared.write.entity), columns: &prepared.columns }
    }

    /// Spells the statement that inserts the row.
    pub(super) fn insert(&self) -> String {
        let Self { table, columns } = self;
        let (mut names, mut values) = (String::new(), String::new());
        for (column, number) in columns.iter().zip(FIRST_COLUMN..) {
            let _ = write!(names, ", {column}");
            let _ = write!(values, ", {}", value(column, number));
        }
        format!(
            "INSERT INTO {table} (id, connection, object, record_id, is_deleted, version, \
             created_at, updated_at{names}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7{values})"
        )
    }

    /// Spells the statement that asks which values differ from the stored ones: bit 0 for deleted,
    /// then one bit a column. No row answers when none is stored.
    pub(super) fn differences(&self) -> String {
        let Self { table, columns } = self;
        let mut bits = "(is_deleted IS NOT ?5)".to_owned();
        for (place, column) in columns.iter().enumerate() {
            let value = value(column, place + FIRST_COLUMN);
            let _ = write!(bits, " | (({column} IS NOT {value}) << {})", place + 1);
        }
        format!("SELECT {bits} FROM {table} WHERE id = ?1")
    }

    /// Spells the statement that updates what differs: an index is only touched when one of its
    /// columns is named.
    pub(super) fn update(&self, differences: i64, is_audited: bool) -> String {
        let Self { table, columns } = self;
        let differs = |bit: usize| differences >> bit & 1 == 1;
        let mut sets = "version = ?6".to_owned();
        if is_audited {
            sets.push_str(", updated_at = ?7");
        }
        if differs(0) {
            sets.push_str(", is_deleted = ?5");
        }
        for (place, column) in columns.iter().enumerate().filter(|(place, _)| differs(place + 1)) {
            let _ = write!(sets, ", {column} = {}", value(column, place + FIRST_COLUMN));
        }
        format!("UPDATE {table} SET {sets} WHERE id = ?1")
    }
}
