//! The routes, and what holds for every one of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::problem::Problem;
use crate::query::shorten;
use crate::{audit, cases, changes, integrations, openapi, overview, queues, replay};

/// The path that every route of this function begins with.
pub(crate) const PREFIX: &str = "/v1";

/// A store that has not answered after this long does not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// Returns the routes of the API, each under `/v1`.
pub fn router(api: Arc<Api>) -> Router {
    let (routes, _) = documented_routes().split_for_parts();
    let routes = routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn(finish))
        .with_state(api);
    Router::new().nest(PREFIX, routes)
}

/// Returns each route with its documentation, without the prefix.
pub(crate) fn documented_routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(overview::get_overview))
        .routes(routes!(cases::list_cases))
        .routes(routes!(cases::get_case))
        .routes(routes!(audit::list_case_audit))
        .routes(routes!(audit::list_audit))
        .routes(routes!(integrations::list_integrations))
        .routes(routes!(integrations::list_sync_runs))
        .routes(routes!(queues::list_queues))
        .routes(routes!(queues::list_dead_letters))
        .routes(routes!(replay::replay_dead_letters))
        .routes(routes!(changes::follow_changes))
        .routes(routes!(openapi::document::get_openapi))
}

async fn unknown_path(OriginalUri(uri): OriginalUri) -> Problem {
    let path = shorten(uri.path());
    Problem::not_found(format!("there is no path `{path}`: `{PREFIX}/openapi.json` lists them"))
}

async fn unknown_method(method: Method) -> Problem {
    Problem::method_not_allowed(method.as_str())
}

/// Bounds the time of an answer, renders problems, and sets the headers that every answer has.
pub(crate) async fn finish(
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let answer = timeout(ANSWER_WITHIN, next.run(request)).await;
    let mut response = match answer {
        Ok(mut response) => match response.extensions_mut().remove::<Problem>() {
            Some(problem) => keep_headers(problem.render(uri.path()), &response),
            None => response,
        },
        Err(_) => {
            let detail = "the store does not answer: try again";
            Problem::unavailable(detail, None).render(uri.path())
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Carries over what the routing has set, such as `Allow`.
fn keep_headers(mut rendered: Response, routed: &Response) -> Response {
    for (name, value) in routed.headers().iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    rendered
}
