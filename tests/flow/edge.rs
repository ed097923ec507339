//! What the listener shows, to whom, and under which names.

use std::time::Duration;

use serde_json::json;

use crate::firm::Firm;
use crate::moodbridge::{Moodbridge, free_port};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn webhook_token_stands_in_no_log_line_no_metric_and_no_answer() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h", "--log", "trace"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;
    let hook = firm.changes_path();
    let token = hook.rsplit('/').next().unwrap();

    let client = &firm.moodbridge.client;
    let mut shown = String::new();
    for path in [hook.clone(), format!("{hook}/"), format!("/hooks/{token}")] {
        let url = format!("{}{path}", firm.moodbridge.url);
        for request in [client.get(&url), client.post(&url).body("{"), client.post(&url)] {
            let answer = request.header("content-type", "application/json").send().await.unwrap();
            assert!(answer.status().is_client_error(), "{}", answer.status());
            shown.push_str(&answer.text().await.unwrap());
        }
    }
    let metrics = client.get(format!("{}/metrics", firm.moodbridge.url)).send().await.unwrap();
    shown.push_str(&metrics.text().await.unwrap());

    assert!(!shown.contains(token), "{shown}");
    let log = firm.moodbridge.log();
    assert!(log.contains("queued 1 events of a webhook"), "the log is not of this run");
    let line = log.lines().find(|line| line.contains(token));
    assert_eq!(line, None);
}

#[tokio::test]
async fn metrics_tell_of_intake_queue_sync_platform_and_http() {
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    let url = format!("{}/metrics", firm.moodbridge.url);
    let deadline = std::time::Instant::now() + PATIENCE;
    for name in ["intake_", "queue_", "sync_", "platform_", "http_requests_", "poller_"] {
        // The webhook may be faster than the first run of the poller.
        loop {
            let page = firm.moodbridge.client.get(&url).send().await.unwrap().text().await.unwrap();
            if page.lines().any(|line| line.starts_with(name)) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "no `{name}` in\n{page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const SETTINGS: &str = r#"
    [server]
    address = "127.0.0.1:PORT"
    allowed_hosts = ["bridge.example"]
    [api]
    cors_origins = ["https://dashboard.example"]
"#;

#[tokio::test]
async fn listed_origins_and_names_take_effect_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let settings = SETTINGS.replace("PORT", &port.to_string());
    std::fs::write(folder.path().join("moodbridge.toml"), settings).unwrap();
    std::fs::create_dir(folder.path().join(".moodbridge")).unwrap();
    crate::firm::command_json(folder.path(), &["--json", "db", "migrate"]);
    let moodbridge = Moodbridge::start(folder.path(), port, &["serve"]).await;
    let ask = async |name: &str, value: &str| {
        moodbridge.ask("/v1/overview").header(name, value).send().await.unwrap()
    };

    let allowed = "access-control-allow-origin";
    let answer = ask("origin", "https://dashboard.example").await;
    assert_eq!(answer.headers()[allowed], "https://dashboard.example");
    let answer = ask("origin", "https://other.example").await;
    assert!(!answer.headers().contains_key(allowed));

    assert_eq!(ask("host", "bridge.example").await.status(), 200);
    assert_eq!(ask("host", "evil.example").await.status(), 421);
}
