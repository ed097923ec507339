//! What Salesforce's error answers mean for us.
//!
//! Source: REST API guide, "Status codes and error responses"; the error bodies that clients
//! recorded. Messages may quote a record's values, so only codes and names are kept.

use adapter_http::Response;
use serde::Deserialize;
use shared::{PortError, PortErrorKind};

/// The cause that Salesforce gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("salesforce says `{code}`{} (HTTP {status})", Names(names))]
pub struct SalesforceFault {
    /// The HTTP status.
    pub status: u16,
    /// The error code, such as `INVALID_FIELD`.
    pub code: String,
    /// The fields or objects that the error is about.
    pub names: Vec<String>,
}

struct Names<'a>(&'a [String]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            write!(f, "{} `{name}`", if at == 0 { " about" } else { "," })?;
        }
        Ok(())
    }
}

/// One entry of an error body. Single records say `errorCode`, collections say `statusCode`.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "errorCode", alias = "statusCode")]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    fields: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Many(Vec<Entry>),
    One(Entry),
}

/// Messages of a 401 that a new session does not mend. Source: the login loops that jsforce fixed.
const NOT_ABOUT_THE_SESSION: [&str; 2] = [
    "This session is not valid for use with the REST API",
    "Connected app is not attached to Agent",
];

fn entries(response: &Response) -> Vec<Entry> {
    match serde_json::from_slice(response.body()) {
        Ok(Body::Many(entries)) => entries,
        Ok(Body::One(entry)) => vec![entry],
        Err(_) => Vec::new(),
    }
}

/// Tells whether `response` says that the session has ended, which a new one mends.
pub(crate) fn is_session_expired(response: &Response) -> bool {
    response.status() == http::StatusCode::UNAUTHORIZED
        && entries(response).iter().any(|it| {
            it.code == "INVALID_SESSION_ID"
                && !NOT_ABOUT_THE_SESSION.iter().any(|text| it.message.contains(text))
        })
}

/// Makes the error that `response` means; a page of the edge or an empty body go by their status.
pub(crate) fn error_of(response: &Response) -> PortError {
    let by_status = response.kind().unwrap_or(PortErrorKind::Unavailable);
    let Some(entry) = entries(response).into_iter().next() else {
        return response.error(by_status);
    };
    let kind = kind_of_code(&entry.code, &entry.message).unwrap_or(by_status);
    let mut names = entry.fields.unwrap_or_default();
    if names.is_empty() {
        names.extend(quoted_name(&entry.message));
    }
    names.retain(|name| is_name(name));
    let code = if is_name(&entry.code) { entry.code } else { "UNREADABLE".into() };
    let fault = SalesforceFault { status: response.status().as_u16(), code, names };
    response.error(kind).with_source(fault)
}

/// Returns what an error code means, where it says more than the status.
fn kind_of_code(code: &str, message: &str) -> Option<PortErrorKind> {
    Some(match code {
        "REQUEST_LIMIT_EXCEEDED" | "ExceededQuota" | "LIMIT_EXCEEDED" => PortErrorKind::RateLimited,
        "SERVER_UNAVAILABLE"
        | "UNABLE_TO_LOCK_ROW"
        | "REQUEST_RUNNING_TOO_LONG"
        | "QUERY_TIMEOUT"
        | "UNKNOWN_EXCEPTION"
        | "ALREADY_IN_PROCESS"
        | "TOO_MANY_APEX_REQUESTS"
        | "RECORD_IN_USE_BY_WORKFLOW"
        | "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE" => PortErrorKind::Unavailable,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" if message.contains("UNABLE_TO_LOCK_ROW") => {
            PortErrorKind::Unavailable
        }
        "INVALID_SESSION_ID"
        | "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED"
        | "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY" => PortErrorKind::Denied,
        "NOT_FOUND" | "INVALID_QUERY_LOCATOR" => PortErrorKind::NotFound,
        "ENTITY_IS_DELETED"
        | "ENTITY_IS_LOCKED"
        | "DUPLICATES_DETECTED"
        | "DUPLICATE_VALUE"
        | "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE" => PortErrorKind::Conflict,
        "INVALID_FIELD"
        | "INVALID_TYPE"
        | "MALFORMED_QUERY"
        | "MALFORMED_ID"
        | "QUERY_TOO_COMPLICATED" => PortErrorKind::Rejected,
        _ => return None,
    })
}

/// Finds the name that messages such as `No such column 'X' on entity 'Case'` quote first.
fn quoted_name(message: &str) -> Option<String> {
    ["No such column '", "sObject type '", "No such relation '"].into_iter().find_map(|lead| {
        let (_, rest) = message.split_once(lead)?;
        rest.split_once('\'').map(|(name, _)| name.to_owned())
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 80
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}
