//! The custom handler itself: ready at once, complete when the app is built.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use shared::ports::{Clock, Random, SystemClock};
use shared::worker::{MessageHandler, ScheduleHandler, Tick};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::http::answer_envelope;
use super::invocation::{Invocation, Outcome};
use super::queue;
use crate::app::App;
use crate::envelope::{metadata_text, value_of};
use crate::error::HostError;
use crate::flush::{keep_flushing, with_own};
use crate::frame::Frame;
use crate::health::Readiness;
use crate::metrics::{QueueMetrics, count_run};
use crate::problem::problem;
use crate::server::serve;

/// The longest envelope taken, in bytes. Source: Service Bus premium message limit, 100 MB; ours are
/// far smaller, and the host holds each several times.
const MAX_ENVELOPE_BYTES: usize = 16 * 1024 * 1024;

/// Requests still in hand when the host goes away are lost with the connection anyway.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves `build`'s app on `listener` until the process is killed.
///
/// The Functions host takes any answer to `GET /` for readiness and gives a handler 30 seconds, so
/// that path answers while the app is still being built; every other request waits for it.
pub(crate) async fn run<Fut>(
    listener: TcpListener,
    timeout: Duration,
    random: Arc<dyn Random>,
    build: Fut,
) -> Result<(), Box<dyn StdError + Send + Sync>>
where
    Fut: Future<Output = Result<App, Box<dyn StdError + Send + Sync>>>,
{
    let (built, awaited) = watch::channel(None);
    let front = Router::new().route("/", get(ready)).fallback(wait_for_app).with_state(awaited);
    let stop = CancellationToken::new();
    let _stop_when_dropped = stop.clone().drop_guard();
    let server = tokio::spawn(serve(listener, front, stop.clone(), DRAIN));
    let app = build.await?;
    tracing::info!("`{}` serves the Functions host", app.name());
    // This host ends a handler by killing it: there is no last moment to write in.
    tokio::spawn(keep_flushing(with_own(app.flushes.clone()), stop.clone()));
    built.send_replace(Some(router_of(app, timeout, random)));
    let ended = server.await;
    // Exit code 0 would count as wanted, and the handler would not be started again.
    let source = ended.err().map_or_else(|| "the listener closed".into(), Into::into);
    Err(Box::new(HostError::Runtime { platform: "Azure Functions", source }))
}

async fn ready() -> &'static str {
    "ready"
}

async fn wait_for_app(
    State(mut awaited): State<watch::Receiver<Option<Router>>>,
    request: Request,
) -> Response {
    let router = match awaited.wait_for(Option::is_some).await {
        Ok(router) => router.clone(),
        Err(_) => None,
    };
    match router {
        Some(router) => router.oneshot(request).await.into_response(),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, Some("the function cannot start"), None),
    }
}

/// Builds the routes: the app's own, and one per trigger under each name its folder may have.
pub(crate) fn router_of(app: App, timeout: Duration, random: Arc<dyn Random>) -> Router {
    let checks = app.ready_checks.iter().map(|it| (app.name, Arc::clone(it))).collect();
    let health = Readiness::new(checks, CancellationToken::new()).router();
    let http = Frame::new(timeout, random).around(app.router.merge(app.open_router).merge(health));
    let mut triggers: Vec<(&'static str, Trigger)> = Vec::new();
    for queue in app.queues {
        let metrics = QueueMetrics::of(queue.queue);
        triggers.push((queue.queue, Trigger::Queue(queue.handler, metrics)));
    }
    for schedule in app.schedules {
        triggers.push((schedule.name, Trigger::Timer(schedule.name, schedule.handler)));
    }
    if triggers.is_empty() {
        triggers.push((app.name, Trigger::Http(http.clone())));
    } else if let [(name, only)] = triggers.as_slice()
        && *name != app.name
    {
        triggers.push((app.name, only.clone()));
    }
    let enveloped = triggers.into_iter().fold(Router::new(), |all, (name, trigger)| {
        all.route(&format!("/{name}"), post(invoke).with_state(trigger))
    });
    enveloped.fallback_service(http)
}

/// What a folder of the function app starts.
#[derive(Clone)]
enum Trigger {
    Queue(Arc<dyn MessageHandler>, QueueMetrics),
    Timer(&'static str, Arc<dyn ScheduleHandler>),
    Http(Router),
}

async fn invoke(State(trigger): State<Trigger>, headers: HeaderMap, request: Request) -> Response {
    let bytes = match axum::body::to_bytes(request.into_body(), MAX_ENVELOPE_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) => {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, Some(&error.to_string()), None);
        }
    };
    let invocation: Invocation = match serde_json::from_slice(&bytes) {
        Ok(invocation) => invocation,
        Err(error) => {
            let detail = format!("the body is not an invocation: {error}");
            return problem(StatusCode::BAD_REQUEST, Some(&detail), None);
        }
    };
    let invocation_id = headers
        .get("x-azure-functions-invocationid")
        .and_then(|id| id.to_str().ok())
        .unwrap_or("unnamed");
    match trigger {
        Trigger::Queue(handler, metrics) => {
            queue::handle(handler.as_ref(), &metrics, &invocation, invocation_id).await
        }
        Trigger::Timer(name, handler) => tick(name, handler.as_ref(), &invocation).await,
        Trigger::Http(router) => answer_envelope(router, &invocation).await,
    }
}

async fn tick(
    name: &'static str,
    handler: &dyn ScheduleHandler,
    invocation: &Invocation,
) -> Response {
    use futures_util::FutureExt;
    let due_at = due_at(invocation).unwrap_or_else(|| SystemClock.now());
    let run = std::panic::AssertUnwindSafe(handler.run(Tick::endless(due_at))).catch_unwind().await;
    let result =
        run.unwrap_or_else(|_| Err(shared::worker::Failure::transient("the handler panicked")));
    count_run(name, result.is_ok());
    match result {
        Ok(()) => Outcome::default().with_log(format!("schedule `{name}` ran")).into_response(),
        Err(failure) => {
            tracing::error!(schedule = name, error = %failure, "schedule `{name}` failed");
            let detail = format!("schedule `{name}` failed: {failure}");
            problem(StatusCode::INTERNAL_SERVER_ERROR, Some(&detail), None)
        }
    }
}

/// The timer does not say when it was due; the host's own clock is the nearest thing.
fn due_at(invocation: &Invocation) -> Option<shared::time::Timestamp> {
    let sys = value_of(invocation.metadata.get("sys")?);
    let now = metadata_text(sys.as_object()?, &["UtcNow"])?;
    shared::time::Timestamp::parse(&now).ok()
}

#[cfg(test)]
mod tests;
