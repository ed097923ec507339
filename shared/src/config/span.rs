//! Lengths of time in settings, such as `30s`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text_setting;

/// A length of time, written such as `250ms`, `30s` or `5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

text_setting!(Span, "duration", ["30s", "5m"]);

impl TryFrom<String> for Span {
    type Error = InvalidDuration;

    fn try_from(raw: String) -> Result<Self, InvalidDuration> {
        parse_duration(&raw).map(Self)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    /// Writes it in the largest unit that loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        match units.into_iter().find(|(unit_ms, _)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms)) {
            Some((unit_ms, unit)) => write!(f, "{}{unit}", ms / unit_ms),
            None if ms == 0 => f.write_str("0s"),
            None => write!(f, "{ms}ms"),
        }
    }
}

/// Reads `250ms`, `30s`, `5m`, `12h` or `7d`.
///
/// # Errors
///
/// [`InvalidDuration`] when the number or the unit is missing or wrong.
pub fn parse_duration(raw: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration { raw: raw.to_owned() };
    let split = raw.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
    let (number, unit) = raw.split_at(split);
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(invalid()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(invalid)
}

/// Text that is not a duration.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not a duration such as `250ms`, `30s`, `5m`, `12h` or `7d`")]
pub struct InvalidDuration {
    raw: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_five_units() {
        assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_duration("5m").unwrap(), Duration::from_secs(300));
        assert!(parse_duration("5").is_err());
        assert!(parse_duration("99999999999999999d").is_err());
    }

    #[test]
    fn span_is_written_in_its_largest_unit() {
        for text in ["0s", "250ms", "90s", "5m", "12h", "7d"] {
            assert_eq!(Span(parse_duration(text).unwrap()).to_string(), text);
        }
        assert_eq!(Span(parse_duration("60s").unwrap()).to_string(), "1m");
    }
}
