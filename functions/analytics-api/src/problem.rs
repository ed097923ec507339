//! Answers that say what is wrong: problem details after RFC 9457.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::{PortError, PortErrorKind, chain};
use tracing::{error, warn};
use utoipa::ToSchema;

/// The media type of every answer that is not a success.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client should wait when the platform behind us names no delay.
const RETRY_IN: Duration = Duration::from_secs(2);

/// Why a request was not answered, after RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; it never changes, so that programs can tell problems apart.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:moodbridge:problem:invalid-request")]
    kind: &'static str,
    /// The kind of problem, for people.
    #[schema(example = "The request is not valid")]
    title: &'static str,
    /// The status of the answer.
    #[schema(example = 400, minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong this time, and what to do about it.
    #[schema(example = "1 part of the request is wrong: see `errors`", value_type = String)]
    detail: Box<str>,
    /// The path that was asked for.
    #[schema(example = "/v1/cases")]
    instance: String,
    /// Each part of the request that is wrong; left out when none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// One part of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The parameter, header or member of the body.
    #[schema(example = "limit")]
    field: String,
    /// What is wrong with it, and how to mend it.
    #[schema(example = "`900` is not a whole number from 1 to 200")]
    message: String,
}

impl Fault {
    /// Says that `field` is wrong and how to mend it.
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: String) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The request is wrong in each way that `faults` name.
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        let detail = match faults.len() {
            1 => "1 part of the request is wrong: see `errors`".to_owned(),
            n => format!("{n} parts of the request are wrong: see `errors`"),
        };
        let problem = Self::new(
            StatusCode::BAD_REQUEST,
            "urn:moodbridge:problem:invalid-request",
            "The request is not valid",
            detail,
        );
        Self { errors: faults, ..problem }
    }

    /// What was asked for is not there; `detail` names it.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:not-found";
        Self::new(StatusCode::NOT_FOUND, kind, "Nothing is there", detail.into())
    }

    /// Nobody in particular asks; `detail` says how to sign in.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:unauthorized";
        Self::new(StatusCode::UNAUTHORIZED, kind, "Sign in first", detail.into())
    }

    /// The person may not do this; `detail` says what they lack.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:forbidden";
        Self::new(StatusCode::FORBIDDEN, kind, "You may not do this", detail.into())
    }

    /// Something else was done meanwhile; `detail` says what to look at, `faults` name the parts.
    pub(crate) fn conflict(detail: impl Into<String>, faults: Vec<Fault>) -> Self {
        let kind = "urn:moodbridge:problem:conflict";
        let title = "Changed meanwhile";
        let problem = Self::new(StatusCode::CONFLICT, kind, title, detail.into());
        Self { errors: faults, ..problem }
    }

    /// Fields cannot be set as `faults` name.
    pub(crate) fn unprocessable(faults: Vec<Fault>) -> Self {
        let detail = match faults.len() {
            1 => "1 field cannot be set so: see `errors`".to_owned(),
            n => format!("{n} fields cannot be set so: see `errors`"),
        };
        let kind = "urn:moodbridge:problem:refused-fields";
        let title = "Fields cannot be set so";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail);
        Self { errors: faults, ..problem }
    }

    /// The row is not the one that the caller saw.
    pub(crate) fn changed_meanwhile(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:changed-meanwhile";
        Self::new(StatusCode::PRECONDITION_FAILED, kind, "Changed meanwhile", detail.into())
    }

    /// No connection takes the change; `detail` says what to set up.
    pub(crate) fn not_connected(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:not-connected";
        Self::new(StatusCode::CONFLICT, kind, "No connection takes it", detail.into())
    }

    /// The run of a pipeline has ended, or has nothing to do again.
    pub(crate) fn run_state(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:run-state";
        Self::new(StatusCode::CONFLICT, kind, "The run does not stand so", detail.into())
    }

    /// The bytes of documents are not kept in a way that answers this; `detail` says what to do.
    pub(crate) fn document_store(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:document-store";
        let title = "Documents are not kept so";
        Self::new(StatusCode::CONFLICT, kind, title, detail.into())
    }

    /// A report has no such file now; `detail` says why.
    pub(crate) fn report_state(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:report-state";
        Self::new(StatusCode::CONFLICT, kind, "The report does not stand so", detail.into())
    }

    /// Nothing here answers named queries; `detail` says what to turn on.
    pub(crate) fn no_queries(detail: impl Into<String>) -> Self {
        let kind = "urn:moodbridge:problem:no-queries";
        let title = "Queries are not answered here";
        Self::new(StatusCode::CONFLICT, kind, title, detail.into())
    }

    /// The path is known, the method is not.
    pub(crate) fn method_not_allowed(method: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "urn:moodbridge:problem:method-not-allowed",
            "The method is not allowed here",
            format!("`{method}` is not allowed here: see the header `Allow`"),
        )
    }

    /// The body is of another media type than `application/json`.
    pub(crate) fn unsupported_media_type(given: Option<&str>) -> Self {
        let given = given.map_or("no content type".to_owned(), |it| format!("`{it}`"));
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:moodbridge:problem:unsupported-media-type",
            "The body is of the wrong media type",
            format!("the body came with {given}: send `Content-Type: application/json`"),
        )
    }

    /// The body is longer than `max_bytes`.
    pub(crate) fn too_large(max_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:moodbridge:problem:too-large",
            "The body is too long",
            format!("the body is longer than {max_bytes} bytes: send less at a time"),
        )
    }

    /// The request cannot be answered now; `detail` says why in words that leak nothing.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after: Option<Duration>) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:moodbridge:problem:unavailable",
            "Not available right now",
            detail.into(),
        );
        Self { retry_after: Some(retry_after.unwrap_or(RETRY_IN)), ..problem }
    }

    /// We failed in a way that trying again does not mend.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:moodbridge:problem:internal",
            "The fault is ours",
            "the request could not be answered; the log of `analytics-api` says why".to_owned(),
        )
    }

    /// Logs a failed call to a platform and says no more than whether to try again.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(crate) fn of_port(failed: PortError) -> Self {
        match failed.kind() {
            PortErrorKind::RateLimited | PortErrorKind::Unavailable | PortErrorKind::Conflict => {
                warn!(platform = failed.platform(), operation = failed.operation(),
                    error = %chain(&failed), "a read failed for now");
                Self::unavailable("the store does not answer: try again", failed.retry_after())
            }
            PortErrorKind::NotFound | PortErrorKind::Denied | PortErrorKind::Rejected => {
                error!(platform = failed.platform(), operation = failed.operation(),
                    error = %chain(&failed), "a read failed");
                Self::internal()
            }
        }
    }

    /// Renders the problem as the answer to a request for `path`.
    pub(crate) fn render(&self, path: &str) -> Response {
        let problem = Self { instance: path.to_owned(), ..self.clone() };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = HttpResponse::new(Body::from(body));
        *response.status_mut() = self.status_code();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    /// Leaves the rendering to the middleware, which knows the path.
    fn into_response(self) -> Response {
        let mut response = self.status_code().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
