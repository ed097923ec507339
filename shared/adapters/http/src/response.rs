//! What a platform answered.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use crate::attempt::kind_of_fault;
use crate::bulkhead::Place;
use crate::fault::HttpFault;
use crate::request::Request;
use crate::status::kind_of_status;
use crate::transport::fault_of;

/// The head of an answer.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) retry_after: Option<Duration>,
}

impl Head {
    pub(crate) fn of(response: &reqwest::Response, now: Timestamp) -> Self {
        let headers = response.headers().clone();
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|it| it.to_str().ok())
            .and_then(|raw| parse_retry_after(raw, date_of(&headers).unwrap_or(now)));
        Self { status: response.status(), headers, retry_after }
    }
}

/// Reads seconds or an HTTP date, counted from `now`. Source: RFC 9110, section 10.2.3.
fn parse_retry_after(raw: &str, now: Timestamp) -> Option<Duration> {
    match raw.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parse_http_date(raw).map(|at| at.since(now)),
    }
}

fn parse_http_date(raw: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(raw.trim()).ok()?;
    let since_epoch = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_millis()).ok().map(Timestamp::from_millis)
}

fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(DATE).and_then(|it| it.to_str().ok()).and_then(parse_http_date)
}

/// An answer, read whole. `Debug` shows no header and no body.
#[derive(Clone)]
pub struct Response {
    platform: &'static str,
    operation: &'static str,
    subject: String,
    head: Head,
    body: Bytes,
}

impl Response {
    pub(crate) fn new(request: &Request, head: Head, body: Bytes) -> Self {
        let Request { platform, operation, ref subject, .. } = *request;
        Self { platform, operation, subject: subject.clone(), head, body }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Returns the first value of the header `name`, when it is readable text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// Returns the platform's own time, from its `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        date_of(&self.head.headers)
    }

    /// Returns how long the platform asks to wait, from its `Retry-After` header.
    pub fn retry_after(&self) -> Option<Duration> {
        self.head.retry_after
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns what the status means, for a platform whose error body says no more; `None` for
    /// success.
    pub fn kind(&self) -> Option<PortErrorKind> {
        kind_of_status(self.status())
    }

    /// Makes an error of this call with the status as its cause and the wait the platform asked for.
    pub fn error(&self, kind: PortErrorKind) -> PortError {
        let cause = HttpFault::Status { status: self.status().as_u16() };
        let error = PortError::new(kind, self.platform, self.operation, self.subject.clone())
            .with_source(cause);
        match self.head.retry_after {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        }
    }

    /// Makes the error of a body that is not what was expected: `Unavailable` when the text is
    /// broken, as from a truncated answer or an error page; `Rejected` when its shape is.
    pub fn malformed(&self, error: &serde_json::Error) -> PortError {
        let kind =
            if error.is_data() { PortErrorKind::Rejected } else { PortErrorKind::Unavailable };
        let fault = HttpFault::Malformed { line: error.line(), column: error.column() };
        PortError::new(kind, self.platform, self.operation, self.subject.clone()).with_source(fault)
    }

    /// Returns the answer when its status is a success.
    ///
    /// # Errors
    ///
    /// As [`kind_of_status`] says.
    pub fn checked(self) -> Result<Self, PortError> {
        match self.kind() {
            None => Ok(self),
            Some(kind) => Err(self.error(kind)),
        }
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// As [`malformed`](Self::malformed).
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PortError> {
        serde_json::from_slice(&self.body).map_err(|error| self.malformed(&error))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("platform", &self.platform)
            .field("operation", &self.operation)
            .field("status", &self.head.status)
            .field("size_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The body of an answer, read in pieces: memory stays flat however long it is.
pub struct BodyStream {
    answer: Response,
    /// The place at the host is held for as long as the body is read.
    response: Option<(reqwest::Response, Place)>,
    idle: Duration,
    max_bytes: usize,
    n_bytes: usize,
}

impl BodyStream {
    pub(crate) fn new(
        request: &Request,
        head: Head,
        response: Option<(reqwest::Response, Place)>,
        idle: Duration,
        max_bytes: usize,
    ) -> Self {
        let answer = Response::new(request, head, Bytes::new());
        Self { answer, response, idle, max_bytes, n_bytes: 0 }
    }

    /// Returns the head of the answer, with an empty body.
    pub fn head(&self) -> &Response {
        &self.answer
    }

    /// Returns the next piece; `None` after the last.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the connection breaks or stays silent for longer than an attempt may
    /// take, `Rejected` when the answer grows too long.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        let Some((response, _)) = &mut self.response else { return Ok(None) };
        let next = tokio::time::timeout(self.idle, response.chunk()).await;
        let fault = match next {
            Err(_) => HttpFault::Timeout { within: self.idle },
            Ok(Err(error)) => fault_of(error),
            Ok(Ok(None)) => {
                self.response = None;
                return Ok(None);
            }
            Ok(Ok(Some(chunk))) => {
                self.n_bytes = self.n_bytes.saturating_add(chunk.len());
                if self.n_bytes <= self.max_bytes {
                    return Ok(Some(chunk));
                }
                HttpFault::TooLong { max_bytes: self.max_bytes }
            }
        };
        let Response { platform, operation, subject, .. } = &self.answer;
        let kind = kind_of_fault(&fault);
        Err(PortError::new(kind, platform, operation, subject.clone()).with_source(fault))
    }

    /// Reads the rest of the body, as for an error that says why.
    ///
    /// # Errors
    ///
    /// As [`next_chunk`](Self::next_chunk).
    pub async fn gather(mut self) -> Result<Response, PortError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(Response { body: body.freeze(), ..self.answer })
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyStream").field("n_bytes", &self.n_bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = parse_http_date("Sun, 22 Nov 2026 21:00:00 GMT").unwrap();
        assert_eq!(parse_retry_after("120", now), Some(Duration::from_secs(120)));
        let date = "Sun, 22 Nov 2026 21:01:30 GMT";
        assert_eq!(parse_retry_after(date, now), Some(Duration::from_secs(90)));
        let past = "Sun, 22 Nov 2026 20:00:00 GMT";
        assert_eq!(parse_retry_after(past, now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon", now), None);
    }
}
