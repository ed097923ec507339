//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use http::{StatusCode, header};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::ReadyCheck;
use crate::metrics;

/// The longest a dependency may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The dependencies of every app of a process.
#[derive(Clone, Default)]
pub(crate) struct Readiness {
    checks: Arc<[(&'static str, Arc<dyn ReadyCheck>)]>,
    stopping: CancellationToken,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<CheckReport>,
}

/// What a dependency answered.
#[derive(Serialize)]
pub(crate) struct CheckReport {
    app: &'static str,
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Readiness {
    /// Asks `checks` (each with its app), and answers 503 once `stopping` is cancelled.
    pub(crate) fn new(
        checks: Vec<(&'static str, Arc<dyn ReadyCheck>)>,
        stopping: CancellationToken,
    ) -> Self {
        Self { checks: checks.into(), stopping }
    }

    /// Builds the routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics_page))
            .with_state(self)
    }
}

async fn alive() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, r#"{"status":"alive"}"#).into_response()
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let asked = readiness.checks.iter().map(|(app, check)| ask(app, check.as_ref()));
    let checks = join_all(asked).await;
    let is_ready = checks.iter().all(|it| it.reason.is_none());
    let (code, status) = if readiness.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    (code, axum::Json(Report { status, checks })).into_response()
}

/// Asks one dependency of `app`.
pub(crate) async fn ask(app: &'static str, check: &dyn ReadyCheck) -> CheckReport {
    let reason = match tokio::time::timeout(CHECK_TIMEOUT, check.check()).await {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(reason),
        Err(_) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    let status = if reason.is_none() { "ok" } else { "failed" };
    CheckReport { app, name: check.name().to_owned(), status, reason }
}

async fn metrics_page() -> Response {
    match metrics::page() {
        Some(page) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, page.render()).into_response()
        }
        None => crate::problem::problem(
            StatusCode::NOT_FOUND,
            Some("this process records its metrics elsewhere"),
            Some("/metrics"),
        ),
    }
}
