//! The HTTP face of the org.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

use crate::admin;
use crate::api::{ApiError, Call, Conditions, Reply, dispatch, http_date, max_batch, versions};
use crate::auth::{self, Consent};
use crate::org::{Author, WriteOptions};
use crate::sandbox::State;

/// Longest request body, in bytes.
const MAX_BODY: usize = 50 * 1024 * 1024;

/// Longest URL with headers, in bytes. Source: REST API guide, request limits.
const MAX_HEAD: usize = 16_384;

/// Makes the routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/services/oauth2/token", post(token))
        .route("/services/oauth2/authorize", get(authorize).post(decide))
        .route("/services/oauth2/revoke", post(revoke))
        .route("/services/oauth2/introspect", post(introspect))
        .route("/setup/connect", get(device_page).post(approve_device))
        .route("/services/oauth2/userinfo", any(user_info))
        .route("/id/{org}/{user}", any(identity))
        .route("/services/Soap/u/{version}", post(soap))
        .route("/services/Soap/u/{version}/{org}", post(soap))
        .route("/services/data", get(list_versions))
        .route("/services/data/", get(list_versions))
        .route("/services/data/{*path}", any(data))
        .merge(admin::router())
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(&state), around))
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

/// Plays ordered faults, checks sizes, and stamps answers with the org's time.
async fn around(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let head = request.uri().to_string().len()
        + request.headers().iter().map(|(k, v)| k.as_str().len() + v.len() + 4).sum::<usize>();
    state.catch_up();
    let fault = state.faults.take(request.uri().path());
    let mut response = match fault {
        _ if head > MAX_HEAD => {
            let page = "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>";
            plain(414, "text/html", page.to_owned())
        }
        Some(fault) => {
            tokio::time::sleep(fault.latency()).await;
            match fault.status {
                Some(status) => {
                    let body = fault.body.unwrap_or_else(|| format!("<h1>Fault {status}</h1>"));
                    let kind =
                        if body.starts_with(['[', '{']) { "application/json" } else { "text/html" };
                    plain(status, kind, body)
                }
                None => next.run(request).await,
            }
        }
        None => next.run(request).await,
    };
    let date = http_date(state.clock().now_ms().div_euclid(1000));
    if let Ok(value) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

fn plain(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Turns an answer into HTTP.
pub(crate) fn respond(reply: Reply) -> Response {
    let Reply { status, body, headers } = reply;
    let mut response = match body {
        Some(text) => plain(status, "application/json;charset=UTF-8", text),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            response
        }
    };
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

async fn nowhere() -> Response {
    respond(ApiError::not_found().into_reply())
}

async fn list_versions() -> Response {
    respond(versions())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn host(headers: &HeaderMap) -> &str {
    text(headers, "host").unwrap_or("localhost")
}

async fn token(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Call::split_query(&String::from_utf8_lossy(&body));
    let authorization = text(&headers, "authorization");
    respond(auth::token(&state, &form, authorization, host(&headers)))
}

async fn authorize(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    show(auth::authorize(&state, &Call::split_query(uri.query().unwrap_or_default())))
}

async fn decide(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    show(auth::decide(&state, &Call::split_query(&String::from_utf8_lossy(&body))))
}

async fn device_page() -> Response {
    show(auth::approval_page())
}

async fn approve_device(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    show(auth::approve(&state, &Call::split_query(&String::from_utf8_lossy(&body))))
}

/// Turns what a browser is shown into HTTP.
fn show(consent: Consent) -> Response {
    match consent {
        Consent::Page(status, page) => plain(status, "text/html;charset=UTF-8", page),
        Consent::Redirect(url) => respond(Reply::empty(302).with_header("location", url)),
    }
}

async fn introspect(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Call::split_query(&String::from_utf8_lossy(&body));
    let authorization = text(&headers, "authorization");
    respond(auth::introspect(&state, &form, authorization, host(&headers)))
}

async fn revoke(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Call::split_query(&String::from_utf8_lossy(&body));
    respond(auth::revoke(&state, &form, text(&headers, "accept")))
}

async fn user_info(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match author(&state, &headers, "") {
        Ok(_) => respond(auth::user_info(&state, host(&headers))),
        Err(refusal) => respond(refusal),
    }
}

async fn identity(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match author(&state, &headers, "") {
        Ok(_) => respond(auth::identity(&state, host(&headers))),
        Err(refusal) => respond(refusal),
    }
}

async fn soap(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let version = uri.path().split('/').nth(4).unwrap_or("66.0");
    let (status, xml) = auth::soap_login(&state, version, &body, host(&headers));
    plain(status, "text/xml;charset=UTF-8", xml)
}

/// Finds out who calls.
fn author(state: &State, headers: &HeaderMap, version: &str) -> Result<Author, Reply> {
    let token = text(headers, "authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth")
        })
        .map(|(_, token)| token.trim());
    let session = token.and_then(|token| {
        state.sessions.find(token, state.settings.token_lifetime, state.clock().now_ms())
    });
    let Some(session) = session else {
        let refusal = ApiError::new(401, "INVALID_SESSION_ID", "Session expired or invalid");
        return Err(refusal.into_reply());
    };
    let client = text(headers, "sforce-call-options").and_then(|options| {
        let named = options.split(',').find_map(|part| part.trim().strip_prefix("client="));
        named.map(str::to_owned)
    });
    let version = version.trim_start_matches('v').to_owned();
    let saves_duplicates = text(headers, "sforce-duplicate-rule-header").is_some_and(|options| {
        options.split([';', ',']).any(|part| part.trim().eq_ignore_ascii_case("allowSave=true"))
    });
    let options = WriteOptions { saves_duplicates, ..WriteOptions::default() };
    Ok(Author { user: session.user, client, version, options })
}

async fn data(
    Shared(state): Shared<Arc<State>>,
    Path(_): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches("/services/data/");
    let (version, segments) = Call::split_path(path);
    let author = match author(&state, &headers, &version) {
        Ok(author) => author,
        Err(refusal) => return respond(refusal),
    };
    let n_requests = state.count_request();
    let max = state.settings.daily_requests;
    if n_requests > max {
        let refusal = ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
        return respond(refusal.into_reply());
    }
    let call = Call {
        method,
        version,
        segments,
        params: Call::split_query(uri.query().unwrap_or_default()),
        body: body.to_vec(),
        author,
        batch_size: batch_size(&headers),
        conditions: Conditions::read(|name| text(&headers, name).map(str::to_owned)),
        within: None,
    };
    let mut reply = dispatch(&state, &call);
    reply.headers.push(("sforce-limit-info", format!("api-usage={n_requests}/{max}")));
    respond(reply)
}

/// Rows a page: 200 to 2,000, as `Sforce-Query-Options` asks.
fn batch_size(headers: &HeaderMap) -> usize {
    text(headers, "sforce-query-options")
        .and_then(|options| {
            options.split([',', ';']).find_map(|part| part.trim().strip_prefix("batchSize="))
        })
        .and_then(|number| number.trim().parse::<usize>().ok())
        .map_or(max_batch(), |number| number.clamp(200, max_batch()))
}
