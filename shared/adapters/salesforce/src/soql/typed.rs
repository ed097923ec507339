//! Turns a value of a record into the literal that its field is compared with.

use shared::ids::SalesforceId;
use shared::model::FieldValue;
use shared::time::Timestamp;

use super::date::Date;
use super::literal::Literal;
use super::number::Number;
use crate::schema::{FieldDescribe, FieldType};

/// A value that the field cannot be compared with. The value itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value of `{field}` is not {wanted}")]
pub struct ValueFault {
    field: String,
    wanted: &'static str,
}

impl Literal {
    /// Returns the literal that `field` is compared with to find `value`: text in quotes, but days,
    /// instants and numbers without.
    ///
    /// # Errors
    /// [`ValueFault`] when the value does not fit the field's type, or no value of the type can be
    /// compared.
    pub fn of_field(field: &FieldDescribe, value: &FieldValue) -> Result<Self, ValueFault> {
        let (literal, wanted) = match (&field.field_type, value) {
            (_, FieldValue::Null) => (Some(Self::Null), ""),
            (FieldType::Boolean, value) => match value {
                FieldValue::Bool(value) => (Some(Self::Bool(*value)), ""),
                _ => (None, "true or false"),
            },
            (FieldType::Date, value) => {
                let day = value.as_text().and_then(|it| Date::parse(it).ok());
                (day.map(Self::Date), "a day such as `2026-01-31`")
            }
            (FieldType::DateTime, value) => {
                let at = value.as_text().and_then(|it| Timestamp::parse(it).ok());
                (at.map(Self::Instant), "an instant such as `2026-01-31T09:30:00Z`")
            }
            (FieldType::Id | FieldType::Reference, value) => {
                let id = value.as_text().and_then(|it| SalesforceId::parse(it).ok());
                (id.as_ref().map(Self::from), "a Salesforce record id")
            }
            (kind, value) if kind.is_number() => (number(value).map(Self::Number), "a number"),
            (kind, value) if kind.is_text() => match value {
                FieldValue::Text(text) => (Some(Self::text(text.as_str())), ""),
                other => (Some(Self::text(other.to_string())), ""),
            },
            _ => (None, "of a type that a query compares"),
        };
        literal.ok_or_else(|| ValueFault { field: field.name.clone(), wanted })
    }
}

fn number(value: &FieldValue) -> Option<Number> {
    match value {
        FieldValue::Int(whole) => Some(Number::from(*whole)),
        // Written without an exponent, as SOQL reads it.
        FieldValue::Float(number) => Number::parse(&format!("{number}")).ok(),
        FieldValue::Text(text) => Number::parse(text).ok(),
        FieldValue::Null | FieldValue::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(field_type: &str, value: &FieldValue) -> Result<String, String> {
        let field = json!({"name": "A", "type": field_type});
        let field: FieldDescribe = serde_json::from_value(field).unwrap();
        let literal = Literal::of_field(&field, value).map_err(|it| it.to_string())?;
        let mut soql = String::new();
        literal.write(&mut soql);
        Ok(soql)
    }

    #[test]
    fn value_is_written_as_its_field_is_compared() {
        let text = FieldValue::text;
        for (field_type, value, wanted) in [
            ("string", text("O'Neil"), r"'O\'Neil'"),
            ("string", FieldValue::Int(5), "'5'"),
            ("picklist", text("New"), "'New'"),
            ("boolean", FieldValue::Bool(true), "TRUE"),
            ("date", text("2026-01-31"), "2026-01-31"),
            ("datetime", text("2026-01-31T10:00:00.000+0200"), "2026-01-31T08:00:00.000Z"),
            ("reference", text("5005f00002J9YYE"), "'5005f00002J9YYEAA3'"),
            ("int", FieldValue::Int(-7), "-7"),
            ("double", FieldValue::Float(0.1), "0.1"),
            ("double", FieldValue::Float(1e-7), "0.0000001"),
            ("currency", text("12345678901234567.89"), "12345678901234567.89"),
            ("date", FieldValue::Null, "null"),
        ] {
            assert_eq!(of(field_type, &value).as_deref(), Ok(wanted), "{field_type} {value}");
        }
    }

    #[test]
    fn value_that_does_not_fit_is_refused_without_being_repeated() {
        let private = FieldValue::text("private");
        for field_type in ["boolean", "date", "datetime", "reference", "int", "double", "address"] {
            let fault = of(field_type, &private).unwrap_err();
            assert!(fault.starts_with("value of `A` is not"), "{fault}");
            assert!(!fault.contains("private"), "{fault}");
        }
        assert!(of("double", &FieldValue::Float(1e300)).is_err());
    }
}
