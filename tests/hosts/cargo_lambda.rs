//! The functions under `cargo lambda watch`, invoked with `cargo lambda invoke`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::config::Env;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::binaries::{Stores, binary, repository};

/// How long the first invocation may take, which has cargo look at every source.
const PATIENCE: Duration = Duration::from_secs(120);

/// Finds `cargo-lambda`: the file that `MOODBRIDGE_CARGO_LAMBDA` names, else the one on the path.
///
/// Without one the test is skipped, unless `MOODBRIDGE_REQUIRE` names `lambda`.
fn cargo_lambda() -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get("MOODBRIDGE_CARGO_LAMBDA").map(PathBuf::from);
    let on_path = || {
        let path = env.get("PATH")?;
        std::env::split_paths(path).map(|it| it.join("cargo-lambda")).find(|it| it.is_file())
    };
    let found = named.filter(|it| it.is_file()).or_else(on_path);
    let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
    if found.is_none() {
        let is_required = required.split(',').any(|it| it.trim() == "lambda");
        assert!(!is_required, "`cargo-lambda` is required: install it with `scripts/setup test`");
        eprintln!("SKIPPED: `cargo-lambda` is not installed; `scripts/setup test` installs it");
    }
    found
}

/// `cargo lambda watch` on a free port, serving one function.
struct Watch {
    tool: PathBuf,
    port: u16,
    child: Child,
}

impl Watch {
    async fn start(tool: PathBuf, function: &str, stores: &Stores) -> Self {
        // Built beforehand, so that the watcher only has to start it.
        binary(function);
        let port = {
            let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
            probe.local_addr().unwrap().port()
        };
        let child = command(&tool)
            .args(["lambda", "watch", "--ignore-changes", "-A", "127.0.0.1", "-P"])
            .arg(port.to_string())
            .args(["--package", function, "--bin", function])
            .envs(stores.settings())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "`cargo lambda watch` never listened");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { tool, port, child }
    }

    async fn invoke(&self, function: &str, file: &Path) -> Value {
        let invoked = command(&self.tool)
            .args(["lambda", "invoke", function, "-A", "127.0.0.1", "-P", &self.port.to_string()])
            .arg("--data-file")
            .arg(file)
            .output();
        let Output { status, stdout, stderr } =
            tokio::time::timeout(PATIENCE, invoked).await.unwrap().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        serde_json::from_slice(&stdout).unwrap()
    }

    /// Ends the watcher and the function it started: they share a process group of their own.
    async fn stop(mut self) {
        let group = format!("-{}", self.child.id().unwrap());
        let sent = Command::new("kill").args(["-TERM", "--", &group]).status().await.unwrap();
        assert!(sent.success());
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }
}

fn command(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(repository());
    command
}

#[tokio::test]
async fn samples_are_answered_by_the_unchanged_binaries() {
    let Some(tool) = cargo_lambda() else { return };
    let events = repository().join("events/aws");
    let stores = Stores::new().await;

    let watch = Watch::start(tool.clone(), "webhook-intake", &stores).await;
    let file = events.join("apigw-v2-outbound-message.json");
    let answer = watch.invoke("webhook-intake", &file).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(answer["body"].as_str().unwrap().contains("<Ack>true</Ack>"), "{answer}");
    let file = events.join("function-url-change-event.json");
    let answer = watch.invoke("webhook-intake", &file).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    watch.stop().await;
    assert_eq!(stores.n_queued().await, 2);

    let watch = Watch::start(tool, "sync-worker", &stores).await;
    let answer = watch.invoke("sync-worker", &events.join("sqs-one-bad-record.json")).await;
    let bad = "2e1424d4-f796-459a-8184-9c92662be6da";
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": bad}]}));
    watch.stop().await;
    assert_eq!(stores.titles().await, ["Harper v. Lindqvist Logistics"]);
}
