//! Rows of the change feed.

use shared::ids::CorrelationId;
use shared::ports::ChangeRow;
use sqlx::FromRow;

use crate::store::decode::{checked, count, entity_id, instant, json, word};
use crate::store::text::StoredText;

/// One row as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredChange {
    seq: i64,
    at: i64,
    entity: String,
    entity_id: String,
    kind: String,
    label: Option<StoredText>,
    fields: String,
    lag_ms: Option<i64>,
    correlation_id: String,
}

impl StoredChange {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<ChangeRow, sqlx::Error> {
        Ok(ChangeRow {
            seq: count(self.seq),
            at: instant(self.at),
            entity: word(&self.entity)?,
            entity_id: entity_id(self.entity_id)?,
            kind: word(&self.kind)?,
            label: self.label.map(Into::into),
            fields: json(&self.fields)?,
            lag_ms: self.lag_ms.map(count),
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
        })
    }
}
