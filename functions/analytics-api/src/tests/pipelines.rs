//! Pipelines and their runs, as programs see them.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;

use super::document::{assert_answer, document};
use super::{Answer, ask_as, get, get_as, serve};
use crate::testing::{CHAIR, FAILED_RUN, QUEUED_RUN};

async fn post(routes: &axum::Router, path: &str, key: Option<&str>, body: &str) -> Answer {
    let headers: Vec<_> = key.map(|it| ("idempotency-key", it)).into_iter().collect();
    ask_as(routes, CHAIR, "POST", path, &headers, body).await
}

#[tokio::test]
async fn broken_pipeline_is_listed_with_its_fault_beside_the_others() {
    let routes = serve(&Arc::default()).await;
    let listed = get_as(&routes, "/v1/pipelines", "olga.operator").await;
    let items = listed.body["items"].as_array().unwrap();
    assert_eq!(items[0]["name"], "broken");
    assert_eq!(items[0]["is_valid"], false);
    assert_eq!(items[0]["faults"][0]["file"], "broken.yaml");
    assert_eq!(items[1]["about"], "Cases as the court sends them.");
    assert_eq!(items[1]["last_run"]["id"], QUEUED_RUN);
    assert_eq!(items[0]["schedule"], json!(null));
    let schedule = json!({"text": "each Monday and Friday at 06:00 UTC", "next_at": "2026-11-23T06:00:00.000Z"});
    assert_eq!(items[1]["schedule"], schedule);
    assert_answer(&document().await, "get", "/v1/pipelines", &listed);

    let shown = get(&routes, "/v1/pipelines/clean-cases").await.body;
    assert_eq!((&shown["checked"], &shown["schedule"]), (&json!("structure"), &schedule));
    let definition = &shown["definition"];
    assert_eq!(definition["lineage"][2]["column"], "year");
    assert_eq!(definition["lineage"][2]["from"], json!(["opened"]));
    assert_eq!(definition["rules"][0]["action"], "quarantine");
}

#[tokio::test]
async fn order_under_a_key_starts_one_run() {
    let routes = serve(&Arc::default()).await;
    let path = "/v1/pipelines/clean-cases/runs";
    let first = post(&routes, path, Some("night-1"), "").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    let id = first.body["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), format!("/v1/pipelines/runs/{id}"));

    let again = post(&routes, path, None, r#"{"idempotency_key":"night-1"}"#).await;
    assert_eq!((again.status, &again.body["id"]), (StatusCode::OK, &json!(id)));
    assert_answer(&document().await, "post", "/v1/pipelines/{name}/runs", &again);

    let queued = get(&routes, "/v1/pipelines/runs?state=queued&limit=2").await.body;
    let ids: Vec<_> = queued["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&&json!(id)) && ids.contains(&&json!(QUEUED_RUN)));
}

#[tokio::test]
async fn run_is_shown_retried_and_cancelled_as_it_stands() {
    let routes = serve(&Arc::default()).await;
    let failed = format!("/v1/pipelines/runs/{FAILED_RUN}");
    let shown = get(&routes, &failed).await.body;
    assert_eq!(shown["counts"]["n_rejected"], 1);
    assert_eq!(shown["rules"][0]["n_failed"], 1);
    assert_eq!(shown["partitions"][0]["state"], "failed");

    let ended = post(&routes, &format!("{failed}/cancel"), None, "").await;
    assert_eq!(ended.status, StatusCode::CONFLICT);
    assert_eq!(ended.body["type"], "urn:moodbridge:problem:run-state");
    let retried = post(&routes, &format!("{failed}/retry"), None, "").await.body;
    assert_eq!((&retried["round"], &retried["state"]), (&json!(2), &json!("queued")));
    let cancelled = post(&routes, &format!("{failed}/cancel"), None, "").await.body;
    assert_eq!(cancelled["state"], "cancelled");
}

#[tokio::test]
async fn quality_is_told_by_runs_with_a_verdict() {
    let routes = serve(&Arc::default()).await;
    let answer = get(&routes, "/v1/pipelines/clean-cases/quality?runs=5").await;
    assert_answer(&document().await, "get", "/v1/pipelines/{name}/quality", &answer);
    let items = answer.body["items"].as_array().unwrap();
    let states: Vec<_> = items.iter().map(|it| (&it["state"], &it["passed_percent"])).collect();
    assert_eq!(states, [(&json!("refused"), &json!(90.0))]);
    let rule = json!({
        "rule": "not_null_opened", "action": "quarantine", "n_checked": 10, "n_failed": 1, "n_runs": 1, "n_runs_broken": 1
    });
    assert_eq!(answer.body["rules"], json!([rule]));
    assert_eq!(answer.body["is_cut"], false);

    let missing = get(&routes, "/v1/pipelines/clean-case/quality").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let none = get(&routes, "/v1/pipelines/broken/quality").await;
    assert_eq!((none.status, &none.body["items"]), (StatusCode::OK, &json!([])));
}

#[tokio::test]
async fn order_that_cannot_be_names_each_fault() {
    let routes = serve(&Arc::default()).await;
    let broken = post(&routes, "/v1/pipelines/broken/runs", None, "{}").await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", broken.body);
    let missing = post(&routes, "/v1/pipelines/clean-case/runs", None, "{}").await;
    assert!(missing.body["detail"].as_str().unwrap().contains("did you mean `clean-cases`?"));

    let path = "/v1/pipelines/clean-cases/runs";
    let body = r#"{"partitions":"a","idempotency_key":"a b"}"#;
    let answer = post(&routes, path, None, body).await;
    let fields: Vec<_> = answer.faults().into_iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(fields, ["idempotency_key", "partitions"]);
    let path = "/v1/pipelines/clean-cases/replay";
    let body = r#"{"rows":[{"line":5,"row":{"Case Id":"a"}},{"row":[]}]}"#;
    let answer = post(&routes, path, None, body).await;
    assert_eq!(answer.faults()[0].0, "rows.1");
    let answer = post(&routes, path, None, r#"{"rows":[{"line":5,"row":{"Case Id":"a"}}]}"#).await;
    let message = "line 5: the row lacks the column `opened`: write it whole";
    assert_eq!(answer.faults(), [("body", message)]);
}
