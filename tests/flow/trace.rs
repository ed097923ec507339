//! One correlation id from the webhook to the audit row, and the pages for machines.

use std::time::Duration;

use serde_json::{Value, json};

use crate::firm::Firm;

const PATIENCE: Duration = Duration::from_secs(20);

fn change(record_id: &str, at_ms: i64, title: &str) -> Value {
    json!({
        "ChangeEventHeader": {
            "entityName": "Case", "recordIds": [record_id], "changeType": "CREATE",
            "changeOrigin": "", "transactionKey": format!("t-{at_ms}"), "sequenceNumber": 1,
            "commitTimestamp": at_ms, "commitNumber": at_ms, "commitUser": "0055f000005mc66AAA",
            "changedFields": [],
        },
        "Subject": title,
    })
}

#[tokio::test]
async fn correlation_id_of_the_sender_stands_in_the_audit_row() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let id = "5005f00000AbCdEAAV";
    let answer = firm
        .moodbridge
        .client
        .post(format!("{}{}", firm.moodbridge.url, firm.changes_path()))
        .header("content-type", "application/json")
        .header("x-correlation-id", "trace-me-42")
        .body(change(id, 1_780_000_000_000, "Traced").to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());

    let path = format!("/v1/cases/{id}/audit");
    let (seen, _) = firm
        .moodbridge
        .wait_for(&path, PATIENCE, |it| it["items"].as_array().is_some_and(|it| !it.is_empty()))
        .await;
    assert_eq!(seen["items"][0]["correlation_id"], "trace-me-42");
    assert_eq!(seen["items"][0]["kind"], "created");
    assert_eq!(seen["items"][0]["channel"], "change_event");
}

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let firm = Firm::start(&["--empty"]).await;
    assert_eq!(firm.moodbridge.get("/healthz").await["status"], "alive");
    assert_eq!(firm.moodbridge.get("/readyz").await["status"], "ready");
    firm.create("Case", json!({"Subject": "Counted"})).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let url = format!("{}/metrics", firm.moodbridge.url);
        let page = firm.moodbridge.client.get(url).send().await.unwrap().text().await.unwrap();
        if page.contains("sync_events_total") && page.contains("# TYPE") {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn dashboard_is_served_with_its_policy() {
    let firm = Firm::start(&["--empty"]).await;
    let answer = firm.moodbridge.client.get(&firm.moodbridge.url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("content-security-policy"));
    assert!(answer.text().await.unwrap().contains("<div id=\"app\""));
}

#[tokio::test]
async fn stop_lets_work_in_hand_finish() {
    let mut firm = Firm::start(&["--empty"]).await;
    assert_eq!(firm.moodbridge.stop(), Some(0), "{}", firm.moodbridge.log());
}
