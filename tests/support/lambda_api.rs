//! A small Lambda runtime API: hands events to a binary one at a time and keeps its answers.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// The longest an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An event, and how long the function has for it; no end by default.
type Given = (String, Option<Duration>);

/// The end of an invocation without one, in milliseconds since 1970.
const ENDLESS: &str = "4102444800000";

/// What the function said about one event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It answered.
    Answered(Value),
    /// It failed.
    Failed(Value),
    /// It could not start.
    NeverStarted(Value),
}

/// The API with the one function that it runs.
pub(crate) struct LambdaApi {
    events: mpsc::UnboundedSender<Given>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    child: Child,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Api {
    events: Arc<Mutex<mpsc::UnboundedReceiver<Given>>>,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl LambdaApi {
    /// Starts `binary` as Lambda would, with these variables besides.
    pub(crate) async fn start(binary: &Path, variables: &[(&str, &str)]) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let (done, outcomes) = mpsc::unbounded_channel();
        let api = Api { events: Arc::new(Mutex::new(waiting)), outcomes: done };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(never_started))
            .with_state(api);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let child = Command::new(binary)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "moodbridge-test")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { events, outcomes, child, server }
    }

    /// Hands `event` to the function and waits for what it says.
    pub(crate) async fn invoke(&mut self, event: &str) -> Outcome {
        self.invoke_within(event, None).await
    }

    /// Does the same, with a time limit that the function is told.
    pub(crate) async fn invoke_within(&mut self, event: &str, limit: Option<Duration>) -> Outcome {
        self.events.send((event.to_owned(), limit)).unwrap();
        tokio::select! {
            said = self.outcomes.recv() => said.expect("the API is up"),
            ended = self.child.wait() => panic!("the function ended: {}", ended.unwrap()),
            () = tokio::time::sleep(TIMEOUT) => panic!("no answer within {TIMEOUT:?}"),
        }
    }

    /// Asks the function to end, and returns its exit code.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success());
        let ended = tokio::time::timeout(TIMEOUT, self.child.wait()).await;
        self.server.abort();
        ended.expect("the function ends").unwrap().code()
    }

    /// Waits until the function ends by itself and returns its exit code.
    pub(crate) async fn wait_for_exit(mut self) -> Option<i32> {
        let ended = tokio::time::timeout(TIMEOUT, self.child.wait()).await;
        self.server.abort();
        ended.expect("the function ends").unwrap().code()
    }
}

async fn next(State(api): State<Api>) -> Response {
    let Some((event, limit)) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = limit.map_or_else(
        || ENDLESS.to_owned(),
        |limit| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            (now + limit).as_millis().to_string()
        },
    );
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:test",
        ),
        ("lambda-runtime-trace-id", "Root=1-69059f60-1de4d666d4dd26aced652b6c;Sampled=0"),
    ];
    (headers, event).into_response()
}

async fn answered(State(api): State<Api>, UrlPath(_): UrlPath<String>, body: String) -> StatusCode {
    report(&api, Outcome::Answered, &body)
}

async fn failed(State(api): State<Api>, UrlPath(_): UrlPath<String>, body: String) -> StatusCode {
    report(&api, Outcome::Failed, &body)
}

async fn never_started(State(api): State<Api>, body: String) -> StatusCode {
    report(&api, Outcome::NeverStarted, &body)
}

fn report(api: &Api, kind: fn(Value) -> Outcome, body: &str) -> StatusCode {
    let value = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    api.outcomes.send(kind(value)).unwrap();
    StatusCode::ACCEPTED
}
