//! What a report tells, in which forms, when, and who hears of it.

use std::fmt;

use crate::analytics::Grain;
use crate::ports::{ReportFormat, ReportKind, ReportReceiver};

/// Periods that charts look back over when nobody says.
pub(super) const LOOK_BACK: u32 = 12;
/// The most of them: five years of months.
pub(super) const MAX_LOOK_BACK: u32 = 60;

/// A time of the day in UTC, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads a time such as `06:00`; `None` when it is none.
    pub fn parse(raw: &str) -> Option<Self> {
        let (hour, minute) = raw.split_once(':')?;
        let part = |it: &str| -> Option<u16> {
            let is_two_digits = it.len() == 2 && it.bytes().all(|b| b.is_ascii_digit());
            if is_two_digits { it.parse().ok() } else { None }
        };
        let (hour, minute) = (part(hour)?, part(minute)?);
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }

    /// Returns it in milliseconds since midnight.
    pub fn as_millis(self) -> i64 {
        i64::from(self.0) * 60_000
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A report as it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDefinition {
    /// Its name, such as `firm-monthly`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What exactly it tells.
    pub about: String,
    /// What it is of.
    pub kind: ReportKind,
    /// How long the time is that it is about; of a case it has no meaning.
    pub grain: Grain,
    /// Over how many periods charts look back, its own included.
    pub look_back: u32,
    /// The forms it is written in.
    pub formats: Vec<ReportFormat>,
    /// The pipeline, where the report is of one and it is always the same.
    pub pipeline: Option<String>,
    /// At what time of the day behind its period it is built; without one it is asked for.
    pub schedule: Option<TimeOfDay>,
    /// Who hears of it.
    pub deliver: Vec<ReportReceiver>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_day_is_read_back() {
        for raw in ["00:00", "06:05", "23:59"] {
            assert_eq!(TimeOfDay::parse(raw).unwrap().to_string(), raw);
        }
        for raw in ["", "6:00", "24:00", "06:60", "06:00:00", "+6:00", "0600"] {
            assert_eq!(TimeOfDay::parse(raw), None, "{raw}");
        }
    }
}
