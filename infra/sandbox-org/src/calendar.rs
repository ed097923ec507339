//! Writes instants and days fast: an export of a million cases has several of them a row.

use crate::org::{date_text, instant_text};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// First day of year 0 and last day of year 9999, in days since 1970.
const WRITABLE: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// Writes seconds since 1970 as `2026-01-01T10:00:00.000Z`.
pub(crate) fn push_instant(into: &mut Vec<u8>, seconds: i64) {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    if !WRITABLE.contains(&days) {
        return into.extend_from_slice(instant_text(seconds, "Z").as_bytes());
    }
    push_civil(into, days);
    into.push(b'T');
    push_two(into, rest / 3_600);
    into.push(b':');
    push_two(into, rest / 60 % 60);
    into.push(b':');
    push_two(into, rest % 60);
    into.extend_from_slice(b".000Z");
}

/// Writes days since 1970 as `2026-01-01`.
pub(crate) fn push_date(into: &mut Vec<u8>, days: i32) {
    if WRITABLE.contains(&i64::from(days)) {
        push_civil(into, i64::from(days));
    } else {
        into.extend_from_slice(date_text(days).as_bytes());
    }
}

/// Writes year, month and day. Source: H. Hinnant, "chrono-compatible low-level date algorithms".
fn push_civil(into: &mut Vec<u8>, days: i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    push_two(into, year / 100);
    push_two(into, year % 100);
    into.push(b'-');
    push_two(into, month);
    into.push(b'-');
    push_two(into, day);
}

/// Writes a number from 0 to 99 with two digits.
fn push_two(into: &mut Vec<u8>, number: i64) {
    let digit = |value: i64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    into.extend_from_slice(&[digit(number / 10), digit(number)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_chrono_writes_them() {
        let spread = (-40_000..40_000).map(|n| n * 8_640_011 + 7);
        for seconds in spread.chain([0, -1, 951_782_400, 951_868_799, i64::from(i32::MAX)]) {
            let mut text = Vec::new();
            push_instant(&mut text, seconds);
            assert_eq!(String::from_utf8(text).unwrap(), instant_text(seconds, "Z"));
        }
    }

    #[test]
    fn days_are_written_as_chrono_writes_them() {
        for days in (-720_000..3_000_000).step_by(97) {
            let mut text = Vec::new();
            push_date(&mut text, days);
            assert_eq!(String::from_utf8(text).unwrap(), date_text(days));
        }
    }
}
