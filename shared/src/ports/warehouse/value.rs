//! Values of a warehouse, bound and read.

use std::fmt;

use bytes::Bytes;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Decimal numbers.
    Decimal,
    /// Binary floating point numbers.
    Real,
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// Bytes.
    Binary,
    /// Days.
    Date,
    /// Times of day.
    Time,
    /// Dates and times of no zone.
    Local,
    /// Instants.
    Instant,
    /// Instants with an offset.
    Zoned,
    /// JSON documents.
    Json,
    /// Something else, read as text.
    Other,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name as stored.
    pub name: String,
    /// What it holds.
    pub kind: ValueKind,
    /// The warehouse's own name of its type.
    pub type_name: String,
    /// Digits of a number, `None` where it has none.
    pub precision: Option<u32>,
    /// Digits behind the point, of a number or of a second.
    pub scale: Option<u32>,
    /// The most characters of a text.
    pub length: Option<u64>,
    /// Whether it may be null.
    pub is_nullable: bool,
}

/// A decimal number in digits, such as `-12.50`: exact, of up to 38 digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

/// Text that is not a decimal number; it is not repeated, for it may be a person's.
#[derive(Debug, thiserror::Error)]
#[error("not a decimal number of up to 38 digits, such as `-12.50`")]
pub struct InvalidDecimal;

impl Decimal {
    /// Checks and wraps `raw`: digits with at most one point, and a sign before them.
    ///
    /// # Errors
    ///
    /// [`InvalidDecimal`] when it is not such a number.
    pub fn parse(raw: impl Into<String>) -> Result<Self, InvalidDecimal> {
        let raw = raw.into();
        let digits = raw.strip_prefix('-').unwrap_or(&raw);
        let (whole, behind) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
        // A number below one may come with a zero before its 38 digits, or with none.
        let n_digits = whole.trim_start_matches('0').len() + behind.len();
        let is_valid = is_number(whole)
            && is_number(behind)
            && !(whole.is_empty() && behind.is_empty())
            && n_digits <= 38
            && whole.len() <= 39;
        if is_valid { Ok(Self(raw)) } else { Err(InvalidDecimal) }
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number when it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        let (whole, behind) = self.0.split_once('.').unwrap_or((&self.0, ""));
        if behind.bytes().all(|it| it == b'0') { whole.parse().ok() } else { None }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

/// A value. Instants and times are whole nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum WarehouseValue {
    /// No value.
    Null,
    /// A decimal number.
    Decimal(Decimal),
    /// A floating point number, which may be infinite or no number.
    Real(f64),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Binary(Bytes),
    /// A day, in days since 1970.
    Date(i32),
    /// A time of day, in nanoseconds since midnight.
    Time(u64),
    /// A date and time of no zone, in nanoseconds since the beginning of 1970 there.
    Local(i128),
    /// An instant, in nanoseconds since 1970 in UTC.
    Instant(i128),
    /// An instant with an offset.
    Zoned {
        /// Nanoseconds since 1970 in UTC.
        nanos: i128,
        /// Minutes that the clock there is ahead of UTC.
        offset_minutes: i32,
    },
    /// A JSON document as text. It is bound as text: the statement says how it is read.
    Json(String),
}

impl WarehouseValue {
    /// Returns a whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Decimal(decimal) => decimal.as_i64(),
            _ => None,
        }
    }

    /// Returns text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for WarehouseValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for WarehouseValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for WarehouseValue {
    fn from(number: i64) -> Self {
        Self::Decimal(number.into())
    }
}

impl From<f64> for WarehouseValue {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for WarehouseValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<T: Into<WarehouseValue>> From<Option<T>> for WarehouseValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
