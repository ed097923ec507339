//! Conditional requests. Source: REST API guide, "Conditional Requests".

use chrono::DateTime;

use super::reply::{ApiError, Reply};
use crate::org::{Org, Precondition, Row, etag};
use crate::schema::ObjectType;

/// Conditions of a request, as sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    modified_since: Option<String>,
    unmodified_since: Option<String>,
    matches: Option<String>,
    none_matches: Option<String>,
}

impl Conditions {
    /// Takes the conditions out of headers that are looked up by their names in small letters.
    pub(crate) fn read(header: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            modified_since: header("if-modified-since"),
            unmodified_since: header("if-unmodified-since"),
            matches: header("if-match"),
            none_matches: header("if-none-match"),
        }
    }

    /// Returns what must hold for a row that is written.
    ///
    /// # Errors
    /// A date is none; of a read it would be ignored.
    pub(super) fn of_write(&self) -> Result<Precondition, ApiError> {
        let date = |text: &Option<String>| text.as_deref().map(strict_date).transpose();
        date(&self.modified_since)?;
        Ok(Precondition {
            unmodified_since: date(&self.unmodified_since)?,
            matches: self.matches.as_deref().map(tags),
            none_matches: self.none_matches.as_deref().map(tags),
        })
    }

    /// Returns the answer in place of a row that is read, when the conditions do not hold.
    pub(super) fn of_read(&self, object: &ObjectType, row: &Row) -> Option<Reply> {
        let modified = Org::modified(row);
        let date = |text: &Option<String>| text.as_deref().and_then(parse_http_date);
        let has = |text: &Option<String>, otherwise: bool| match (text, etag(object, row)) {
            (Some(text), Some(tag)) => tags(text).iter().any(|it| it == "*" || *it == tag),
            _ => otherwise,
        };
        if date(&self.unmodified_since).is_some_and(|since| modified > since)
            || !has(&self.matches, true)
        {
            return Some(failed().into_reply());
        }
        let is_same = has(&self.none_matches, false)
            || date(&self.modified_since).is_some_and(|since| modified <= since);
        is_same.then(|| stamped(Reply::empty(304), object, row))
    }

    /// Tells whether something that changed at `modified`, in seconds, need not be sent again.
    pub(super) fn is_known(&self, modified: i64) -> bool {
        let since = self.modified_since.as_deref().and_then(parse_http_date);
        since.is_some_and(|since| modified <= since)
    }
}

/// Adds the headers that later conditions are made from.
pub(super) fn stamped(reply: Reply, object: &ObjectType, row: &Row) -> Reply {
    let reply = match etag(object, row) {
        Some(tag) => reply.with_header("etag", tag),
        None => reply,
    };
    reply.with_header("last-modified", http_date(Org::modified(row)))
}

fn failed() -> ApiError {
    let message = "The object has been modified since the specified date";
    ApiError::new(412, "PRECONDITION_FAILED", message)
}

fn tags(text: &str) -> Vec<String> {
    // Proxies mark tags as weak, or as compressed, where they touch the body.
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").replace("--gzip\"", "\"");
    text.split(',').map(plain).collect()
}

fn strict_date(text: &str) -> Result<i64, ApiError> {
    parse_http_date(text)
        .ok_or_else(|| ApiError::new(400, "INVALID_HEADER", format!("malformed date: {text}")))
}

/// Reads an HTTP date, which always says `GMT`.
fn parse_http_date(text: &str) -> Option<i64> {
    let form = "%a, %d %b %Y %H:%M:%S";
    let text = text.trim().strip_suffix(" GMT")?;
    Some(chrono::NaiveDateTime::parse_from_str(text, form).ok()?.and_utc().timestamp())
}

/// Writes seconds as an HTTP date.
pub(crate) fn http_date(seconds: i64) -> String {
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
