//! Answers: problem details (RFC 9457) for JSON endpoints, `SOAP` faults for outbound messages.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::Retry;

use crate::refusal::Refusal;

/// How long a sender should wait before it tries again, unless the queue says otherwise.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The one answer that makes Salesforce forget a message.
/// Source: `Workflow Outbound Messaging`, `notificationsResponse`.
const ACK: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>"#,
    r#"<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>"#,
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
);

const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How many events were taken, and how many of the batch had been taken before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Accepted {
    /// Events now in the queue.
    pub(crate) accepted: usize,
    /// Events that were queued before.
    pub(crate) duplicates: usize,
}

/// Acknowledges an outbound message: every notification is durable.
pub(crate) fn acknowledge() -> Response {
    ([(header::CONTENT_TYPE, XML)], ACK).into_response()
}

/// Answers a JSON endpoint: every event is durable.
pub(crate) fn accept(counts: Accepted) -> Response {
    let Accepted { accepted, duplicates } = counts;
    let body = format!(r#"{{"accepted":{accepted},"duplicates":{duplicates}}}"#);
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

/// Tells a JSON endpoint's caller why its webhook was not taken.
pub(crate) fn problem(refusal: &Refusal) -> Response {
    let verdict = Verdict::of(refusal);
    let errors = match refusal {
        Refusal::Malformed { field, message } => vec![FieldError { field, message }],
        _ => Vec::new(),
    };
    let problem = Problem {
        kind: "about:blank",
        title: verdict.status.canonical_reason().unwrap_or_default(),
        status: verdict.status.as_u16(),
        detail: &verdict.detail,
        errors,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    verdict.respond(PROBLEM, body)
}

/// Tells Salesforce why its message was not taken; it is never an acknowledgement.
pub(crate) fn fault(refusal: &Refusal) -> Response {
    let verdict = Verdict::of(refusal);
    let side = if verdict.status.is_server_error() { "Server" } else { "Client" };
    let text = quick_xml::escape::escape(verdict.detail.as_str());
    let body = format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">"#,
            "<soapenv:Body><soapenv:Fault><faultcode>soapenv:{}</faultcode>",
            "<faultstring>{}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
        ),
        side, text
    );
    verdict.respond(XML, body)
}

/// Problem details. Source: RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    message: &'a str,
}

/// What both forms of answer say.
struct Verdict {
    status: StatusCode,
    detail: String,
    extra: Option<(HeaderName, HeaderValue)>,
}

impl Verdict {
    fn of(refusal: &Refusal) -> Self {
        let retry_after =
            |seconds: u64| Some((header::RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        let (status, extra) = match refusal {
            Refusal::Malformed { .. } => (StatusCode::BAD_REQUEST, None),
            Refusal::Unproven { .. } => {
                let challenge = HeaderValue::from_static("Webhook");
                (StatusCode::UNAUTHORIZED, Some((header::WWW_AUTHENTICATE, challenge)))
            }
            Refusal::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Refusal::Slow { .. } => (StatusCode::REQUEST_TIMEOUT, None),
            Refusal::WrongType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, None),
            Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, retry_after(RETRY_AFTER_SECONDS)),
            Refusal::NotQueued { source } => match source.retry() {
                Retry::After(delay) => {
                    let seconds = delay.map_or(RETRY_AFTER_SECONDS, |it| it.as_secs());
                    (StatusCode::SERVICE_UNAVAILABLE, retry_after(seconds))
                }
                Retry::Never => (StatusCode::INTERNAL_SERVER_ERROR, None),
            },
        };
        Self { status, detail: refusal.to_string(), extra }
    }

    fn respond(self, content_type: HeaderValue, body: String) -> Response {
        let mut response =
            (self.status, [(header::CONTENT_TYPE, content_type)], body).into_response();
        if let Some((name, value)) = self.extra {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
