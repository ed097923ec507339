//! Rows as people change them.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::ids::{ConnectionId, EntityId};
use shared::model::Entity;

use super::super::document::{assert_answer, document};
use super::super::store::Laptop;
use super::super::{ask_as, get_as};
use super::{LAWYER, ask, field, firm, main, manual, report};

#[tokio::test]
async fn change_is_told_field_by_field_and_kept_with_its_author() {
    let laptop = firm().await;
    let id =
        report(&laptop, (Entity::Account, 1), 1, [("Name", "Acme"), ("Industry", "Law")]).await;
    let path = format!("/v1/accounts/{id}");

    let made = ask(&laptop, "PATCH", &path, json!({"name": "Acme Inc", "industry": "Law"})).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_answer(&document().await, "patch", "/v1/accounts/{id}", &made);
    assert_eq!(made.body["is_changed"], true);
    let row = &made.body["row"];
    let name = field(row, "name");
    assert_eq!((&name["state"], &name["value"]), (&json!("waiting"), &json!("Acme Inc")));
    assert_eq!(name["remote_value"], "Acme");
    assert_eq!(field(row, "industry")["state"], "in_step");
    assert_eq!(
        (&row["outbox"]["kind"], &row["outbox"]["status"]),
        (&json!("update"), &json!("waiting"))
    );
    let audit = get_as(&laptop.routes, "/v1/audit?limit=1", LAWYER).await.body;
    assert_eq!(audit["items"][0]["actor"], "person:ben");
    assert_eq!(audit["items"][0]["seq"], made.body["change_seq"]);

    let again = ask(&laptop, "PATCH", &path, json!({"name": "Acme Inc"})).await;
    assert_eq!((again.status, &again.body["is_changed"]), (StatusCode::OK, &json!(false)));
}

#[tokio::test]
async fn whoever_saw_an_older_row_is_refused() {
    let laptop = firm().await;
    let id = report(&laptop, (Entity::Account, 1), 1, [("Name", "Acme")]).await;
    let path = format!("/v1/accounts/{id}");
    let seen = get_as(&laptop.routes, &format!("{path}/sync"), LAWYER).await;
    let tag = seen.header("etag").to_owned();
    let change = |name: &str| {
        let body = json!({"name": name}).to_string();
        let (laptop, path, tag) = (&laptop, path.clone(), tag.clone());
        async move { ask_as(&laptop.routes, LAWYER, "PATCH", &path, &[("if-match", &tag)], &body).await }
    };
    let first = change("Acme Inc").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_ne!(first.header("etag"), tag);

    let late = change("Acme Ltd").await;

    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert_answer(&document().await, "patch", "/v1/accounts/{id}", &late);
    let odd =
        ask_as(&laptop.routes, LAWYER, "PATCH", &path, &[("if-match", "7")], "{\"name\":\"A\"}");
    assert_eq!(odd.await.faults()[0].0, "If-Match");
}

