//! `moodbridge dev` with its sandbox, as one firm.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::moodbridge::{BINARY, Moodbridge, command, free_port};
use crate::place::Place;

/// Runs a command of `moodbridge` that must succeed, and returns its JSON.
pub(crate) fn command_json(folder: &Path, arguments: &[&str]) -> Value {
    let output = command(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `moodbridge dev` with its sandbox, and a session in that sandbox.
pub(crate) struct Firm {
    pub(crate) moodbridge: Moodbridge,
    pub(crate) folder: Place,
    pub(crate) sandbox_url: String,
    token: String,
}

impl Firm {
    /// Starts a firm with an empty org and no activity; `extra` are further arguments of `dev`.
    pub(crate) async fn start(extra: &[&str]) -> Self {
        Self::start_by(std::process::Command::new(BINARY), extra).await
    }

    /// Does the same by `command`, which is handed the arguments.
    pub(crate) async fn start_by(program: std::process::Command, extra: &[&str]) -> Self {
        let folder = Place::new().await;
        let (port, sandbox_port) = (free_port(), free_port());
        let ports = [port.to_string(), sandbox_port.to_string()];
        let mut arguments =
            vec!["dev", "--port", &ports[0], "--sandbox-port", &ports[1], "--activity", "0"];
        let addresses = folder.addresses();
        if let Some((cases, queue)) = &addresses {
            arguments.extend(["--cases", cases.as_str(), "--queue", queue.as_str()]);
        }
        arguments.extend(extra);
        let moodbridge = Moodbridge::start_by(program, folder.path(), port, &arguments).await;
        let sandbox_url = format!("http://127.0.0.1:{sandbox_port}");
        let answer: Value = moodbridge
            .client
            .post(format!("{sandbox_url}/services/oauth2/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(
                "grant_type=client_credentials&client_id=moodbridge-sandbox\
                 &client_secret=sandbox-secret",
            )
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { moodbridge, folder, sandbox_url, token }
    }

    /// Creates a record in the sandbox and returns its id.
    pub(crate) async fn create(&self, object: &str, fields: Value) -> String {
        let answer = self.call(reqwest::Method::POST, object, fields).await;
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Changes a record in the sandbox.
    pub(crate) async fn update(&self, object: &str, id: &str, fields: Value) {
        let answer = self.call(reqwest::Method::PATCH, &format!("{object}/{id}"), fields).await;
        assert!(answer.is_null(), "{answer}");
    }

    /// Deletes a record in the sandbox.
    pub(crate) async fn delete(&self, object: &str, id: &str) {
        let answer = self.call(reqwest::Method::DELETE, &format!("{object}/{id}"), json!({})).await;
        assert!(answer.is_null(), "{answer}");
    }

    /// Returns a record of the sandbox; null when it is gone.
    pub(crate) async fn record(&self, object: &str, id: &str) -> Value {
        let answer = self.call(reqwest::Method::GET, &format!("{object}/{id}"), json!({})).await;
        if answer["attributes"].is_object() { answer } else { Value::Null }
    }

    /// Returns a record of the sandbox once `wanted` holds for it.
    pub(crate) async fn wait_for_record(
        &self,
        object: &str,
        id: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> (Value, Duration) {
        let begun = Instant::now();
        loop {
            let seen = self.record(object, id).await;
            if wanted(&seen) {
                return (seen, begun.elapsed());
            }
            let log = self.moodbridge.log();
            assert!(begun.elapsed() < limit, "{object} {id} is still {seen}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let url = format!("{}/services/data/v66.0/sobjects/{path}", self.sandbox_url);
        let answer = self
            .moodbridge
            .client
            .request(method, url)
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null)
    }

    /// Calls the sandbox's own switchboard.
    pub(crate) async fn switch(&self, path: &str, body: &Value) {
        self.switch_by(reqwest::Method::POST, path, body).await;
    }

    /// Calls the sandbox's own switchboard by `method`.
    pub(crate) async fn switch_by(&self, method: reqwest::Method, path: &str, body: &Value) {
        let answer = self
            .moodbridge
            .client
            .request(method, format!("{}/_sandbox/{path}", self.sandbox_url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Returns the path that takes change events of the sandbox, its token included.
    pub(crate) fn changes_path(&self) -> String {
        let asked = ["--json", "secret", "reveal", "webhook-token", "--yes"];
        let answer = command_json(self.folder.path(), &asked);
        format!("/hooks/salesforce/changes/sandbox/{}", answer["value"].as_str().unwrap())
    }
}
