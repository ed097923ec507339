//! What a remote field holds, and the one form in which its values can be compared.

use crate::ids::{ObjectName, RecordId, SalesforceId};
use crate::model::FieldValue;
use crate::time::{Timestamp, parse_day};

/// What a remote field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, a picklist, a phone number, an address line.
    Text,
    /// True or false.
    Bool,
    /// A number, whole or not.
    Number,
    /// A day, such as `2026-01-31`.
    Date,
    /// An instant.
    DateTime,
    /// The id of a record of that object.
    Reference(ObjectName),
}

impl FieldKind {
    /// Says what a value of this kind looks like, for messages.
    pub const fn wanted(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Date => "a day such as `2026-01-31`",
            Self::DateTime => "a date and time such as `2026-01-31T09:30:00Z`",
            Self::Reference(_) => "a record id",
        }
    }

    /// Brings `value`, as any channel sends it, into the one form that can be compared; `None` when
    /// it is not of this kind.
    ///
    /// XML knows only text, JSON events write dates in two forms, ids come with 15 or 18
    /// characters, bulk files write `9.12260031E8`: after this they are equal when they mean the
    /// same.
    pub fn canonical(&self, value: &FieldValue) -> Option<FieldValue> {
        if value.is_null() {
            return Some(FieldValue::Null);
        }
        match self {
            Self::Text => Some(match value {
                FieldValue::Text(_) => value.clone(),
                other => FieldValue::text(&other.to_string()),
            }),
            Self::Bool => match value {
                FieldValue::Bool(_) => Some(value.clone()),
                FieldValue::Text(text) if text.eq_ignore_ascii_case("true") => {
                    Some(FieldValue::Bool(true))
                }
                FieldValue::Text(text) if text.eq_ignore_ascii_case("false") => {
                    Some(FieldValue::Bool(false))
                }
                _ => None,
            },
            Self::Number => match value {
                FieldValue::Int(_) | FieldValue::Float(_) => Some(value.clone()),
                FieldValue::Text(text) => FieldValue::decimal(text),
                _ => None,
            },
            Self::Date => match value {
                FieldValue::Text(text) => {
                    let day = text.get(..10).filter(|day| parse_day(day).is_some())?;
                    let rest = text.get(10..).unwrap_or_default();
                    (rest.is_empty() || Timestamp::parse(text).is_ok())
                        .then(|| FieldValue::Text(day.to_owned()))
                }
                FieldValue::Int(millis) => {
                    let at = Timestamp::from_foreign_millis(*millis)?;
                    at.to_string().get(..10).map(|day| FieldValue::Text(day.to_owned()))
                }
                _ => None,
            },
            Self::DateTime => match value {
                FieldValue::Text(text) => Timestamp::parse(text).ok(),
                FieldValue::Int(millis) => Timestamp::from_foreign_millis(*millis),
                _ => None,
            }
            .map(|at| FieldValue::Text(at.to_string())),
            Self::Reference(_) => canonical_id(value.as_text()?).map(FieldValue::Text),
        }
    }
}

fn canonical_id(raw: &str) -> Option<String> {
    match SalesforceId::parse(raw) {
        Ok(id) => Some(id.into()),
        Err(_) => RecordId::parse(raw).ok().map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(kind: &FieldKind, value: &FieldValue) -> Option<FieldValue> {
        kind.canonical(value)
    }

    #[test]
    fn number_of_a_bulk_file_equals_the_one_of_a_rest_answer() {
        let bulk = canonical(&FieldKind::Number, &FieldValue::text("9.12260031E8"));
        assert_eq!(bulk, canonical(&FieldKind::Number, &FieldValue::Int(912_260_031)));
        let cents = canonical(&FieldKind::Number, &FieldValue::text("1250.50"));
        assert_eq!(cents, Some(FieldValue::Float(1250.5)));
        assert_eq!(canonical(&FieldKind::Number, &FieldValue::text("many")), None);
    }

    #[test]
    fn day_is_read_from_a_day_and_from_an_instant() {
        let day = Some(FieldValue::text("2026-01-31"));
        assert_eq!(canonical(&FieldKind::Date, &FieldValue::text("2026-01-31")), day);
        assert_eq!(canonical(&FieldKind::Date, &FieldValue::text("2026-01-31T00:00:00.000Z")), day);
        assert_eq!(canonical(&FieldKind::Date, &FieldValue::Int(1_769_817_600_000)), day);
        assert_eq!(canonical(&FieldKind::Date, &FieldValue::text("2026-02-31")), None);
        assert_eq!(canonical(&FieldKind::Date, &FieldValue::text("2026-01-31 or so")), None);
    }
}
