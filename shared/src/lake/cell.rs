//! One value of a row of the lake.

use super::schema::{Column, ColumnType};
use crate::model::FieldValue;
use crate::time::Timestamp;

/// One value of a row of the lake.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, or JSON as text.
    Text(String),
    /// An instant.
    Instant(Timestamp),
}

impl Cell {
    /// Takes `value` as a value of a column of `kind`; `None` when it is none.
    pub fn of(value: &FieldValue, kind: ColumnType) -> Option<Self> {
        match (kind, value) {
            (_, FieldValue::Null) => Some(Self::Null),
            (ColumnType::Bool, FieldValue::Bool(it)) => Some(Self::Bool(*it)),
            (ColumnType::Int, FieldValue::Int(it)) => {
                i32::try_from(*it).ok().map(|it| Self::Int(it.into()))
            }
            (ColumnType::Long, FieldValue::Int(it)) => Some(Self::Int(*it)),
            (ColumnType::Float, FieldValue::Float(it)) => Some(Self::Float(*it)),
            (ColumnType::Instant, FieldValue::Text(it)) => {
                Timestamp::parse(it).ok().map(Self::Instant)
            }
            (ColumnType::Text | ColumnType::Json, FieldValue::Text(it)) => {
                Some(Self::Text(it.clone()))
            }
            // Numbers and flags may stand in columns of text; see the case store.
            (ColumnType::Text, other) => Some(Self::Text(other.to_string())),
            _ => None,
        }
    }

    /// Tells whether it may stand in `column`.
    pub fn fits(&self, column: &Column) -> bool {
        match (self, column.kind) {
            (Self::Null, _) => !column.is_required,
            (Self::Bool(_), ColumnType::Bool)
            | (Self::Int(_), ColumnType::Long)
            | (Self::Float(_), ColumnType::Float)
            | (Self::Text(_), ColumnType::Text | ColumnType::Json)
            | (Self::Instant(_), ColumnType::Instant) => true,
            (Self::Int(it), ColumnType::Int) => i32::try_from(*it).is_ok(),
            _ => false,
        }
    }

    /// Returns it as a value of a column that was widened to `kind`.
    #[must_use]
    pub fn widened(self, kind: ColumnType) -> Self {
        match (self, kind) {
            (Self::Int(it), ColumnType::Float) => {
                i32::try_from(it).map_or(Self::Null, |it| Self::Float(it.into()))
            }
            (it, _) => it,
        }
    }

    /// Returns the whole number, when it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(it) => Some(*it),
            _ => None,
        }
    }

    /// Returns the text, when it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(it) => Some(it),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_taken_only_where_it_fits() {
        let taken = |value, kind| Cell::of(&value, kind);
        assert_eq!(taken(FieldValue::Int(1 << 40), ColumnType::Int), None);
        assert_eq!(taken(FieldValue::Int(1 << 40), ColumnType::Long), Some(Cell::Int(1 << 40)));
        assert_eq!(taken(FieldValue::Int(5), ColumnType::Text), Some(Cell::Text("5".into())));
        assert_eq!(taken(FieldValue::text("soon"), ColumnType::Instant), None);
        assert_eq!(taken(FieldValue::Null, ColumnType::Bool), Some(Cell::Null));
    }
}
