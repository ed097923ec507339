//! Rows and the values in them.

use chrono::{DateTime, Days, NaiveDate};
use serde_json::Value as Json;

use crate::ids::RecordId;
use crate::schema::{FieldKind, position};

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Text, a picklist word, an address.
    Text(Box<str>),
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Days since 1970.
    Date(i32),
    /// Seconds since 1970.
    Instant(i64),
    /// Id of a row.
    Id(RecordId),
}

impl Value {
    /// Returns the text, if it is one.
    #[must_use]
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the id, if it is one.
    #[must_use]
    pub(crate) fn as_id(&self) -> Option<RecordId> {
        if let Self::Id(id) = self { Some(*id) } else { None }
    }

    /// Returns the instant in seconds, if it is one.
    #[must_use]
    pub(crate) fn as_instant(&self) -> Option<i64> {
        if let Self::Instant(seconds) = self { Some(*seconds) } else { None }
    }

    /// Tells whether there is nothing.
    #[must_use]
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// Returns the JSON of the REST API.
    #[must_use]
    pub(crate) fn to_json(&self, kind: FieldKind) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::String(text.to_string()),
            Self::Bool(yes) => Json::Bool(*yes),
            #[expect(clippy::cast_possible_truncation, reason = "whole numbers of 8 digits")]
            Self::Number(number) if kind == FieldKind::Int => Json::from(*number as i64),
            Self::Number(number) => Json::from(*number),
            Self::Date(days) => Json::String(date_text(*days)),
            Self::Instant(seconds) => Json::String(instant_text(*seconds, "+0000")),
            Self::Id(id) => Json::String(id.to_string()),
        }
    }

    /// Returns the text of SOAP messages; nothing for null.
    #[must_use]
    pub(crate) fn to_xml_text(&self, kind: FieldKind) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Instant(seconds) => Some(instant_text(*seconds, "Z")),
            other => match other.to_json(kind) {
                Json::String(text) => Some(text),
                json => Some(json.to_string()),
            },
        }
    }
}

/// Writes an instant the way the platform does, with this zone suffix.
pub(crate) fn instant_text(seconds: i64, zone: &str) -> String {
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    format!("{}.000{zone}", at.format("%Y-%m-%dT%H:%M:%S"))
}

/// Writes a day.
pub(crate) fn date_text(days: i32) -> String {
    let epoch = NaiveDate::default();
    let offset = Days::new(u64::from(days.unsigned_abs()));
    let date =
        if days < 0 { epoch.checked_sub_days(offset) } else { epoch.checked_add_days(offset) };
    date.unwrap_or(epoch).format("%Y-%m-%d").to_string()
}

/// Reads an instant in any of the forms that the API takes, to the second.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|at| at.timestamp())
}

/// Reads a day.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let date: NaiveDate = text.get(..10)?.parse().ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// One row: its values in the order of the object's fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: RecordId,
    values: Box<[Value]>,
}

impl Row {
    /// Makes an empty row.
    #[must_use]
    pub(crate) fn new(id: RecordId, n_fields: usize) -> Self {
        let mut row = Self { id, values: vec![Value::Null; n_fields].into_boxed_slice() };
        row.set(position::ID, Value::Id(id));
        row.set(position::IS_DELETED, Value::Bool(false));
        row
    }

    /// Returns the value at `position`; null where there is none.
    #[must_use]
    pub(crate) fn get(&self, position: usize) -> &Value {
        const NULL: &Value = &Value::Null;
        self.values.get(position).unwrap_or(NULL)
    }

    /// Puts a value; without a place for it, it is lost.
    pub(crate) fn set(&mut self, position: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(position) {
            *slot = value;
        }
    }

    /// Makes room for `n_fields` values, as fields may have come since the row was made.
    pub(crate) fn widen(&mut self, n_fields: usize) {
        if self.values.len() < n_fields {
            let mut values = std::mem::take(&mut self.values).into_vec();
            values.resize(n_fields, Value::Null);
            self.values = values.into_boxed_slice();
        }
    }

    /// Tells whether the row is in the recycle bin.
    #[must_use]
    pub(crate) fn is_deleted(&self) -> bool {
        *self.get(position::IS_DELETED) == Value::Bool(true)
    }

    /// Returns when the row last changed, in seconds.
    #[must_use]
    pub(crate) fn modstamp(&self) -> i64 {
        self.get(position::MODSTAMP).as_instant().unwrap_or(0)
    }
}
