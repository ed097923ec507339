//! A line to an org: it hands requests on, cuts answers off, loses them, or answers itself.

use std::sync::{Arc, Mutex};

use adapter_http::{HttpClient, HttpSettings, Request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use shared::ports::{SystemClock, SystemRandom};
use shared::worker::breaker::BreakerSettings;
use tokio::net::TcpListener;
use url::Url;

/// What becomes of a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// It is handed on, and so is the answer.
    Pass,
    /// The answer is shortened to so many lines, and ends cleanly.
    CutLines(usize),
    /// It is handed on; the answer is lost.
    LoseAnswer,
    /// The org never sees it: the line itself answers.
    Answer(u16, &'static str, &'static str),
    /// A text in the answer is another.
    Replace(&'static str, String),
    /// The answer is what this makes of it.
    Change(fn(&str) -> String),
}

/// A request, as the line saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// How many requests of the same method and path came before.
    pub(crate) n_before: usize,
}

impl Seen {
    /// Tells whether it is `method` on a path that ends in `end`.
    pub(crate) fn is(&self, method: &str, end: &str) -> bool {
        self.method.as_str() == method && self.path.trim_end_matches('/').ends_with(end)
    }
}

type Script = Box<dyn Fn(&Seen) -> Act + Send + Sync>;

pub(crate) struct Line {
    pub(crate) target: String,
    http: HttpClient,
    seen: Mutex<Vec<Seen>>,
    script: Script,
}

impl Line {
    pub(crate) fn start(
        listener: TcpListener,
        target: String,
        act: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        let settings = HttpSettings {
            max_attempts: 1,
            max_response_bytes: 256 * 1024 * 1024,
            breaker: BreakerSettings { n_failures: 100_000, ..BreakerSettings::default() },
            ..HttpSettings::default()
        };
        let http =
            HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
        let (seen, script) = (Mutex::default(), Box::new(act));
        let line = Arc::new(Self { target, http, seen, script });
        let router = Router::new()
            .fallback(carry)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(line.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        line
    }

    /// Counts the requests of `method` on a path that ends in `end`.
    pub(crate) fn n_seen(&self, method: &str, end: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|it| it.is(method, end)).count()
    }

    /// Returns every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn carry(
    State(line): State<Arc<Line>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    let seen = {
        let mut all = line.seen.lock().unwrap();
        let is_same = |it: &&Seen| it.method == method && it.path == path && it.query == query;
        let n_before = all.iter().filter(is_same).count();
        let seen = Seen { method, path, query, headers, n_before };
        all.push(seen.clone());
        seen
    };
    match (line.script)(&seen) {
        Act::Answer(status, kind, body) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("content-type", kind)], body).into_response()
        }
        Act::Pass => hand_on(&line, &seen, body).await,
        Act::LoseAnswer => {
            hand_on(&line, &seen, body).await;
            (StatusCode::SERVICE_UNAVAILABLE, "<h1>lost</h1>").into_response()
        }
        Act::CutLines(n_lines) => {
            change(hand_on(&line, &seen, body).await, |text| {
                text.split_inclusive('\n').take(n_lines).collect()
            })
            .await
        }
        Act::Change(make) => change(hand_on(&line, &seen, body).await, make).await,
        Act::Replace(from, to) => {
            change(hand_on(&line, &seen, body).await, |text| {
                assert!(text.contains(from), "`{from}` is not in {text}");
                text.replace(from, &to)
            })
            .await
        }
    }
}

async fn change(answer: Response, change: impl FnOnce(&str) -> String) -> Response {
    let (mut head, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let changed = change(std::str::from_utf8(&body).unwrap());
    head.headers.remove("content-length");
    Response::from_parts(head, Body::from(changed))
}

async fn hand_on(line: &Line, seen: &Seen, body: Bytes) -> Response {
    let url = format!("{}{}?{}", line.target, seen.path, seen.query);
    let url = Url::parse(url.trim_end_matches('?')).unwrap();
    let mut request = Request::new("line", "carry", seen.method.clone(), url);
    for (name, value) in &seen.headers {
        let is_of_the_line =
            ["host", "content-length", "transfer-encoding", "accept-encoding", "connection"]
                .contains(&name.as_str());
        if !is_of_the_line {
            request = request.with_header(name.clone(), value.clone());
        }
    }
    if let Some(kind) = seen.headers.get("content-type") {
        request = request.with_body(kind.clone(), body);
    }
    let answer = line.http.send(request).await.unwrap();
    let mut response = Response::new(Body::from(answer.body().clone()));
    *response.status_mut() = answer.status();
    for name in [
        "content-type",
        "date",
        "etag",
        "last-modified",
        "location",
        "sforce-limit-info",
        "sforce-locator",
        "sforce-numberofrecords",
    ] {
        let name = HeaderName::from_static(name);
        if let Some(value) = answer.header(&name) {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}
