//! Days, and spans of days that move with the calendar.

use std::fmt;

/// Text or numbers that name no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{raw}` is not a day such as `2026-01-31`")]
pub struct InvalidDate {
    raw: String,
}

/// A day of the calendar, in the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Wraps a day that exists.
    ///
    /// # Errors
    /// [`InvalidDate`] for a day that no calendar has, such as the 30th of February.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, InvalidDate> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let n_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => 0,
        };
        if year <= 9999 && (1..=n_days).contains(&day) {
            Ok(Self { year, month, day })
        } else {
            Err(InvalidDate { raw: format!("{year:04}-{month:02}-{day:02}") })
        }
    }

    /// Reads `2026-01-31`.
    ///
    /// # Errors
    /// [`InvalidDate`] when `raw` has another form or is a day that does not exist.
    pub fn parse(raw: &str) -> Result<Self, InvalidDate> {
        let refused = || InvalidDate { raw: raw.to_owned() };
        let parts = || {
            let (year, rest) = raw.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let is_number = |part: &str, n_digits: usize| {
                part.len() == n_digits && part.bytes().all(|b| b.is_ascii_digit())
            };
            (is_number(year, 4) && is_number(month, 2) && is_number(day, 2)).then_some(())?;
            Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
        };
        let (year, month, day) = parts().ok_or_else(refused)?;
        Self::new(year, month, day).map_err(|_| refused())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A part of the calendar that a relative date means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From Sunday to Saturday, as the user's locale has it.
    Week,
    /// A calendar month.
    Month,
    /// A calendar quarter.
    Quarter,
    /// A calendar year.
    Year,
    /// A quarter of the org's fiscal year.
    FiscalQuarter,
    /// The org's fiscal year.
    FiscalYear,
}

/// What a counted relative date counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Single days.
    Day,
    /// Whole periods.
    Period(Period),
}

/// A span of days that moves with the calendar, in the time zone of the user who asks. What must
/// not depend on the user takes absolute instants instead.
///
/// Source: SOQL and SOSL reference, "Date formats and date literals in WHERE".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelativeDate {
    /// The day before this one.
    Yesterday,
    /// This day.
    Today,
    /// The day after this one.
    Tomorrow,
    /// The period before the present one.
    Last(Period),
    /// The present period.
    This(Period),
    /// The period after the present one.
    Next(Period),
    /// Ninety days up to today.
    Last90Days,
    /// Ninety days from tomorrow.
    Next90Days,
    /// So many units before the present one: `LAST_N_DAYS:7`.
    LastN(Unit, u32),
    /// So many units after the present one: `NEXT_N_MONTHS:2`.
    NextN(Unit, u32),
    /// The one unit that lies so many before the present one: `N_WEEKS_AGO:3`.
    NAgo(Unit, u32),
}

const PERIODS: [(Period, &str); 6] = [
    (Period::Week, "WEEK"),
    (Period::Month, "MONTH"),
    (Period::Quarter, "QUARTER"),
    (Period::Year, "YEAR"),
    (Period::FiscalQuarter, "FISCAL_QUARTER"),
    (Period::FiscalYear, "FISCAL_YEAR"),
];

impl Period {
    fn name(self) -> &'static str {
        PERIODS.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        PERIODS.iter().find(|(_, it)| *it == name).map(|(period, _)| *period)
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Period(period) => period.name(),
        }
    }

    fn named(name: &str) -> Option<Self> {
        if name == "DAY" { Some(Self::Day) } else { Period::named(name).map(Self::Period) }
    }
}

/// What a word of the query begins.
#[derive(Debug)]
pub(super) enum RelativeWord {
    /// A whole relative date.
    Whole(RelativeDate),
    /// One that `:n` completes.
    Counting(Unit, fn(Unit, u32) -> RelativeDate),
}

