//! Reports, as programs and people behind walls see them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use shared::ids::EntityId;
use shared::ports::Stance;
use shared::ports::walls_contract::sample_wall;
use tower::ServiceExt as _;

use super::document::{assert_answer, document};
use super::{Answer, ask_as, get, get_as, serve};
use crate::testing::{CASE_ID, CHAIR, Firm, READY_REPORT};

async fn order(routes: &axum::Router, token: &str, key: Option<&str>, body: &str) -> Answer {
    let headers: Vec<_> = key.map(|it| ("idempotency-key", it)).into_iter().collect();
    ask_as(routes, token, "POST", "/v1/reports", &headers, body).await
}

#[tokio::test]
async fn order_under_a_key_makes_one_report_and_is_its_owners_alone() {
    let routes = serve(&Arc::default()).await;
    let body = r#"{"report":"firm-monthly","formats":["pdf","html"]}"#;
    let first = order(&routes, CHAIR, Some("k-1"), body).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    assert_eq!(
        (&first.body["period"], &first.body["formats"]),
        (&json!("2026-10"), &json!(["html", "pdf"]))
    );
    let place = first.header("location").to_owned();
    assert_eq!(place, format!("/v1/reports/{}", first.body["id"].as_str().unwrap()));
    let again = order(&routes, CHAIR, Some("k-1"), body).await;
    assert_eq!((again.status, &again.body["id"]), (StatusCode::OK, &first.body["id"]));
    assert_answer(&document().await, "post", "/v1/reports", &again);

    assert_eq!(get(&routes, &place).await.body["state"], "queued");
    let other = get_as(&routes, &place, "lea.lawyer").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let link = get(&routes, &format!("{place}/link")).await;
    assert_eq!(
        (link.status, &link.body["type"]),
        (StatusCode::CONFLICT, &json!("urn:moodbridge:problem:report-state"))
    );
}

#[tokio::test]
async fn ready_report_is_linked_and_read() {
    let routes = serve(&Arc::default()).await;
    let path = format!("/v1/reports/{READY_REPORT}");
    let link = get(&routes, &format!("{path}/link?format=csv")).await.body;
    assert_eq!(link["name"], "firm-monthly-2026-10-by_period.csv");
    assert_eq!(link["link"]["url"], format!("{path}/content?format=csv&table=by_period"));
    assert_eq!(link["link"]["expires_at"], json!(null));
    let url = link["link"]["url"].as_str().unwrap();
    let request = Request::get(url).header("authorization", format!("Bearer {CHAIR}"));
    let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    assert_eq!(&body.collect().await.unwrap().to_bytes()[..], b"a,b");
    for (name, value) in [
        ("content-type", "text/csv; charset=utf-8"),
        ("content-length", "3"),
        ("content-security-policy", "sandbox"),
        ("content-disposition", "attachment; filename=\"firm-monthly-2026-10-by_period.csv\""),
    ] {
        assert_eq!(parts.headers[name], value, "{name}");
    }
    let missing = get(&routes, &format!("{path}/link?format=pdf")).await;
    assert_eq!(missing.faults()[0].0, "format");
    let listed = get_as(&routes, "/v1/reports?kind=firm", "lea.lawyer").await.body;
    assert_eq!(listed["items"][0]["id"], READY_REPORT);
}

#[tokio::test]
async fn whoever_is_screened_from_a_case_gets_no_report_that_counts_it() {
    let firm = Arc::<Firm>::default();
    let case = EntityId::parse(CASE_ID).unwrap();
    let body = json!({"report": "case-file", "subject": CASE_ID}).to_string();
    let routes = serve(&firm).await;
    let before = order(&routes, "lea.lawyer", None, &body).await;
    assert_eq!(before.status, StatusCode::ACCEPTED, "{}", before.body);
    let place = format!("/v1/reports/{}", before.body["id"].as_str().unwrap());

    firm.walls.lock().unwrap().push(sample_wall(&case, "lea", Stance::Screened));

    for path in [place.as_str(), &format!("{place}/link"), &format!("/v1/reports/{READY_REPORT}")] {
        let answer = get_as(&routes, path, "lea.lawyer").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let refused = order(&routes, "lea.lawyer", None, &body).await;
    let unknown = body.replace(CASE_ID, "00000000-5b7d-8e21-9c44-d1e0a7b6f529");
    let unknown = order(&routes, "lea.lawyer", None, &unknown).await;
    assert_eq!(
        (refused.status, unknown.status),
        (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST)
    );
    assert_eq!(refused.faults()[0].1, format!("there is no case `{CASE_ID}`"));
    let own = order(&routes, "lea.lawyer", None, r#"{"report":"firm-monthly"}"#).await;
    assert_eq!(own.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn report_of_a_pipeline_asks_for_the_permission_to_see_runs() {
    let routes = serve(&Arc::default()).await;
    let body = r#"{"report":"pipeline-weekly","subject":"clean-cases"}"#;
    let refused = order(&routes, "lea.lawyer", None, body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let never = order(&routes, "ana.analyst", None, body).await;
    assert_eq!(never.faults(), [("subject", "the pipeline `clean-cases` has never run")]);
}

#[tokio::test]
async fn wrong_order_names_each_fault() {
    let routes = serve(&Arc::default()).await;
    let told = order(&routes, CHAIR, Some("a b"), r#"{"formats":["doc"],"period":5,"x":1}"#).await;
    let fields: Vec<_> = told.faults().into_iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(fields, ["x", "period", "formats", "Idempotency-Key"]);
    let told = order(&routes, CHAIR, None, r#"{"report":"firm-montly"}"#).await;
    assert!(told.faults()[0].1.contains("did you mean `firm-monthly`?"), "{}", told.body);
    let told = order(&routes, CHAIR, None, r#"{"report":"firm-monthly","period":"2099-01"}"#).await;
    assert_eq!(told.faults()[0].0, "period");
}
