//! Which records of an object are kept in step at all.

use crate::model::{FieldValue, Fields};
use crate::sync::FieldKind;

/// A condition that a record must meet, by its remote values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The remote field.
    pub field: String,
    /// What it must hold.
    pub test: Test,
}

/// What a field must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of these.
    Is(Vec<FieldValue>),
    /// None of these; no value is none of them.
    IsNot(Vec<FieldValue>),
    /// A value, or none.
    IsSet(bool),
}

impl Filter {
    /// Returns the kind of its field, as its values tell.
    pub fn kind(&self) -> FieldKind {
        let values = match &self.test {
            Test::Is(values) | Test::IsNot(values) => values.as_slice(),
            Test::IsSet(_) => &[],
        };
        match values.first() {
            Some(FieldValue::Bool(_)) => FieldKind::Bool,
            Some(FieldValue::Int(_) | FieldValue::Float(_)) => FieldKind::Number,
            _ => FieldKind::Text,
        }
    }

    /// Tells whether a record with these canonical fields meets it.
    ///
    /// Text is compared without regard to case, as the platform compares it.
    /// Source: SOQL and SOSL reference, "Comparison operators".
    pub fn matches(&self, fields: &Fields) -> bool {
        let value = fields.get(&self.field).unwrap_or(&FieldValue::Null);
        match &self.test {
            Test::Is(values) => values.iter().any(|it| is_equal(it, value)),
            Test::IsNot(values) => !values.iter().any(|it| is_equal(it, value)),
            Test::IsSet(wanted) => *wanted != value.is_null(),
        }
    }
}

fn is_equal(a: &FieldValue, b: &FieldValue) -> bool {
    match (a.as_text(), b.as_text()) {
        (Some(a), Some(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_tells_as_the_platform_would() {
        let fields = Fields::from([
            ("Area".to_owned(), FieldValue::text("Family Law")),
            ("IsTest".to_owned(), FieldValue::Bool(false)),
        ]);
        let check = |field: &str, test| Filter { field: field.to_owned(), test }.matches(&fields);
        assert!(check("Area", Test::Is(vec![FieldValue::text("family law")])));
        assert!(!check("Area", Test::IsNot(vec![FieldValue::text("FAMILY LAW")])));
        assert!(check("IsTest", Test::IsNot(vec![FieldValue::Bool(true)])));
        assert!(check("Gone", Test::IsNot(vec![FieldValue::text("x")])));
        assert!(check("Gone", Test::IsSet(false)) && check("Area", Test::IsSet(true)));
    }
}
