//! What Salesforce's error answers say.
//!
//! Messages may quote a record's values, so only codes and names are kept.

use std::fmt;
use std::time::Duration;

use adapter_http::Response;
use serde::{Deserialize, Serialize};
use shared::{PortError, PortErrorKind};

use super::class::{ErrorClass, Replan, Window};
use super::codes::{ErrorCode, class_of};

/// How long to stay away when the calls of the day are used: some come free at every moment, but
/// asking costs one.
const DAY_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long to stay away when too many long calls run. Source: "API request limits": 20 seconds and
/// more count as long.
const MOMENT_PAUSE: Duration = Duration::from_secs(20);

/// The cause that Salesforce gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesforceFault {
    /// The HTTP status; of a record among others there is none.
    pub status: Option<u16>,
    /// The error code, such as `INVALID_FIELD`.
    pub code: String,
    /// What is to be done about it.
    pub class: ErrorClass,
    /// The fields or objects that the error is about.
    pub names: Vec<String>,
    /// Whether a record that a duplicate rule refused may be saved nonetheless, when it says so.
    #[serde(default)]
    pub allows_save: Option<bool>,
}

impl std::error::Error for SalesforceFault {}

impl fmt::Display for SalesforceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "salesforce says `{}`", self.code)?;
        for (at, name) in self.names.iter().enumerate() {
            write!(f, "{} `{name}`", if at == 0 { " about" } else { "," })?;
        }
        match self.status {
            Some(status) => write!(f, " (HTTP {status})"),
            None => Ok(()),
        }
    }
}

impl SalesforceFault {
    /// Makes the fault that `code` and `message` mean; of the message only names are kept.
    pub(crate) fn new(
        status: Option<u16>,
        code: &str,
        message: &str,
        fields: impl IntoIterator<Item = String>,
    ) -> Self {
        let by_status = status.map_or(ErrorClass::Permanent, class_of_status);
        let class = ErrorCode::find(code).map_or(by_status, |it| class_of(it, message));
        let mut names: Vec<String> = fields.into_iter().filter(|it| is_name(it)).collect();
        if names.is_empty() {
            names.extend(quoted_name(message).filter(|it| is_name(it)));
        }
        let code = if is_name(code) { code.to_owned() } else { "UNREADABLE".to_owned() };
        Self { status, code, class, names, allows_save: None }
    }

    /// Returns what is known of the code.
    pub fn known(&self) -> Option<&'static ErrorCode> {
        ErrorCode::find(&self.code)
    }

    /// Returns the kind for workers. A code of tomorrow goes by its status.
    pub fn kind(&self) -> PortErrorKind {
        let by_status = self
            .status
            .and_then(|it| http::StatusCode::from_u16(it).ok())
            .and_then(adapter_http::kind_of_status);
        match (self.known(), by_status) {
            (None, Some(kind)) => kind,
            _ => self.class.kind(self.status),
        }
    }

    /// Returns how long to stay away, for a limit that is reached.
    pub fn pause(&self) -> Option<Duration> {
        match self.class {
            ErrorClass::Throttled(Window::Day) => Some(DAY_PAUSE),
            ErrorClass::Throttled(Window::Moment) => Some(MOMENT_PAUSE),
            _ => None,
        }
    }
}

/// One entry of an error body. Single records say `errorCode`, collections say `statusCode`.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "errorCode", alias = "statusCode")]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) fields: Option<Vec<String>>,
    #[serde(default, rename = "duplicateResult")]
    duplicate: Option<DuplicateResult>,
}

/// What a duplicate rule says. Source: REST API guide, duplicate rule header; jsforce's sample.
#[derive(Debug, Deserialize)]
struct DuplicateResult {
    #[serde(rename = "allowSave")]
    allows_save: bool,
}

impl Entry {
    /// Makes the fault of a record, or of a call that was answered with `status`.
    pub(crate) fn into_fault(self, status: Option<u16>) -> SalesforceFault {
        let fields = self.fields.unwrap_or_default();
        let fault = SalesforceFault::new(status, &self.code, &self.message, fields);
        SalesforceFault { allows_save: self.duplicate.map(|it| it.allows_save), ..fault }
    }
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

/// Reads the entries of an error body; none when it is a page of the edge, or empty.
pub(crate) fn entries(body: &[u8]) -> Vec<Entry> {
    match serde_json::from_slice(body) {
        Ok(Body::Many(entries)) => entries,
        Ok(Body::One(entry)) => vec![entry],
        Err(_) => Vec::new(),
    }
}

/// Tells whether `response` says that the session has ended, which a new one mends.
pub(crate) fn is_session_expired(response: &Response) -> bool {
    response.status() == http::StatusCode::UNAUTHORIZED
        && entries(response.body()).iter().any(|it| {
            it.code == "INVALID_SESSION_ID"
                && !NOT_ABOUT_THE_SESSION.iter().any(|text| it.message.contains(text))
        })
}

/// Makes the error that `response` means; a page of the edge or an empty body go by their status.
pub(crate) fn error_of(response: &Response) -> PortError {
    let status = response.status().as_u16();
    match entries(response.body()).into_iter().next() {
        Some(entry) => with_fault(response, entry.into_fault(Some(status))),
        None => response.error(response.kind().unwrap_or(PortErrorKind::Unavailable)),
    }
}

/// Makes the error of a call that `fault` is the cause of; a wait that the platform asked for holds.
pub(crate) fn with_fault(response: &Response, fault: SalesforceFault) -> PortError {
    let error = response.error(fault.kind());
    match fault.pause().filter(|_| error.retry_after().is_none()) {
        Some(pause) => error.with_retry_after(pause).with_source(fault),
        None => error.with_source(fault),
    }
}

/// Returns the class of an answer without a code that is known.
fn class_of_status(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Auth,
        300 | 409 | 412 => ErrorClass::Conflict,
        413 | 414 | 431 => ErrorClass::Replan(Replan::SmallerCall),
        420 | 429 => ErrorClass::Throttled(Window::Moment),
        408 | 425 | 500..=599 => ErrorClass::Retryable,
        _ => ErrorClass::Permanent,
    }
}

/// Finds the name that messages such as `No such column 'X' on entity 'Case'` quote first.
fn quoted_name(message: &str) -> Option<String> {
    const LEADS: [(&str, char); 6] = [
        ("No such column '", '\''),
        ("sObject type '", '\''),
        ("No such relation '", '\''),
        ("Field name not found : ", ' '),
        ("fields: ", '.'),
        ("fields are missing: [", ']'),
    ];
    LEADS.into_iter().find_map(|(lead, end)| {
        let (_, rest) = message.split_once(lead)?;
        Some(rest.split(end).next().unwrap_or(rest).to_owned())
    })
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 80
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':'))
}
