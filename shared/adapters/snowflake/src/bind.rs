//! Bound values as the SQL API takes them: a type, and always text.
//! Source: Snowflake, "Submitting a request to execute SQL statements", bindings.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::ports::warehouse::WarehouseValue;

/// Nanoseconds of a day, and milliseconds.
const DAY_MILLIS: i64 = 86_400_000;

/// What an offset of zero minutes is written as.
const OFFSET_ZERO: i32 = 1440;

/// A bound value.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Binding {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) value: Option<String>,
}

impl Binding {
    fn of(value: &WarehouseValue) -> Self {
        let (kind, value) = match value {
            WarehouseValue::Null => return Self { kind: "TEXT", value: None },
            WarehouseValue::Decimal(number) => ("FIXED", number.to_string()),
            WarehouseValue::Real(number) => ("REAL", real(*number)),
            WarehouseValue::Text(text) | WarehouseValue::Json(text) => ("TEXT", text.clone()),
            WarehouseValue::Bool(truth) => ("BOOLEAN", truth.to_string()),
            WarehouseValue::Binary(bytes) => ("BINARY", hex(bytes)),
            WarehouseValue::Date(days) => ("DATE", (i64::from(*days) * DAY_MILLIS).to_string()),
            WarehouseValue::Time(nanos) => ("TIME", nanos.to_string()),
            WarehouseValue::Local(nanos) => ("TIMESTAMP_NTZ", nanos.to_string()),
            WarehouseValue::Instant(nanos) => ("TIMESTAMP_LTZ", nanos.to_string()),
            WarehouseValue::Zoned { nanos, offset_minutes } => {
                ("TIMESTAMP_TZ", format!("{nanos} {}", offset_minutes + OFFSET_ZERO))
            }
        };
        Self { kind, value: Some(value) }
    }
}

/// Numbers the values from 1.
pub(crate) fn bindings(values: &[WarehouseValue]) -> BTreeMap<String, Binding> {
    values.iter().enumerate().map(|(idx, it)| ((idx + 1).to_string(), Binding::of(it))).collect()
}

fn real(number: f64) -> String {
    match number {
        it if it.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        // Rust writes as many digits as bring the same number back.
        it => it.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use shared::ports::warehouse::Decimal;

    use super::*;

    #[test]
    fn every_kind_of_value_is_bound_as_text() {
        let rows = [
            (WarehouseValue::Null, "TEXT", None),
            (WarehouseValue::Decimal(Decimal::parse("-12.50").unwrap()), "FIXED", Some("-12.50")),
            (WarehouseValue::Real(0.1), "REAL", Some("0.1")),
            (WarehouseValue::Real(f64::NAN), "REAL", Some("NaN")),
            (WarehouseValue::Real(f64::INFINITY), "REAL", Some("Infinity")),
            (WarehouseValue::Real(f64::NEG_INFINITY), "REAL", Some("-Infinity")),
            (WarehouseValue::from("O'Hara"), "TEXT", Some("O'Hara")),
            (WarehouseValue::from(true), "BOOLEAN", Some("true")),
            (WarehouseValue::Binary(Bytes::from_static(&[0, 171])), "BINARY", Some("00AB")),
            (WarehouseValue::Date(-1), "DATE", Some("-86400000")),
            (WarehouseValue::Time(1), "TIME", Some("1")),
            (WarehouseValue::Local(-1), "TIMESTAMP_NTZ", Some("-1")),
            (WarehouseValue::Instant(7), "TIMESTAMP_LTZ", Some("7")),
            (
                WarehouseValue::Zoned { nanos: 7, offset_minutes: -90 },
                "TIMESTAMP_TZ",
                Some("7 1350"),
            ),
            (WarehouseValue::Json("{}".into()), "TEXT", Some("{}")),
        ];
        for (value, kind, text) in rows {
            let expected = Binding { kind, value: text.map(str::to_owned) };
            assert_eq!(Binding::of(&value), expected, "{value:?}");
        }
        let two = bindings(&["a".into(), 2_i64.into()]);
        assert_eq!(
            serde_json::to_string(&two).unwrap(),
            r#"{"1":{"type":"TEXT","value":"a"},"2":{"type":"FIXED","value":"2"}}"#
        );
    }
}
