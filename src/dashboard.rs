//! The dashboard, embedded: the files of `dashboard/dist` as it was built.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Files;

/// Shown when this binary was built before the dashboard was.
const NOT_BUILT: &str = "The dashboard is not in this build: run `scripts/setup`, then build again. \
                         The API is at /v1/openapi.json.";

/// What a browser may do on the dashboard's pages.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src *; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Lets the browser ask how people sign in while it still reads the page; a file host has no such
/// route, so the page itself cannot say it.
const SIGN_IN_SOON: &str = "</auth/config>; rel=preload; as=fetch; crossorigin";

/// Serves the dashboard at `/` and its files beside it.
pub(crate) fn router() -> Router {
    serve(embedded)
}

/// A file of the dashboard.
struct Found {
    content: Cow<'static, [u8]>,
    hash: [u8; 32],
}

/// Looks a file up by its path in `dashboard/dist`.
type Find = fn(&str) -> Option<Found>;

fn embedded(path: &str) -> Option<Found> {
    let file = Files::get(path)?;
    Some(Found { content: file.data, hash: file.metadata.sha256_hash() })
}

fn serve(find: Find) -> Router {
    let file = move |uri: Uri, headers: HeaderMap| async move { answer(find, &uri, &headers) };
    Router::new()
        .route("/", get(file))
        .route("/index.html", get(file))
        .route("/config.json", get(file))
        .route("/assets/{*path}", get(file))
}

fn answer(find: Find, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let packed = if takes_gzip(headers) { find(&format!("{path}.gz")) } else { None };
    let is_packed = packed.is_some();
    let Some(found) = packed.or_else(|| find(path)) else {
        let detail = if path == "index.html" { NOT_BUILT } else { "no such file of the dashboard" };
        return host::problem(StatusCode::NOT_FOUND, Some(detail), Some(uri.path()));
    };
    // The two forms of a file are hashed apart, so a tag never names both.
    let tag = tag(&found.hash);
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|it| names(it, &tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(found.content).into_response()
    };
    let about = response.headers_mut();
    if !is_known {
        let media_type = mime_guess::from_path(path).first_or_octet_stream();
        put(about, header::CONTENT_TYPE, media_type.as_ref());
        if is_packed {
            put(about, header::CONTENT_ENCODING, "gzip");
        }
    }
    // Names under `assets/` carry a hash of their content.
    let is_lasting = path.starts_with("assets/");
    let cache = if is_lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    put(about, header::CACHE_CONTROL, cache);
    put(about, header::ETAG, &tag);
    put(about, header::VARY, "accept-encoding");
    put(about, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(about, header::CONTENT_SECURITY_POLICY, POLICY);
    if path == "index.html" {
        put(about, header::LINK, SIGN_IN_SOON);
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Writes half of a hash as an entity tag.
fn tag(hash: &[u8; 32]) -> String {
    let mut text = String::from("\"");
    for byte in hash.iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

/// Returns whether an `If-None-Match` names `tag`. Source: RFC 9110, 13.1.2.
fn names(value: &HeaderValue, tag: &str) -> bool {
    value.to_str().unwrap_or_default().split(',').map(str::trim).any(|it| {
        let plain = it.strip_prefix("W/").unwrap_or(it);
        it == "*" || plain == tag
    })
}

/// Returns whether a client unpacks gzip. Source: RFC 9110, 12.5.3.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|it| it.trim().parse().ok());
            let is_wanted = weight.unwrap_or(1.0_f32) > 0.0;
            match coding.trim() {
                it if it.eq_ignore_ascii_case("gzip") => named = Some(is_wanted),
                "*" => any = Some(is_wanted),
                _ => {}
            }
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, Request};
    use tower::ServiceExt as _;

    use super::*;

    fn made_up(path: &str) -> Option<Found> {
        let content: &[u8] = match path {
            "index.html" => b"<!doctype html>",
            "index.html.gz" => b"packed page",
            "assets/index-1a2b.js" => b"let a = 1",
            "config.json" => b"{\"apiBase\":\"\"}",
            _ => return None,
        };
        let mut hash = [0; 32];
        hash.iter_mut().zip(content).for_each(|(to, from)| *to = *from);
        Some(Found { content: content.into(), hash })
    }

    async fn ask(
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = serve(made_up).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn page_comes_packed_to_who_takes_gzip() {
        let wish = [(header::ACCEPT_ENCODING, "br, gzip;q=0.5")];
        let (status, headers, body) = ask(Method::GET, "/", &wish).await;

        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["content-type"], "text/html");
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers["cache-control"], "no-cache");
        assert!(headers["link"].to_str().unwrap().starts_with("</auth/config>"));
        assert_eq!(body, "packed page");
    }

    #[tokio::test]
    async fn page_comes_plain_to_who_refuses_gzip() {
        for wish in ["gzip;q=0, *", "identity", "br"] {
            let wish = [(header::ACCEPT_ENCODING, wish)];
            let (_, headers, body) = ask(Method::GET, "/", &wish).await;

            assert!(headers.get("content-encoding").is_none());
            assert!(headers["content-security-policy"].to_str().unwrap().contains("'self'"));
            assert_eq!(body, "<!doctype html>");
        }
    }

    #[tokio::test]
    async fn file_without_a_packed_copy_comes_plain_and_lasts() {
        let wish = [(header::ACCEPT_ENCODING, "*")];
        let (_, headers, body) = ask(Method::GET, "/assets/index-1a2b.js", &wish).await;

        assert!(headers.get("content-encoding").is_none());
        assert_eq!(headers["content-type"], "text/javascript");
        assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(body, "let a = 1");
    }

    #[tokio::test]
    async fn page_that_the_browser_has_is_not_sent_again() {
        let packed = (header::ACCEPT_ENCODING, "gzip");
        let (_, headers, _) = ask(Method::GET, "/", std::slice::from_ref(&packed)).await;
        let tag = format!("\"other\", W/{}", headers["etag"].to_str().unwrap());
        let known = (header::IF_NONE_MATCH, tag.as_str());

        let (status, headers, body) = ask(Method::GET, "/", &[packed, known.clone()]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert!(headers.get("etag").is_some());

        // The plain page has a tag of its own.
        let (status, ..) = ask(Method::GET, "/", &[known]).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn head_answers_as_get_without_a_body() {
        let (status, headers, body) = ask(Method::HEAD, "/config.json", &[]).await;

        assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["content-length"], "14");
    }

    #[tokio::test]
    async fn file_that_is_not_there_is_a_problem() {
        let (status, headers, body) = ask(Method::GET, "/assets/gone.js", &[]).await;

        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(body.contains("/assets/gone.js"));
    }
}
