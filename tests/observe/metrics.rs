//! Every metric that a rule or a dashboard names stands on the page of a running `moodbridge`.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::firm::Firm;
use crate::moodbridge::BINARY;
use crate::tools::{assert_success, promtool, root};

/// Those of the scraper itself, those that only stand there once settings ask for them, and those of
/// the first comparison, some minutes after the start.
const ELSEWHERE: [&str; 3] = ["up", "cost_budget_used_ratio", "sync_accuracy_ratio"];

/// Returns the names of metrics in the texts of rules and dashboards.
fn named() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in ["infra/prometheus/rules", "infra/grafana/dashboards"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
    }
    let is_part = |it: char| it.is_ascii_lowercase() || it == '_';
    let families = [
        "audit_",
        "cost_",
        "data_disk_",
        "http_request",
        "intake_",
        "oauth_",
        "platform_",
        "poller_",
        "port_call",
        "pubsub_",
        "queue_m",
        "queue_oldest",
        "ready_check_ok",
        "schedule_runs",
        "sync_",
        "trace_spans",
    ];
    texts
        .iter()
        .flat_map(|text| text.split(|it: char| !is_part(it)))
        .filter(|name| families.iter().any(|it| name.starts_with(it)))
        .filter(|name| name.rsplit('_').next().is_some_and(|it| UNITS.contains(&it)))
        .map(str::to_owned)
        .collect()
}

/// The last words of our metrics' names: a word without one is an objective or a panel.
const UNITS: [&str; 12] = [
    "total", "seconds", "bucket", "count", "sum", "ratio", "bytes", "state", "left", "limit",
    "messages", "broken",
];

async fn page_of(firm: &Firm) -> String {
    let url = format!("{}/metrics", firm.moodbridge.url);
    firm.moodbridge.client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn every_metric_that_is_named_is_there() {
    let mut command = Command::new(BINARY);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let firm = Firm::start_by(command, &["--empty", "--poll-every", "1s"]).await;
    firm.create("Case", json!({"Subject": "Counted"})).await;
    let is_there = |it: &Value| it["items"].as_array().is_some_and(|it| !it.is_empty());
    firm.moodbridge.wait_for("/v1/cases", Duration::from_secs(20), is_there).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let names = named();
    assert!(names.len() > 15, "{names:?}");
    loop {
        let page = page_of(&firm).await;
        let is_on_page = |name: &&String| {
            page.contains(&format!("\n{name}{{")) || page.contains(&format!("\n{name} "))
        };
        let missing: Vec<_> = names
            .iter()
            .filter(|it| !ELSEWHERE.contains(&it.as_str()))
            .filter(|it| !is_on_page(it))
            .collect();
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{missing:?} are not on the page\n{page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn page_satisfies_promtool() {
    let Some(tool) = promtool() else { return };
    let firm = Firm::start(&["--empty", "--poll-every", "1s"]).await;
    firm.create("Case", json!({"Subject": "Counted"})).await;
    let is_there = |it: &Value| it["items"].as_array().is_some_and(|it| !it.is_empty());
    firm.moodbridge.wait_for("/v1/cases", Duration::from_secs(20), is_there).await;
    let mut checked = Command::new(tool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checked.stdin.take().unwrap().write_all(page_of(&firm).await.as_bytes()).unwrap();
    assert_success(&checked.wait_with_output().unwrap());
}
