//! One call to an org, before a session is found for it.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{BodySource, Request};
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use super::PLATFORM;
use super::address::Place;
use super::options::WriteOptions;

/// A query may run two minutes before Salesforce ends it. Source: "API request limits".
const CALL_TIMEOUT: Duration = Duration::from_secs(130);

/// A call may run ten minutes, and an upload takes as long as the line is slow.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// The longest answer that is read whole: 2,000 records of wide rows.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The longest answer that is read in pieces.
const MAX_STREAM_BYTES: usize = 64 * 1024 * 1024 * 1024;

const CALL_OPTIONS: HeaderName = HeaderName::from_static("sforce-call-options");

/// What a call sends.
#[derive(Clone)]
enum Body {
    None,
    Bytes(HeaderValue, Vec<u8>),
    Stream(HeaderValue, Arc<dyn BodySource>),
}

/// One call; whatever the session, it is the same.
#[derive(Clone)]
pub(crate) struct RestCall {
    operation: &'static str,
    subject: String,
    method: Method,
    pub(super) place: Place,
    pub(super) query: Vec<(&'static str, String)>,
    /// The version of the API, where it is not the connection's own.
    pub(super) version: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
    is_packed: bool,
    is_repeatable: Option<bool>,
}

impl RestCall {
    fn new(operation: &'static str, method: Method, subject: &str, place: Place) -> Self {
        Self {
            operation,
            subject: subject.to_owned(),
            method,
            place,
            query: Vec::new(),
            version: None,
            headers: Vec::new(),
            body: Body::None,
            is_packed: false,
            is_repeatable: None,
        }
    }

    /// Begins a call of `operation` on `subject` to the resource at `segments`.
    pub(crate) fn data(
        operation: &'static str,
        method: Method,
        subject: &str,
        segments: &[&str],
    ) -> Self {
        let segments = segments.iter().map(|it| (*it).to_owned()).collect();
        Self::new(operation, method, subject, Place::Data(segments))
    }

    /// Begins the reading of the resource at `segments`.
    pub(crate) fn get(operation: &'static str, subject: &str, segments: &[&str]) -> Self {
        Self::data(operation, Method::GET, subject, segments)
    }

    /// Begins a call to a place that is no resource of the versioned API.
    pub(crate) fn at(operation: &'static str, method: Method, subject: &str, place: Place) -> Self {
        Self::new(operation, method, subject, place)
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Calls another version of the API than the connection's.
    pub(crate) fn in_version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes as `options` say.
    pub(crate) fn with_options(mut self, options: &WriteOptions) -> Self {
        self.headers.extend(options.headers());
        self
    }

    /// Takes `text/csv` for an answer.
    pub(crate) fn for_csv(self) -> Self {
        self.with_header(ACCEPT, HeaderValue::from_static("text/csv"))
    }

    /// Sends `body` as JSON, packed when it is long.
    pub(crate) fn with_json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self, PortError> {
        let bytes = serde_json::to_vec(body).map_err(|error| self.rejected(error))?;
        self.body = Body::Bytes(HeaderValue::from_static("application/json"), bytes);
        self.is_packed = true;
        Ok(self)
    }

    /// Sends `bytes` as they are.
    pub(crate) fn with_bytes(mut self, content_type: HeaderValue, bytes: Vec<u8>) -> Self {
        self.body = Body::Bytes(content_type, bytes);
        self
    }

    /// Sends what `source` makes.
    pub(crate) fn with_stream(
        mut self,
        content_type: HeaderValue,
        source: Arc<dyn BodySource>,
        is_packed: bool,
    ) -> Self {
        self.body = Body::Stream(content_type, source);
        self.is_packed = is_packed;
        self
    }

    /// Allows the call to be repeated although its method is not idempotent.
    pub(crate) fn repeatable(mut self) -> Self {
        self.is_repeatable = Some(true);
        self
    }

    /// Lets the call be sent once although its method is idempotent.
    pub(crate) fn unrepeatable(mut self) -> Self {
        self.is_repeatable = Some(false);
        self
    }

    /// Makes the request to `url` with a token.
    pub(super) fn request(&self, url: Url, token: Option<&Secret>) -> Result<Request, PortError> {
        let is_upload = matches!(self.body, Body::Stream(..));
        let timeout = if is_upload { UPLOAD_TIMEOUT } else { CALL_TIMEOUT };
        let mut request = Request::new(PLATFORM, self.operation, self.method.clone(), url)
            .with_subject(self.subject.as_str())
            .with_attempt_timeout(timeout)
            .with_deadline(timeout * 2)
            .with_max_response_bytes(MAX_ANSWER_BYTES)
            .with_header(CALL_OPTIONS, HeaderValue::from_static("client=moodbridge"));
        for (name, value) in &self.headers {
            request = request.with_header(name.clone(), value.clone());
        }
        request = match &self.body {
            Body::None => request,
            Body::Bytes(kind, bytes) => request.with_body(kind.clone(), bytes.clone()),
            Body::Stream(kind, source) => request.with_stream(kind.clone(), source.clone()),
        };
        if self.is_packed {
            request = request.gzipped();
        }
        request = match self.is_repeatable {
            Some(true) => request.repeatable(),
            Some(false) => request.unrepeatable(),
            // Salesforce's `PATCH` sets values: the same twice is the same.
            None if self.method == Method::PATCH => request.repeatable(),
            None => request,
        };
        match token {
            Some(token) => request.with_bearer(token),
            None => Ok(request),
        }
    }

    /// Lifts the limit of an answer that is read in pieces.
    pub(super) fn streamed(request: Request) -> Request {
        request.with_max_response_bytes(MAX_STREAM_BYTES)
    }

    /// Makes the error of a call that cannot be sent as it is.
    pub(crate) fn rejected(
        &self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PortError {
        self.error(PortErrorKind::Rejected, cause)
    }

    /// Makes an error of this call.
    pub(crate) fn error(
        &self,
        kind: PortErrorKind,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PortError {
        PortError::new(kind, PLATFORM, self.operation, self.subject.as_str()).with_source(cause)
    }
}
