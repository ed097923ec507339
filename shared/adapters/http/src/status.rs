//! What a status code means for the caller.

use http::StatusCode;
use shared::PortErrorKind;

/// Salesforce's edge answers this for "slow down" and for orgs that are being set up.
/// Source: Salesforce REST API status codes.
const ENHANCE_YOUR_CALM: u16 = 420;

/// Returns what `status` means, for a platform whose error body says no more; `None` for success.
pub fn kind_of_status(status: StatusCode) -> Option<PortErrorKind> {
    match status.as_u16() {
        200..=299 => None,
        401 | 403 | 407 => Some(PortErrorKind::Denied),
        404 | 410 => Some(PortErrorKind::NotFound),
        409 | 412 => Some(PortErrorKind::Conflict),
        429 | ENHANCE_YOUR_CALM => Some(PortErrorKind::RateLimited),
        408 | 425 | 500..=599 => Some(PortErrorKind::Unavailable),
        _ => Some(PortErrorKind::Rejected),
    }
}

/// Tells whether the same request may succeed a moment later.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | ENHANCE_YOUR_CALM | 500 | 502 | 503 | 504)
}

/// Tells whether `status` says that the platform itself is unwell, which a breaker counts.
pub(crate) fn is_platform_fault(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
