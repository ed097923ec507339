//! Faults of a running `moodbridge`, and the alert that each one fires.

use std::time::Duration;

use serde_json::{Value, json};

use crate::firm::Firm;
use crate::prometheus::Prometheus;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn message_that_nobody_can_handle_fires_dead_letters() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h", "--no-webhooks"]).await;
    let Some(prometheus) = Prometheus::start(&firm.moodbridge.url) else { return };
    // An object without a mapping can never be merged.
    post(&firm, &change("Lead", "00Q5f00000AbCdEEAV")).await;
    prometheus.wait_for("DeadLetters", LIMIT).await;
    prometheus.wait_for("NoEvents", LIMIT).await;
}

#[tokio::test]
async fn platform_that_is_gone_fires_poller_failing_and_breaker_open() {
    let firm = Firm::start(&["--empty", "--poll-every", "1s", "--no-webhooks"]).await;
    let Some(prometheus) = Prometheus::start(&firm.moodbridge.url) else { return };
    let gone = json!({"path": "/services/data", "n": 100_000, "status": 503});
    firm.switch("faults", &gone).await;
    prometheus.wait_for("BreakerOpen", LIMIT).await;
    prometheus.wait_for("PollerFailing", LIMIT).await;
}

#[tokio::test]
async fn changes_that_arrive_late_burn_the_objective() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h", "--no-webhooks"]).await;
    let Some(prometheus) = Prometheus::start(&firm.moodbridge.url) else { return };
    // The poller runs once at the start; what it reads has no lag.
    prometheus.wait_for_series("schedule_runs_total").await;
    let (one, other) = (create(&firm, "One").await, create(&firm, "Other").await);
    announce(&firm, &one).await;
    let n_cases =
        |n: usize| move |it: &Value| it["items"].as_array().is_some_and(|it| it.len() == n);
    firm.moodbridge.wait_for("/v1/cases", LIMIT, n_cases(1)).await;
    prometheus.wait_for_series("sync_lag_seconds_count").await;
    // Each read takes longer than the five seconds of the objective.
    let slow = json!({"path": "/services/data", "n": 100, "latency_ms": 6_000});
    firm.switch("faults", &slow).await;
    announce(&firm, &other).await;
    prometheus.wait_for("ObjectiveBurnsFast", LIMIT).await;
}

async fn create(firm: &Firm, subject: &str) -> String {
    firm.create("Case", json!({"Subject": subject})).await
}

/// Posts that a case changed without saying how, so that it must be read.
async fn announce(firm: &Firm, id: &str) {
    post(firm, &change("Case", id)).await;
}

async fn post(firm: &Firm, event: &Value) {
    let url = format!("{}{}", firm.moodbridge.url, firm.changes_path());
    let answer = firm.moodbridge.client.post(url).json(event).send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
}

fn change(object: &str, id: &str) -> Value {
    json!({
        "ChangeEventHeader": {
            "entityName": object, "recordIds": [id], "changeType": "GAP_UPDATE", "changeOrigin": "",
            "transactionKey": format!("t-{id}"), "sequenceNumber": 1,
            "commitTimestamp": 1_780_000_000_000_i64, "commitNumber": 1_780_000_000_000_i64,
            "commitUser": "0055f000005mc66AAA", "changedFields": [],
        },
    })
}
