//! Changes of a Salesforce org arrive, by webhook and by poller.

use std::time::Duration;

use serde_json::json;

use crate::firm::Firm;

/// The promise, and what a busy machine may add to it.
const PROMISE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn edit_arrives_by_webhook_within_a_second() {
    let firm = Firm::start(&["--empty", "--events", "webhooks", "--poll-every", "1h"]).await;
    let account = firm.create("Account", json!({"Name": "Roe Ltd"})).await;
    let case = firm
        .create(
            "Case",
            json!({"Subject": "Doe v. Roe", "AccountId": account, "Docket_Number__c": "D-1"}),
        )
        .await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    firm.update("Case", &case, json!({"Status": "Trial", "Court__c": "Superior Court"})).await;
    let (seen, took) =
        firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Trial").await;

    assert!(took < PROMISE, "took {took:?}");
    assert_eq!(seen["court"], "Superior Court");
    assert_eq!(seen["account_name"], "Roe Ltd");
    let titles: Vec<_> =
        seen["timeline"].as_array().unwrap().iter().map(|it| &it["title"]).collect();
    assert!(titles.contains(&&json!("Status changed from New to Trial")), "{titles:?}");
}

#[tokio::test]
async fn edit_arrives_by_poller_when_webhooks_are_off() {
    let firm = Firm::start(&["--empty", "--no-webhooks", "--poll-every", "200ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    firm.update("Case", &case, json!({"Status": "Trial"})).await;
    let (_, took) = firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Trial").await;
    assert!(took < PROMISE, "took {took:?}");
}

#[tokio::test]
async fn several_edits_within_one_second_end_in_the_last_one() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let case = firm.create("Case", json!({"Subject": "0"})).await;
    for edit in 1..=20 {
        firm.update("Case", &case, json!({"Subject": edit.to_string()})).await;
    }
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "20").await;
}

#[tokio::test]
async fn delete_and_undelete_arrive() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == false).await;

    firm.delete("Case", &case).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == true).await;
    firm.switch(&format!("undelete/{case}"), &json!({})).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == false).await;
}

#[tokio::test]
async fn changes_that_webhooks_lost_are_found_by_the_poller() {
    let firm = Firm::start(&["--empty", "--events", "webhooks", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;

    firm.switch("webhooks", &json!({"enabled": false})).await;
    firm.update("Case", &case, json!({"Status": "Settled"})).await;
    let (seen, _) = firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Settled").await;
    assert_eq!(seen["is_closed"], true);
}

#[tokio::test]
async fn whole_firm_is_loaded_and_moves() {
    let firm = Firm::start(&[]).await;
    let limit = Duration::from_secs(180);
    let (seen, _) = firm
        .moodbridge
        .wait_for("/v1/overview", limit, |it| it["n_cases"].as_u64() >= Some(10_000))
        .await;
    assert_eq!(seen["n_accounts"], 1000);
    assert_eq!(seen["n_contacts"], 3000);
    let n_by_status: u64 = seen["by_status"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["n_cases"].as_u64().unwrap())
        .sum();
    assert_eq!(n_by_status, seen["n_cases"].as_u64().unwrap());

    assert_metrics_agree(&firm, &seen).await;

    assert_eq!(seen["sync_lag"]["n_samples"], 0, "the first full read says nothing about the lag");

    let before = seen["last_change_at"].clone();
    firm.switch("activity", &json!({"per_second": 20})).await;
    let has_moved = |it: &serde_json::Value| {
        it["last_change_at"] != before && it["sync_lag"]["n_samples"].as_u64() >= Some(1)
    };
    firm.moodbridge.wait_for("/v1/overview", PATIENCE, has_moved).await;
}

/// Metrics count what the first page counts, grouped or not, and are forecast.
async fn assert_metrics_agree(firm: &Firm, overview: &serde_json::Value) {
    let sum = |metric: &serde_json::Value| -> f64 {
        let groups = metric["groups"].as_array().unwrap();
        let points = groups.iter().flat_map(|it| it["points"].as_array().unwrap());
        points.map(|it| it["value"].as_f64().unwrap()).sum()
    };
    let n_cases = overview["n_cases"].as_f64().unwrap();
    for query in ["periods=400", "periods=400&by=practice_area", "grain=week&periods=400"] {
        let opened = firm.moodbridge.get(&format!("/v1/metrics/cases_opened?{query}")).await;
        assert!((sum(&opened) - n_cases).abs() < 0.5, "{query}: {}", sum(&opened));
    }
    let open = firm.moodbridge.get("/v1/metrics/cases_open?periods=1").await;
    let n_open = overview["n_open_cases"].as_f64().unwrap();
    assert!((sum(&open) - n_open).abs() < 0.5, "{} {n_open}", sum(&open));
    let ahead = firm.moodbridge.get("/v1/metrics/cases_opened/forecast?periods=3").await;
    assert_eq!(ahead["points"].as_array().unwrap().len(), 3, "{ahead}");
    assert!(ahead["back_tests"][0]["mean_error"].as_f64().unwrap() > 0.0, "{ahead}");
}
