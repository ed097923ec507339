//! One call to a platform, before it is sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use shared::ids::CorrelationId;
use shared::secret::Secret;
use shared::worker::quota::Urgency;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::body::{Body, BodySource};
use crate::fault::HttpFault;

/// The header that carries a correlation id.
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// One call to a platform. `Debug` shows no query, header or body.
#[derive(Clone)]
pub struct Request {
    pub(crate) platform: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) subject: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) repeat_url: Option<Url>,
    pub(crate) final_status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) is_packed: bool,
    pub(crate) is_repeatable: bool,
    pub(crate) is_hedged: bool,
    pub(crate) is_unmetered: bool,
    pub(crate) urgency: Urgency,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) max_response_bytes: Option<usize>,
}

impl Request {
    /// Begins a call that `platform` and `operation` name in errors, logs and metrics.
    ///
    /// It may be repeated when HTTP calls its method idempotent (RFC 9110, section 9.2.2).
    pub fn new(platform: &'static str, operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            platform,
            operation,
            subject: url.host_str().unwrap_or_default().to_owned(),
            is_repeatable: method.is_idempotent(),
            is_hedged: false,
            is_unmetered: false,
            urgency: Urgency::Background,
            method,
            url,
            repeat_url: None,
            final_status: None,
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            body: Body::Whole(Bytes::new()),
            is_packed: false,
            attempt_timeout: None,
            deadline: None,
            max_response_bytes: None,
        }
    }

    /// Begins a `GET`.
    pub fn get(platform: &'static str, operation: &'static str, url: Url) -> Self {
        Self::new(platform, operation, Method::GET, url)
    }

    /// Begins a `POST`, which is not repeated unless it is marked [`repeatable`](Self::repeatable).
    pub fn post(platform: &'static str, operation: &'static str, url: Url) -> Self {
        Self::new(platform, operation, Method::POST, url)
    }

    /// Names what the call is about in its errors, instead of the host.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds `pairs` to the query of the address.
    #[must_use]
    pub fn with_query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }

    /// Authorises the call with a bearer token.
    ///
    /// # Errors
    ///
    /// `Rejected` when the token holds characters that no header takes.
    pub fn with_bearer(mut self, token: &Secret) -> Result<Self, PortError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| self.invalid("bearer token"))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Sends `pairs` as a form.
    #[must_use]
    pub fn with_form(mut self, pairs: &[(&str, &str)]) -> Self {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.headers.insert(CONTENT_TYPE, kind);
        self.body = Body::Whole(body.into());
        self
    }

    /// Sends `body` as JSON.
    ///
    /// # Errors
    ///
    /// `Rejected` when `body` cannot be written as JSON.
    pub fn with_json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self, PortError> {
        let json = serde_json::to_vec(body).map_err(|_| self.invalid("JSON body"))?;
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Body::Whole(json.into());
        Ok(self)
    }

    /// Sends `body` as `content_type`.
    #[must_use]
    pub fn with_body(mut self, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, content_type);
        self.body = Body::Whole(body.into());
        self
    }

    /// Sends what `source` makes as `content_type`, piece by piece and of unknown length.
    ///
    /// A call that may be repeated opens the source again.
    #[must_use]
    pub fn with_stream(mut self, content_type: HeaderValue, source: Arc<dyn BodySource>) -> Self {
        self.headers.insert(CONTENT_TYPE, content_type);
        self.body = Body::streamed(source);
        self
    }

    /// Sends the body packed with gzip, for a platform that takes it; a short one goes as it is.
    #[must_use]
    pub fn gzipped(mut self) -> Self {
        self.is_packed = true;
        self
    }

    /// Sends the correlation id along.
    #[must_use]
    pub fn with_correlation(mut self, id: &CorrelationId) -> Self {
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            self.headers.insert(CORRELATION_ID, value);
        }
        self
    }

    /// Marks the call as safe to repeat although its method is not.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Marks the call as safe to repeat at `url`, where the platform wants to be told that it may
    /// have seen the call before. Every attempt after the first goes there.
    #[must_use]
    pub fn repeatable_at(mut self, url: Url) -> Self {
        self.repeat_url = Some(url);
        self.repeatable()
    }

    /// Hands on an answer of `status` without another attempt, where the platform means something
    /// lasting by it.
    #[must_use]
    pub fn final_at(mut self, status: StatusCode) -> Self {
        self.final_status = Some(status);
        self
    }

    /// Marks the call as one whose effect must not come twice although its method is idempotent: it
    /// is repeated only when the platform certainly has not seen it.
    #[must_use]
    pub fn unrepeatable(mut self) -> Self {
        self.is_repeatable = false;
        self
    }

    /// Sends a second attempt beside one that is late, under the retry budget: the first good answer
    /// wins. Only a `GET` or `HEAD` is hedged; any other method is left as it is.
    #[must_use]
    pub fn hedged(mut self) -> Self {
        self.is_hedged = self.method.is_safe();
        self
    }

    /// Lets the call use the part of the quota that is kept for people who wait.
    #[must_use]
    pub fn interactive(mut self) -> Self {
        self.urgency = Urgency::Interactive;
        self
    }

    /// Leaves the call out of the quota, as a login is that the platform does not count.
    #[must_use]
    pub fn unmetered(mut self) -> Self {
        self.is_unmetered = true;
        self
    }

    /// Limits one attempt to `timeout`, instead of the client's setting.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Limits the whole call to `deadline`, retries and waits included.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Takes answers of up to `max_bytes`, instead of the client's setting.
    #[must_use]
    pub fn with_max_response_bytes(mut self, max_bytes: usize) -> Self {
        self.max_response_bytes = Some(max_bytes);
        self
    }

    /// Packs the body where that was asked for, before the first attempt.
    pub(crate) fn packed(mut self) -> Self {
        if self.is_packed && self.body.pack() {
            self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.is_packed = false;
        self
    }

    /// Returns the request as the attempt `number` sends it, where that differs.
    pub(crate) fn attempt(&self, number: u32) -> Option<Self> {
        let url = self.repeat_url.as_ref().filter(|_| number > 1)?;
        Some(Self { url: url.clone(), ..self.clone() })
    }

    /// Makes the error of this call.
    pub(crate) fn error(&self, kind: PortErrorKind, fault: HttpFault) -> PortError {
        PortError::new(kind, self.platform, self.operation, self.subject.clone()).with_source(fault)
    }

    fn invalid(&self, part: &'static str) -> PortError {
        self.error(PortErrorKind::Rejected, HttpFault::InvalidPart { part })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("platform", &self.platform)
            .field("operation", &self.operation)
            .field("subject", &self.subject)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_query_header_or_body() {
        let url = Url::parse("https://example.test/a?token=hunter2").unwrap();
        let request = Request::post("salesforce", "token", url)
            .with_form(&[("password", "hunter2")])
            .with_bearer(&Secret::new("hunter2"))
            .unwrap();
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
