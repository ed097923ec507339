//! Values in the one form in which two systems can be compared, as JSON.
//!
//! Text is trimmed, its lines end with LF, and it is never empty; whole numbers have no fraction;
//! instants are UTC with milliseconds; ids have 18 characters.

use std::io::Write;

use crate::calendar::{push_date, push_instant};
use crate::org::Value;

/// Beyond this a `f64` no longer holds every whole number.
const MAX_EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Writes `value`; writes nothing and returns false when there is no value.
pub(crate) fn write(value: &Value, into: &mut Vec<u8>) -> bool {
    match value {
        Value::Null => return false,
        Value::Text(text) => return write_text(text, into),
        Value::Number(number) => return write_number(*number, into),
        Value::Bool(yes) => into.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Date(days) => quoted(into, |into| push_date(into, *days)),
        Value::Instant(seconds) => quoted(into, |into| push_instant(into, *seconds)),
        Value::Id(id) => quoted(into, |into| into.extend_from_slice(&id.bytes())),
    }
    true
}

fn quoted(into: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    into.push(b'"');
    write(into);
    into.push(b'"');
}

fn write_text(text: &str, into: &mut Vec<u8>) -> bool {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return false;
    }
    // Writing text into memory cannot fail.
    let _ = if trimmed.contains('\r') {
        serde_json::to_writer(into, &trimmed.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        serde_json::to_writer(into, trimmed)
    };
    true
}

fn write_number(number: f64, into: &mut Vec<u8>) -> bool {
    if !number.is_finite() {
        return false;
    }
    let _ = if number.fract() == 0.0 && number.abs() <= MAX_EXACT_WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "bounded by MAX_EXACT_WHOLE")]
        let whole = number as i64;
        write!(into, "{whole}")
    } else {
        serde_json::to_writer(into, &number).map_err(Into::into)
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RecordId;

    fn written(value: &Value) -> Option<String> {
        let mut text = Vec::new();
        write(value, &mut text).then(|| String::from_utf8(text).unwrap())
    }

    #[test]
    fn every_kind_has_one_form() {
        for (value, form) in [
            (Value::Null, None),
            (Value::Text("  \r\n ".into()), None),
            (Value::Text(" a\r\nb\rc \"d\" ".into()), Some(r#""a\nb\nc \"d\"""#)),
            (Value::Bool(false), Some("false")),
            (Value::Number(5.0e7), Some("50000000")),
            (Value::Number(-0.0), Some("0")),
            (Value::Number(0.1), Some("0.1")),
            (Value::Number(1e16), Some("1e+16")),
            (Value::Number(f64::NAN), None),
            (Value::Date(0), Some(r#""1970-01-01""#)),
            (Value::Instant(1_767_261_600), Some(r#""2026-01-01T10:00:00.000Z""#)),
            (
                Value::Id(RecordId::parse("001ak00000OQTie").unwrap()),
                Some(r#""001ak00000OQTieAAH""#),
            ),
        ] {
            assert_eq!(written(&value).as_deref(), form, "{value:?}");
        }
    }
}
