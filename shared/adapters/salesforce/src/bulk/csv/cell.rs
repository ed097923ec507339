//! What a cell holds, by the kind of its column: borrowed, nothing is allocated.

use memchr::memchr;
use serde::{Deserialize, Serialize};
use shared::model::FieldValue;
use shared::time::Timestamp;

use crate::number::{Number, read_number};

/// What a column holds. CSV says nothing of it: describe does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Text, picklists, ids, and everything else that is kept as it is written.
    #[default]
    Text,
    /// `true` or `false`.
    Bool,
    /// A number, whole or not.
    Number,
    /// An instant, such as `2024-09-09T20:41:31.000Z`.
    Time,
}

impl ColumnKind {
    /// Returns the kind of a field whose describe says `field_type`.
    /// Source: SOAP API guide, "Field types".
    pub fn of_field_type(field_type: &str) -> Self {
        match field_type {
            "boolean" => Self::Bool,
            "int" | "double" | "currency" | "percent" | "long" => Self::Number,
            "datetime" => Self::Time,
            _ => Self::Text,
        }
    }

    /// Returns what the column holds, in words.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Number => "number",
            Self::Time => "date and time",
        }
    }
}

/// The value of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CellValue<'a> {
    /// The cell is empty: the field has no value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, no digit lost.
    Int(i64),
    /// A number with a fraction, or too large for `Int`.
    Float(f64),
    /// An instant.
    Time(Timestamp),
    /// Text, byte for byte: `NA`, `null` and `#N/A` are words like others.
    Text(&'a str),
}

impl<'a> CellValue<'a> {
    /// Reads `cell`; `None` when it is not of `kind`.
    pub fn read(cell: &'a str, kind: ColumnKind) -> Option<Self> {
        if cell.is_empty() {
            return Some(Self::Null);
        }
        match kind {
            ColumnKind::Text => Some(Self::Text(cell)),
            ColumnKind::Bool => match cell {
                "true" => Some(Self::Bool(true)),
                "false" => Some(Self::Bool(false)),
                _ => None,
            },
            ColumnKind::Number => Some(match read_number(cell)? {
                Number::Whole(whole) => Self::Int(whole),
                Number::Part(part) => Self::Float(part),
            }),
            ColumnKind::Time => read_time(cell).map(Self::Time),
        }
    }

    /// Makes the value of a field: canonical, so that it can be compared. Text loses the bytes `\0`,
    /// which no store of ours keeps.
    pub fn to_field(self) -> FieldValue {
        match self {
            Self::Null => FieldValue::Null,
            Self::Bool(value) => FieldValue::Bool(value),
            Self::Int(value) => FieldValue::Int(value),
            Self::Float(value) => FieldValue::number(value),
            Self::Time(at) => FieldValue::Text(at.to_string()),
            Self::Text(text) if memchr(b'\0', text.as_bytes()).is_some() => {
                FieldValue::text(&text.replace('\0', ""))
            }
            Self::Text(text) => FieldValue::text(text),
        }
    }
}

/// Reads an instant; the one form that Bulk results have is read without a detour.
fn read_time(cell: &str) -> Option<Timestamp> {
    read_plain_time(cell.as_bytes()).or_else(|| Timestamp::parse(cell).ok())
}

/// Tells whether `cell` is an instant in the form that [`Timestamp`] writes: nobody has to write it anew.
pub(in crate::bulk) fn is_plain_time(cell: &str) -> bool {
    read_plain_time(cell.as_bytes()).is_some()
}

/// Reads `YYYY-MM-DDThh:mm:ss.mmmZ`; `None` for any other form, or an instant that is none.
fn read_plain_time(bytes: &[u8]) -> Option<Timestamp> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'.',
        f1,
        f2,
        f3,
        b'Z',
    ] = bytes
    else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(*digit - b'0'))
        })
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    let is_date = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp::from_millis(seconds * 1000 + number(&[f1, f2, f3])?))
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts days; years begin in March, so that a leap day is the last of its year.
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_that_other_clients_take_for_nothing_stay_text() {
        for word in ["NA", "N/A", "null", "NULL", "None", "nan", "#N/A", "true", "1e5", " "] {
            assert_eq!(CellValue::read(word, ColumnKind::Text), Some(CellValue::Text(word)));
        }
        assert_eq!(
            CellValue::read("#N/A", ColumnKind::Text).unwrap().to_field(),
            FieldValue::text("#N/A")
        );
        assert_eq!(CellValue::read("", ColumnKind::Text), Some(CellValue::Null));
        assert_eq!(CellValue::read("", ColumnKind::Number), Some(CellValue::Null));
    }

    #[test]
    fn cell_of_another_kind_is_refused_not_guessed() {
        for (cell, kind) in [
            ("yes", ColumnKind::Bool),
            ("TRUE", ColumnKind::Bool),
            ("many", ColumnKind::Number),
            ("2024-13-09T20:41:31.000Z", ColumnKind::Time),
            ("2024-02-30T20:41:31.000Z", ColumnKind::Time),
            ("2024-09-09", ColumnKind::Time),
        ] {
            assert_eq!(CellValue::read(cell, kind), None, "{cell}");
        }
    }

    #[test]
    fn bytes_that_no_store_keeps_are_left_out_of_the_field_and_stand_in_the_cell() {
        let cell = CellValue::read("a\0b", ColumnKind::Text).unwrap();
        assert_eq!(cell, CellValue::Text("a\0b"));
        assert_eq!(cell.to_field(), FieldValue::text("ab"));
    }

    proptest! {
        #[test]
        fn every_instant_comes_back(millis in -62_167_219_200_000_i64..253_402_300_799_999) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(read_plain_time(at.to_string().as_bytes()), Some(at));
        }

        #[test]
        fn time_is_read_as_its_slow_reader_does(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].[0-9]{3}Z") {
            if let Some(at) = read_plain_time(text.as_bytes()) {
                prop_assert_eq!(Timestamp::parse(&text).ok(), Some(at));
                prop_assert_eq!(at.to_string(), text);
            }
        }
    }
}
