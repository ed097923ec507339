//! What surrounds every request on every host: correlation id, time limit, panic guard, metrics.
//!
//! It is one layer, not a stack, because each layer of a router costs an allocation a request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::body::Body as _;
use shared::ids::CorrelationId;
use shared::ports::Random;
use shared::telemetry::trace::{self, TraceParent};
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, error, info_span, warn};

use crate::metrics::HttpMetrics;
use crate::problem::problem;
use crate::shedding::{MAX_IN_FLIGHT, Shedding, turned_away};

/// The header that carries the correlation id in both directions.
pub static CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// What many proxies call the same thing.
static REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The layer around every route.
#[derive(Clone)]
pub(crate) struct Frame {
    parts: Arc<Parts>,
}

struct Parts {
    timeout: Duration,
    random: Arc<dyn Random>,
    metrics: HttpMetrics,
    shedding: Shedding,
}

impl Frame {
    /// Limits the time until a response begins to `timeout`.
    pub(crate) fn new(timeout: Duration, random: Arc<dyn Random>) -> Self {
        Self::with_limit(timeout, random, MAX_IN_FLIGHT)
    }

    /// The same, and turns requests away beyond `max_in_flight` in hand.
    pub(crate) fn with_limit(
        timeout: Duration,
        random: Arc<dyn Random>,
        max_in_flight: usize,
    ) -> Self {
        let (metrics, shedding) = (HttpMetrics::default(), Shedding::new(max_in_flight));
        Self { parts: Arc::new(Parts { timeout, random, metrics, shedding }) }
    }

    /// Puts the frame around every route of `router`, its fallback included.
    pub(crate) fn around(self, router: Router) -> Router {
        router.layer(self)
    }
}

impl<S> Layer<S> for Frame {
    type Service = Framed<S>;

    fn layer(&self, inner: S) -> Framed<S> {
        Framed { inner, parts: Arc::clone(&self.parts) }
    }
}

/// A route with the frame around it.
#[derive(Clone)]
pub(crate) struct Framed<S> {
    inner: S,
    parts: Arc<Parts>,
}

impl<S> Service<Request> for Framed<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that was polled ready is the one to call; its clone stays behind.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(respond(inner, Arc::clone(&self.parts), request))
    }
}

async fn respond<S>(
    mut inner: S,
    parts: Arc<Parts>,
    mut request: Request,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let started = Instant::now();
    let _in_flight = parts.metrics.enter();
    let route = request.extensions().get::<MatchedPath>().cloned();
    // Logs name the route and never the path, which may hold a sender's token.
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let instance = instance(route, uri.path());
    let parent = trace_parent(&request);
    let span = span_of(&method, route, parent.as_ref());
    let trace = trace::parent_of(&span).or(parent);
    let correlation = correlation_id(&request, trace.as_ref(), parts.random.as_ref());
    span.record("correlation.id", correlation.as_str());
    // A handler may take it either way.
    let value = HeaderValue::from_str(correlation.as_str()).ok();
    if let Some(value) = &value {
        request.headers_mut().insert(CORRELATION_HEADER.clone(), value.clone());
    }
    request.extensions_mut().insert(correlation.clone());

    let in_hand = parts.shedding.admit(route);
    let answer = match &in_hand {
        Some(_) => {
            let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
            tokio::time::timeout(parts.timeout, answer).instrument(span.clone()).await
        }
        None => Ok(Ok(Ok(turned_away(instance)))),
    };
    let _entered = span.entered();
    let mut response = match answer {
        Ok(Ok(Ok(response))) => explained(response, instance),
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => {
            error!(http.method = %method, http.route = route, "handler panicked on `{route}`");
            problem(StatusCode::INTERNAL_SERVER_ERROR, None, instance)
        }
        Err(_) => {
            warn!(http.method = %method, http.route = route, "no response within the time limit");
            let detail = "no response within the time limit";
            problem(StatusCode::GATEWAY_TIMEOUT, Some(detail), instance)
        }
    };
    if let Some(value) = value {
        response.headers_mut().insert(CORRELATION_HEADER.clone(), value);
    }
    let elapsed = started.elapsed();
    parts.metrics.record(&method, route, response.status(), elapsed);
    note_status(response.status());
    log_access(&method, route, response.status(), elapsed);
    Ok(response)
}

/// Returns the path for a problem to name, unless a part of it varies and may hold a sender's
/// token, be it in the wrong place.
fn instance<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    (route == path).then_some(path)
}

fn log_access(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    debug!(
        http.method = %method,
        http.route = route,
        http.status = status.as_u16(),
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "answered `{method} {route}`"
    );
}

/// Reads the trace that the sender's request belongs to.
fn trace_parent(request: &Request) -> Option<TraceParent> {
    TraceParent::parse(request.headers().get("traceparent")?.to_str().ok()?)
}

/// Opens the span of a request. Names and fields: OpenTelemetry semantic conventions, HTTP server.
fn span_of(method: &Method, route: &str, parent: Option<&TraceParent>) -> Span {
    let span = info_span!(
        "request",
        correlation.id = Empty,
        trace.id = Empty,
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
    );
    if trace::is_on() {
        trace::continue_from(&span, parent.map(TraceParent::as_str));
        span.record("otel.name", format_args!("{method} {route}"));
        if let Some(trace) = trace::parent_of(&span) {
            span.record("trace.id", trace.trace_id());
        }
    }
    span
}

/// Marks the span of a request that failed on our side.
fn note_status(status: StatusCode) {
    if status.is_server_error() && trace::is_on() {
        Span::current().record("otel.status_code", "ERROR");
    }
}

/// Takes the sender's correlation id, or its request id, when it is well formed, else the id of the
/// trace, else makes one.
fn correlation_id(
    request: &Request,
    trace: Option<&TraceParent>,
    random: &dyn Random,
) -> CorrelationId {
    [&CORRELATION_HEADER, &REQUEST_ID_HEADER]
        .into_iter()
        .filter_map(|name| request.headers().get(name)?.to_str().ok())
        .find_map(|raw| CorrelationId::parse(raw).ok())
        .or_else(|| trace?.correlation_id())
        .unwrap_or_else(|| random.correlation_id())
}

/// Gives the router's own bare 404 and 405 a body.
fn explained(response: Response, instance: Option<&str>) -> Response {
    let detail = match response.status() {
        StatusCode::NOT_FOUND => "nothing answers this path",
        StatusCode::METHOD_NOT_ALLOWED => "this path does not answer this method",
        _ => return response,
    };
    if response.headers().contains_key(header::CONTENT_TYPE)
        || response.body().size_hint().exact() != Some(0)
    {
        return response;
    }
    let mut explained = problem(response.status(), Some(detail), instance);
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH {
            explained.headers_mut().insert(name, value.clone());
        }
    }
    explained
}
