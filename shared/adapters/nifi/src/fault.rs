//! What NiFi's refusals say. `docs/nifi.md` says what to do about each.

use adapter_http::{Response, kind_of_status};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use shared::{PortError, PortErrorKind};

/// The longest text of a refusal that is kept, in characters.
const MAX_DETAIL_CHARS: usize = 500;

/// What says that somebody else changed a component in between. Source: NiFi,
/// `NaiveRevisionManager`.
const STALE: [&str; 2] =
    ["is not the most up-to-date revision", "Invalid Revision was given for component"];

/// A refusal in NiFi's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}: {detail}")]
pub struct NifiFault {
    /// The status.
    pub status: u16,
    /// What was said.
    pub detail: String,
}

/// Codes of site-to-site. Source: NiFi, `ResponseCode`.
pub(crate) mod code {
    pub(crate) const CONFIRM: u32 = 12;
    pub(crate) const FINISHED: u32 = 13;
    pub(crate) const FINISHED_BUT_FULL: u32 = 14;
    pub(crate) const CANCEL: u32 = 15;
    pub(crate) const BAD_CHECKSUM: u32 = 19;
    pub(crate) const UNKNOWN_PORT: u32 = 200;
    pub(crate) const PORT_NOT_RUNNING: u32 = 201;
    pub(crate) const DESTINATION_FULL: u32 = 202;
    pub(crate) const UNAUTHORIZED: u32 = 240;
}

/// What a site-to-site call answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionResult {
    pub(crate) response_code: u32,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// Reads the code of an answer to a site-to-site call.
pub(crate) fn result_of(response: &Response) -> Option<TransactionResult> {
    serde_json::from_slice(response.body()).ok()
}

/// Reads what an answer that is no success says: NiFi's own words are plain text, pages of something in
/// between are not.
fn detail_of(response: &Response) -> Option<String> {
    if let Some(TransactionResult { response_code, message }) = result_of(response) {
        let message = message.unwrap_or_default();
        return Some(shortened(&format!("code {response_code} {message}")));
    }
    let kind = response.header(&CONTENT_TYPE).unwrap_or_default();
    let text = std::str::from_utf8(response.body()).ok()?.trim();
    let is_plain = kind.to_ascii_lowercase().starts_with("text/plain");
    (is_plain && !text.is_empty()).then(|| shortened(text))
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_DETAIL_CHARS).collect()
}

/// Tells whether another token may be taken where this one was not. A user who may not send to a port
/// has a good token.
pub(crate) fn is_token_refused(response: &Response) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        && result_of(response).is_none_or(|it| it.response_code != code::UNAUTHORIZED)
}

/// Tells whether a change was refused because another came before it.
pub(crate) fn is_stale(response: &Response) -> bool {
    response.status() == StatusCode::BAD_REQUEST
        && detail_of(response).is_some_and(|it| STALE.iter().any(|words| it.contains(words)))
}

/// Makes the error of an answer that is no success.
pub(crate) fn error_of(response: &Response) -> PortError {
    let by_code = result_of(response).and_then(|it| match it.response_code {
        code::DESTINATION_FULL => Some(PortErrorKind::RateLimited),
        code::PORT_NOT_RUNNING => Some(PortErrorKind::Unavailable),
        code::UNAUTHORIZED => Some(PortErrorKind::Denied),
        code::UNKNOWN_PORT => Some(PortErrorKind::NotFound),
        _ => None,
    });
    let by_status = || kind_of_status(response.status()).unwrap_or(PortErrorKind::Rejected);
    told(response, by_code.unwrap_or_else(by_status))
}

/// Makes the error of an answer as `kind`, with what it says.
pub(crate) fn told(response: &Response, kind: PortErrorKind) -> PortError {
    let error = response.error(kind);
    match detail_of(response) {
        Some(detail) => error.with_source(NifiFault { status: response.status().as_u16(), detail }),
        None => error,
    }
}
