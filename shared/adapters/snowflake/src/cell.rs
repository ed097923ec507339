//! Values as the SQL API writes them, read by the type of their column.
//! Source: Snowflake, "Handling responses", and answers of an account.

use shared::ports::warehouse::{Column, Decimal, ValueKind, WarehouseValue};

use crate::answer::RawRow;

const NANOS: i128 = 1_000_000_000;

/// What an offset of zero minutes is written as.
const OFFSET_ZERO: i32 = 1440;

/// A value that is not of its column's type; it is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("row {row_idx} of this part: column `{column}` holds no {type_name}")]
pub(crate) struct UnreadableCell {
    row_idx: usize,
    column: String,
    type_name: String,
}

/// A row with more or fewer values than there are columns.
#[derive(Debug, thiserror::Error)]
#[error("row {row_idx} of this part has {n_values} values for {n_columns} columns")]
pub(crate) struct RaggedRow {
    row_idx: usize,
    n_values: usize,
    n_columns: usize,
}

/// Reads a row.
pub(crate) fn read_row(
    row_idx: usize,
    raw: RawRow,
    columns: &[Column],
) -> Result<Vec<WarehouseValue>, Box<dyn std::error::Error + Send + Sync>> {
    if raw.len() != columns.len() {
        let (n_values, n_columns) = (raw.len(), columns.len());
        return Err(Box::new(RaggedRow { row_idx, n_values, n_columns }));
    }
    let cells = raw.into_iter().zip(columns);
    let read = cells.map(|(raw, column)| match raw {
        None => Ok(WarehouseValue::Null),
        Some(raw) => read(raw, column.kind).ok_or_else(|| {
            let (name, type_name) = (column.name.clone(), column.type_name.clone());
            Box::new(UnreadableCell { row_idx, column: name, type_name }).into()
        }),
    });
    read.collect()
}

fn read(raw: String, kind: ValueKind) -> Option<WarehouseValue> {
    Some(match kind {
        ValueKind::Decimal => WarehouseValue::Decimal(Decimal::parse(raw).ok()?),
        ValueKind::Real => WarehouseValue::Real(real(&raw)?),
        ValueKind::Text | ValueKind::Other => WarehouseValue::Text(raw),
        ValueKind::Bool => WarehouseValue::Bool(truth(&raw)?),
        ValueKind::Binary => WarehouseValue::Binary(bytes(&raw)?.into()),
        ValueKind::Date => WarehouseValue::Date(raw.parse().ok()?),
        ValueKind::Time => {
            let nanos = u64::try_from(nanos(&raw)?).ok()?;
            WarehouseValue::Time((nanos < 86_400_000_000_000).then_some(nanos)?)
        }
        ValueKind::Local => WarehouseValue::Local(nanos(&raw)?),
        ValueKind::Instant => WarehouseValue::Instant(nanos(&raw)?),
        ValueKind::Zoned => {
            let (at, offset) = raw.split_once(' ')?;
            let offset: i32 = offset.parse().ok()?;
            let offset_minutes =
                (0..=2 * OFFSET_ZERO).contains(&offset).then_some(offset - OFFSET_ZERO)?;
            WarehouseValue::Zoned { nanos: nanos(at)?, offset_minutes }
        }
        ValueKind::Json => WarehouseValue::Json(json(raw)),
    })
}

fn real(raw: &str) -> Option<f64> {
    match raw.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        other => other.parse().ok().filter(|it: &f64| it.is_finite()),
    }
}

fn truth(raw: &str) -> Option<bool> {
    match raw {
        "1" => Some(true),
        "0" => Some(false),
        other => other.to_ascii_lowercase().parse().ok(),
    }
}

fn bytes(raw: &str) -> Option<Vec<u8>> {
    let digits = raw.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        let is_pair = pair.len() == 2 && pair.bytes().all(|it| it.is_ascii_hexdigit());
        is_pair.then(|| u8::from_str_radix(pair, 16).ok())?
    };
    digits.map(byte).collect()
}

/// Reads seconds with up to nine digits behind the point as nanoseconds.
fn nanos(raw: &str) -> Option<i128> {
    let (is_negative, digits) = match raw.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, raw),
    };
    let (seconds, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || seconds.len() > 18 || behind.len() > 9 {
        return None;
    }
    if !is_number(seconds) || !is_number(behind) {
        return None;
    }
    let seconds: i128 = seconds.parse().ok()?;
    let fraction: i128 = format!("{behind:0<9}").parse().ok()?;
    let nanos = seconds * NANOS + fraction;
    Some(if is_negative { -nanos } else { nanos })
}