#[tokio::test]
async fn every_refused_field_is_named_with_its_fix_and_nothing_is_changed() {
    let laptop = firm().await;
    let case = report(&laptop, (Entity::Case, 1), 1, [("Subject", "Doe v. Roe")]).await;
    let nowhere = EntityId::from_random(1);
    for (body, wanted) in [
        (
            json!({"status": "Open", "titel": "x", "court": "x".repeat(121), "case_number": "7",
                "account_id": nowhere.as_str()}),
            vec![
                ("account_id", "names a row that is not there"),
                ("case_number", "cannot be changed here"),
                ("court", "at most 120 characters, and this is 121"),
                ("titel", "is no field of `case`: write one of"),
            ],
        ),
        (
            json!({"status": ["Open"], "court": {}}),
            vec![("court", "it is a list or an object"), ("status", "it is a list or an object")],
        ),
        (json!({"account_id": 7}), vec![("account_id", "the id of a row, or null")]),
    ] {
        for (method, path) in
            [("PATCH", format!("/v1/cases/{case}")), ("POST", "/v1/cases".to_owned())]
        {
            let answer = ask(&laptop, method, &path, body.clone()).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
            let faults = answer.faults();
            assert_eq!(faults.len(), wanted.len(), "{faults:?}");
            for ((field, message), (named, fix)) in faults.iter().zip(&wanted) {
                assert!(field == named && message.contains(fix), "{field}: {message}");
            }
        }
    }
    let empty = ask(&laptop, "PATCH", &format!("/v1/cases/{case}"), json!({})).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    let audit = get_as(&laptop.routes, "/v1/audit", LAWYER).await.body;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn asking_twice_with_one_key_makes_one_row() {
    let laptop = firm().await;
    let make = |key: &'static str, token: &'static str| {
        let routes = &laptop.routes;
        let body = r#"{"title":"Doe v. Roe"}"#;
        async move {
            ask_as(routes, token, "POST", "/v1/cases", &[("idempotency-key", key)], body).await
        }
    };
    let first = make("k-1", LAWYER).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let row = &first.body["row"];
    assert_eq!((&row["record_id"], &row["outbox"]["kind"]), (&Value::Null, &json!("create")));
    let place = first.header("location").to_owned();
    assert_eq!(place, format!("/v1/cases/{}", row["id"].as_str().unwrap()));
    assert_eq!(get_as(&laptop.routes, &place, LAWYER).await.body["title"], "Doe v. Roe");

    let second = make("k-1", LAWYER).await;
    assert_eq!((second.status, &second.body["row"]["id"]), (StatusCode::OK, &row["id"]));
    assert_answer(&document().await, "post", "/v1/cases", &second);
    for (key, token) in [("k-2", LAWYER), ("k-1", "carla.lawyer")] {
        let other = make(key, token).await;
        assert_eq!(other.status, StatusCode::CREATED);
        assert_ne!(other.body["row"]["id"], row["id"]);
    }
    let several =
        Laptop::open_with(&[main(), ConnectionId::parse("other").unwrap()], manual()).await;
    let which = ask(&several, "POST", "/v1/cases", json!({"title": "A"})).await;
    assert_eq!(
        (which.status, which.faults()[0].0),
        (StatusCode::UNPROCESSABLE_ENTITY, "connection")
    );
    let named = ask(&several, "POST", "/v1/cases?connection=other", json!({"title": "A"})).await;
    assert_eq!(named.body["row"]["connection"], "other");
}

#[tokio::test]
async fn row_is_deleted_restored_and_merged() {
    let laptop = firm().await;
    let kept = report(&laptop, (Entity::Contact, 1), 1, [("LastName", "Doe")]).await;
    let double = report(&laptop, (Entity::Contact, 2), 1, [("LastName", "Do")]).await;
    let path = format!("/v1/contacts/{double}");

    let gone = ask(&laptop, "DELETE", &path, Value::Null).await;
    assert_eq!(gone.body["row"]["is_deleted"], true, "{}", gone.body);
    assert_eq!(gone.body["row"]["outbox"]["kind"], "delete");
    let again = ask(&laptop, "DELETE", &path, Value::Null).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let edit = ask(&laptop, "PATCH", &path, json!({"last_name": "D"})).await;
    assert_eq!(edit.status, StatusCode::CONFLICT);
    assert!(edit.body["detail"].as_str().unwrap().contains("restore it first"));

    let back = ask(&laptop, "POST", &format!("{path}/restore"), json!({})).await;
    assert_eq!(back.body["row"]["is_deleted"], false, "{}", back.body);
    assert_eq!(back.body["row"]["outbox"]["kind"], "undelete", "{}", back.body);

    let merge = format!("{path}/merge");
    let same = ask(&laptop, "POST", &merge, json!({"into": double.as_str()})).await;
    assert_eq!(same.status, StatusCode::NOT_FOUND);
    let merged = ask(&laptop, "POST", &merge, json!({"into": kept.as_str()})).await;
    assert_eq!(merged.body["row"]["id"], kept.as_str(), "{}", merged.body);
    let failed = get_as(&laptop.routes, "/v1/outbox", "olga.operator").await.body;
    assert_eq!(failed["items"][0]["kind"], "merge", "{failed}");
}

#[tokio::test]
async fn without_a_connection_rows_stay_as_they_are_and_the_answer_says_why() {
    let laptop = Laptop::open_with(&[], manual()).await;
    let id = report(&laptop, (Entity::Account, 1), 1, [("Name", "Acme")]).await;
    for (method, path, hint) in [
        ("GET", format!("/v1/accounts/{id}/sync"), "add it to the settings"),
        ("PATCH", format!("/v1/accounts/{id}"), "add it to the settings"),
        ("DELETE", format!("/v1/accounts/{id}"), "add it to the settings"),
        ("POST", "/v1/accounts".to_owned(), "no connection takes new rows"),
    ] {
        let body = if method == "GET" { Value::Null } else { json!({"name": "A"}) };
        let answer = ask(&laptop, method, &path, body).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{method} {path}");
        assert_eq!(answer.body["type"], "urn:moodbridge:problem:not-connected");
        assert!(answer.body["detail"].as_str().unwrap().contains(hint), "{}", answer.body);
    }
}
