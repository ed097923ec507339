//! The routes, and what holds for every one of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use shared::auth::Permission;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Access, Doors, GuardedRoutes};
use crate::api::Api;
use crate::gate::{Gate, pass};
use crate::problem::Problem;
use crate::query::shorten;
use crate::{
    audit, cases, changes, conflicts, costs, dashboard, documents, integrations, me, metrics,
    named_queries, openapi, outbox, overview, pipelines, platforms, queues, reconciliations,
    replay, reports, resilience, rows, settings, walls,
};

/// The path that every route of this function begins with.
pub(crate) const PREFIX: &str = "/v1";

/// The path under which an existing MoodBridge answers.
pub(crate) const OLD_PREFIX: &str = "/api";

/// A store that has not answered after this long does not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long the part of a document may come: a slow line needs minutes for it.
const PART_WITHIN: Duration = Duration::from_mins(10);

const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// Returns the routes of the API, each under `/v1` or `/api`.
pub fn router(api: Arc<Api>) -> Router {
    let ((routes, doors), (old, old_doors)) = (documented_routes(), old_routes());
    let doors = doors.and(old_doors);
    let gate = Arc::new(Gate::new(Arc::clone(&api.ports.authenticator), doors));
    let guarded = |routes: OpenApiRouter<Arc<Api>>| {
        let (routes, _) = routes.split_for_parts();
        routes
            .fallback(unknown_path)
            .layer(from_fn_with_state(Arc::clone(&gate), pass))
            .layer(from_fn(finish))
    };
    Router::new().nest(PREFIX, guarded(routes)).nest(OLD_PREFIX, guarded(old)).with_state(api)
}

/// Returns each route with its documentation, without the prefix, and what each asks for.
///
/// This is the one place where a permission is declared. The gate answers for a route that is not
/// declared here as for one that is not there.
pub(crate) fn documented_routes() -> (OpenApiRouter<Arc<Api>>, Doors) {
    use Access::{Needs, Open, SignedIn};
    GuardedRoutes::new(PREFIX)
        .route(Open, routes!(openapi::document::get_openapi))
        .route(SignedIn, routes!(me::get_me))
        .route(Needs(Permission::FiguresRead), routes!(overview::get_overview))
        .route(Needs(Permission::FiguresRead), routes!(metrics::list_metrics))
        .route(Needs(Permission::FiguresRead), routes!(metrics::series::get_metric))
        .route(Needs(Permission::FiguresRead), routes!(metrics::forecast::get_metric_forecast))
        .route(Needs(Permission::FiguresRead), routes!(named_queries::list_queries))
        .route(Needs(Permission::FiguresRead), routes!(named_queries::answer::get_query))
        .route(Needs(Permission::CasesRead), routes!(cases::list_cases))
        .route(Needs(Permission::CasesRead), routes!(cases::get_case))
        .route(Needs(Permission::AuditRead), routes!(audit::list_case_audit))
        .route(Needs(Permission::AuditRead), routes!(audit::list_audit))
        .route(Needs(Permission::WallsRead), routes!(walls::list_walls))
        .route(Needs(Permission::WallsWrite), routes!(walls::put_wall, walls::delete_wall))
        .route(Needs(Permission::IntegrationsRead), routes!(integrations::list_integrations))
        .route(Needs(Permission::IntegrationsRead), routes!(integrations::list_sync_runs))
        .route(Needs(Permission::IntegrationsRead), routes!(platforms::list_platforms))
        .route(Needs(Permission::IntegrationsRead), routes!(resilience::get_resilience))
        .route(Needs(Permission::CostsRead), routes!(costs::get_costs))
        .route(Needs(Permission::SettingsRead), routes!(settings::get_settings))
        .route(Needs(Permission::SettingsRead), routes!(settings::list_settings_history))
        .route(Needs(Permission::SettingsWrite), routes!(settings::change_settings))
        .route(Needs(Permission::SettingsWrite), routes!(settings::undo_settings))
        .route(Needs(Permission::QueuesRead), routes!(queues::list_queues))
        .route(Needs(Permission::QueuesRead), routes!(queues::list_dead_letters))
        .route(Needs(Permission::QueuesReplay), routes!(replay::replay_dead_letters))
        .route(Needs(Permission::ConflictsRead), routes!(conflicts::list_conflicts))
        .route(Needs(Permission::ConflictsRead), routes!(conflicts::get_conflict))
        .route(Needs(Permission::ConflictsResolve), routes!(conflicts::resolve::resolve_conflict))
        .route(Needs(Permission::ConflictsResolve), routes!(conflicts::bulk::resolve_conflicts))
        .route(Needs(Permission::SyncRead), routes!(outbox::list_outbox))
        .route(Needs(Permission::SyncOperate), routes!(outbox::resend_record))
        .route(Needs(Permission::SyncOperate), routes!(outbox::allow_deletes))
        .route(Needs(Permission::SyncRead), routes!(reconciliations::list_reconciliations))
        .route(Needs(Permission::ChangesFollow), routes!(changes::follow_changes))
        .and(pipeline_routes)
        .and(report_routes)
        .and(row_routes)
        .and(document_routes)
        .finish()
}

