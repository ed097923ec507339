//! Many at once: duplicates are one, and too many are asked to wait.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use tokio::task::JoinSet;
use webhook_intake::Limits;

use crate::fixture::{
    Fixture, SIGNING_SECRET, TOKEN, envelope, notification, outbound_path, post, send, signed,
    webhook,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousand_duplicates_at_once_are_queued_once() {
    let intake = Fixture::new().await;
    let mut requests = JoinSet::new();
    for idx in 0..1000 {
        let router = intake.router.clone();
        let request = if idx % 2 == 0 {
            post(&outbound_path(), "text/xml", envelope(&notification(1, "")))
        } else {
            signed("/hooks/forms", "msg_1", SIGNING_SECRET, 0, &webhook(""))
        };
        requests.spawn(send(router, request));
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|it| it.status.is_success()));
    assert_eq!(intake.n_queued().await, 2, "one message, one webhook");
}

#[tokio::test]
async fn more_than_may_wait_are_asked_to_come_again() {
    let settings = r#"{"connections":[{"name":"main","organization_id":"00D1I000003qqqE","tokens":["env:TOKEN"]}]}"#;
    let intake = Fixture::with(settings, Limits { max_waiting: 3, ..Limits::default() }).await;
    intake.queue.is_stuck.store(true, Ordering::Relaxed);
    let request = || {
        let path = format!("/hooks/salesforce/outbound/main/{TOKEN}");
        post(&path, "text/xml", envelope(&notification(1, "")))
    };
    let mut stuck = JoinSet::new();
    for _ in 0..3 {
        stuck.spawn(send(intake.router.clone(), request()));
    }
    while intake.queue.n_sends.load(Ordering::Relaxed) < 3 {
        tokio::task::yield_now().await;
    }

    let answer = intake.send(request()).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "5");
    stuck.abort_all();
    while stuck.join_next().await.is_some() {}
    intake.queue.is_stuck.store(false, Ordering::Relaxed);
    assert_eq!(intake.send(request()).await.status, StatusCode::OK);
}
