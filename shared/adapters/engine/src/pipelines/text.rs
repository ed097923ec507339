//! Values as text, read and written.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMillisecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{ArrowError, DataType};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use shared::etl::{ColumnKind, ValueFormat};
use shared::time::{Timestamp, parse_day};

use super::kinds::UTC;

/// Makes a column of values that come as text.
pub(super) struct ColumnReader {
    kind: ColumnKind,
    format: ValueFormat,
    values: Values,
}

enum Values {
    Text(StringBuilder),
    Bool(BooleanBuilder),
    Long(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Instant(TimestampMillisecondBuilder),
}

/// Text that is no value of its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotOfKind;

impl ColumnReader {
    /// Begins a column.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when `kind` has more digits than there can be.
    pub(super) fn new(kind: ColumnKind, format: ValueFormat) -> Result<Self, ArrowError> {
        let values = match kind {
            ColumnKind::Text => Values::Text(StringBuilder::new()),
            ColumnKind::Bool => Values::Bool(BooleanBuilder::new()),
            ColumnKind::Long => Values::Long(Int64Builder::new()),
            ColumnKind::Float => Values::Float(Float64Builder::new()),
            ColumnKind::Decimal { precision, scale } => {
                let scale = i8::try_from(scale).unwrap_or(i8::MAX);
                let builder = Decimal128Builder::new();
                Values::Decimal(builder.with_precision_and_scale(precision, scale)?)
            }
            ColumnKind::Date => Values::Date(Date32Builder::new()),
            ColumnKind::Instant => {
                Values::Instant(TimestampMillisecondBuilder::new().with_timezone(UTC))
            }
        };
        Ok(Self { kind, format, values })
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// [`NotOfKind`]; then no value is added instead.
    pub(super) fn push(&mut self, text: &str) -> Result<(), NotOfKind> {
        let (kind, format) = (self.kind, &self.format);
        /// Adds what was read, or nothing.
        macro_rules! add {
            ($builder:ident, $read:expr) => {{
                let read = $read;
                $builder.append_option(read);
                read.map(|_| ()).ok_or(NotOfKind)
            }};
        }
        match &mut self.values {
            Values::Text(builder) => {
                builder.append_value(text);
                Ok(())
            }
            Values::Bool(builder) => add!(builder, read_bool(text.trim(), format)),
            Values::Long(builder) => add!(builder, plain(text.trim(), format).parse().ok()),
            Values::Float(builder) => add!(builder, read_float(text.trim(), format)),
            Values::Decimal(builder) => {
                add!(builder, read_decimal(&plain(text.trim(), format), kind))
            }
            Values::Date(builder) => add!(builder, read_date(text.trim(), format)),
            Values::Instant(builder) => add!(builder, read_instant(text.trim(), format)),
        }
    }

    /// Adds no value.
    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Text(it) => it.append_null(),
            Values::Bool(it) => it.append_null(),
            Values::Long(it) => it.append_null(),
            Values::Float(it) => it.append_null(),
            Values::Decimal(it) => it.append_null(),
            Values::Date(it) => it.append_null(),
            Values::Instant(it) => it.append_null(),
        }
    }

    /// Ends the column and begins the next.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(it) => Arc::new(it.finish()),
            Values::Bool(it) => Arc::new(it.finish()),
            Values::Long(it) => Arc::new(it.finish()),
            Values::Float(it) => Arc::new(it.finish()),
            Values::Decimal(it) => Arc::new(it.finish()),
            Values::Date(it) => Arc::new(it.finish()),
            Values::Instant(it) => Arc::new(it.finish()),
        }
    }
}

fn read_bool(text: &str, format: &ValueFormat) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if let ValueFormat::Words(yes, no) = format {
        let text = text.to_lowercase();
        return if text == *yes { Some(true) } else { (text == *no).then_some(false) };
    }
    if is("true") || text == "1" {
        return Some(true);
    }
    (is("false") || text == "0").then_some(false)
}

/// Returns a number as it is usually written.
fn plain<'a>(text: &'a str, format: &ValueFormat) -> std::borrow::Cow<'a, str> {
    let (group, point) = match format {
        ValueFormat::CommaGroups => (',', '.'),
        ValueFormat::CommaPoint => ('.', ','),
        _ => return text.into(),
    };
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    // Groups of other than three digits are a slip, or the other form.
    let mut groups = whole.split(group);
    let is_whole = groups.next().is_some_and(|it| !it.is_empty() && it.len() <= 4)
        && groups.all(|it| it.len() == 3);
    let is_grouped = whole.contains(group);
    if (is_grouped && !is_whole) || fraction.is_some_and(|it| it.contains(group)) {
        return "".into();
    }
    let whole = whole.replace(group, "");
    fraction.map_or(whole.clone(), |it| format!("{whole}.{it}")).into()
}

fn read_float(text: &str, format: &ValueFormat) -> Option<f64> {
    // What no table can count with is no number.
    plain(text, format).parse().ok().filter(|it: &f64| it.is_finite())
}