impl RelativeWord {
    /// Finds the relative date that `word`, in any case, begins.
    pub(super) fn find(word: &str) -> Option<Self> {
        if word.len() > 24 {
            return None;
        }
        let word = word.to_ascii_uppercase();
        let whole = match word.as_str() {
            "YESTERDAY" => RelativeDate::Yesterday,
            "TODAY" => RelativeDate::Today,
            "TOMORROW" => RelativeDate::Tomorrow,
            "LAST_90_DAYS" => RelativeDate::Last90Days,
            "NEXT_90_DAYS" => RelativeDate::Next90Days,
            _ => return Self::counting(&word).or_else(|| Self::period(&word)),
        };
        Some(Self::Whole(whole))
    }

    fn counting(word: &str) -> Option<Self> {
        let (units, complete): (&str, fn(Unit, u32) -> RelativeDate) =
            if let Some(units) = word.strip_prefix("LAST_N_") {
                (units, RelativeDate::LastN)
            } else if let Some(units) = word.strip_prefix("NEXT_N_") {
                (units, RelativeDate::NextN)
            } else {
                (word.strip_prefix("N_")?.strip_suffix("_AGO")?, RelativeDate::NAgo)
            };
        Some(Self::Counting(Unit::named(units.strip_suffix('S')?)?, complete))
    }

    fn period(word: &str) -> Option<Self> {
        let (side, name) = word.split_once('_')?;
        let period = Period::named(name)?;
        Some(Self::Whole(match side {
            "LAST" => RelativeDate::Last(period),
            "THIS" => RelativeDate::This(period),
            "NEXT" => RelativeDate::Next(period),
            _ => return None,
        }))
    }
}

impl fmt::Display for RelativeDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yesterday => f.write_str("YESTERDAY"),
            Self::Today => f.write_str("TODAY"),
            Self::Tomorrow => f.write_str("TOMORROW"),
            Self::Last(period) => write!(f, "LAST_{}", period.name()),
            Self::This(period) => write!(f, "THIS_{}", period.name()),
            Self::Next(period) => write!(f, "NEXT_{}", period.name()),
            Self::Last90Days => f.write_str("LAST_90_DAYS"),
            Self::Next90Days => f.write_str("NEXT_90_DAYS"),
            Self::LastN(unit, n) => write!(f, "LAST_N_{}S:{n}", unit.name()),
            Self::NextN(unit, n) => write!(f, "NEXT_N_{}S:{n}", unit.name()),
            Self::NAgo(unit, n) => write!(f, "N_{}S_AGO:{n}", unit.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_that_no_calendar_has_is_refused() {
        for raw in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "26-01-01"]
        {
            assert!(Date::parse(raw).is_err(), "`{raw}` was taken");
        }
        for raw in ["2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"] {
            assert_eq!(Date::parse(raw).unwrap().to_string(), raw);
        }
        assert!(Date::new(10_000, 1, 1).is_err());
    }

    #[test]
    fn every_relative_date_is_written_and_found_again() {
        let mut all = vec![
            RelativeDate::Yesterday,
            RelativeDate::Today,
            RelativeDate::Tomorrow,
            RelativeDate::Last90Days,
            RelativeDate::Next90Days,
        ];
        for (period, _) in PERIODS {
            all.extend([RelativeDate::Last(period), RelativeDate::This(period)]);
            all.push(RelativeDate::Next(period));
        }
        for unit in PERIODS.iter().map(|(it, _)| Unit::Period(*it)).chain([Unit::Day]) {
            all.extend([RelativeDate::LastN(unit, 3), RelativeDate::NextN(unit, 0)]);
            all.push(RelativeDate::NAgo(unit, 30));
        }
        assert_eq!(all.len(), 5 + 18 + 21);
        for date in all {
            let text = date.to_string().to_lowercase();
            let (word, count) = text.split_once(':').unwrap_or((&text, "0"));
            let found = match RelativeWord::find(word).unwrap() {
                RelativeWord::Whole(found) => found,
                RelativeWord::Counting(unit, complete) => complete(unit, count.parse().unwrap()),
            };
            assert_eq!(found, date);
        }
    }

    #[test]
    fn words_that_look_like_relative_dates_are_none() {
        for word in ["THIS_DAY", "LAST_N_DAY", "N_DAYS", "LAST_N_", "THIS_FISCAL_MONTH", "Today__c"]
        {
            assert!(RelativeWord::find(word).is_none(), "`{word}` was taken");
        }
    }
}
