//! One event as Avro bytes.

use std::collections::BTreeMap;

use super::avro::Writer;
use super::schema::{CHANGE_TYPES, EventSchema, Top};
use crate::events::{ChangeEvent, ChangeKind};
use crate::org::Value;
use crate::schema::FieldKind;

/// Values by their places in the object.
type Values<'a> = BTreeMap<usize, &'a Value>;

/// Writes `event` about `records`. `enriched` are values of fields that did not change, by their
/// places in the object: they are told, and not counted among the changed ones.
pub(super) fn payload(
    schema: &EventSchema,
    event: &ChangeEvent,
    records: &[String],
    enriched: &[(usize, Value)],
) -> Vec<u8> {
    // A difference stands in the place of its text.
    let differences: BTreeMap<usize, Value> = event
        .fields
        .iter()
        .filter_map(|it| Some((it.place, Value::Text(it.diff.as_deref()?.into()))))
        .collect();
    let changed: Values<'_> = event
        .fields
        .iter()
        .map(|it| (it.place, differences.get(&it.place).unwrap_or(&it.value)))
        .collect();
    let is_update = event.kind == ChangeKind::Update;
    let bits = |is_in: &dyn Fn(usize, &Value) -> bool| match is_update {
        true => bitmaps(&schema.tops, &changed, is_in),
        false => Vec::new(),
    };
    let mut writer = Writer::default();
    let transaction = &event.transaction;
    writer.text(&event.object.name);
    writer.texts(records);
    let change_type = CHANGE_TYPES.iter().position(|it| *it == event.kind.name());
    writer.count(change_type.unwrap_or_default());
    writer.text(&transaction.origin);
    writer.text(&transaction.key);
    writer.long(event.sequence.into());
    writer.long(transaction.at_ms);
    writer.long(transaction.number);
    writer.text(&transaction.user.to_string());
    writer.texts(&bits(&|_, value| value.is_null()));
    writer.texts(&bits(&|place, _| differences.contains_key(&place)));
    writer.texts(&bits(&|_, _| true));
    let mut values = changed;
    for (position, value) in enriched {
        values.entry(*position).or_insert(value);
    }
    for top in &schema.tops {
        write_top(&mut writer, event, top, &values);
    }
    writer.into_bytes()
}

fn write_top(writer: &mut Writer, event: &ChangeEvent, top: &Top, values: &Values<'_>) {
    match top {
        Top::Plain(position) => write_value(writer, event, *position, values),
        Top::Compound(parts) => {
            if parts.iter().all(|part| !values.contains_key(part)) {
                return writer.count(0);
            }
            writer.count(1);
            for part in parts {
                write_value(writer, event, *part, values);
            }
        }
    }
}

fn write_value(writer: &mut Writer, event: &ChangeEvent, position: usize, values: &Values<'_>) {
    let field = event.object.fields.get(position);
    let value = values.get(&position).copied().unwrap_or(&Value::Null);
    let (Some(field), false) = (field, value.is_null()) else { return writer.count(0) };
    writer.count(1);
    match value {
        Value::Null => {}
        Value::Text(text) => writer.text(text),
        Value::Bool(yes) => writer.boolean(*yes),
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers of 8 digits")]
        Value::Number(number) if field.kind == FieldKind::Int => writer.long(*number as i64),
        Value::Number(number) => writer.double(*number),
        Value::Date(days) => writer.long(i64::from(*days) * 86_400_000),
        Value::Instant(seconds) => writer.long(seconds.saturating_mul(1000)),
        Value::Id(id) => writer.text(&id.to_string()),
    }
}

/// Writes the set of those `changed` fields whose place and value `is_in` takes: one element for the fields of
/// the event, and one for each compound field with parts among them.
fn bitmaps(
    tops: &[Top],
    changed: &Values<'_>,
    is_in: &dyn Fn(usize, &Value) -> bool,
) -> Vec<String> {
    let holds =
        |position: &usize| changed.get(position).is_some_and(|value| is_in(*position, value));
    let is_set = |top: &Top| matches!(top, Top::Plain(position) if holds(position));
    // The header is field 0.
    let mut all = vec![false];
    all.extend(tops.iter().map(is_set));
    let mut elements = Vec::new();
    if all.contains(&true) {
        elements.push(hexadecimal(&all));
    }
    for (idx, top) in tops.iter().enumerate() {
        if let Top::Compound(parts) = top {
            let parts: Vec<bool> = parts.iter().map(holds).collect();
            if parts.contains(&true) {
                elements.push(format!("{}-{}", idx + 1, hexadecimal(&parts)));
            }
        }
    }
    elements
}

/// Writes bits, the first one lowest, in whole bytes.
fn hexadecimal(bits: &[bool]) -> String {
    let last = bits.iter().rposition(|bit| *bit).unwrap_or_default();
    let bytes = bits.get(..=last).unwrap_or_default().chunks(8).map(|byte| {
        byte.iter().enumerate().fold(0_u8, |all, (idx, bit)| all | u8::from(*bit) << idx)
    });
    let digits: Vec<String> = bytes.map(|byte| format!("{byte:02X}")).collect();
    digits.iter().rev().fold("0x".to_owned(), |all, byte| all + byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_as_in_the_guide() {
        let bits = |set: &[usize]| {
            let mut bits = vec![false; 30];
            for idx in set {
                bits[*idx] = true;
            }
            hexadecimal(&bits)
        };
        assert_eq!(bits(&[11, 22]), "0x400800");
        assert_eq!(bits(&[22]), "0x400000");
        assert_eq!(bits(&[0]), "0x01");
        assert_eq!(bits(&[7, 22]), "0x400080");
        assert_eq!(bits(&[16]), "0x010000");
    }
}
