//! The columns of a table, and how they may change.

use serde::{Deserialize, Serialize};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A number of 64 bits with a fraction.
    Float,
    /// An instant in UTC, in milliseconds.
    Instant,
    /// Text.
    Text,
    /// JSON, as text.
    Json,
}

impl ColumnType {
    /// Returns the name used in manifests and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Instant => "instant",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// Tells whether every value of this type is one of `wider`, exactly.
    pub fn widens_to(self, wider: Self) -> bool {
        self == wider || matches!((self, wider), (Self::Int, Self::Long | Self::Float))
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether every row has a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_required: bool,
}

impl Column {
    /// A column that may be without a value.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, is_required: false }
    }

    /// A column that has a value in every row.
    pub fn required(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, is_required: true }
    }
}

/// The columns of a table, as they are from one version on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Counts the versions of this table, from 1.
    pub version: u32,
    /// The columns in order.
    pub columns: Vec<Column>,
}

/// A change of columns that would make older files wrong or unreadable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefusal {
    /// A column of the lake is not known here.
    #[error(
        "column `{column}` of the lake is not in this build: run the newer one that added it, or keep the column"
    )]
    Removed {
        /// Its name.
        column: String,
    },
    /// A column holds something else now.
    #[error(
        "column `{column}` holds `{}` in the lake and would hold `{}`: only `int` may become `long` or `float`; add a column of another name",
        from.as_str(), to.as_str()
    )]
    Changed {
        /// Its name.
        column: String,
        /// What it holds in the lake.
        from: ColumnType,
        /// What it would hold.
        to: ColumnType,
    },
    /// A column that must have a value has none in older files.
    #[error("column `{column}` cannot be required: older files have rows without it")]
    Required {
        /// Its name.
        column: String,
    },
}

impl TableSchema {
    /// The first version of a table with these columns.
    pub fn first(columns: Vec<Column>) -> Self {
        Self { version: 1, columns }
    }

    /// Returns the column `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|it| it.name == name)
    }

    /// Follows the version `self` of the lake with `columns`: the same version when nothing changed,
    /// the next one when columns were added or widened.
    ///
    /// # Errors
    ///
    /// [`SchemaRefusal`] when older files could not be read as the new version.
    pub fn evolved(&self, columns: &[Column]) -> Result<Self, SchemaRefusal> {
        for old in &self.columns {
            let column = || old.name.clone();
            let Some(new) = columns.iter().find(|it| it.name == old.name) else {
                return Err(SchemaRefusal::Removed { column: column() });
            };
            if !old.kind.widens_to(new.kind) {
                return Err(SchemaRefusal::Changed {
                    column: column(),
                    from: old.kind,
                    to: new.kind,
                });
            }
        }
        let had_value = |name: &str| self.column(name).is_some_and(|it| it.is_required);
        if let Some(new) = columns.iter().find(|it| it.is_required && !had_value(&it.name)) {
            return Err(SchemaRefusal::Required { column: new.name.clone() });
        }
        let version = self.version + u32::from(self.columns != columns);
        Ok(Self { version, columns: columns.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnType::{Float, Int, Json, Long, Text};
    use super::*;

    fn schema() -> TableSchema {
        TableSchema::first(vec![Column::required("seq", Long), Column::new("rating", Int)])
    }

    #[test]
    fn same_columns_are_the_same_version() {
        assert_eq!(schema().evolved(&schema().columns), Ok(schema()));
    }

    #[test]
    fn added_and_widened_columns_make_the_next_version() {
        for wider in [Long, Float] {
            let mut columns = schema().columns;
            columns[1].kind = wider;
            columns.insert(1, Column::new("added", Json));
            let next = schema().evolved(&columns).unwrap();
            assert_eq!((next.version, &next.columns), (2, &columns));
        }
        let mut relaxed = schema().columns;
        relaxed[0].is_required = false;
        assert_eq!(schema().evolved(&relaxed).unwrap().version, 2);
    }

    #[test]
    fn anything_else_is_refused_by_its_name() {
        let refused = |columns: Vec<Column>| schema().evolved(&columns).unwrap_err().to_string();
        let mut narrower = schema().columns;
        narrower[0].kind = Int;
        assert!(refused(narrower).contains("`seq` holds `long` in the lake and would hold `int`"));
        let mut other = schema().columns;
        other[1].kind = Text;
        assert!(refused(other).contains("column `rating` holds `int`"));
        assert!(refused(schema().columns[..1].to_vec()).contains("column `rating` of the lake"));
        let mut required = schema().columns;
        required.push(Column::required("added", Text));
        assert!(refused(required).contains("column `added` cannot be required"));
    }
}
