//! The fields of a change event: compound ones made flat, and those that were emptied made `Null`.

use std::collections::BTreeSet;

use shared::model::{FieldValue, Fields, part_of_compound};

use super::bitmap::Leaf;
use crate::avro::{Field, Record, Schema, Type, Value};

/// The fields of an event, made flat.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The fields by the names that they have elsewhere.
    pub(super) fields: Fields,
    /// Whether the value of some field is not in the event: read the record.
    pub(super) is_partial: bool,
}

/// Takes every field of the event, as a created record has them.
pub(super) fn all(schema: &Schema, values: &[Value]) -> Body {
    let mut body = Body::default();
    // The header comes first.
    for (field, value) in schema.fields().iter().zip(values).skip(1) {
        match (schema.parts(&field.kind), value) {
            (Some(record), Value::Null) => body.empty(field, record),
            (Some(record), Value::Record(_, parts)) => {
                body.empty(field, record);
                for (part, value) in record.fields.iter().zip(parts) {
                    body.put(part_of_compound(&field.name, &part.name), value);
                }
            }
            (Some(record), value) => {
                body.empty(field, record);
                body.put(field.name.clone(), value);
            }
            (None, value) => body.put(field.name.clone(), value),
        }
    }
    body
}

/// Takes the fields that `changed` and `nulled` name. Others may be there too: an enriched event
/// carries values that were read when it was delivered, which are not those of its version.
pub(super) fn some(
    schema: &Schema,
    values: &[Value],
    changed: &BTreeSet<Leaf>,
    nulled: &BTreeSet<Leaf>,
) -> Body {
    let mut body = Body::default();
    for leaf in changed.union(nulled) {
        let Leaf { field, part } = *leaf;
        let (Some(described), Some(value)) = (schema.fields().get(field), values.get(field)) else {
            continue;
        };
        let is_nulled = nulled.contains(leaf) || nulled.contains(&Leaf { field, part: None });
        match (schema.parts(&described.kind), part) {
            (None, _) => body.put_changed(described.name.clone(), Some(value), is_nulled),
            (Some(record), Some(part)) => {
                let Some(described_part) = record.fields.get(part) else { continue };
                let name = part_of_compound(&described.name, &described_part.name);
                let value = match value {
                    Value::Record(_, parts) => parts.get(part),
                    _ => None,
                };
                body.put_changed(name, value, is_nulled);
            }
            (Some(record), None) => match value {
                Value::Null if is_nulled => body.empty(described, record),
                Value::Null | Value::Record(..) => {
                    // A compound field as a whole does not say which of its parts changed.
                    let has_parts = changed.iter().any(|it| it.field == field && it.part.is_some());
                    body.is_partial |= !has_parts;
                }
                value => body.put(described.name.clone(), value),
            },
        }
    }
    body
}

impl Body {
    fn put(&mut self, name: String, value: &Value) {
        let value = match value {
            Value::Null => FieldValue::Null,
            Value::Bool(value) => FieldValue::Bool(*value),
            Value::Int(number) => FieldValue::Int(*number),
            Value::Float(number) => FieldValue::number(*number),
            Value::Text(text) => FieldValue::text(text),
            Value::Bytes(_) | Value::List(_) | Value::Record(..) => {
                self.is_partial = true;
                return;
            }
        };
        self.fields.insert(name, value);
    }

    /// Puts a field that changed; one without a value that was not emptied is not in the event.
    fn put_changed(&mut self, name: String, value: Option<&Value>, is_nulled: bool) {
        match value {
            _ if is_nulled => self.put(name, &Value::Null),
            None | Some(Value::Null) => self.is_partial = true,
            Some(value) => self.put(name, value),
        }
    }

    /// Empties a compound field: its parts, and the field itself where it may be plain text, as the
    /// name of an account is that is no person.
    fn empty(&mut self, field: &Field, record: &Record) {
        for part in &record.fields {
            self.fields.insert(part_of_compound(&field.name, &part.name), FieldValue::Null);
        }
        if matches!(&field.kind, Type::Union(branches) if branches.contains(&Type::Text)) {
            self.fields.insert(field.name.clone(), FieldValue::Null);
        }
    }
}
