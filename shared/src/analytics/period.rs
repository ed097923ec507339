//! Days, weeks and months in UTC, as numbers that can be counted with.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// The day of 1970-01-01 as chrono counts from the year 1.
const EPOCH: i64 = 719_163;

/// How long a period is. Periods are numbered: one more is the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Grain {
    /// A day.
    Day,
    /// A week from Monday, as ISO 8601 counts.
    Week,
    /// A month.
    #[default]
    Month,
}

impl Grain {
    /// Returns the number of the period that a day belongs to; days are counted since 1970.
    pub fn period_of(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => {
                let date = date(day);
                i64::from(date.year()) * 12 + i64::from(date.month0())
            }
        }
    }

    /// Returns the first day of a period.
    pub fn first_day(self, period: i64) -> i64 {
        match self {
            Self::Day => period,
            Self::Week => period * 7 - 3,
            Self::Month => {
                let year = i32::try_from(period.div_euclid(12)).unwrap_or(i32::MAX);
                let month = u32::try_from(period.rem_euclid(12)).unwrap_or_default() + 1;
                let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MAX);
                i64::from(first.num_days_from_ce()) - EPOCH
            }
        }
    }

    /// Writes a period: `2026-11-30`, `2026-W49` or `2026-11`.
    pub fn label(self, period: i64) -> String {
        let first = date(self.first_day(period));
        match self {
            Self::Day => first.format("%Y-%m-%d").to_string(),
            Self::Week => first.format("%G-W%V").to_string(),
            Self::Month => first.format("%Y-%m").to_string(),
        }
    }

    /// How many periods lie between a period and the one that it is compared with a year later: weeks
    /// are compared with the 52nd before, days with the same day of the week.
    pub fn year(self) -> i64 {
        match self {
            Self::Day => 364,
            Self::Week => 52,
            Self::Month => 12,
        }
    }

    /// After how many periods a pattern repeats.
    pub fn season(self) -> usize {
        match self {
            Self::Day => 7,
            Self::Week => 52,
            Self::Month => 12,
        }
    }
}

/// Returns the date of a day; what lies beyond the calendar is its end.
fn date(day: i64) -> NaiveDate {
    let from_year_one = i32::try_from(day.saturating_add(EPOCH)).ok();
    from_year_one.and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or(match day < 0 {
        true => NaiveDate::MIN,
        false => NaiveDate::MAX,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn periods_are_written_as_people_write_them() {
        let day = 20_787; // 2026-11-30, a Monday
        let label = |grain: Grain| grain.label(grain.period_of(day));
        assert_eq!(label(Grain::Day), "2026-11-30");
        assert_eq!(label(Grain::Week), "2026-W49");
        assert_eq!(label(Grain::Month), "2026-11");
        assert_eq!(Grain::Week.label(Grain::Week.period_of(day - 1)), "2026-W48");
        assert_eq!(Grain::Month.label(-1 + 1970 * 12), "1969-12");
    }

    proptest! {
        #[test]
        fn day_lies_in_its_period(day in -1_000_000_i64..1_000_000, grain in 0..3) {
            let grain = [Grain::Day, Grain::Week, Grain::Month][grain as usize];
            let period = grain.period_of(day);
            prop_assert!(grain.first_day(period) <= day && day < grain.first_day(period + 1));
            prop_assert_eq!(grain.period_of(grain.first_day(period)), period);
        }
    }
}
