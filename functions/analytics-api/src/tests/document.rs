//! The OpenAPI document: whole, and true.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Answer, get, post, send, serve};
use crate::testing::{CASE_ID, REMOTE_ID};

pub(super) async fn document() -> Value {
    let answer = get(&serve(&Arc::default()).await, "/v1/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}

/// Checks `value` against the schema that the document gives at `pointer`.
fn assert_valid(document: &Value, pointer: &str, value: &Value, of: &str) {
    let schema = document.pointer(pointer).unwrap_or_else(|| panic!("no schema at {pointer}"));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": document["components"],
    });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<_> =
        validator.iter_errors(value).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(faults.is_empty(), "{of}: {faults:#?} in {value:#}");
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, it)| (method.clone(), path.clone(), it.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn the_document_names_every_route() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let named: Vec<_> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let named: BTreeSet<_> = named.iter().map(String::as_str).collect();
    let routes = [
        "get /v1/audit",
        "get /v1/cases",
        "get /v1/cases/{id}",
        "get /v1/cases/{id}/audit",
        "get /v1/changes",
        "get /v1/integrations",
        "get /v1/openapi.json",
        "get /v1/overview",
        "get /v1/queues",
        "get /v1/queues/{queue}/dead-letters",
        "get /v1/sync-runs",
        "post /v1/queues/{queue}/dead-letters/replay",
    ];
    assert_eq!(named, BTreeSet::from(routes));
}

#[tokio::test]
async fn every_operation_is_described_with_an_example_and_its_problems() {
    for (method, path, operation) in operations(&document().await) {
        let of = format!("{method} {path}");
        assert!(operation["operationId"].is_string(), "{of}");
        assert!(operation["summary"].as_str().is_some_and(|it| it.len() > 10), "{of}");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["400", "500", "503"] {
            let content = &responses[status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{of} {status}");
        }
        let content = responses["200"]["content"].as_object().unwrap();
        let (_, content) = content.iter().next().unwrap();
        assert!(content.get("example").is_some(), "{of} has no example");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let place = if path.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap())) {
                "path"
            } else {
                "query"
            };
            assert!(parameter["in"] == place || parameter["in"] == "header", "{of} {parameter}");
            assert!(parameter["description"].is_string(), "{of} {parameter}");
            assert!(!parameter["schema"].to_string().contains("null"), "{of} {parameter}");
        }
    }
}

#[tokio::test]
async fn every_example_is_valid_by_its_own_schema() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let Some(content) = operation["responses"]["200"]["content"].get("application/json") else {
            continue;
        };
        let escaped = path.replace('/', "~1");
        let pointer =
            format!("/paths/{escaped}/{method}/responses/200/content/application~1json/schema");
        assert_valid(&document, &pointer, &content["example"], &path);
    }
}

#[tokio::test]
async fn every_answer_is_valid_by_its_schema() {
    let document = document().await;
    let routes = serve(&Arc::default()).await;
    let replay = "/v1/queues/events/dead-letters/replay";
    let good = |path: &str| path.replace("{id}", CASE_ID).replace("{queue}", "events");
    for (method, path, operation) in operations(&document) {
        if operation["responses"]["200"]["content"].get("application/json").is_none() {
            continue;
        }
        let answer = match method.as_str() {
            "post" => post(&routes, replay, "application/json", r#"{"all":true}"#).await,
            _ => get(&routes, &good(&path)).await,
        };
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_answer(&document, &method, &path, &answer);
    }
}

#[tokio::test]
async fn every_problem_is_valid_by_its_schema() {
    let document = document().await;
    let routes = serve(&Arc::default()).await;
    for (method, path, operation) in operations(&document) {
        let bad = path.replace("{id}", REMOTE_ID).replace("{queue}", "events") + "?nonsense=1";
        let answer = match method.as_str() {
            "post" => post(&routes, &bad, "application/json", "{}").await,
            _ => get(&routes, &bad).await,
        };
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_answer(&document, &method, &path, &answer);
        if operation["responses"].get("404").is_some() {
            let missing = "00000000-5b7d-8e21-9c44-d1e0a7b6f529";
            let missing = path.replace("{id}", missing).replace("{queue}", "none");
            let answer = match method.as_str() {
                "post" => post(&routes, &missing, "application/json", "{}").await,
                _ => get(&routes, &missing).await,
            };
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
            assert_answer(&document, &method, &path, &answer);
        }
    }
}

pub(super) fn assert_answer(document: &Value, method: &str, path: &str, answer: &Answer) {
    let kind = answer.header("content-type").replace('/', "~1");
    let (escaped, status) = (path.replace('/', "~1"), answer.status.as_u16());
    let pointer = format!("/paths/{escaped}/{method}/responses/{status}/content/{kind}/schema");
    assert_valid(document, &pointer, &answer.body, path);
}

#[tokio::test]
async fn every_documented_parameter_is_taken() {
    let routes = serve(&Arc::default()).await;
    for (method, path, operation) in operations(&document().await) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (Some("query"), Some(example)) =
                (parameter["in"].as_str(), parameter.get("example"))
            else {
                continue;
            };
            if path == "/v1/changes" {
                continue;
            }
            let path = path.replace("{id}", CASE_ID).replace("{queue}", "events");
            let value = example.as_str().map_or(example.to_string(), |it| it.replace(' ', "+"));
            let query = format!("{path}?{}={value}", parameter["name"].as_str().unwrap());
            let answer = get(&routes, &query).await;
            assert_eq!(answer.status, StatusCode::OK, "{method} {query}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_client_that_has_the_document_is_not_sent_it_again() {
    let routes = serve(&Arc::default()).await;
    let first = get(&routes, "/v1/openapi.json").await;
    let tag = first.header("etag");
    assert!(tag.len() > 10, "{tag}");

    let request = Request::get("/v1/openapi.json").header("if-none-match", tag);
    let second = send(&routes, request.body(Body::empty()).unwrap()).await;

    assert_eq!(second.status, StatusCode::NOT_MODIFIED);
    assert_eq!(second.body, Value::Null);
}
