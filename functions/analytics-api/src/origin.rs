//! Whose pages may read the API in a browser.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use shared::text_setting;
use tower_http::cors::CorsLayer;
use url::Url;

/// How long a browser may remember what another origin may do.
const PREFLIGHT_HOLDS_FOR: Duration = Duration::from_hours(1);

/// One web origin, such as `https://dashboard.example`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(HeaderValue);

text_setting!(Origin, "web-origin", ["https://dashboard.example"]);

/// Why a text is not an origin.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is not an origin; write scheme, host and port only, such as `https://dashboard.example`"
)]
pub struct InvalidOrigin {
    raw: String,
}

impl Origin {
    /// Reads one origin. `*` is none: it would let every web page read the cases.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] when it is not `http` or `https` with a host and perhaps a port.
    pub fn parse(raw: &str) -> Result<Self, InvalidOrigin> {
        let plain = raw.trim_end_matches('/');
        let is_origin = Url::parse(raw).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == plain
        });
        match HeaderValue::from_str(plain) {
            Ok(value) if is_origin => Ok(Self(value)),
            _ => Err(InvalidOrigin { raw: raw.to_owned() }),
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0.to_str().unwrap_or_default().to_owned()
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(raw: String) -> Result<Self, InvalidOrigin> {
        Self::parse(&raw)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// Lets pages of `origins` read the answers; without any, browsers keep to their own origin.
pub(crate) fn cors(origins: impl IntoIterator<Item = Origin>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.into_iter().map(|it| it.0).collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_RANGE,
            header::RANGE,
            HeaderName::from_static("content-digest"),
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::ACCEPT_RANGES,
            header::CONTENT_DISPOSITION,
            header::CONTENT_RANGE,
            header::ETAG,
            header::LOCATION,
            header::WWW_AUTHENTICATE,
        ])
        .max_age(PREFLIGHT_HOLDS_FOR)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, Response};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for good in ["http://localhost:5173", "https://a.example", "https://a.example/"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in ["*", "null", "https://a.example/dashboard", "file:///index.html"] {
            let message = Origin::parse(bad).unwrap_err().to_string();
            assert!(message.contains(&format!("`{bad}` is not an origin")), "{message}");
        }
    }

    async fn ask(method: &str, origin: &str) -> Response<Body> {
        let origins = [Origin::parse("https://a.example").unwrap()];
        let routes =
            Router::new().route("/", get(async || Ok::<_, Infallible>(""))).layer(cors(origins));
        let request = Request::builder()
            .method(method)
            .uri("/")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn only_a_listed_origin_may_read() {
        let allowed = "access-control-allow-origin";
        for method in ["GET", "OPTIONS"] {
            let answer = ask(method, "https://a.example").await;
            assert_eq!(answer.headers()[allowed], "https://a.example");
            let answer = ask(method, "https://b.example").await;
            assert!(!answer.headers().contains_key(allowed));
        }
    }
}
