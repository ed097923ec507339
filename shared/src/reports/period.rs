//! The time that a report is about.

use std::fmt;

use crate::analytics::Grain;
use crate::time::{Timestamp, parse_day};

const MILLIS_PER_DAY: i64 = 86_400_000;

/// A day, a week or a month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportPeriod {
    /// How long it is.
    pub grain: Grain,
    /// Which one, as [`Grain`] numbers them.
    pub number: i64,
}

impl ReportPeriod {
    /// Returns the one that `at` lies in.
    pub fn at(grain: Grain, at: Timestamp) -> Self {
        let day = at.as_millis().div_euclid(MILLIS_PER_DAY);
        Self { grain, number: grain.period_of(day) }
    }

    /// Returns the last one that was over at `now`.
    pub fn last_over(grain: Grain, now: Timestamp) -> Self {
        let Self { number, .. } = Self::at(grain, now);
        Self { grain, number: number - 1 }
    }

    /// Reads a period as it is shown: `2026-11-30`, `2026-W49` or `2026-11`.
    pub fn parse(grain: Grain, raw: &str) -> Option<Self> {
        let day = match grain {
            Grain::Day => parse_day(raw)?,
            Grain::Month => parse_day(&format!("{raw}-01"))?,
            Grain::Week => {
                let (year, week) = raw.split_once("-W")?;
                let (year, week) = (year.parse().ok()?, week.parse().ok()?);
                let monday = chrono::NaiveDate::from_isoywd_opt(year, week, chrono::Weekday::Mon)?;
                monday.to_epoch_days()
            }
        };
        let found = Self { grain, number: grain.period_of(day.into()) };
        (found.to_string() == raw).then_some(found)
    }

    /// Returns its first instant.
    pub fn begins_at(self) -> Timestamp {
        let day = self.grain.first_day(self.number);
        Timestamp::from_millis(day.saturating_mul(MILLIS_PER_DAY))
    }

    /// Returns the instant behind its last one.
    pub fn ends_at(self) -> Timestamp {
        Self { number: self.number + 1, ..self }.begins_at()
    }

    /// Returns the first of `n` periods that end with this one.
    #[must_use]
    pub fn back(self, n: u32) -> Self {
        Self { number: self.number - i64::from(n.saturating_sub(1)), ..self }
    }
}

impl fmt::Display for ReportPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.grain.label(self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_is_read_back_from_its_label() {
        let at = Timestamp::parse("2027-01-02T12:00:00Z").unwrap();
        for (grain, label) in
            [(Grain::Day, "2027-01-02"), (Grain::Week, "2026-W53"), (Grain::Month, "2027-01")]
        {
            let period = ReportPeriod::at(grain, at);
            assert_eq!(period.to_string(), label);
            assert_eq!(ReportPeriod::parse(grain, label), Some(period));
            assert!(period.begins_at() <= at && at < period.ends_at());
        }
        for raw in ["", "2026-13", "2026-1", "2026-11-01", "x-W01"] {
            assert_eq!(ReportPeriod::parse(Grain::Month, raw), None, "{raw}");
        }
        for raw in ["2026-W54", "2026-W1", "2026-W01-1", "-W01"] {
            assert_eq!(ReportPeriod::parse(Grain::Week, raw), None, "{raw}");
        }
    }

    #[test]
    fn last_period_is_the_one_that_is_over() {
        let now = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
        let last = ReportPeriod::last_over(Grain::Month, now);
        assert_eq!(last.to_string(), "2026-11");
        assert_eq!(last.ends_at(), now);
        assert_eq!(last.back(12).to_string(), "2025-12");
    }
}
