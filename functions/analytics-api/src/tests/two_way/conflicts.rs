//! Conflicts as people look at them and decide them.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::case_store_contract::sample_key;
use shared::ports::walls_contract::sample_wall;
use shared::ports::{Setback, Stance};

use super::super::document::{assert_answer, document};
use super::super::store::Laptop;
use super::super::{ask_as, get_as};
use super::{LATER, LAWYER, ask, field, firm, report};

/// A case with two conflicts: status and court.
async fn disputed(laptop: &Laptop, number: u32) -> EntityId {
    let of = (Entity::Case, number);
    let fields = [("Subject", "Doe v. Roe"), ("Status", "New"), ("Court__c", "North")];
    let id = report(laptop, of, 1, fields).await;
    let body = json!({"status": "Discovery", "court": "South"});
    ask(laptop, "PATCH", &format!("/v1/cases/{id}"), body).await;
    report(laptop, of, LATER, [("Status", "Settled"), ("Court__c", "West")]).await;
    id
}

async fn open_conflicts(laptop: &Laptop, token: &str) -> Vec<Value> {
    let page = get_as(&laptop.routes, "/v1/conflicts", token).await;
    page.body["items"].as_array().unwrap_or_else(|| panic!("{}", page.body)).clone()
}

#[tokio::test]
async fn conflict_is_shown_with_both_values_the_base_and_the_author() {
    let laptop = firm().await;
    let case = disputed(&laptop, 1).await;
    let open = open_conflicts(&laptop, LAWYER).await;
    assert_eq!(open.len(), 2);
    let status = open.iter().find(|it| it["local_field"] == "status").unwrap();
    assert_eq!(
        (&status["local_value"], &status["remote_value"]),
        (&json!("Discovery"), &json!("Settled"))
    );
    assert_eq!(status["policy"], "manual");

    let detail = get_as(&laptop.routes, &format!("/v1/conflicts/{}", status["id"]), LAWYER).await;

    assert_answer(&document().await, "get", "/v1/conflicts/{conflict}", &detail);
    let here = &detail.body["fields"][0]["changed_here"];
    assert_eq!((&here["by"], &here["before"]), (&json!("person:ben"), &json!("New")));
    assert_eq!(detail.body["fields"][1]["conflict"]["local_field"], "court");
    let row = get_as(&laptop.routes, &format!("/v1/cases/{case}/sync"), LAWYER).await.body;
    assert_eq!(field(&row, "status")["state"], "conflict");
    assert_eq!(field(&row, "status")["conflict"], status["id"]);

    for (query, n_wanted) in [
        ("connection=main&object=Case", 2),
        ("object=Account", 0),
        ("state=resolved", 0),
        (format!("row={case}&limit=1").as_str(), 1),
    ] {
        let page = get_as(&laptop.routes, &format!("/v1/conflicts?{query}"), LAWYER).await.body;
        assert_eq!(page["items"].as_array().unwrap().len(), n_wanted, "{query}");
    }
}

