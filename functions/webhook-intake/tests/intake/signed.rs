//! Signed webhooks that are good.

use axum::http::StatusCode;
use shared::model::{Change, Channel, FieldValue, Scope};

use crate::fixture::{Fixture, NEXT_SIGNING_SECRET, SIGNING_SECRET, signed, webhook};

#[tokio::test]
async fn signed_webhook_is_queued_under_its_source() {
    let intake = Fixture::new().await;
    let body = webhook(
        r#","change":"upsert","version":"2026-01-02T03:04:05.678Z","scope":"full","fields":{"title":"Doe v. Doe","is_closed":false}"#,
    );

    let answer = intake.send(signed("/hooks/forms", "msg_1", SIGNING_SECRET, 0, &body)).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body, r#"{"accepted":1,"duplicates":0}"#);
    let event = intake.queued().await.remove(0);
    assert_eq!(event.event_id, "msg_1");
    assert_eq!(event.key.to_string(), "forms/Case/A-17");
    assert_eq!((event.change, event.scope), (Change::Upsert, Scope::Full));
    assert_eq!(event.version.unwrap().to_string(), "2026-01-02T03:04:05.678Z");
    assert_eq!(event.fields["title"], FieldValue::text("Doe v. Doe"));
    assert_eq!(event.fields["is_closed"], FieldValue::Bool(false));
    assert_eq!(event.channel, Channel::Webhook);
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let intake = Fixture::new().await;
    intake.send(signed("/hooks/forms", "msg_1", SIGNING_SECRET, 0, &webhook(""))).await;
    let event = intake.queued().await.remove(0);
    assert_eq!((event.change, event.scope), (Change::Upsert, Scope::Changed));
    assert_eq!(event.version.unwrap().to_string(), "2026-02-03T04:05:05.000Z");
}

#[tokio::test]
async fn old_and_new_secret_are_both_taken() {
    let intake = Fixture::new().await;
    for (id, secret) in [("msg_1", SIGNING_SECRET), ("msg_2", NEXT_SIGNING_SECRET)] {
        let answer = intake.send(signed("/hooks/forms", id, secret, 299, &webhook(""))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    assert_eq!(intake.n_queued().await, 2);
}

#[tokio::test]
async fn webhook_sent_again_is_queued_once() {
    let intake = Fixture::new().await;
    for (age_s, counts) in
        [(60, r#"{"accepted":1,"duplicates":0}"#), (0, r#"{"accepted":0,"duplicates":1}"#)]
    {
        let request = signed("/hooks/forms", "msg_1", SIGNING_SECRET, age_s, &webhook(""));
        assert_eq!(intake.send(request).await.body, counts);
    }
    assert_eq!(intake.n_queued().await, 1);
}
