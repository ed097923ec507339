//! The tables of the lake: one for each kind of row.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::{Column, ColumnType};
use crate::model::Entity;

/// A table of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LakeTable {
    /// Changes of accounts.
    Accounts,
    /// Changes of contacts.
    Contacts,
    /// Changes of cases.
    Cases,
}

/// The number of the change: it grows, and no two rows of the lake have the same.
pub(super) const CHANGE_SEQ: &str = "change_seq";
/// The version of the record, for reading the newest of each.
pub(super) const VERSION: &str = "version";
/// The column of custom fields.
pub(super) const CUSTOM: &str = "custom";

impl LakeTable {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Accounts, Self::Contacts, Self::Cases];

    /// Returns the table for rows of `entity`.
    pub const fn of(entity: Entity) -> Self {
        match entity {
            Entity::Account => Self::Accounts,
            Entity::Contact => Self::Contacts,
            Entity::Case => Self::Cases,
        }
    }

    /// Returns whose changes it holds.
    pub const fn entity(self) -> Entity {
        match self {
            Self::Accounts => Entity::Account,
            Self::Contacts => Entity::Contact,
            Self::Cases => Entity::Case,
        }
    }

    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Contacts => "contacts",
            Self::Cases => "cases",
        }
    }

    /// Returns the columns that this build writes.
    pub fn columns(self) -> Vec<Column> {
        let mut columns = vec![
            Column::required(CHANGE_SEQ, ColumnType::Long),
            Column::required("changed_at", ColumnType::Instant),
            Column::required("change_kind", ColumnType::Text),
            Column::new("changed_fields", ColumnType::Json),
            Column::required("id", ColumnType::Text),
            Column::new("is_deleted", ColumnType::Bool),
            Column::new("merged_into", ColumnType::Text),
            Column::new("connection", ColumnType::Text),
            Column::new("object", ColumnType::Text),
            Column::new("record_id", ColumnType::Text),
            Column::new(VERSION, ColumnType::Instant),
            Column::new("read_at", ColumnType::Instant),
        ];
        let own = self.entity().columns().iter();
        columns.extend(own.map(|name| Column::new(*name, kind_of(name))));
        columns.push(Column::new(CUSTOM, ColumnType::Json));
        columns
    }
}

/// Tells what a column of the case store holds.
pub(super) fn kind_of(column: &str) -> ColumnType {
    match column {
        "is_closed" => ColumnType::Bool,
        "opened_at" | "closed_at" => ColumnType::Instant,
        _ => ColumnType::Text,
    }
}

impl fmt::Display for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_columns_have_one_name() {
        for table in LakeTable::ALL {
            let columns = table.columns();
            let names: BTreeSet<_> = columns.iter().map(|it| &it.name).collect();
            assert_eq!(names.len(), columns.len(), "{table}");
            assert_eq!(LakeTable::of(table.entity()), table);
        }
    }
}
