//! Whole rows of records, as a write gives them.

use shared::model::{Entity, FieldValue, Fields};
use shared::sync::CUSTOM_PREFIX;
use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::store::decode::{instant, json};
use crate::store::text::StoredText;

/// Spells what is read of a row of `entity`: its id, whether it is deleted, since when it
/// is there, and every column that sync may write. It is made of the names of the columns alone.
pub(in crate::store) fn record_columns(entity: Entity) -> String {
    let columns = entity.columns().join(", ");
    format!("id, is_deleted, created_at, CAST(custom AS TEXT) AS custom, {columns}")
}

/// A row as it is stored.
pub(in crate::store) struct StoredRecord {
    /// Its id.
    pub(in crate::store) id: String,
    /// Whether it counts as deleted.
    pub(in crate::store) is_deleted: bool,
    /// Since when it is there, in milliseconds since 1970.
    pub(in crate::store) created_at: i64,
    /// Every column of its entity and its custom fields, in the form of a write.
    pub(in crate::store) fields: Fields,
}

impl StoredRecord {
    /// Reads the columns of [`record_columns`].
    pub(in crate::store) fn read<'r, R>(row: &'r R, entity: Entity) -> Result<Self, sqlx::Error>
    where
        R: Row,
        &'static str: ColumnIndex<R>,
        String: Decode<'r, R::Database> + Type<R::Database>,
        StoredText: Decode<'r, R::Database> + Type<R::Database>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
        bool: Decode<'r, R::Database> + Type<R::Database>,
    {
        let mut fields = Fields::new();
        for column in entity.columns() {
            fields.insert((*column).to_owned(), value(row, column)?);
        }
        let custom: StoredText = row.try_get("custom")?;
        let custom: Fields = json(custom.as_ref())?;
        let named = |(name, value)| (format!("{CUSTOM_PREFIX}{name}"), value);
        fields.extend(custom.into_iter().map(named));
        Ok(Self {
            id: row.try_get("id")?,
            is_deleted: row.try_get("is_deleted")?,
            created_at: row.try_get("created_at")?,
            fields,
        })
    }
}

fn value<'r, R>(row: &'r R, column: &'static str) -> Result<FieldValue, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    StoredText: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(match column {
        "is_closed" => FieldValue::Bool(row.try_get(column)?),
        "opened_at" | "closed_at" => {
            let at: Option<i64> = row.try_get(column)?;
            at.map_or(FieldValue::Null, |at| FieldValue::Text(instant(at).to_string()))
        }
        _ => {
            let text: Option<StoredText> = row.try_get(column)?;
            text.map_or(FieldValue::Null, |text| FieldValue::Text(text.into()))
        }
    })
}
