//! What the platform's error answers mean, where the status does not say.

use adapter_http::Response;
use serde_json::Value;
use shared::{PortError, PortErrorKind};

use crate::manifest::{ErrorKind, ErrorRule};

/// Makes the error that `response` means; the first of `rules` that fits holds.
pub(crate) fn error_of(rules: &[ErrorRule], response: &Response) -> PortError {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let kind = rules
        .iter()
        .find(|it| fits(it, response, &body))
        .map(|it| kind_of(it.kind))
        .or_else(|| response.kind())
        .unwrap_or(PortErrorKind::Unavailable);
    response.error(kind)
}

fn fits(rule: &ErrorRule, response: &Response, body: &Value) -> bool {
    let header = rule.header.as_ref().and_then(|it| it.parse().ok());
    rule.status.is_none_or(|it| response.status().as_u16() == it)
        && header.is_none_or(|it| response.header(&it).map(str::trim) == rule.equals.as_deref())
        && rule.at.as_ref().is_none_or(|at| {
            let text = body.pointer(at).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            rule.contains.as_ref().is_some_and(|part| text.contains(&part.to_lowercase()))
        })
}

fn kind_of(kind: ErrorKind) -> PortErrorKind {
    match kind {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::Denied => PortErrorKind::Denied,
        ErrorKind::Rejected => PortErrorKind::Rejected,
        ErrorKind::Conflict => PortErrorKind::Conflict,
        ErrorKind::RateLimited => PortErrorKind::RateLimited,
        ErrorKind::Unavailable => PortErrorKind::Unavailable,
    }
}
