//! Instants, in the one form that every store and every wire here uses.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant in UTC, in whole milliseconds since 1970.
///
/// It reads RFC 3339 and Salesforce's `2011-07-07T00:37:00.000+0000`, and shows itself as RFC 3339
/// with milliseconds and `Z`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, format = DateTime, example = "2026-01-31T09:30:00.000Z")
)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// The beginning of the year 0 and the end of the year 9999.
const FIRST_MILLIS: i64 = -62_167_219_200_000;
const LAST_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The start of 1970: earlier than every change.
    pub const EPOCH: Self = Self(0);

    /// Wraps milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Wraps milliseconds since 1970 that somebody else sent; `None` outside the years 0 to 9999,
    /// which alone can be written as text and read again.
    pub fn from_foreign_millis(millis: i64) -> Option<Self> {
        (FIRST_MILLIS..=LAST_MILLIS).contains(&millis).then_some(Self(millis))
    }

    /// Returns milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, or the same with an offset that lacks its colon, as Salesforce writes it.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] when `raw` is neither, or lies outside the years 0 to 9999.
    pub fn parse(raw: &str) -> Result<Self, InvalidTimestamp> {
        DateTime::parse_from_rfc3339(raw)
            .or_else(|_| DateTime::parse_from_str(raw, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .ok()
            .and_then(|at| Self::from_foreign_millis(at.timestamp_millis()))
            .ok_or_else(|| InvalidTimestamp { raw: raw.to_owned() })
    }

    /// Drops the part below a second. Salesforce stores its stamps to the second.
    #[must_use]
    pub const fn to_second(self) -> Self {
        Self(self.0.div_euclid(1000).saturating_mul(1000))
    }

    /// Returns the instant `by` earlier, stopping at the earliest one.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// Returns the instant `by` later, stopping at the latest one.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// Returns how long ago `earlier` was, or zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }
}

/// Reads a day such as `2026-01-31`, as days since 1970; `None` when there is no such day.
pub fn parse_day(raw: &str) -> Option<i32> {
    let day = chrono::NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok()?;
    (raw.len() == 10).then_some(day.to_epoch_days())
}

/// Writes a day, counted since 1970, such as `2026-01-31`.
pub fn show_day(day: i32) -> String {
    match chrono::NaiveDate::from_epoch_days(day) {
        Some(day) => day.format("%Y-%m-%d").to_string(),
        None => format!("day {day}"),
    }
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(raw: String) -> Result<Self, InvalidTimestamp> {
        Self::parse(&raw)
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

/// Text that is not an instant.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not a date and time such as `2026-01-31T09:30:00Z`")]
pub struct InvalidTimestamp {
    raw: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salesforce_and_rfc_3339_forms_of_one_instant_are_equal() {
        let salesforce = Timestamp::parse("2011-07-07T02:37:00.000+0200").unwrap();
        let rfc = Timestamp::parse("2011-07-07T00:37:00Z").unwrap();
        assert_eq!(salesforce, rfc);
        assert_eq!(rfc.to_string(), "2011-07-07T00:37:00.000Z");
    }

    #[test]
    fn date_without_a_time_is_refused() {
        assert!(Timestamp::parse("2011-07-07").is_err());
    }

    #[test]
    fn every_instant_that_is_taken_can_be_written_and_read_again() {
        for millis in [FIRST_MILLIS, -1, 0, LAST_MILLIS] {
            let at = Timestamp::from_foreign_millis(millis).unwrap();
            assert_eq!(Timestamp::parse(&at.to_string()).unwrap(), at);
        }
        for millis in [i64::MIN, FIRST_MILLIS - 1, LAST_MILLIS + 1, i64::MAX] {
            assert_eq!(Timestamp::from_foreign_millis(millis), None);
            let _ = Timestamp::from_millis(millis).to_second();
        }
        assert!(Timestamp::parse("9999-12-31T23:59:59-14:00").is_err());
        assert!(Timestamp::parse("0000-01-01T00:00:00+14:00").is_err());
    }

    #[test]
    fn seconds_are_rounded_down_before_1970_too() {
        assert_eq!(Timestamp::from_millis(-1).to_second(), Timestamp::from_millis(-1000));
    }
}