fn read_decimal(text: &str, kind: ColumnKind) -> Option<i128> {
    let ColumnKind::Decimal { precision, scale } = kind else { return None };
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (kept, rest) = match fraction.split_at_checked(scale.into()) {
        Some((kept, rest)) => (kept, rest),
        None => (fraction, ""),
    };
    // Digits that would be lost are a fault, not a rounding.
    if !rest.bytes().all(|it| it == b'0') {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(kept.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let missing = usize::from(scale).checked_sub(kept.len())?;
    value = value.checked_mul(10_i128.checked_pow(u32::try_from(missing).ok()?)?)?;
    let is_short = 10_i128.checked_pow(precision.into()).is_none_or(|it| value < it);
    is_short.then_some(if is_negative { -value } else { value })
}

fn read_date(text: &str, format: &ValueFormat) -> Option<i32> {
    match format {
        ValueFormat::Pattern(pattern) => {
            Some(NaiveDate::parse_from_str(text, pattern).ok()?.to_epoch_days())
        }
        _ => parse_day(text),
    }
}

fn read_instant(text: &str, format: &ValueFormat) -> Option<i64> {
    let ValueFormat::Pattern(pattern) = format else {
        return Timestamp::parse(text).ok().map(Timestamp::as_millis);
    };
    if let Ok(at) = DateTime::parse_from_str(text, pattern) {
        return Some(at.timestamp_millis());
    }
    if let Ok(at) = NaiveDateTime::parse_from_str(text, pattern) {
        return Some(at.and_utc().timestamp_millis());
    }
    let day = NaiveDate::parse_from_str(text, pattern).ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// Writes the value of a row as it is usually written; `None` when there is none.
pub(super) fn text_of(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Date32 => {
            let day = array.as_primitive::<Date32Type>().value(row);
            NaiveDate::from_epoch_days(day).map(|it| it.to_string()).unwrap_or_default()
        }
        DataType::Timestamp(..) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
            Timestamp::from_millis(millis).to_string()
        }
        // Columns have the types of `kinds` only.
        other => format!("({other})"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONEY: ColumnKind = ColumnKind::Decimal { precision: 9, scale: 2 };

    fn read(kind: ColumnKind, format: &str, text: &str) -> Option<String> {
        let format = match format {
            "" => ValueFormat::Usual,
            raw => ValueFormat::parse(kind, raw).unwrap(),
        };
        let mut column = ColumnReader::new(kind, format).unwrap();
        let pushed = column.push(text);
        let array = column.finish();
        assert_eq!(array.len(), 1);
        assert_eq!(pushed.is_ok(), !array.is_null(0), "{text}");
        text_of(&array, 0)
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        for (kind, format, text, found) in [
            (ColumnKind::Bool, "", "TRUE", Some("true")),
            (ColumnKind::Bool, "", "0", Some("false")),
            (ColumnKind::Bool, "", "ja", None),
            (ColumnKind::Bool, "Ja/Nein", "NEIN", Some("false")),
            (ColumnKind::Long, "", " 12 ", Some("12")),
            (ColumnKind::Long, "", "12.5", None),
            (ColumnKind::Long, "1.234,50", "1.234", Some("1234")),
            (ColumnKind::Float, "", "1e3", Some("1000")),
            (ColumnKind::Float, "", "NaN", None),
            (ColumnKind::Float, "1,234.50", "-1,234.5", Some("-1234.5")),
            (ColumnKind::Float, "1,234.50", "1.234,5", None),
            (ColumnKind::Float, "1.234,50", "1,234.5", None),
            (MONEY, "", "12.5", Some("12.50")),
            (MONEY, "", "-0.07", Some("-0.07")),
            (MONEY, "", "12.500", Some("12.50")),
            (MONEY, "", "12.505", None),
            (MONEY, "", "12345678", None),
            (MONEY, "1.234,50", "1.234,50", Some("1234.50")),
            (MONEY, "1.234,50", "1.23,50", None),
            (MONEY, "", ".", None),
            (ColumnKind::Date, "", "2026-02-29", None),
            (ColumnKind::Date, "%d.%m.%Y", "01.02.2026", Some("2026-02-01")),
            (
                ColumnKind::Instant,
                "",
                "2026-02-01T10:00:00+02:00",
                Some("2026-02-01T08:00:00.000Z"),
            ),
            (
                ColumnKind::Instant,
                "%d.%m.%Y %H:%M",
                "01.02.2026 10:30",
                Some("2026-02-01T10:30:00.000Z"),
            ),
            (ColumnKind::Instant, "%d.%m.%Y", "01.02.2026", Some("2026-02-01T00:00:00.000Z")),
            (ColumnKind::Text, "", " a ", Some(" a ")),
        ] {
            assert_eq!(read(kind, format, text).as_deref(), found, "{kind} {text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(cents in -999_999_999_i128..=999_999_999, millis in 0_i64..4_000_000_000_000) {
            let written = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(read(MONEY, "", &written), Some(written));
            let at = Timestamp::from_millis(millis).to_string();
            prop_assert_eq!(read(ColumnKind::Instant, "", &at), Some(at));
        }

        #[test]
        fn no_text_makes_reading_fail_hard(text in ".{0,20}") {
            for kind in [ColumnKind::Bool, ColumnKind::Long, ColumnKind::Float, MONEY, ColumnKind::Date, ColumnKind::Instant] {
                let _ = read(kind, "", &text);
            }
            let _ = (read(MONEY, "1.234,50", &text), read(ColumnKind::Date, "%d.%m.%Y", &text));
        }
    }
}
