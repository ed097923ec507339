//! A running `moodbridge` in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The `moodbridge` of this build.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_moodbridge");

/// How long a process may take until it answers, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Finds a port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running `moodbridge`; dropping it kills the process, without a chance to tidy up.
pub(crate) struct Moodbridge {
    child: Child,
    folder: PathBuf,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    token: String,
}

impl Moodbridge {
    /// Runs `moodbridge` with `arguments` in `folder` and waits until it is ready on `port`.
    pub(crate) async fn start(folder: &Path, port: u16, arguments: &[&str]) -> Self {
        Self::start_by(Command::new(BINARY), folder, port, arguments).await
    }

    /// Does the same by `command`, which is handed the arguments.
    pub(crate) async fn start_by(
        mut command: Command,
        folder: &Path,
        port: u16,
        arguments: &[&str],
    ) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("moodbridge.log"))
            .unwrap();
        if !arguments.contains(&"--log") {
            command.args(["--log", "warn"]);
        }
        let child = command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Self {
            child,
            folder: folder.to_path_buf(),
            url: format!("http://127.0.0.1:{port}"),
            client: reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap(),
            token: String::new(),
        };
        running.wait_until_ready().await;
        if running.get("/auth/config").await["mode"] == "local" {
            running.token = running.token_of("me", &["admin"]).await;
        }
        running
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|it| it.status().is_success()) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("moodbridge ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "moodbridge is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns a local token, as the dashboard gets it.
    pub(crate) async fn token_of(&self, person: &str, roles: &[&str]) -> String {
        let wish = serde_json::json!({"person": person, "roles": roles});
        let answer = self
            .client
            .post(format!("{}/auth/local/token", self.url))
            .header("origin", &self.url)
            .json(&wish)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}: {}", answer.status(), self.log());
        let given: Value = answer.json().await.unwrap();
        given["token"].as_str().unwrap().to_owned()
    }

    /// Begins a request of an admin for `path`.
    pub(crate) fn ask(&self, path: &str) -> reqwest::RequestBuilder {
        self.request(reqwest::Method::GET, path)
    }

    /// Begins a request of an admin by `method` for `path`.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// Returns what it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("moodbridge.log")).unwrap_or_default()
    }

    /// Returns the JSON at `path`, as an admin.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(path).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Returns the JSON at `path` once `wanted` holds for it, and how long that took.
    pub(crate) async fn wait_for(
        &self,
        path: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> (Value, Duration) {
        let begun = Instant::now();
        loop {
            let seen = self.get(path).await;
            if wanted(&seen) {
                return (seen, begun.elapsed());
            }
            assert!(begun.elapsed() < limit, "{path} is still {seen}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the number of the process.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Asks the process to stop, and returns its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let pid = self.pid();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Moodbridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of `moodbridge` in `folder` to its end.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}
