//! HTTP triggers that come as an envelope, because their function has further bindings.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::invocation::{Invocation, Outcome};
use crate::envelope::text_of;
use crate::problem::problem;

/// The output binding that carries the response.
const RESPONSE: &str = "res";

/// The longest response that goes back in an envelope, in bytes.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Rebuilds the request of `invocation`, asks `router`, and wraps its response.
pub(crate) async fn answer_envelope(router: Router, invocation: &Invocation) -> Response {
    let Some(request) = request_of(invocation) else {
        let detail = "the invocation holds no HTTP request";
        return problem(StatusCode::BAD_REQUEST, Some(detail), None);
    };
    let Ok(response) = router.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_RESPONSE_BYTES).await else {
        let detail = "the response is too long for an envelope";
        return problem(StatusCode::INTERNAL_SERVER_ERROR, Some(detail), None);
    };
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let value = json!({
        "statusCode": parts.status.as_u16().to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&bytes),
    });
    Outcome::default().with_output(RESPONSE, value).into_response()
}

fn request_of(invocation: &Invocation) -> Option<Request<Body>> {
    let sent = invocation.payload().as_object()?;
    let url: http::Uri = sent.get("Url")?.as_str()?.parse().ok()?;
    let target = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Request::builder()
        .method(sent.get("Method").and_then(Value::as_str).unwrap_or("GET"))
        .uri(target);
    for (name, values) in sent.get("Headers").and_then(Value::as_object).into_iter().flatten() {
        let all = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        for value in all.iter().filter_map(Value::as_str) {
            request = request.header(name, value);
        }
    }
    // Absent when the sender named no length, so an absent body is an empty one.
    let body = match sent.get("Body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => text_of(other),
    };
    request.body(Body::from(body)).ok()
}
