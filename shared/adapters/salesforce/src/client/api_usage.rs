//! How much of the org's daily calls is used, as every answer says.

use std::sync::{Mutex, PoisonError};

use adapter_http::Response;
use http::HeaderName;
use metrics::gauge;
use shared::ids::ConnectionId;

/// The header on every REST answer. Source: REST API guide, "Limit info header".
const LIMIT_INFO: HeaderName = HeaderName::from_static("sforce-limit-info");

/// The calls of the rolling day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiUsage {
    /// Calls used.
    pub n_used: u64,
    /// Calls allowed.
    pub n_allowed: u64,
}

impl ApiUsage {
    /// Returns the calls left.
    pub fn n_left(self) -> u64 {
        self.n_allowed.saturating_sub(self.n_used)
    }

    /// Reads `api-usage=18/5000`, alone or followed by `; per-app-api-usage=…`.
    fn parse(header: &str) -> Option<Self> {
        let (n_used, n_allowed) = header
            .split(';')
            .find_map(|part| part.trim().strip_prefix("api-usage="))?
            .split_once('/')?;
        Some(Self {
            n_used: n_used.trim().parse().ok()?,
            n_allowed: n_allowed.trim().parse().ok()?,
        })
    }
}

/// Remembers the last usage seen.
#[derive(Debug)]
pub(crate) struct UsageMeter {
    connection: ConnectionId,
    last: Mutex<Option<ApiUsage>>,
}

impl UsageMeter {
    pub(crate) fn new(connection: ConnectionId) -> Self {
        Self { connection, last: Mutex::new(None) }
    }

    pub(crate) fn last(&self) -> Option<ApiUsage> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; calls stay far below 2^53")]
    pub(crate) fn observe(&self, response: &Response) -> Option<ApiUsage> {
        let usage = response.header(&LIMIT_INFO).and_then(ApiUsage::parse)?;
        let connection = self.connection.as_str();
        gauge!("salesforce_api_calls_used", "connection" => connection.to_owned())
            .set(usage.n_used as f64);
        gauge!("salesforce_api_calls_allowed", "connection" => connection.to_owned())
            .set(usage.n_allowed as f64);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_beside_the_usage_of_one_app() {
        let header = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample)";
        let usage = ApiUsage::parse(header).unwrap();
        assert_eq!(usage, ApiUsage { n_used: 18, n_allowed: 5000 });
        assert_eq!(usage.n_left(), 4982);
    }

    #[test]
    fn header_of_another_form_says_nothing() {
        assert_eq!(ApiUsage::parse("per-app-api-usage=17/250(appName=sample)"), None);
        assert_eq!(ApiUsage::parse("api-usage=many"), None);
    }
}
