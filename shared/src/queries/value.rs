//! One value of a question or an answer.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::etl::ColumnKind;
use crate::time::{Timestamp, parse_day, show_day};

/// One value of a question or an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum QueryValue {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A number with a fraction.
    Float(f64),
    /// A number with an exact fraction: its digits, and how many of them stand behind the point.
    Decimal(i128, u8),
    /// A day, counted since 1970.
    Date(i32),
    /// An instant.
    Instant(Timestamp),
    /// Text.
    Text(String),
}

impl QueryValue {
    /// Tells whether there is none.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns about how many bytes of memory it takes.
    pub fn n_bytes(&self) -> usize {
        let held = match self {
            Self::Text(it) => it.capacity(),
            _ => 0,
        };
        size_of::<Self>() + held
    }
}

impl fmt::Display for QueryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(it) => it.fmt(f),
            Self::Long(it) => it.fmt(f),
            Self::Float(it) => it.fmt(f),
            Self::Decimal(digits, 0) => digits.fmt(f),
            Self::Decimal(digits, scale) => {
                let width = usize::from(*scale) + 1;
                let text = format!("{:0>width$}", digits.unsigned_abs());
                let (whole, part) = text.split_at(text.len() - usize::from(*scale));
                write!(f, "{}{whole}.{part}", if *digits < 0 { "-" } else { "" })
            }
            Self::Date(it) => f.write_str(&show_day(*it)),
            Self::Instant(it) => it.fmt(f),
            Self::Text(it) => f.write_str(it),
        }
    }
}

impl Serialize for QueryValue {
    /// Numbers and flags as they are, all else as text. A decimal is text, so that no digit is lost.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(it) => serializer.serialize_bool(*it),
            Self::Long(it) => serializer.serialize_i64(*it),
            Self::Float(it) => serializer.serialize_f64(*it),
            Self::Text(it) => serializer.serialize_str(it),
            Self::Decimal(..) | Self::Date(_) | Self::Instant(_) => serializer.collect_str(self),
        }
    }
}

/// Reads a value of `kind` as people write it; `None` when it is none.
pub fn read_value(kind: ColumnKind, raw: &str) -> Option<QueryValue> {
    Some(match kind {
        ColumnKind::Text => QueryValue::Text(raw.to_owned()),
        ColumnKind::Bool => QueryValue::Bool(raw.parse().ok()?),
        ColumnKind::Long => QueryValue::Long(raw.parse().ok()?),
        ColumnKind::Float => QueryValue::Float(raw.parse().ok().filter(|it: &f64| it.is_finite())?),
        ColumnKind::Decimal { precision, scale } => read_decimal(raw, precision, scale)?,
        ColumnKind::Date => QueryValue::Date(parse_day(raw)?),
        ColumnKind::Instant => QueryValue::Instant(
            Timestamp::parse(raw)
                .or_else(|_| Timestamp::parse(&format!("{raw}T00:00:00Z")))
                .ok()?,
        ),
    })
}

fn read_decimal(raw: &str, precision: u8, scale: u8) -> Option<QueryValue> {
    let (sign, digits) = raw.strip_prefix('-').map_or((1, raw), |it| (-1, it));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(part) || part.len() > scale.into() {
        return None;
    }
    let text = format!("{whole}{part:0<width$}", width = usize::from(scale));
    let text = text.trim_start_matches('0');
    let fits = text.len() <= precision.into();
    let value: i128 = if text.is_empty() { 0 } else { text.parse().ok()? };
    fits.then_some(QueryValue::Decimal(sign * value, scale))
}

/// Returns an example of `kind`, for messages.
pub(super) fn example(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "North",
        ColumnKind::Bool => "true",
        ColumnKind::Long => "90",
        ColumnKind::Float | ColumnKind::Decimal { .. } => "0.5",
        ColumnKind::Date => "2026-01-31",
        ColumnKind::Instant => "2026-01-31T09:30:00Z",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn value_is_shown_as_it_is_read() {
        let money = ColumnKind::Decimal { precision: 9, scale: 2 };
        let cases = [
            (ColumnKind::Text, "a 'b'"),
            (ColumnKind::Bool, "true"),
            (ColumnKind::Long, "-12"),
            (ColumnKind::Float, "1.5"),
            (money, "-0.05"),
            (money, "1234567.89"),
            (ColumnKind::Date, "2026-01-31"),
            (ColumnKind::Instant, "2026-01-31T09:30:00.000Z"),
        ];
        for (kind, raw) in cases {
            assert_eq!(read_value(kind, raw).unwrap().to_string(), raw);
        }
        let day = read_value(ColumnKind::Instant, "2026-01-31").unwrap();
        assert_eq!(day.to_string(), "2026-01-31T00:00:00.000Z");
        for (kind, raw) in [
            (ColumnKind::Long, "1.5"),
            (ColumnKind::Float, "NaN"),
            (ColumnKind::Date, "2026-02-30"),
            (money, "12345678.00"),
            (money, "1.234"),
            (money, "."),
        ] {
            assert_eq!(read_value(kind, raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_fail_hard(raw in ".{0,45}", scale in 0_u8..=38) {
            for kind in [ColumnKind::Decimal { precision: 38, scale }, ColumnKind::Instant] {
                if let Some(value) = read_value(kind, &raw) {
                    prop_assert_eq!(read_value(kind, &value.to_string()), Some(value));
                }
            }
        }
    }
}
