//! Runs of pipelines from the API and the command line over the queue to files and the journal.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::firm::{Firm, command_json};
use crate::moodbridge::{Moodbridge, free_port};
use crate::place::Place;

const PATIENCE: Duration = Duration::from_secs(60);

const PARTED: &str = r#"
pipeline: parted
about: Cases by month.
source:
  at: file:data/*.csv
  columns: [{name: id, required: true}, {name: opened, type: date}]
key: id
rules: [{not_null: opened}]
threshold: 40
sink: {at: "file:out/{partition}.csv"}
quarantine: {at: "file:rejects/{partition}.csv"}
"#;

async fn post(firm: &Firm, path: &str, body: Value) -> (u16, Value) {
    let asked = firm.moodbridge.request(reqwest::Method::POST, path);
    let answer = asked
        .header("content-type", "application/json")
        .header("idempotency-key", "once")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn ended(firm: &Firm, id: &Value) -> Value {
    let path = format!("/v1/pipelines/runs/{}", id.as_str().unwrap());
    let is_over = |it: &Value| it["finished_at"].is_string();
    firm.moodbridge.wait_for(&path, PATIENCE, is_over).await.0
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test]
async fn run_goes_from_the_api_over_the_queue_to_files_and_is_retried_and_replayed() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h", "--events", "none"]).await;
    let folder = firm.folder.path();
    for name in ["data", "out", "rejects"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("data/2026-01.csv"), "id,opened\na,2026-01-02\nb,soon\n").unwrap();
    std::fs::write(folder.join("data/2026-02.csv"), "id\nc\n").unwrap();
    std::fs::write(folder.join(".moodbridge/pipelines/parted.yaml"), PARTED).unwrap();
    std::fs::write(folder.join(".moodbridge/pipelines/broken.yaml"), "pipeline: x").unwrap();

    let listed = firm.moodbridge.get("/v1/pipelines").await;
    assert_eq!(listed["items"][0]["is_valid"], false, "{listed}");
    let (status, run) = post(&firm, "/v1/pipelines/parted/runs", json!({})).await;
    assert_eq!(status, 202, "{run}");
    let again = post(&firm, "/v1/pipelines/parted/runs", json!({})).await;
    assert_eq!((again.0, &again.1["id"]), (200, &run["id"]));

    let seen = ended(&firm, &run["id"]).await;
    assert_eq!(seen["state"], "failed", "{seen}");
    assert_eq!(seen["partitions"][0]["state"], "succeeded");
    assert_eq!(seen["counts"]["n_rejected"], 1);
    assert_eq!(read(folder, "out/2026-01.csv"), "id,opened\na,2026-01-02\n");
    let dead = firm.moodbridge.get("/v1/queues/pipelines/dead-letters").await;
    let reason = dead["items"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("no column `opened`"), "{dead}");

    std::fs::write(folder.join("data/2026-02.csv"), "id,opened\nc,2026-02-03\n").unwrap();
    let id = run["id"].as_str().unwrap();
    let retried = command_json(folder, &["--json", "pipelines", "retry", id]);
    assert_eq!(retried["round"], 2);
    let seen = ended(&firm, &run["id"]).await;
    assert_eq!((&seen["state"], &seen["counts"]["n_out"]), (&json!("succeeded"), &json!(2)));
    assert_eq!(read(folder, "out/2026-02.csv"), "id,opened\nc,2026-02-03\n");

    let rejects = read(folder, "rejects/2026-01.csv").replace("\"\"soon\"\"", "\"\"2026-01-09\"\"");
    std::fs::write(folder.join("fixed.csv"), rejects).unwrap();
    let replayed = command_json(
        folder,
        &[
            "--json",
            "pipelines",
            "replay",
            "parted",
            "--rejects",
            "fixed.csv",
            "--partition",
            "2026-01",
        ],
    );
    let seen = ended(&firm, &replayed["id"]).await;
    assert_eq!(seen["state"], "succeeded", "{seen}");
    let output = format!("out/2026-01-replay-{}.csv", replayed["id"].as_str().unwrap());
    assert_eq!(read(folder, &output), "id,opened\nb,2026-01-09\n");
    let status = command_json(folder, &["--json", "pipelines", "status", "--limit", "1"]);
    assert_eq!(status["items"][0]["id"], replayed["id"]);

    let page = firm.moodbridge.ask("/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        r#"pipeline_runs_total{state="succeeded"} 2"#,
        r#"pipeline_rows_total{pipeline="parted",outcome="written"} 3"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn run_that_is_due_is_started_by_the_clock_and_once() {
    let place = Place::new().await;
    let folder = place.path();
    for name in ["data", "out", "rejects", ".moodbridge", ".moodbridge/pipelines"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("data/2026-01.csv"), "id,opened\na,2026-01-02\n").unwrap();
    let text = format!("{PARTED}schedule: {{every: 24h}}\n");
    std::fs::write(folder.join(".moodbridge/pipelines/parted.yaml"), text).unwrap();
    let ports = [free_port(), free_port()];
    let (port, sandbox_port) = (ports[0].to_string(), ports[1].to_string());
    let mut arguments = vec!["dev", "--port", &port, "--sandbox-port", &sandbox_port];
    arguments.extend(["--activity", "0", "--empty", "--poll-every", "1h", "--events", "none"]);
    let addresses = place.addresses();
    if let Some((cases, queue)) = &addresses {
        arguments.extend(["--cases", cases.as_str(), "--queue", queue.as_str()]);
    }
    let path = "/v1/pipelines/runs?pipeline=parted";

    // It looks when it starts; the second start looks again.
    let mut seen = json!(null);
    for _ in 0..2 {
        let mut moodbridge = Moodbridge::start(folder, ports[0], &arguments).await;
        let is_over = |it: &Value| it["items"][0]["state"] == "succeeded";
        seen = moodbridge.wait_for(path, PATIENCE, is_over).await.0;
        let listed = command_json(folder, &["--json", "pipelines", "list"]);
        assert_eq!(listed["items"][0]["schedule"], "each day at 00:00 UTC");
        let next_at = listed["items"][0]["next_at"].as_str().unwrap();
        assert!(next_at.ends_with("T00:00:00.000Z"), "{listed}");
        moodbridge.stop();
    }

    let items = seen["items"].as_array().unwrap();
    let keys: Vec<_> = items.iter().filter_map(|it| it["idempotency_key"].as_str()).collect();
    assert!(keys[0].starts_with("schedule-parted-"), "{seen}");
    // One more where midnight came between.
    let days: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!((days.len(), &items[0]["started_by"]), (items.len(), &json!("schedule")));
    assert_eq!(read(folder, "out/2026-01.csv"), "id,opened\na,2026-01-02\n");
}