/// Makes JSON of a document: a missing element of an array is written as `undefined`, which no JSON
/// reader takes. Texts inside it are left as they are.
fn json(raw: String) -> String {
    const MISSING: &str = "undefined";
    if !raw.contains(MISSING) {
        return raw;
    }
    let mut clean = String::with_capacity(raw.len());
    let mut rest = raw.as_str();
    let mut is_in_text = false;
    while let Some(next) = rest.chars().next() {
        if !is_in_text && let Some(after) = rest.strip_prefix(MISSING) {
            clean.push_str("null");
            rest = after;
            continue;
        }
        let n_taken = match next {
            '\\' if is_in_text => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            it => it.len_utf8(),
        };
        is_in_text ^= next == '"';
        let (taken, after) = rest.split_at(n_taken.min(rest.len()));
        clean.push_str(taken);
        rest = after;
    }
    clean
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn cell(raw: &str, kind: ValueKind) -> Option<WarehouseValue> {
        read(raw.to_owned(), kind)
    }

    #[test]
    fn every_type_is_read_from_its_text() {
        use ValueKind::{Binary, Bool, Date, Decimal as Number, Instant, Json, Local, Other, Real};
        let rows = [
            ("1.50", Number, WarehouseValue::Decimal(Decimal::parse("1.50").unwrap())),
            ("1.5e-3", Real, WarehouseValue::Real(0.0015)),
            ("inf", Real, WarehouseValue::Real(f64::INFINITY)),
            ("-inf", Real, WarehouseValue::Real(f64::NEG_INFINITY)),
            ("a b", ValueKind::Text, WarehouseValue::Text("a b".into())),
            ("true", Bool, WarehouseValue::Bool(true)),
            ("FALSE", Bool, WarehouseValue::Bool(false)),
            ("1", Bool, WarehouseValue::Bool(true)),
            ("0", Bool, WarehouseValue::Bool(false)),
            ("00AB", Binary, WarehouseValue::Binary(Bytes::from_static(&[0, 171]))),
            ("-1", Date, WarehouseValue::Date(-1)),
            ("43200.5", ValueKind::Time, WarehouseValue::Time(43_200_500_000_000)),
            ("1.000000001", Local, WarehouseValue::Local(1_000_000_001)),
            ("-0.500000000", Instant, WarehouseValue::Instant(-500_000_000)),
            (
                "1700000000.000000001 1350",
                ValueKind::Zoned,
                WarehouseValue::Zoned { nanos: 1_700_000_000_000_000_001, offset_minutes: -90 },
            ),
            ("POINT(1 2)", Other, WarehouseValue::Text("POINT(1 2)".into())),
            ("[1,\n undefined]", Json, WarehouseValue::Json("[1,\n null]".into())),
        ];
        for (raw, kind, expected) in rows {
            assert_eq!(cell(raw, kind), Some(expected), "{raw} as {kind:?}");
        }
        assert!(matches!(cell("NaN", Real), Some(WarehouseValue::Real(it)) if it.is_nan()));
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        let rows = [
            ("1,5", ValueKind::Decimal),
            ("1e999", ValueKind::Real),
            ("yes", ValueKind::Bool),
            ("2", ValueKind::Bool),
            ("ABC", ValueKind::Binary),
            ("+A", ValueKind::Binary),
            ("2026-01-01", ValueKind::Date),
            ("86400", ValueKind::Time),
            ("-1", ValueKind::Time),
            ("1.0000000001", ValueKind::Local),
            ("", ValueKind::Instant),
            ("1.+5", ValueKind::Instant),
            ("1", ValueKind::Zoned),
            ("1 9999", ValueKind::Zoned),
        ];
        for (raw, kind) in rows {
            assert_eq!(cell(raw, kind), None, "{raw} as {kind:?}");
        }
    }

    #[test]
    fn only_missing_elements_become_null_not_texts() {
        let raw = r#"[undefined, "undefined", "\"undefined", {"undefined": undefined}, "ä\\"]"#;
        let WarehouseValue::Json(clean) = cell(raw, ValueKind::Json).unwrap() else { panic!() };
        let expected =
            serde_json::json!([null, "undefined", "\"undefined", {"undefined": null}, "ä\\"]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).unwrap(), expected);
    }

    #[test]
    fn error_names_row_and_column_and_not_the_value() {
        let column = Column {
            name: "AMOUNT".into(),
            kind: ValueKind::Decimal,
            type_name: "fixed".into(),
            precision: Some(12),
            scale: Some(2),
            length: None,
            is_nullable: true,
        };
        let columns = [column];
        let error = read_row(3, vec![Some("Ada".into())], &columns).unwrap_err().to_string();
        assert_eq!(error, "row 3 of this part: column `AMOUNT` holds no fixed");
        let error = read_row(0, Vec::new(), &columns).unwrap_err().to_string();
        assert!(error.contains("0 values for 1 columns"), "{error}");
        assert_eq!(read_row(0, vec![None], &columns).unwrap(), [WarehouseValue::Null]);
    }
    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_panics(raw in "\\PC{0,40}|[-0-9. eE]{0,30}") {
            use ValueKind::{Binary, Bool, Date, Decimal, Instant, Json, Local, Real, Time, Zoned};
            for kind in [Binary, Bool, Date, Decimal, Instant, Json, Local, Real, Time, Zoned] {
                let _ = read(raw.clone(), kind);
            }
        }

        #[test]
        fn every_instant_is_read_to_the_nanosecond(nanos in -10_i128.pow(27)..10_i128.pow(27)) {
            let (sign, size) = (if nanos < 0 { "-" } else { "" }, nanos.abs());
            let raw = format!("{sign}{}.{:09}", size / NANOS, size % NANOS);
            prop_assert_eq!(super::nanos(&raw), Some(nanos));
        }

        #[test]
        fn document_that_misses_nothing_stays_as_it_is(text in "\\PC{0,40}|(undefined|\"|\\\\){0,9}") {
            let raw = serde_json::json!([text, {"a": text}]).to_string();
            prop_assert_eq!(json(raw.clone()), raw);
        }
    }
}
