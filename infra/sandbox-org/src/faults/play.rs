//! Plays faults on requests and answers, in front of all routes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::cut::{Place, end_early, reset, reset_within};
use super::kind::FaultKind;
use super::order::{Asked, Hit};
use super::wire::Wire;
use crate::api::ApiError;
use crate::org::Unlucky;
use crate::sandbox::State;
use crate::server::{plain, respond};

/// Longest body that is looked at for a record, in bytes.
const MAX_BODY: usize = 50 * 1024 * 1024;

/// What an order wants of the request behind it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ordered {
    /// Some of its records are found locked.
    pub(crate) unlucky: Option<Unlucky>,
    /// What it writes is stamped so, in milliseconds.
    pub(crate) stamp_ms: Option<i64>,
    /// How wrong the clock is that its answer tells the time by, in milliseconds.
    pub(crate) skew_ms: i64,
    /// Where its answer ends, and properly as far as HTTP can tell.
    shortened: Option<Place>,
}

/// Lets a request go wrong, if that was ordered, else answers it; tells how wrong the clock is.
pub(crate) async fn play(state: &Arc<State>, request: Request, next: Next) -> (Response, i64) {
    let (request, hit) = meet(state, request).await;
    let Some(hit) = hit else { return (next.run(request).await, 0) };
    let wire = request.extensions().get::<Wire>().cloned();
    tokio::time::sleep(Duration::from_millis(hit.order.latency_ms)).await;
    if let Some(instead) = instead(&hit, wire.as_ref()) {
        return (instead, 0);
    }
    through(state, request, next, &hit, wire).await
}

/// Finds out what goes wrong with a request.
async fn meet(state: &State, request: Request) -> (Request, Option<Hit>) {
    if request.uri().path().starts_with("/_sandbox") {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let (body, bytes) = if state.faults.need_bodies() {
        let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
        (Body::from(bytes.clone()), bytes)
    } else {
        (body, axum::body::Bytes::new())
    };
    let address = parts.uri.to_string();
    let asked = Asked {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        address: &address,
        body: &bytes,
        takes_gzip: header_text(&parts.headers, header::ACCEPT_ENCODING).contains("gzip"),
    };
    let hit = state.faults.meet_request(&asked);
    (Request::from_parts(parts, body), hit)
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
}

/// Returns what is answered in place of looking at the request.
fn instead(hit: &Hit, wire: Option<&Wire>) -> Option<Response> {
    let page = |status: u16, text: &str| plain(status, "text/html", text.to_owned());
    Some(match hit.kind {
        FaultKind::Html503 => page(
            503,
            "<html><head><title>Server Unavailable</title></head><body><h1>We are down for maintenance.</h1></body></html>",
        ),
        FaultKind::Html200 => {
            page(200, "<!doctype html><html><body><script>redirect()</script></body></html>")
        }
        FaultKind::Empty200 => empty(200),
        FaultKind::Empty420 => empty(420),
        FaultKind::Empty406 => empty(406),
        FaultKind::Html414 => page(414, "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"),
        FaultKind::Reset => reset(wire.cloned()),
        FaultKind::RequestLimit => {
            let message = hit.order.message.as_deref().unwrap_or("TotalRequests Limit exceeded.");
            respond(ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", message).into_reply())
        }
        FaultKind::Answer => {
            let status = hit.order.status.unwrap_or(500);
            let body = hit.order.body.clone().unwrap_or_else(|| format!("<h1>Fault {status}</h1>"));
            let kind = if body.starts_with(['[', '{']) { "application/json" } else { "text/html" };
            plain(status, kind, body)
        }
        _ => return None,
    })
}

/// Answers a request that goes wrong on its way, and lets the answer go wrong.
async fn through(
    state: &Arc<State>,
    mut request: Request,
    next: Next,
    hit: &Hit,
    wire: Option<Wire>,
) -> (Response, i64) {
    let mut ordered = Ordered::default();
    let place = Place { fraction: hit.order.fraction, window_bytes: hit.order.window_bytes };
    let now_ms = state.clock().now_ms();
    match hit.kind {
        FaultKind::LockRows => {
            ordered.unlucky = Some(Unlucky { seed: hit.seed, share: hit.order.share });
        }
        FaultKind::InvalidSession => {
            let token = header_text(request.headers(), header::AUTHORIZATION);
            state.sessions.close(token.split_once(' ').map_or("", |(_, token)| token.trim()));
        }
        FaultKind::LateCommit => {
            ordered.stamp_ms = Some(now_ms);
            let number = state.open_transaction(
                &crate::org::Author::inside(state.user_id),
                Vec::new(),
                None,
            );
            tokio::time::sleep(Duration::from_millis(hit.order.late_ms)).await;
            request.extensions_mut().insert(ordered);
            let response = next.run(request).await;
            state.end_transaction(number, false);
            return (response, 0);
        }
        FaultKind::ClockSkew => {
            ordered.skew_ms = hit.order.skew_ms;
            ordered.stamp_ms = Some(now_ms.saturating_add(hit.order.skew_ms));
        }
        FaultKind::SchemaChange => {
            if let Some(Err(error)) = hit.order.alteration.as_ref().map(|it| state.alter(it)) {
                tracing::warn!(error = %error, "ordered change of the schema was not made");
            }
        }
        FaultKind::EarlyEnd => ordered.shortened = Some(place),
        _ => {}
    }
    request.extensions_mut().insert(ordered);
    let response = next.run(request).await;
    let response = match hit.kind {
        FaultKind::LoseAnswer => match hit.order.status {
            Some(status) => empty(status),
            None => reset(wire),
        },
        FaultKind::ResetMidBody => reset_within(response, place, wire).await,
        FaultKind::TruncatedGzip => end_early(response, place).await,
        _ => response,
    };
    (response, ordered.skew_ms)
}

/// Ends an answer too early, if that was ordered: inside of what packs it, so that it unpacks well.
pub(crate) async fn shorten(
    Shared(_): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let place = request.extensions().get::<Ordered>().and_then(|ordered| ordered.shortened);
    let response = next.run(request).await;
    match place {
        Some(place) => end_early(response, place).await,
        None => response,
    }
}
