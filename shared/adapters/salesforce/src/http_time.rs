//! Instants as conditional headers write them.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use shared::time::Timestamp;

/// Writes `at` as `Tue, 23 Jun 2026 10:00:00 GMT`, cut to the second.
///
/// Source: RFC 9110, section 5.6.7. Salesforce refuses any other form, `+00:00` for `GMT` too.
pub(crate) fn http_time(at: Timestamp) -> HeaderValue {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(millis));
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_in_gmt_to_the_second() {
        let at = Timestamp::parse("2026-06-23T10:00:00.999Z").unwrap();
        assert_eq!(http_time(at), "Tue, 23 Jun 2026 10:00:00 GMT");
    }
}