/// Adds the routes of pipelines and their runs.
fn pipeline_routes(routes: GuardedRoutes) -> GuardedRoutes {
    use pipelines::{orders, runs};
    let read = Access::Needs(Permission::PipelinesRead);
    let run = Access::Needs(Permission::PipelinesRun);
    routes
        .route(read, routes!(pipelines::list_pipelines))
        .route(read, routes!(pipelines::get_pipeline))
        .route(read, routes!(runs::list_pipeline_runs))
        .route(read, routes!(runs::get_pipeline_quality))
        .route(read, routes!(runs::get_pipeline_run))
        .route(run, routes!(orders::start_pipeline_run))
        .route(run, routes!(orders::replay_pipeline))
        .route(run, routes!(orders::retry_pipeline_run))
        .route(run, routes!(orders::cancel_pipeline_run))
}

/// Adds the routes of reports. Whose rows a report shows is asked again by its desk.
fn report_routes(routes: GuardedRoutes) -> GuardedRoutes {
    let read = Access::Needs(Permission::FiguresRead);
    routes
        .route(read, routes!(reports::list_report_definitions))
        .route(read, routes!(reports::list_reports, reports::orders::order_report))
        .route(read, routes!(reports::get_report))
        .route(read, routes!(reports::files::link_report))
        .route(read, routes!(reports::files::get_report_content))
}

/// Adds the routes that change rows.
fn row_routes(routes: GuardedRoutes) -> GuardedRoutes {
    use rows::{accounts, cases, contacts};
    let write = Access::Needs(Permission::CasesWrite);
    routes
        .route(write, routes!(cases::get_sync))
        .route(write, routes!(cases::post_row))
        .route(write, routes!(cases::patch_row, cases::delete_row))
        .route(write, routes!(cases::restore_row))
        .route(write, routes!(cases::merge_row))
        .route(write, routes!(contacts::get_sync))
        .route(write, routes!(contacts::post_row))
        .route(write, routes!(contacts::patch_row, contacts::delete_row))
        .route(write, routes!(contacts::restore_row))
        .route(write, routes!(contacts::merge_row))
        .route(write, routes!(accounts::get_sync))
        .route(write, routes!(accounts::post_row))
        .route(write, routes!(accounts::patch_row, accounts::delete_row))
        .route(write, routes!(accounts::restore_row))
        .route(write, routes!(accounts::merge_row))
}

/// Adds the routes of documents and their bytes.
fn document_routes(routes: GuardedRoutes) -> GuardedRoutes {
    use documents::{complete, content, links, parts, read, upload};
    let (see, file) = (Access::Needs(Permission::CasesRead), Access::Needs(Permission::CasesWrite));
    routes
        .route(see, routes!(read::get_document))
        .route(see, routes!(read::link_document))
        .route(see, routes!(content::get_document_content))
        .route(file, routes!(upload::open_document_upload))
        .route(file, routes!(links::link_document_parts))
        .route(file, routes!(parts::put_document_part))
        .route(file, routes!(complete::complete_document_upload))
        .route(file, routes!(complete::abandon_document_upload))
}

/// Returns the routes that answer as an existing MoodBridge does, likewise.
pub(crate) fn old_routes() -> (OpenApiRouter<Arc<Api>>, Doors) {
    GuardedRoutes::new(OLD_PREFIX)
        .route(Access::Needs(Permission::CasesRead), routes!(dashboard::get_dashboard))
        .route(Access::Open, routes!(dashboard::get_health))
        .finish()
}

/// Answers for a path that is not there.
pub(crate) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Problem {
    let path = shorten(uri.path());
    Problem::not_found(format!("there is no path `{path}`: `{PREFIX}/openapi.json` lists them"))
}

/// Bounds the time of an answer, renders problems, and sets the headers that every answer has.
pub(crate) async fn finish(
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let is_part = request.method() == Method::PUT && uri.path().contains("/parts/");
    let within = if is_part { PART_WITHIN } else { ANSWER_WITHIN };
    let answer = timeout(within, next.run(request)).await;
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
