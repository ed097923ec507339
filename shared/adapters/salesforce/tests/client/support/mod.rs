//! A sandbox org, and a line to it that fails as a test says.
mod line;

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings, Request};
use adapter_salesforce::bulk::PollPace;
use adapter_salesforce::{SalesforceClient, SalesforceSettings};
use http::Method;
use sandbox_org::{RunningSandbox, Sandbox, Settings};
use serde_json::{Value, json};
use shared::config::Env;
use shared::ids::ObjectName;
use shared::model::{FieldValue, Fields};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use shared::secret::Secret;
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;
use tokio::net::TcpListener;
use url::Url;

pub(crate) use line::{Act, Seen};

/// Fast enough for a test; each wait is as long as the last.
pub(crate) const PACE: PollPace =
    PollPace { first: Duration::from_millis(5), cap: Duration::from_millis(20) };

/// An org, and how it is reached.
pub(crate) struct Peer {
    _sandbox: RunningSandbox,
    /// What the line saw, when there is one.
    pub(crate) line: Option<Arc<line::Line>>,
    http: HttpClient,
    url: String,
}

impl Peer {
    /// Starts an org.
    pub(crate) async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let url = sandbox.url();
        Self { _sandbox: sandbox, line: None, http: http(), url }
    }

    /// Starts an org behind a line that does with each request as `act` says.
    pub(crate) async fn behind(
        settings: Settings,
        act: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let line_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", line_listener.local_addr().unwrap());
        let settings = Settings { instance_url: Some(url.clone()), ..settings };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let line = line::Line::start(line_listener, target, act);
        Self { _sandbox: sandbox, line: Some(line), http: http(), url }
    }

    /// Returns a client as a process has it.
    pub(crate) fn client(&self) -> SalesforceClient {
        self.client_over(self.http.clone())
    }

    /// Returns a client that calls with `http`.
    pub(crate) fn client_over(&self, http: HttpClient) -> SalesforceClient {
        let settings: SalesforceSettings = serde_json::from_value(json!({
            "connection": "main", "login_url": self.url,
            "auth": {
                "flow": "client_credentials", "client_id": "moodbridge-sandbox",
                "client_secret": "env:SF_SECRET",
            },
        }))
        .unwrap();
        let env = Env::from_pairs([("SF_SECRET", "sandbox-secret")]);
        let secrets = Arc::new(LocalSecrets::new(env));
        SalesforceClient::new(settings, http, secrets, Arc::new(SystemClock))
    }

    /// Calls the org as another client would, past the line.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let base = self.line.as_ref().map_or(self.url.clone(), |it| it.target.clone());
        let base = Url::parse(&base).unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "moodbridge-sandbox"),
            ("client_secret", "sandbox-secret"),
        ];
        let login = Request::post("peer", "token", base.join("/services/oauth2/token").unwrap());
        let answer: Value = self.http.send(login.with_form(&form)).await.unwrap().json().unwrap();
        let token = Secret::new(answer["access_token"].as_str().unwrap());
        let path = match path.strip_prefix("/_sandbox") {
            Some(_) => path.to_owned(),
            None => format!("/services/data/v66.0/{path}"),
        };
        let request = Request::new("peer", "write", method, base.join(&path).unwrap());
        let request = request.with_bearer(&token).unwrap().with_json(body).unwrap();
        let response = self.http.send(request).await.unwrap().checked().unwrap();
        serde_json::from_slice(response.body()).unwrap_or_default()
    }

    /// Answers a query past the line.
    pub(crate) async fn rows(&self, soql: &str) -> Vec<Value> {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("q", soql).finish();
        let mut page = self.call(Method::GET, &format!("query?{query}"), &Value::Null).await;
        let mut rows = page["records"].as_array().unwrap().clone();
        while let Some(next) = page["nextRecordsUrl"].as_str().map(str::to_owned) {
            let next = next.trim_start_matches("/services/data/v66.0/");
            page = self.call(Method::GET, next, &Value::Null).await;
            rows.extend(page["records"].as_array().unwrap().clone());
        }
        rows
    }
}

pub(crate) fn http() -> HttpClient {
    let settings = HttpSettings {
        max_attempts: 2,
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(2) },
        breaker: BreakerSettings { n_failures: 1000, open_for: Duration::from_millis(10) },
        ..HttpSettings::default()
    };
    HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

pub(crate) fn object(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

pub(crate) fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

pub(crate) fn fields(pairs: &[(&str, FieldValue)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
