//! Dates as an existing MoodBridge spells them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use shared::time::Timestamp;

const FORMS: [&str; 4] =
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];

/// Reads `2024-05-01`, or the same with a time, which is in UTC when it names no offset.
pub(super) fn parse(raw: &str) -> Option<Timestamp> {
    let raw = raw.trim();
    let day = NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok();
    let instant = day
        .and_then(|it| it.and_hms_opt(0, 0, 0))
        .or_else(|| FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(raw, form).ok()));
    let millis = match instant {
        Some(instant) => instant.and_utc().timestamp_millis(),
        None => DateTime::parse_from_rfc3339(raw).ok()?.timestamp_millis(),
    };
    Timestamp::from_foreign_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_and_time_are_read_in_utc_and_an_offset_is_respected() {
        for (raw, read) in [
            ("2024-05-01", "2024-05-01T00:00:00.000Z"),
            (" 2024-05-01 13:45:00 ", "2024-05-01T13:45:00.000Z"),
            ("2024-05-01 13:45", "2024-05-01T13:45:00.000Z"),
            ("2024-05-01T13:45:00.250", "2024-05-01T13:45:00.250Z"),
            ("2024-05-01T13:45:00+02:00", "2024-05-01T11:45:00.000Z"),
        ] {
            assert_eq!(parse(raw).map(|it| it.to_string()).as_deref(), Some(read));
        }
        for raw in ["", "yesterday", "2024-13-01", "2024-02-30", "05/01/2024", "20240501"] {
            assert_eq!(parse(raw), None, "{raw}");
        }
    }
}
