//! The dashboard, embedded: the files of `dashboard/dist` as it was built.

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Files;

/// Shown when this binary was built before the dashboard was.
const NOT_BUILT: &str = "The dashboard is not in this build: run `scripts/setup`, then build again. \
                         The API is at /v1/openapi.json.\n";

/// Serves the dashboard at `/` and its files beside it.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/config.json", get(|uri: Uri| async move { of(&uri) }))
        .route("/favicon.svg", get(|uri: Uri| async move { of(&uri) }))
        .route("/assets/{*path}", get(|uri: Uri| async move { of(&uri) }))
}

fn of(uri: &Uri) -> Response {
    file(uri.path().trim_start_matches('/'))
}

fn file(path: &str) -> Response {
    let Some(found) = Files::get(path) else {
        return (StatusCode::NOT_FOUND, NOT_BUILT).into_response();
    };
    // Names under `assets/` carry a hash of their content.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let headers = [
        (header::CONTENT_TYPE, media_type.as_ref()),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             connect-src *; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ];
    (headers, Body::from(found.data)).into_response()
}
