//! What can never succeed is set aside with its reason, and can be sent again.

use std::time::Duration;

use serde_json::json;

use crate::firm::{Firm, command_json};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn event_of_an_unknown_object_is_set_aside_shown_and_replayed() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let event = json!({
        "ChangeEventHeader": {
            "entityName": "Lead", "recordIds": ["00Q5f00000AbCdEEAV"], "changeType": "CREATE",
            "transactionKey": "t-1", "sequenceNumber": 1, "commitTimestamp": 1_780_000_000_000_i64,
            "commitNumber": 1, "commitUser": "0055f000005mc66AAA", "changedFields": [],
        },
        "LastName": "Doe",
    });
    let answer = firm
        .moodbridge
        .client
        .post(format!("{}{}", firm.moodbridge.url, firm.changes_path()))
        .header("content-type", "application/json")
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());

    let path = "/v1/queues/events/dead-letters";
    let (seen, _) = firm
        .moodbridge
        .wait_for(path, PATIENCE, |it| it["items"].as_array().is_some_and(|it| !it.is_empty()))
        .await;
    let reason = seen["items"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("object `Lead` has no mapping"), "{reason}");

    let folder = firm.folder.path();
    let listed = command_json(folder, &["--json", "queue", "dead"]);
    assert_eq!(listed["items"][0]["id"], seen["items"][0]["id"]);
    let replayed = command_json(folder, &["--json", "queue", "replay", "--all"]);
    assert_eq!(replayed["n_replayed"], 1);
    firm.moodbridge
        .wait_for(path, PATIENCE, |it| it["items"].as_array().is_some_and(|it| !it.is_empty()))
        .await;
}
