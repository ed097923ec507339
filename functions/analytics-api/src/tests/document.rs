//! The OpenAPI document: whole, and true.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Answer, get, send, serve};
use crate::testing::{
    CHAIR, FAILED_RUN, FILED, QUEUED_RUN, READY_REPORT, ROWS, SENT, Shelf, draft, refused_record,
};

pub(super) async fn document() -> Value {
    let answer = get(&serve(&Arc::default()).await, "/v1/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["openapi"], "3.1.0");
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

pub(super) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, it)| (method.clone(), path.clone(), it.clone()))
    });
    operations.collect()
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
        if responses.contains_key("204") {
            assert!(responses["204"].get("content").is_none(), "{of}");
        } else {
            let content = responses["200"]["content"].as_object().unwrap();
            let (_, content) = content.iter().next().unwrap();
            assert!(content.get("example").is_some(), "{of} has no example");
        }
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

/// Fills the places of a path with what is there.
pub(super) fn good(path: &str) -> String {
    let [row, deleted, _] = rows_of(path);
    let id = if path.ends_with("/restore") { deleted } else { row };
    let filed = draft(FILED).id;
    let id = if path.starts_with("/v1/documents/") { filed.as_str() } else { id };
    let id = match path.strip_prefix("/v1/pipelines/runs/") {
        Some(rest) if rest.ends_with("/cancel") => QUEUED_RUN,
        Some(_) => FAILED_RUN,
        None => id,
    };
    let id = if path.starts_with("/v1/reports/") { READY_REPORT } else { id };
    path.replace("{id}", id)
        .replace("{upload}", &Shelf::default().upload)
        .replace("{number}", "0")
        .replace("{queue}", "events")
        .replace("{name}", "clean-cases")
        .replace("{metric}", "cases_opened")
        .replace("{query}", "open_cases_by_court")
        .replace("{person}", "ben")
        .replace("{conflict}", "1")
        .replace("{record}", &refused_record())
}

/// Returns the rows of the kind that `path` is about.
fn rows_of(path: &str) -> [&'static str; 3] {
    let kind = path.split('/').nth(2).unwrap_or_default().trim_end_matches('s');
    let found = ROWS.into_iter().find(|(entity, _)| entity.as_str() == kind);
    found.map_or(ROWS[2].1, |(_, ids)| ids)
}

/// Returns what the operation at `path` takes.
pub(super) fn good_body(path: &str) -> String {
    let sha256 = draft(SENT).sha256;
    let body = match path {
        it if it.ends_with("/uploads") => {
            return json!({"name": "Order.pdf", "size_bytes": 3, "sha256": sha256}).to_string();
        }
        it if it.ends_with("/links") => {
            return json!({"parts": [{"number": 0, "sha256": sha256}]}).to_string();
        }
        it if it.ends_with("/complete") => {
            let etag = Shelf::default().etag;
            return json!({"parts": [{"etag": etag, "sha256": sha256}]}).to_string();
        }
        it if it.contains("/parts/") => "abc",
        it if it.ends_with("/merge") => return format!(r#"{{"into":"{}"}}"#, rows_of(path)[2]),
        it if it.ends_with("/conflicts/resolve") => r#"{"choice":"local","all":true}"#,
        it if it.ends_with("/resolve") => r#"{"status":"local"}"#,
        it if it.ends_with("/allow-deletes") => r#"{"connection":"main","object":"Case"}"#,
        it if it.ends_with("/resend") || it.ends_with("/restore") => "{}",
        it if it.ends_with("/retry") || it.ends_with("/cancel") || it.ends_with("/runs") => "{}",
        it if it.starts_with("/v1/pipelines/") => {
            r#"{"rows":[{"line":5,"row":{"Case Id":"a","opened":"2026-02-01"}}]}"#
        }
        it if it.ends_with("/replay") => r#"{"all":true}"#,
        it if it.ends_with("/changes") => {
            r#"{"expected_version":1,"reason":"a test","set":{"poll.lag":"9s"}}"#
        }
        "/v1/reports" => r#"{"report":"firm-monthly"}"#,
        it if it.ends_with("/undo") => r#"{"version":1}"#,
        it if it.contains("/walls/") => {
            r#"{"stance":"screened","reason":"advised the other side"}"#
        }
        it if it.contains("/contacts") => r#"{"last_name":"Doe"}"#,
        _ => r#"{"description":"Two children."}"#,
    };
    body.to_owned()
}

async fn ask(routes: &Router, method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method.to_ascii_uppercase().as_str())
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {CHAIR}"));
    send(routes, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn every_answer_is_valid_by_its_schema() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        if operation["responses"]["200"]["content"].get("application/json").is_none() {
            continue;
        }
        let routes = serve(&Arc::default()).await;
        let answer = ask(&routes, &method, &good(&path), &good_body(&path)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
        assert_answer(&document, &method, &path, &answer);
    }
}

#[tokio::test]
async fn every_problem_is_valid_by_its_schema() {
    let document = document().await;
    let routes = serve(&Arc::default()).await;
    for (method, path, operation) in operations(&document) {
        let answer = ask(&routes, &method, &(good(&path) + "?nonsense=1"), "{}").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_answer(&document, &method, &path, &answer);
        if operation["responses"].get("404").is_some() {
            let missing = "00000000-5b7d-8e21-9c44-d1e0a7b6f529";
            let missing = path
                .replace("{id}", missing)
                .replace("{queue}", "none")
                .replace("{name}", "none")
                .replace("{metric}", "none")
                .replace("{query}", "none");
            let missing = missing.replace("{conflict}", "99").replace("{record}", "main.Case.none");
            let missing = good(&missing);
            let body = good_body(&path).replace(r#""version":1"#, r#""version":99"#);
            let body = body.replace(r#""object":"Case""#, r#""object":"Nothing""#);
            let body = body.as_str();
            let answer = ask(&routes, &method, &missing, body).await;
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
            // A stream, and a file that is no JSON: tests of their own ask for them.
            if path == "/v1/changes" || path == "/v1/reports/{id}/content" {
                continue;
            }
            let path = good(&path);
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
