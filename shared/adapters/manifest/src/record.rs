//! From a record as the platform answers it to one that our engines take.

use serde_json::Value;
use shared::ids::{InvalidId, RecordId};
use shared::model::{FieldValue, Fields};
use shared::ports::RemoteRecord;
use shared::time::Timestamp;

use crate::manifest::{Condition, FieldKind, FieldRule, InstantFormat, Stream};

/// An answer that does not have the shape that the manifest says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadShape {
    #[error("the answer has no list at `{at}`: correct `records` in the manifest")]
    NoList { at: String },
    #[error("the answer has no record at `{at}`: correct `record` in the manifest")]
    NoRecord { at: String },
    #[error("a record has no id at `{at}`")]
    NoId { at: String },
    #[error("a record's id cannot be kept")]
    BadId { source: InvalidId },
    #[error("a record has no instant at `{at}`: correct `version` or `version_format`")]
    NoVersion { at: String },
    #[error("field `{field}` does not hold {wanted}")]
    BadField { field: String, wanted: &'static str },
    #[error("the field `{field}` is not in the manifest")]
    UnknownField { field: String },
    #[error("pages do not come by version although `incremental.order` says so")]
    Unordered,
    #[error("the next page lies on another host, where no credentials are sent")]
    ForeignPage,
    #[error("the platform names the same page as the next one again")]
    Circle,
    #[error("the mark of a page cannot be read")]
    BadMark,
}

impl Condition {
    /// Tells whether it holds for `record`.
    pub(crate) fn holds(&self, record: &Value) -> bool {
        let found = record.pointer(&self.at).filter(|it| !it.is_null());
        match (&self.equals, self.present) {
            (Some(wanted), _) => found == Some(wanted),
            (None, Some(wanted)) => found.is_some() == wanted,
            (None, None) => false,
        }
    }
}

impl Stream {
    /// Tells whether `record` is one of ours.
    pub(crate) fn keeps(&self, record: &Value) -> bool {
        !self.skip.iter().any(|it| it.holds(record))
    }

    /// Reads the instant of a record's last change.
    pub(crate) fn version_of(&self, record: &Value) -> Result<Timestamp, BadShape> {
        record
            .pointer(&self.version)
            .and_then(|it| instant(it, self.version_format))
            .ok_or_else(|| BadShape::NoVersion { at: self.version.clone() })
    }

    /// Reads `record` with those of its fields that `wanted` names.
    pub(crate) fn read(&self, record: &Value, wanted: &[String]) -> Result<RemoteRecord, BadShape> {
        let id = match record.pointer(&self.id) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err(BadShape::NoId { at: self.id.clone() }),
        };
        let record_id = RecordId::parse(id).map_err(|source| BadShape::BadId { source })?;
        let mut fields = Fields::new();
        for name in wanted {
            let rule = self
                .fields
                .get(name)
                .ok_or_else(|| BadShape::UnknownField { field: name.clone() })?;
            fields.insert(name.clone(), value_of(name, rule, record)?);
        }
        let is_deleted = self.deleted.as_ref().is_some_and(|it| it.holds(record));
        let version = self.version_of(record)?;
        Ok(RemoteRecord { record_id, version, is_deleted, fields, unread: Vec::new() })
    }
}

fn value_of(name: &str, rule: &FieldRule, record: &Value) -> Result<FieldValue, BadShape> {
    if rule.when.as_ref().is_some_and(|it| !it.holds(record)) {
        return Ok(FieldValue::Null);
    }
    let own = rule.at.is_none().then(|| record.get(name)).flatten();
    let found = rule.at.as_deref().and_then(|at| record.pointer(at)).or(own);
    let bad = |wanted| BadShape::BadField { field: name.to_owned(), wanted };
    let value = match found {
        None | Some(Value::Null) => FieldValue::Null,
        Some(found) => FieldValue::from_json(found).ok_or_else(|| bad("a single value"))?,
    };
    let value = match &rule.values {
        Some(values) if !value.is_null() => {
            let listed = values.get(&value.to_string()).or(rule.otherwise.as_ref());
            match listed {
                Some(listed) => FieldValue::from_json(listed).unwrap_or_default(),
                None => value,
            }
        }
        _ => value,
    };
    typed(rule.kind, value).map_err(bad)
}

fn typed(kind: FieldKind, value: FieldValue) -> Result<FieldValue, &'static str> {
    match (kind, value) {
        (_, FieldValue::Null) => Ok(FieldValue::Null),
        (FieldKind::Text | FieldKind::Reference, value) => Ok(FieldValue::text(&value.to_string())),
        (FieldKind::Bool, FieldValue::Bool(value)) => Ok(FieldValue::Bool(value)),
        (FieldKind::Bool, _) => Err("true or false"),
        (FieldKind::Date, FieldValue::Text(day)) => Timestamp::parse(&format!("{day}T00:00:00Z"))
            .map(|at| FieldValue::Text(at.to_string()))
            .map_err(|_| "a day such as `2026-01-31`"),
        (FieldKind::Date, _) => Err("a day such as `2026-01-31`"),
        (FieldKind::Datetime, FieldValue::Text(at)) => Timestamp::parse(&at)
            .map(|at| FieldValue::Text(at.to_string()))
            .map_err(|_| "an instant such as `2026-01-31T09:30:00Z`"),
        (FieldKind::Datetime, _) => Err("an instant such as `2026-01-31T09:30:00Z`"),
    }
}

fn instant(value: &Value, format: InstantFormat) -> Option<Timestamp> {
    match format {
        InstantFormat::Rfc3339 => Timestamp::parse(value.as_str()?).ok(),
        InstantFormat::UnixSeconds => {
            Timestamp::from_foreign_millis(value.as_i64()?.checked_mul(1000)?)
        }
        InstantFormat::UnixMillis => Timestamp::from_foreign_millis(value.as_i64()?),
    }
}
