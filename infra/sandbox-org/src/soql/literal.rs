//! Relative dates such as `LAST_N_DAYS:30`, in UTC.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

const UNITS: &[&str] =
    &["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"];

/// Tells whether a word is a relative date.
pub(super) fn is_relative(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    matches!(word.as_str(), "TODAY" | "YESTERDAY" | "TOMORROW" | "LAST_90_DAYS" | "NEXT_90_DAYS")
        || takes_count(&word)
        || ["THIS_", "LAST_", "NEXT_"]
            .iter()
            .any(|side| word.strip_prefix(side).is_some_and(|unit| UNITS.contains(&unit)))
}

/// Tells whether a relative date is followed by `:n`.
pub(super) fn takes_count(word: &str) -> bool {
    unit_of_counted(&word.to_ascii_uppercase()).is_some()
}

fn unit_of_counted(word: &str) -> Option<(&str, &str)> {
    let (side, rest) = if let Some(rest) = word.strip_prefix("LAST_N_") {
        ("LAST", rest)
    } else if let Some(rest) = word.strip_prefix("NEXT_N_") {
        ("NEXT", rest)
    } else {
        ("AGO", word.strip_prefix("N_")?.strip_suffix("_AGO")?)
    };
    let unit = rest.strip_suffix('S')?;
    UNITS.contains(&unit).then_some((side, unit))
}

/// Returns the seconds from and until which a relative date reaches.
pub(super) fn range(word: &str, count: Option<i64>, now: i64) -> Option<(i64, i64)> {
    let today = DateTime::from_timestamp(now, 0)?.date_naive();
    let tomorrow = shift(today, "DAY", 1)?;
    let n = count.unwrap_or(1);
    let (from, until) = match word {
        "TODAY" => (today, tomorrow),
        "YESTERDAY" => (shift(today, "DAY", -1)?, today),
        "TOMORROW" => (tomorrow, shift(tomorrow, "DAY", 1)?),
        "LAST_90_DAYS" => (shift(today, "DAY", -90)?, tomorrow),
        "NEXT_90_DAYS" => (tomorrow, shift(tomorrow, "DAY", 90)?),
        _ => match unit_of_counted(word) {
            // Counted days include today, other counted units stop before the present one.
            Some(("LAST", "DAY")) => (shift(today, "DAY", -n)?, tomorrow),
            Some(("LAST", unit)) => (shift(start(today, unit)?, unit, -n)?, start(today, unit)?),
            Some(("NEXT", unit)) => {
                let next = shift(start(today, unit)?, unit, 1)?;
                (next, shift(next, unit, n)?)
            }
            Some((_, unit)) => {
                let from = shift(start(today, unit)?, unit, -n)?;
                (from, shift(from, unit, 1)?)
            }
            None => {
                let (side, unit) = word.split_once('_')?;
                let this = start(today, unit)?;
                let steps = match side {
                    "LAST" => -1,
                    "NEXT" => 1,
                    _ => 0,
                };
                let from = shift(this, unit, steps)?;
                (from, shift(from, unit, 1)?)
            }
        },
    };
    Some((seconds(from), seconds(until)))
}

fn seconds(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days() * DAY
}

fn start(date: NaiveDate, unit: &str) -> Option<NaiveDate> {
    match unit.trim_start_matches("FISCAL_") {
        "DAY" => Some(date),
        "WEEK" => {
            date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_sunday())))
        }
        "MONTH" => date.with_day(1),
        "QUARTER" => date.with_day(1)?.with_month0(date.month0() / 3 * 3),
        _ => date.with_day(1)?.with_month(1),
    }
}

fn shift(date: NaiveDate, unit: &str, steps: i64) -> Option<NaiveDate> {
    let n = u32::try_from(steps.unsigned_abs()).ok()?;
    let months = match unit.trim_start_matches("FISCAL_") {
        "DAY" => return shift_days(date, steps),
        "WEEK" => return shift_days(date, steps.checked_mul(7)?),
        "MONTH" => n,
        "QUARTER" => n.checked_mul(3)?,
        _ => n.checked_mul(12)?,
    };
    if steps < 0 {
        date.checked_sub_months(Months::new(months))
    } else {
        date.checked_add_months(Months::new(months))
    }
}

fn shift_days(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    let n = Days::new(days.unsigned_abs());
    if days < 0 { date.checked_sub_days(n) } else { date.checked_add_days(n) }
}
