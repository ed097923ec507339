//! A real Prometheus that scrapes a real `moodbridge` and evaluates the rules of this repository.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::moodbridge::free_port;
use crate::tools::{find, root};

/// A running Prometheus; dropping it ends it.
pub(crate) struct Prometheus {
    child: Child,
    _folder: tempfile::TempDir,
    url: String,
}

impl Prometheus {
    /// Scrapes `target` each second, with every window of the rules made shorter: minutes become
    /// seconds, hours and days half minutes.
    pub(crate) fn start(target: &str) -> Option<Self> {
        let tool = find("prometheus", "prometheus", "MOODBRIDGE_PROMETHEUS")?;
        let folder = tempfile::tempdir().unwrap();
        for name in ["objectives.yml", "alerts.yml"] {
            let rules = std::fs::read_to_string(root().join("infra/prometheus/rules").join(name));
            std::fs::write(folder.path().join(name), hurried(&rules.unwrap())).unwrap();
        }
        let target = target.trim_start_matches("http://");
        write_settings(folder.path(), target);
        let port = free_port();
        let child = Command::new(tool)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, _folder: folder, url: format!("http://127.0.0.1:{port}") })
    }

    /// Waits until the series `name` was scraped.
    pub(crate) async fn wait_for_series(&self, name: &str) {
        let client = client();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let asked = client.get(format!("{}/api/v1/query?query={name}", self.url)).send().await;
            let seen: Value = match asked {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if seen["data"]["result"].as_array().is_some_and(|it| !it.is_empty()) {
                return;
            }
            assert!(Instant::now() < deadline, "`{name}` was not scraped: {seen}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the alert `name` fires.
    pub(crate) async fn wait_for(&self, name: &str, limit: Duration) {
        let client = client();
        let deadline = Instant::now() + limit;
        loop {
            let answer = client.get(format!("{}/api/v1/alerts", self.url)).send().await;
            let seen: Value = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            let alerts = seen["data"]["alerts"].as_array().cloned().unwrap_or_default();
            let is_firing =
                |it: &Value| it["labels"]["alertname"] == name && it["state"] == "firing";
            if alerts.iter().any(is_firing) {
                return;
            }
            assert!(Instant::now() < deadline, "`{name}` does not fire: {seen}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_settings(folder: &Path, target: &str) {
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: [objectives.yml, alerts.yml]\n\
         scrape_configs:\n- job_name: moodbridge\n  static_configs: [{{ targets: [\"{target}\"] }}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), text).unwrap();
}

/// Shortens every window and wait; the names of recorded series stay as they are.
fn hurried(rules: &str) -> String {
    let mut text = rules.to_owned();
    for window in ["5m", "10m", "30m", "1h", "2h", "6h", "1d", "3d"] {
        text = text.replace(&format!("[{window}]"), "[10s]");
    }
    for wait in ["1m", "2m", "5m", "30m"] {
        text = text.replace(&format!("for: {wait}\n"), "for: 2s\n");
    }
    text
}

/// Makes a client that asks a Prometheus of the test, not a platform.
fn client() -> reqwest::Client {
    reqwest::Client::builder().build().unwrap()
}
