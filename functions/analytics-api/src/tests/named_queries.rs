//! Named queries: what there are, and their answers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use shared::ports::Stance;
use shared::ports::Walls as _;
use shared::ports::walls_contract::sample_wall;

use super::store::Laptop;
use super::{get, get_as, send, serve};
use crate::testing::{CASE_ID, CHAIR, Firm};

const PATH: &str = "/v1/queries/open_cases_by_court";

#[tokio::test]
async fn queries_are_listed_with_what_may_be_given() {
    let answer = get(&serve(&Arc::default()).await, "/v1/queries").await;
    let items = answer.body["items"].as_array().unwrap();
    assert_eq!((answer.status, items.len()), (StatusCode::OK, 20));
    let stale = items.iter().find(|it| it["name"] == "stale_cases").unwrap();
    assert_eq!(
        (&stale["parameters"][0]["name"], &stale["parameters"][0]["type"]),
        (&"days".into(), &"long".into())
    );
    assert_eq!(stale["parameters"][0]["default"], "90");
    assert!(stale.get("sql").is_none());
}

#[tokio::test]
async fn answer_has_columns_and_rows_and_is_cut_where_asked() {
    let routes = serve(&Arc::default()).await;
    let answer = get(&routes, &format!("{PATH}?limit=2")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["columns"][1], serde_json::json!({"name": "n_cases", "type": "long"}));
    assert_eq!(answer.body["rows"][0], serde_json::json!({"court": "King", "n_cases": 1}));
    let n_rows = answer.body["rows"].as_array().unwrap().len();
    assert_eq!((n_rows, &answer.body["is_cut"]), (2, &true.into()));
    assert_eq!(get(&routes, PATH).await.body["is_cut"], false);
}

#[tokio::test]
async fn client_that_has_the_answer_is_not_sent_it_again() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let first = get(&routes, PATH).await;
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let again = async || {
        let request = Request::get(PATH)
            .header("authorization", format!("Bearer {CHAIR}"))
            .header("if-none-match", first.header("etag"));
        send(&routes, request.body(Body::empty()).unwrap()).await
    };
    let second = again().await;
    assert_eq!(
        (second.status, second.header("etag")),
        (StatusCode::NOT_MODIFIED, first.header("etag"))
    );

    let id = shared::ids::EntityId::parse(CASE_ID).unwrap();
    firm.set_wall(&sample_wall(&id, "chair", Stance::Screened)).await.unwrap();
    let third = again().await;
    assert_eq!((third.status, &third.body["rows"][0]["n_cases"]), (StatusCode::OK, &0.into()));
}

#[tokio::test]
async fn faults_of_a_question_are_named() {
    let routes = serve(&Arc::default()).await;
    let unknown = get(&routes, "/v1/queries/open_cases_by_cuort").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(
        unknown.body["detail"].as_str().unwrap().contains("did you mean `open_cases_by_court`?")
    );
    for (query, fault) in [
        ("days=many", "`many` is no long"),
        ("dais=3", "did you mean `days`?"),
        ("limit=0", "`0` is not a whole number from 1 to 10000"),
        ("days=1&days=2", "it is given twice"),
    ] {
        let answer = get(&routes, &format!("/v1/queries/stale_cases?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.body["errors"].to_string().contains(fault), "{}", answer.body);
    }
}

#[tokio::test]
async fn process_without_a_lake_says_what_to_turn_on() {
    let laptop = Laptop::open().await;
    let answer = get_as(&laptop.routes, PATH, CHAIR).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("`LAKE`") && detail.contains("feature `query`"), "{detail}");
}
