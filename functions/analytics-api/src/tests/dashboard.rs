//! What an existing MoodBridge answers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use shared::model::Entity;
use shared::ports::Stance;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::matter_import_contract::{sample_batch, sample_denial};
use shared::ports::walls_contract::sample_wall;

use super::store::Laptop;
use super::{get, get_as, send, serve};

#[tokio::test]
async fn dashboard_has_the_shape_that_it_had() {
    let answer = get(&serve(&Arc::default()).await, "/api/dashboard").await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.body,
        json!({
            "stats": {"total_incidents": 2, "total_hours": 12.0, "avg_duration": 12.0,
                "this_month": 1},
            "monthly_trend": [{"month": "2026-10", "count": 1}, {"month": "2026-11", "count": 1}],
            "categories": [{"category": "Holiday Violation", "count": 1},
                {"category": "Uncategorized", "count": 1}],
            "recent_incidents": [
                {"denied_date": "2026-11-02 13:45:00",
                    "denial_reason": "Father's Day completely denied", "duration_hours": 12.0},
                {"denied_date": "2026-10-01", "denial_reason": "", "duration_hours": 0.0}]
        })
    );
}

#[tokio::test]
async fn health_is_told_to_everybody_as_it_was() {
    let routes = serve(&Arc::default()).await;
    let request = Request::get("/api/health").body(Body::empty()).unwrap();

    let answer = send(&routes, request).await;

    assert_eq!(answer.status, StatusCode::OK);
    let expected = json!({"status": "healthy", "message": "Legal dashboard API is running"});
    assert_eq!(answer.body, expected);
    assert_eq!(get(&routes, "/api/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn incidents_of_a_hidden_case_are_in_no_figure_of_the_dashboard() {
    let laptop = Laptop::open().await;
    for number in [1, 2] {
        let write = sample_write(Entity::Case, number, text_fields([("title", "Doe v. Roe")]));
        let wall = sample_wall(&write.entity_id, "anna", Stance::Screened);
        laptop.store.apply(write).await.unwrap();
        let day = format!("2024-0{number}-01");
        let items = vec![sample_denial(number, &day, Some(&day), Some(1.5))];
        laptop.imports.import_items(&sample_batch(number, items)).await.unwrap();
        if number == 2 {
            laptop.walls.set_wall(&wall).await.unwrap();
        }
    }
    let ask = async |token: &str| {
        let answer = get_as(&laptop.routes, "/api/dashboard", token).await;
        let is_told = answer.body.to_string().contains("2024-02");
        (answer.body["stats"]["total_incidents"].as_u64(), is_told)
    };

    assert_eq!(ask("ben.lawyer").await, (Some(2), true));
    assert_eq!(ask("anna.lawyer").await, (Some(1), false));
    assert_eq!(ask("carl.client").await, (Some(0), false));
}
