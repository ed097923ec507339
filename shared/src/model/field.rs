//! The value of one field, in the one form in which two systems can be compared.

mod decimal;

use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

/// The value of one field.
///
/// Values are canonical, so that equality means "nothing to do": text is trimmed, has `\n` line
/// ends and is never empty (that is `Null`); a whole number is never a `Float`.
/// Source: Salesforce stores empty text as null and trims it, `facts` of its field types.
#[derive(Clone, Debug, Default)]
pub enum FieldValue {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, or too large for [`FieldValue::Int`].
    Float(f64),
    /// Text that is not empty.
    Text(String),
}

/// Beyond this a `f64` no longer holds every whole number.
const MAX_EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;

impl FieldValue {
    /// Wraps text: trimmed, with `\n` line ends, `Null` when nothing is left.
    pub fn text(raw: &str) -> Self {
        let trimmed = raw.trim();
        if trimmed.is_empty() {
            Self::Null
        } else if trimmed.contains('\r') {
            Self::Text(trimmed.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Self::Text(trimmed.to_owned())
        }
    }

    /// Wraps a number: `Int` when it is whole, `Null` when it is not finite.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by MAX_EXACT_WHOLE")]
    pub fn number(raw: f64) -> Self {
        if !raw.is_finite() {
            Self::Null
        } else if raw.fract() == 0.0 && raw.abs() <= MAX_EXACT_WHOLE {
            Self::Int(raw as i64)
        } else {
            Self::Float(raw)
        }
    }

    /// Reads a decimal number such as `1250.50` or `9.12260031E8`; `None` when it is none.
    ///
    /// A number that neither `i64` nor `f64` holds exactly stays text, in its plain form, so that
    /// no digit of an amount is lost. Source: Salesforce numbers have up to 18 digits.
    pub fn decimal(raw: &str) -> Option<Self> {
        decimal::read(raw)
    }

    /// Takes a JSON value; `None` when it is an object or a list, which no field holds.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        use serde_json::Value;
        match json {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => Some(match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::number(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Value::String(text) => Some(Self::text(text)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Returns the value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
        }
    }

    /// Returns the text, when it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl PartialEq for FieldValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for FieldValue {}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&json).ok_or_else(|| {
            D::Error::custom(
                "a field holds text, a number, true, false or null, not a list or object",
            )
        })
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for FieldValue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(
                [Type::Null, Type::Boolean, Type::Number, Type::String]
                    .into_iter()
                    .collect::<utoipa::openapi::schema::SchemaType>(),
            )
            .description(Some("The value of one field: text, a number, true, false or null."))
            .examples(["Discovery"])
            .build()
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for FieldValue {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_of_spaces_is_null() {
        assert_eq!(FieldValue::text("  \r\n "), FieldValue::Null);
        assert_eq!(FieldValue::text(" a\r\nb "), FieldValue::Text("a\nb".into()));
    }

    #[test]
    fn whole_number_in_scientific_notation_equals_the_plain_one() {
        let scientific: FieldValue = serde_json::from_str("9.12260031E8").unwrap();
        assert_eq!(scientific, FieldValue::Int(912_260_031));
    }

    #[test]
    fn list_is_not_a_field_value() {
        let error = serde_json::from_str::<FieldValue>("[1]").unwrap_err();
        assert!(error.to_string().contains("not a list"), "{error}");
    }

    proptest! {
        #[test]
        fn json_round_trip_keeps_every_value(text in ".*", whole: i64, part: f64) {
            for value in [FieldValue::text(&text), FieldValue::Int(whole), FieldValue::number(part)] {
                let json = serde_json::to_string(&value).unwrap();
                let back: FieldValue = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(back, value);
            }
        }
    }
}
