//! What waits to be sent, and how well both sides agree.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::ids::{CorrelationId, ObjectName, RecordId};
use shared::model::Entity;
use shared::ports::case_store_contract::sample_key;
use shared::ports::walls_contract::sample_wall;
use shared::ports::{ReconcileOutcome, Reconciliation, Setback, Stance};
use shared::time::Timestamp;

use super::super::document::{assert_answer, document};
use super::super::{ask_as, get_as};
use super::{LAWYER, ask, field, firm, main, report};

#[tokio::test]
async fn refused_record_is_shown_with_its_fix_and_sent_again() {
    let laptop = firm().await;
    let id = report(&laptop, (Entity::Account, 1), 1, [("Name", "Acme")]).await;
    ask(&laptop, "PATCH", &format!("/v1/accounts/{id}"), json!({"name": "Acme Inc"})).await;
    let words = "Mend the field that it names.".to_owned();
    let setback =
        Setback { code: "REQUIRED_FIELD_MISSING".into(), words, fields: vec!["Name".into()] };
    laptop.outbox.hold(&sample_key(Entity::Account, 1), &setback).await.unwrap();
    let operator = "olga.operator";

    let page = get_as(&laptop.routes, "/v1/outbox?status=failed", operator).await;
    assert_answer(&document().await, "get", "/v1/outbox", &page);
    let item = &page.body["items"][0];
    assert_eq!(item["setback"]["code"], "REQUIRED_FIELD_MISSING");
    assert_eq!((&page.body["objects"][0]["n_failed"], &item["n_attempts"]), (&json!(1), &json!(1)));
    let row = get_as(&laptop.routes, &format!("/v1/accounts/{id}/sync"), LAWYER).await.body;
    assert_eq!(field(&row, "name")["state"], "refused");

    let path = format!("/v1/outbox/{}/resend", item["id"].as_str().unwrap());
    for n_resent in [1, 0] {
        let sent = ask_as(&laptop.routes, operator, "POST", &path, &[], "{}").await;
        assert_eq!((sent.status, &sent.body["n_resent"]), (StatusCode::OK, &json!(n_resent)));
    }
    let waiting = get_as(&laptop.routes, "/v1/outbox", operator).await.body;
    assert_eq!(waiting["items"][0]["id"], item["id"]);
    let unknown = ask_as(&laptop.routes, operator, "POST", "/v1/outbox/nothing/resend", &[], "{}");
    assert_eq!(unknown.await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn outbox_is_listed_by_pages() {
    let laptop = firm().await;
    for number in 1..=5 {
        let id = report(&laptop, (Entity::Account, number), 1, [("Name", "Acme")]).await;
        ask(&laptop, "PATCH", &format!("/v1/accounts/{id}"), json!({"name": "Acme Inc"})).await;
    }
    let (mut seen, mut after) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let path = format!("/v1/outbox?limit=2{after}");
        let page = get_as(&laptop.routes, &path, "olga.operator").await.body;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        match page["next_after"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    let odd = get_as(&laptop.routes, "/v1/outbox?after=nothing", "olga.operator").await;
    assert_eq!(odd.faults()[0].0, "after");
}

#[tokio::test]
async fn deletions_are_let_through_for_an_object_that_is_known() {
    let laptop = firm().await;
    let id = report(&laptop, (Entity::Account, 1), 1, [("Name", "Acme")]).await;
    ask(&laptop, "DELETE", &format!("/v1/accounts/{id}"), Value::Null).await;
    let allow = |body: Value| {
        let routes = &laptop.routes;
        async move {
            let path = "/v1/outbox/allow-deletes";
            ask_as(routes, "olga.operator", "POST", path, &[], &body.to_string()).await
        }
    };
    let unknown = allow(json!({"connection": "main", "object": "Lead"})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(allow(json!({})).await.faults().len(), 2);

    let allowed = allow(json!({"connection": "main", "object": "Account"})).await;

    assert_eq!(allowed.status, StatusCode::OK, "{}", allowed.body);
    let page = get_as(&laptop.routes, "/v1/outbox", "olga.operator").await.body;
    assert_eq!(page["objects"][0]["deletes_are_let_through"], true);
    assert_eq!(page["objects"][0]["n_deletes"], 1);
}

#[tokio::test]
async fn comparisons_are_told_with_their_accuracy() {
    let laptop = firm().await;
    let key = sample_key(Entity::Case, 1);
    let at = Timestamp::from_millis(1_700_000_000_000);
    let run = Reconciliation {
        id: CorrelationId::from_random(8),
        connection: main(),
        object: ObjectName::parse("Case").unwrap(),
        started_at: at,
        ended_at: Some(at),
        outcome: ReconcileOutcome::Repaired,
        n_here: 1000,
        n_there: 1000,
        n_differ: 5,
        n_repaired: 5,
        samples: vec![shared::ports::Difference {
            record_id: RecordId::parse(key.record_id.as_str()).unwrap(),
            kind: shared::ports::DifferenceKind::Fields,
            fields: vec!["Status".into()],
        }],
        error: None,
    };
    laptop.comparisons.record_reconciliation(&run).await.unwrap();

    let told = get_as(&laptop.routes, "/v1/reconciliations", "olga.operator").await;

    assert_answer(&document().await, "get", "/v1/reconciliations", &told);
    assert_eq!(
        (&told.body["items"][0]["accuracy"], &told.body["items"][0]["n_differ"]),
        (&json!(0.995), &json!(5))
    );
    assert_eq!(told.body["items"][0]["samples"].as_array().unwrap().len(), 1);
    let wall = sample_wall(&key.entity_id(), "olga", Stance::Screened);
    laptop.walls.set_wall(&wall).await.unwrap();
    let screened = get_as(&laptop.routes, "/v1/reconciliations", "olga.operator").await.body;
    assert_eq!(screened["items"][0]["samples"], json!([]));
}
