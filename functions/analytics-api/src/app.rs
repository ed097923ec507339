//! This function, put together from its settings.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{HeaderName, HeaderValue, Method, header};
use host::{App, ReadyCheck};
use shared::chain;
use shared::config::{ConfigError, Env};
use shared::ports::{ChangeFeed, Queue, SystemClock};
use tower_http::cors::CorsLayer;
use url::Url;

use crate::api::{Api, Ports, STREAM_FOR};
use crate::router::router;

/// How long a browser may remember what another origin may do.
const PREFLIGHT_HOLDS_FOR: Duration = Duration::from_hours(1);

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// The queue that people may look into: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub events_queue: Url,
    /// Origins that may read the answers in a browser, for a dashboard served from elsewhere:
    /// `CORS_ORIGINS`, separated by commas, none by default.
    pub cors_origins: Vec<HeaderValue>,
    /// How long one stream of changes lasts: `CHANGES_STREAM`, 15 minutes by default.
    pub changes_stream: Duration,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let case_store = env.required("CASE_STORE");
        let events_queue = env.required("EVENTS_QUEUE");
        let changes_stream = env.duration_or("CHANGES_STREAM", STREAM_FOR);
        let listed = env.get("CORS_ORIGINS").unwrap_or_default().to_owned();
        let mut cors_origins = Vec::new();
        for origin in listed.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            match parse_origin(origin) {
                Some(value) => cors_origins.push(value),
                None => env.fault(format!(
                    "CORS_ORIGINS is malformed: `{origin}` is not an origin such as `https://dashboard.example`"
                )),
            }
        }
        let found = case_store.zip(events_queue).map(|(case_store, events_queue)| Self {
            case_store,
            events_queue,
            cors_origins,
            changes_stream,
        });
        env.finish(found)
    }
}

/// Reads one origin. `*` is none: it would let every web page read the cases.
fn parse_origin(raw: &str) -> Option<HeaderValue> {
    let url = Url::parse(raw).ok()?;
    let is_plain = url.origin().ascii_serialization() == raw.trim_end_matches('/');
    let value = HeaderValue::from_str(raw.trim_end_matches('/')).ok()?;
    (matches!(url.scheme(), "http" | "https") && is_plain).then_some(value)
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`] with every fault of the settings, or what kept a store from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env)?;
    let stores = wiring::case_store(&config.case_store).await?;
    let queue = wiring::queue(&config.events_queue).await?;
    let ports = Ports {
        view: stores.view,
        audit: stores.audit,
        feed: Arc::clone(&stores.feed),
        journal: stores.journal,
        ledger: stores.ledger,
        queues: vec![Arc::clone(&queue)],
        clock: Arc::new(SystemClock),
    };
    let api = Api::new(ports).with_stream_limit(config.changes_stream);
    let routes = router(Arc::new(api)).layer(cors(config.cors_origins));
    Ok(App::new("analytics-api")
        .http(routes)
        .ready(Arc::new(StoreReady { feed: stores.feed }))
        .ready(Arc::new(QueueReady { queue })))
}

/// Lets pages of `origins` read the answers; without any, browsers keep to their own origin.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, HeaderName::from_static("last-event-id")])
        .expose_headers([header::RETRY_AFTER, header::ETAG])
        .max_age(PREFLIGHT_HOLDS_FOR)
}

/// Asks whether the case store can be read.
struct StoreReady {
    feed: Arc<dyn ChangeFeed>,
}

#[async_trait]
impl ReadyCheck for StoreReady {
    fn name(&self) -> &str {
        "case-store"
    }

    async fn check(&self) -> Result<(), String> {
        self.feed.newest_change().await.map(drop).map_err(|failed| chain(&failed).to_string())
    }
}

/// Asks whether the queue can be read.
struct QueueReady {
    queue: Arc<dyn Queue>,
}

#[async_trait]
impl ReadyCheck for QueueReady {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.queue.depth().await.map(drop).map_err(|failed| chain(&failed).to_string())
    }
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

    fn settings(origins: &str) -> Result<Config, ConfigError> {
        Config::read(Env::from_pairs([
            ("CASE_STORE", "sqlite:cases.db"),
            ("EVENTS_QUEUE", "sqlite:queue.db?queue=events"),
            ("CORS_ORIGINS", origins),
        ]))
    }

    #[test]
    fn every_fault_of_the_settings_is_reported_at_once() {
        let env =
            Env::from_pairs([("CHANGES_STREAM", "long"), ("CORS_ORIGINS", "*, https://a.example")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "EVENTS_QUEUE is unset",
            "CHANGES_STREAM",
            "`*` is not an origin",
        ] {
            assert!(message.contains(fault), "{message}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(
            settings("http://localhost:5173, https://a.example/").unwrap().cors_origins.len(),
            2
        );
        assert!(settings("https://a.example/dashboard").is_err());
        assert!(settings("file:///index.html").is_err());
    }

    async fn ask(method: &str, origin: &str) -> Response<Body> {
        let origins = settings("https://a.example").unwrap().cors_origins;
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
        assert_eq!(ask("GET", "https://a.example").await.headers()[allowed], "https://a.example");
        assert_eq!(
            ask("OPTIONS", "https://a.example").await.headers()[allowed],
            "https://a.example"
        );
        assert!(!ask("OPTIONS", "https://b.example").await.headers().contains_key(allowed));
        assert!(!ask("OPTIONS", "null").await.headers().contains_key(allowed));
    }
}
