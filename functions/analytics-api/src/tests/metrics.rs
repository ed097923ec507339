//! Metrics: what they hold, how they change, and where they go.

use std::sync::Arc;

use axum::http::StatusCode;

use shared::model::Entity;
use shared::ports::Stance;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::walls_contract::sample_wall;

use super::store::Laptop;
use super::{get, get_as, serve};

#[tokio::test]
async fn metrics_are_listed_with_what_they_mean() {
    let answer = get(&serve(&Arc::default()).await, "/v1/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    let names: Vec<_> =
        answer.body["items"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["cases_opened", "cases_closed", "cases_open", "days_to_close"]);
    assert_eq!(answer.body["items"][3]["unit"], "days");
    assert_eq!(answer.body["dimensions"][0], "practice_area");
}

#[tokio::test]
async fn metric_is_compared_with_the_periods_before_and_its_steps_are_told() {
    let routes = serve(&Arc::default()).await;
    let answer = get(&routes, "/v1/metrics/cases_opened?periods=23").await;
    let group = &answer.body["groups"][0];
    assert_eq!((&answer.body["grain"], &group["kind"]), (&"month".into(), &"all".into()));
    let points = group["points"].as_array().unwrap();
    assert_eq!(points.len(), 23);
    let first = &points[0];
    assert_eq!((&first["period"], &first["from"]), (&"2025-01".into(), &"2025-01-01".into()));
    assert_eq!((&first["value"], &first["year_change"]), (&5.0.into(), &0.0.into()));
    let step = &points[12];
    assert_eq!((&step["period"], &step["previous_change"]), (&"2026-01".into(), &0.6.into()));
    assert_eq!(points[21]["is_complete"], true);
    assert_eq!(
        (&points[22]["period"], &points[22]["is_complete"]),
        (&"2026-11".into(), &false.into())
    );
    let steps = group["change_points"].as_array().unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!((&steps[0]["period"], &steps[0]["after"]), (&"2026-01".into(), &8.0.into()));
}

#[tokio::test]
async fn metric_is_told_by_group_day_and_week() {
    let routes = serve(&Arc::default()).await;
    let courts = get(&routes, "/v1/metrics/days_to_close?by=court").await;
    let group = &courts.body["groups"][0];
    assert_eq!((&group["kind"], &group["group"]), (&"value".into(), &"Cook".into()));
    assert_eq!(group["points"][0]["value"], 40.0);
    let weeks = get(&routes, "/v1/metrics/cases_opened?grain=week&periods=4").await;
    assert_eq!(weeks.body["groups"][0]["points"][3]["period"], "2026-W47");
    let days = get(&routes, "/v1/metrics/days_to_close?grain=day&periods=2").await;
    assert_eq!(days.body["groups"][0]["points"][1]["value"], serde_json::Value::Null);
}

#[tokio::test]
async fn forecast_comes_with_its_error_or_says_why_there_is_none() {
    let routes = serve(&Arc::default()).await;
    let answer = get(&routes, "/v1/metrics/cases_opened/forecast?periods=3").await;
    let points = answer.body["points"].as_array().unwrap();
    assert_eq!(points.len(), 3);
    assert_eq!(points[0]["period"], "2026-11");
    assert!(points[2]["low"].as_f64() <= points[2]["value"].as_f64());
    assert!(answer.body["back_tests"][0]["mean_error"].as_f64().is_some());
    assert_eq!(
        (&answer.body["n_periods"], &answer.body["reason"]),
        (&34.into(), &serde_json::Value::Null)
    );

    let none = get(&routes, "/v1/metrics/days_to_close/forecast?grain=day").await;
    assert_eq!((none.status, &none.body["method"]), (StatusCode::OK, &serde_json::Value::Null));
    assert!(none.body["reason"].as_str().unwrap().contains("8 complete periods"), "{}", none.body);
}

#[tokio::test]
async fn hidden_case_is_in_no_metric() {
    let laptop = Laptop::open().await;
    let opened = [("title", "Doe v. Roe"), ("opened_at", "2026-11-02T09:00:00.000Z")];
    for number in [1, 2] {
        let write = sample_write(Entity::Case, number, text_fields(opened));
        let wall = sample_wall(&write.entity_id, "anna", Stance::Screened);
        laptop.store.apply(write).await.unwrap();
        if number == 2 {
            laptop.walls.set_wall(&wall).await.unwrap();
        }
    }
    for (token, n_cases) in [("ben.lawyer", 2.0), ("anna.lawyer", 1.0)] {
        let path = "/v1/metrics/cases_opened?periods=400&by=court";
        let answer = get_as(&laptop.routes, path, token).await;
        let points = answer.body["groups"][0]["points"].as_array().unwrap();
        let counted: f64 = points.iter().map(|it| it["value"].as_f64().unwrap()).sum();
        assert!((counted - n_cases).abs() < 0.01, "{token} {counted}");
    }
}

#[tokio::test]
async fn faults_of_a_question_are_named() {
    let routes = serve(&Arc::default()).await;
    let unknown = get(&routes, "/v1/metrics/cases_lost").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.body["detail"].as_str().unwrap().contains("`cases_opened`"));
    for (query, fault) in [
        ("grain=year", "`year` is not known"),
        ("periods=0", "`0` is not a whole number from 1 to 400"),
        ("by=courts", "did you mean `court`?"),
        ("month=3", "there is no such parameter"),
    ] {
        let answer = get(&routes, &format!("/v1/metrics/cases_opened?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.body["errors"].to_string().contains(fault), "{}", answer.body);
    }
}