#[tokio::test]
async fn conflicts_of_a_row_are_decided_field_by_field() {
    let laptop = firm().await;
    disputed(&laptop, 1).await;
    let id = open_conflicts(&laptop, LAWYER).await[0]["id"].clone();
    let path = format!("/v1/conflicts/{id}/resolve");

    for (body, named) in [
        (json!({"status": "ours"}), "status"),
        (json!({"status": {"value": []}}), "status"),
        (json!({"title": "local"}), "title"),
        (json!({"court": {"value": "x".repeat(121)}}), "court"),
        (json!({}), "body"),
    ] {
        let refused = ask(&laptop, "POST", &path, body).await;
        assert!(refused.status.is_client_error());
        assert_eq!(refused.faults()[0].0, named, "{}", refused.body);
    }
    let body = json!({"status": "local", "court": {"value": "Supreme"}});
    let decided = ask(&laptop, "POST", &path, body).await;

    assert_eq!(decided.status, StatusCode::OK, "{}", decided.body);
    assert_answer(&document().await, "post", "/v1/conflicts/{conflict}/resolve", &decided);
    let row = &decided.body["row"];
    assert_eq!(
        (&field(row, "status")["value"], &field(row, "status")["state"]),
        (&json!("Discovery"), &json!("waiting"))
    );
    assert_eq!(field(row, "court")["value"], "Supreme");
    assert!(open_conflicts(&laptop, LAWYER).await.is_empty());
    let ended = get_as(&laptop.routes, "/v1/conflicts?state=resolved", LAWYER).await.body;
    assert_eq!(ended["items"][0]["resolved_by"], "person:ben");
    let again = ask(&laptop, "POST", &path, json!({"status": "remote"})).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn all_conflicts_of_an_object_are_decided_for_one_side() {
    let laptop = firm().await;
    for number in 1..=2 {
        disputed(&laptop, number).await;
    }
    let path = "/v1/conflicts/resolve";
    for (body, named) in [
        (json!({"choice": "remote"}), "body"),
        (json!({"choice": "both", "all": true}), "choice"),
        (json!({"choice": "local", "all": false}), "all"),
        (json!({"choice": "local", "object": "no object"}), "object"),
        (json!({"choice": "local", "all": true, "colour": 1}), "colour"),
    ] {
        let refused = ask(&laptop, "POST", path, body).await;
        assert_eq!(refused.faults()[0].0, named, "{}", refused.body);
    }
    let none = ask(&laptop, "POST", path, json!({"choice": "remote", "object": "Account"})).await;
    assert_eq!(none.body["n_resolved"], 0);

    let done = ask(&laptop, "POST", path, json!({"choice": "remote", "object": "Case"})).await;

    assert_eq!(done.body, json!({"n_resolved": 4, "refused": [], "next_before": null}));
    assert!(open_conflicts(&laptop, LAWYER).await.is_empty());
}

#[tokio::test]
async fn screened_person_can_do_nothing_to_a_case_and_learns_nothing_of_it() {
    let laptop = firm().await;
    let hidden = disputed(&laptop, 1).await;
    let shown = report(&laptop, (Entity::Case, 2), 1, [("Subject", "Poe v. Coe")]).await;
    let conflict = open_conflicts(&laptop, LAWYER).await[0]["id"].clone();
    laptop.walls.set_wall(&sample_wall(&hidden, "anna", Stance::Screened)).await.unwrap();
    let record = sample_key(Entity::Case, 1).record_id;
    let setback = Setback { code: "X".into(), words: "x".into(), fields: Vec::new() };
    laptop.outbox.hold(&sample_key(Entity::Case, 1), &setback).await.unwrap();
    let n_audit = |body: &Value| body["items"].as_array().unwrap().len();
    let before = n_audit(&get_as(&laptop.routes, "/v1/audit", LAWYER).await.body);

    let token = "anna.admin";
    for (method, path, body) in [
        ("GET", format!("/v1/cases/{hidden}/sync"), Value::Null),
        ("PATCH", format!("/v1/cases/{hidden}"), json!({"title": "x"})),
        ("DELETE", format!("/v1/cases/{hidden}"), Value::Null),
        ("POST", format!("/v1/cases/{hidden}/restore"), json!({})),
        ("POST", format!("/v1/cases/{hidden}/merge"), json!({"into": shown.as_str()})),
        ("POST", format!("/v1/cases/{shown}/merge"), json!({"into": hidden.as_str()})),
        ("GET", format!("/v1/conflicts/{conflict}"), Value::Null),
        ("POST", format!("/v1/conflicts/{conflict}/resolve"), json!({"status": "local"})),
        ("POST", format!("/v1/outbox/main.Case.{record}/resend"), json!({})),
    ] {
        let answer = ask_as(&laptop.routes, token, method, &path, &[], &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.body);
    }
    assert!(open_conflicts(&laptop, token).await.is_empty());
    let body = json!({"choice": "local", "all": true}).to_string();
    let bulk = ask_as(&laptop.routes, token, "POST", "/v1/conflicts/resolve", &[], &body).await;
    assert_eq!(bulk.body["n_resolved"], 0);
    let failed = get_as(&laptop.routes, "/v1/outbox?status=failed", token).await.body;
    assert_eq!(failed["items"], json!([]));
    let after = n_audit(&get_as(&laptop.routes, "/v1/audit", LAWYER).await.body);
    assert_eq!(before, after);
    assert_eq!(open_conflicts(&laptop, LAWYER).await.len(), 2);
}
