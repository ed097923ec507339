//! Changes travel both ways between the API and a Salesforce org, once each.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;

const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for an echo to come by every channel.
const SILENCE: Duration = Duration::from_secs(3);

async fn start() -> Firm {
    Firm::start(&["--empty", "--events", "both", "--poll-every", "500ms"]).await
}

/// Sends `body` to `path`, as an admin, and returns the answer, which must be a success.
async fn send(firm: &Firm, method: Method, path: &str, body: &Value) -> Value {
    let answer = firm.moodbridge.request(method, path).json(body).send().await.unwrap();
    let status = answer.status();
    let answer: Value = answer.json().await.unwrap_or(Value::Null);
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// Makes a case over there and waits until it is here.
async fn case(firm: &Firm, title: &str) -> (String, String) {
    let id = firm.create("Case", json!({"Subject": title})).await;
    let path = format!("/v1/cases/{id}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == title).await;
    (id, path)
}

/// Waits until nothing of the row waits to be sent.
async fn settled(firm: &Firm, path: &str) -> Value {
    let is_settled = |it: &Value| it["outbox"].is_null() && it["record_id"].is_string();
    firm.moodbridge.wait_for(&format!("{path}/sync"), PATIENCE, is_settled).await.0
}

#[tokio::test]
async fn edit_here_is_one_write_there_and_then_silence() {
    let firm = start().await;
    let (id, path) = case(&firm, "Doe v. Roe").await;
    let body = json!({"status": "Discovery", "court": "Superior Court"});
    let answer = send(&firm, Method::PATCH, &path, &body).await;
    assert_eq!(answer["is_changed"], true);

    let is_there = |it: &Value| it["Status"] == "Discovery" && it["Court__c"] == "Superior Court";
    let (written, _) = firm.wait_for_record("Case", &id, PATIENCE, is_there).await;
    settled(&firm, &path).await;
    tokio::time::sleep(SILENCE).await;

    let after = firm.record("Case", &id).await;
    assert_eq!(after["SystemModstamp"], written["SystemModstamp"], "it was written twice");
    let seen = firm.moodbridge.get(&format!("{path}/audit")).await;
    let actors: Vec<_> = seen["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{seen}"))
        .iter()
        .map(|it| it["actor"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(actors.iter().filter(|it| it.starts_with("person:")).count(), 1, "{actors:?}");
    // The record as it was made; the answer to our own write changes nothing here.
    assert_eq!(actors.iter().filter(|it| it.starts_with("salesforce:")).count(), 1, "{actors:?}");
}

#[tokio::test]
async fn new_rows_are_made_there_the_parent_first() {
    let firm = start().await;
    let moodbridge = &firm.moodbridge;
    let account = send(&firm, Method::POST, "/v1/accounts", &json!({"name": "Roe Ltd"})).await;
    let account_id = account["row"]["id"].as_str().unwrap().to_owned();
    let body = json!({"title": "Doe v. Roe", "account_id": account_id});
    let case = send(&firm, Method::POST, "/v1/cases", &body).await;
    let case_path = format!("/v1/cases/{}", case["row"]["id"].as_str().unwrap());

    let account = settled(&firm, &format!("/v1/accounts/{account_id}")).await;
    let case = settled(&firm, &case_path).await;
    let record = firm.record("Case", case["record_id"].as_str().unwrap()).await;
    assert_eq!(record["Subject"], "Doe v. Roe");
    assert_eq!(record["AccountId"], account["record_id"]);
    // What the org gave it comes back: its number, and when it was opened.
    let has_number = |it: &Value| it["case_number"].is_string();
    moodbridge.wait_for(&case_path, PATIENCE, has_number).await;
}

#[tokio::test]
async fn later_change_wins_and_the_other_is_explained() {
    let firm = start().await;
    let (id, path) = case(&firm, "Doe v. Roe").await;
    send(&firm, Method::PATCH, &path, &json!({"court": "Superior Court"})).await;
    // Versions are whole seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    firm.update("Case", &id, json!({"Court__c": "Supreme Court"})).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["court"] == "Supreme Court").await;
    settled(&firm, &path).await;
    assert_eq!(firm.record("Case", &id).await["Court__c"], "Supreme Court");
}

#[tokio::test]
async fn delete_and_restore_travel_to_the_org() {
    let firm = start().await;
    let (id, path) = case(&firm, "Doe v. Roe").await;
    send(&firm, Method::DELETE, &path, &json!({})).await;
    firm.wait_for_record("Case", &id, PATIENCE, Value::is_null).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["is_deleted"] == true).await;
    settled(&firm, &path).await;
    send(&firm, Method::POST, &format!("{path}/restore"), &json!({})).await;
    firm.wait_for_record("Case", &id, PATIENCE, |it| it["Subject"] == "Doe v. Roe").await;
}

#[tokio::test]
async fn refused_record_waits_with_its_reason_and_goes_when_it_is_mended() {
    let firm = start().await;
    let (id, path) = case(&firm, "Doe v. Roe").await;
    let rule = json!({
        "object": "Case", "field": "Court__c", "must_not_be": "Moot",
        "message": "No moot courts.", "at_field": true,
    });
    let policy = |rules: Value| json!({"validation_rules": rules});
    firm.switch_by(Method::PUT, "policy", &policy(json!([rule]))).await;
    send(&firm, Method::PATCH, &path, &json!({"court": "Moot"})).await;
    let is_one = |it: &Value| it["items"].as_array().is_some_and(|it| it.len() == 1);
    let (failed, _) = firm.moodbridge.wait_for("/v1/outbox?status=failed", PATIENCE, is_one).await;
    let setback = &failed["items"][0]["setback"];
    assert_eq!(setback["code"], "FIELD_CUSTOM_VALIDATION_EXCEPTION", "{failed}");
    assert_eq!(setback["fields"], json!(["Court__c"]), "{failed}");
    let listed = command_json(firm.folder.path(), &["--json", "sync", "failed"]);
    assert_eq!(listed["items"][0]["record_id"], json!(id), "{listed}");

    firm.switch_by(Method::PUT, "policy", &policy(json!([]))).await;
    command_json(firm.folder.path(), &["--json", "sync", "resend", "sandbox"]);
    firm.wait_for_record("Case", &id, PATIENCE, |it| it["Court__c"] == "Moot").await;
}

#[tokio::test]
async fn plan_tells_what_a_pass_would_do_and_comparison_finds_both_sides_equal() {
    let firm = start().await;
    let (_, path) = case(&firm, "Doe v. Roe").await;
    send(&firm, Method::PATCH, &path, &json!({"status": "Discovery"})).await;
    settled(&firm, &path).await;
    let folder = firm.folder.path();

    let plan = command_json(folder, &["--json", "sync", "plan"]);
    for object in plan["objects"].as_array().unwrap() {
        assert_eq!(
            (&object["here"]["n_writes"], &object["there"]["n_writes"]),
            (&json!(0), &json!(0)),
            "{plan}"
        );
    }
    let compared = command(folder, &["--json", "sync", "reconcile"]);
    let text = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{text}{}", String::from_utf8_lossy(&compared.stderr));
    let compared: Value = serde_json::from_str(&text).unwrap();
    let case = compared["objects"].as_array().unwrap().iter().find(|it| it["object"] == "Case");
    let case = case.unwrap();
    assert_eq!(
        (&case["outcome"], &case["n_here"], &case["n_there"]),
        (&json!("equal"), &json!(1), &json!(1))
    );
}
