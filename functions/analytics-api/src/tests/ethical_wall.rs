//! An ethical wall over the store and the queue of a laptop: every GET of the served document is
//! asked by people who must not see one case, and no answer holds anything of it.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use shared::ids::CorrelationId;
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::documents_contract::{sample_act, sample_document};
use shared::ports::walls_contract::sample_wall;
use shared::ports::{
    ConflictDraft, ConflictMark, DocumentDraft, DocumentName, NewMessage, OutboxKind, OutboxMark,
    Stance, Write, WriteKind,
};
use shared::sync::ConflictPolicy;
use tower::ServiceExt;

use super::document::{document, operations};
use super::store::Laptop;
use super::{Answer, get_as, send};

const HIDDEN: u32 = 7;
const SHOWN: u32 = 8;

/// What only the hidden case says.
const WORDS: [&str; 6] =
    ["Zanzibar", "Quagga", "99-ZQ-777", "hippogriff", "Sepulchral", "Thaumaturgy"];

/// The title of the last change; everything else was committed before it.
const LAST: &str = "The last one";

fn hidden_case() -> Write {
    let account = sample_write(Entity::Account, 1, text_fields([])).entity_id;
    let row = text_fields([
        ("title", "Zanzibar v. Quagga"),
        ("docket_number", "99-ZQ-777"),
        ("description", "A hippogriff was seen."),
        ("court", "Sepulchral Court"),
        ("status", "Thaumaturgy"),
        ("priority", "High"),
        ("opened_at", "2026-11-20T00:00:00Z"),
        ("account_id", account.as_str()),
    ]);
    sample_write(Entity::Case, HIDDEN, row)
}

fn shown_case() -> Write {
    let row = text_fields([("title", "Doe v. Roe"), ("priority", "High")]);
    sample_write(Entity::Case, SHOWN, row)
}

/// All that would tell of the hidden case.
fn needles() -> Vec<String> {
    let record = sample_key(Entity::Case, HIDDEN).record_id.to_string();
    let mut needles: Vec<String> = WORDS.map(str::to_owned).into();
    needles.push(hidden_case().entity_id.to_string());
    needles.push(record[..15].to_owned());
    needles
}

fn event(object: &str, number: u32, text: &str, points_at: u32) -> NewMessage {
    let key = sample_key(Entity::Case, number);
    let group = format!("main/{object}/{}", key.record_id);
    let body = json!({
        "event_id": format!("event-{number}"), "connection": "main", "object": object,
        "record_id": key.record_id, "change": "upsert", "scope": "full", "channel": "poll",
        "fields": {"Subject": text, "WhatId": sample_key(Entity::Case, points_at).record_id},
        "received_at": "2026-11-22T12:00:00Z", "correlation_id": "c",
    });
    NewMessage { body: body.to_string(), group: Some(group), ..NewMessage::default() }
}

/// A document of a case, whose name tells which.
fn document_of(number: u32) -> DocumentDraft {
    let case = sample_key(Entity::Case, number).entity_id();
    let name = if number == HIDDEN { "Quagga.pdf" } else { "Roe.pdf" };
    let name = DocumentName::parse(name).unwrap();
    DocumentDraft { name, ..sample_document(&case, "abc") }
}

/// A firm with a case that Anna is screened from and Carl, a client, is not assigned to.
async fn firm() -> Laptop {
    let laptop = Laptop::open().await;
    let account = sample_write(Entity::Account, 1, text_fields([("name", "Doe Holdings")]));
    let mut again = next_write(hidden_case(), WriteKind::Updated, 1);
    again.row.insert("reason".to_owned(), FieldValue::text("Quagga again"));
    again.marks.outbox = OutboxMark::Send(OutboxKind::Update);
    again.marks.conflicts.push(ConflictMark::Open(ConflictDraft {
        field: "Reason".to_owned(),
        local_field: "reason".to_owned(),
        local_value: FieldValue::text("Quagga again"),
        remote_value: FieldValue::text("Zanzibar again"),
        remote_version: again.shadow.version,
        policy: ConflictPolicy::Manual,
        correlation_id: CorrelationId::from_random(5),
    }));
    for write in [account, hidden_case(), shown_case(), again] {
        laptop.store.apply(write).await.unwrap();
    }
    for document in [document_of(HIDDEN), document_of(SHOWN)] {
        laptop.documents.file(&document, &sample_act()).await.unwrap();
    }
    let walls = [
        (hidden_case(), "anna", Stance::Screened),
        (hidden_case(), "ben", Stance::Assigned),
        (shown_case(), "carl", Stance::Assigned),
    ];
    for (case, name, stance) in walls {
        laptop.walls.set_wall(&sample_wall(&case.entity_id, name, stance)).await.unwrap();
    }
    let mut last = next_write(shown_case(), WriteKind::Updated, 1);
    last.row.insert("title".to_owned(), FieldValue::text(LAST));
    laptop.store.apply(last).await.unwrap();

    let letters = [
        event("Case", HIDDEN, "Zanzibar calls", HIDDEN),
        event("Task", 900, "Quagga writes", HIDDEN),
        event("Task", 901, "Doe writes", SHOWN),
        NewMessage { body: "not an event: hippogriff".to_owned(), ..NewMessage::default() },
    ];
    laptop.queue.send(letters.into()).await.unwrap();
    let max = NonZeroU32::new(9).unwrap();
    let received = laptop.queue.receive(max, Duration::from_secs(30), Duration::ZERO).await;
    for delivery in received.unwrap() {
        // A failure to read a text repeats a part of it.
        let reason = format!("cannot read `{}`", &delivery.body[delivery.body.len() - 10..]);
        laptop.queue.bury(&delivery, &reason).await.unwrap();
    }
    laptop
}

/// Reads an answer to its end, and a stream up to the last change.
async fn read(routes: &Router, path: &str, token: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let mut body = response.into_body();
    let mut text = String::new();
    while !(text.contains("event: change") && text.contains(LAST)) {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
        let Some(frame) = frame.expect("an answer in time") else { break };
        let chunk = frame.unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    (status, text)
}

/// Every way to ask for `path`: each id, and each parameter that might let the case slip through.
fn paths(path: &str) -> Vec<String> {
    if path.starts_with("/v1/documents/") {
        let ids = [SHOWN, HIDDEN].map(|it| document_of(it).id);
        return ids.map(|id| path.replace("{id}", id.as_str())).into();
    }
    if path.contains("{id}") {
        let ids = [SHOWN, HIDDEN].into_iter().flat_map(|number| {
            let key = sample_key(Entity::Case, number);
            let record = key.record_id.to_string();
            [key.entity_id().to_string(), record[..15].to_owned(), record]
        });
        return ids.map(|id| path.replace("{id}", &id)).collect();
    }
    let mut paths = vec![
        path.replace("{queue}", "events")
            .replace("{metric}", "cases_open")
            .replace("{conflict}", "1"),
    ];
    match path {
        "/v1/changes" => paths = vec![format!("{path}?after=0"), format!("{path}?after=1")],
        "/v1/outbox" => paths.push(format!("{path}?status=failed&limit=1")),
        "/v1/conflicts" => paths.push(format!("{path}?object=Case&limit=1")),
        "/v1/audit" => paths.push(format!("{path}?limit=1&before=4")),
        "/v1/cases" => paths.extend(
            [
                "search=zanzibar",
                "search=99-zq&sort=title_asc",
                "search=doe",
                "status=Thaumaturgy",
                "court=Sepulchral+Court",
                "priority=High&sort=docket_asc",
                "state=open&sort=opened_desc",
                "opened_from=2026-11-01",
                "opened_until=2026-12-01&limit=1",
                "sort=opened_asc&limit=1",
            ]
            .map(|query| format!("{path}?{query}")),
        ),
        _ => {}
    }
    paths
}

/// Asks every GET with `token`; returns the paths whose answers held something of the hidden case.
async fn tell_tales(laptop: &Laptop, token: &str) -> Vec<String> {
    let needles = needles();
    let mut tales = Vec::new();
    for (method, path, _) in operations(&document().await) {
        if method != "get" || path == "/v1/openapi.json" {
            continue;
        }
        for path in paths(&path) {
            let (status, text) = read(&laptop.routes, &path, token).await;
            assert!(!status.is_server_error(), "{path}: {text}");
            // What was asked for is repeated to whoever asked.
            let asked = path.split('/').skip(3).filter(|it| !it.is_empty());
            let text = asked.fold(text, |text, it| text.replace(it, "ID"));
            if needles.iter().any(|needle| text.contains(needle)) {
                tales.push(path);
            }
        }
    }
    tales
}

#[tokio::test]
async fn no_answer_tells_a_screened_person_or_a_client_of_a_hidden_case() {
    let laptop = firm().await;

    for token in
        ["anna.lawyer", "anna.admin", "anna.analyst.operator", "carl.client", "olga.client"]
    {
        assert_eq!(tell_tales(&laptop, token).await, Vec::<String>::new(), "{token}");
    }

    // The same walk finds the case everywhere for somebody who may see it.
    let told = tell_tales(&laptop, "ben.admin").await;
    for path in ["/v1/overview", "/v1/audit", "/v1/cases", "/v1/changes?after=0"] {
        assert!(told.iter().any(|it| it == path), "{path} is not in {told:?}");
    }
    assert!(told.iter().any(|it| it.contains("dead-letters")), "{told:?}");
    let document = format!("/v1/documents/{}", document_of(HIDDEN).id);
    for path in ["/v1/conflicts", "/v1/conflicts/1", "/v1/outbox", &document] {
        assert!(told.iter().any(|it| it == path), "{path} is not in {told:?}");
    }
    assert!(told.len() > 15, "{told:?}");
}

#[tokio::test]
async fn a_hidden_case_and_one_that_is_not_there_are_answered_alike() {
    let laptop = firm().await;
    let absent = sample_key(Entity::Case, 999);
    let hidden = sample_key(Entity::Case, HIDDEN);
    for (hidden, absent) in [
        (hidden.entity_id().to_string(), absent.entity_id().to_string()),
        (hidden.record_id.to_string(), absent.record_id.to_string()),
    ] {
        for rest in ["", "/audit", "/walls"] {
            for token in ["anna.admin", "carl.client.lawyer"] {
                let sees = token.starts_with("carl");
                let ask = |id: &str| format!("/v1/cases/{id}{rest}");
                let of_hidden = get_as(&laptop.routes, &ask(&hidden), token).await;
                let of_absent = get_as(&laptop.routes, &ask(&absent), token).await;
                assert_eq!(of_absent.status, StatusCode::NOT_FOUND, "{rest}");
                let same = of_hidden.status == of_absent.status
                    && of_hidden.headers == of_absent.headers
                    && of_hidden.body.to_string().replace(&hidden, "ID")
                        == of_absent.body.to_string().replace(&absent, "ID");
                assert_eq!(same, !sees, "{rest} for {token}: {}", of_hidden.body);
            }
        }
    }
}

async fn replay(laptop: &Laptop, token: &str, body: &str) -> Answer {
    let request = Request::post("/v1/queues/events/dead-letters/replay")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    send(&laptop.routes, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn letters(laptop: &Laptop, token: &str) -> Vec<(String, Option<String>)> {
    let answer = get_as(&laptop.routes, "/v1/queues/events/dead-letters", token).await;
    let items = answer.body["items"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    items.iter().map(|it| (text(&it["id"]).unwrap(), text(&it["body"]))).collect()
}

#[tokio::test]
async fn dead_letters_about_a_hidden_case_are_not_there_to_list_or_replay() {
    let laptop = firm().await;
    let all = letters(&laptop, "ben.admin").await;
    let seen = letters(&laptop, "anna.admin").await;
    let blind = letters(&laptop, "omar.operator").await;

    assert_eq!((all.len(), seen.len(), blind.len()), (4, 2, 4));
    assert!(all.iter().all(|(_, body)| body.is_some()));
    assert!(blind.iter().all(|(_, body)| body.is_none()), "an operator reads no case data");
    let bodies: Vec<_> = seen.iter().filter_map(|(_, body)| body.as_deref()).collect();
    assert!(matches!(bodies[..], [one] if one.contains("Doe writes")), "{bodies:?}");

    for (token, n_dead) in [("ben.admin", 4), ("anna.admin", 2), ("omar.operator", 4)] {
        let queues = get_as(&laptop.routes, "/v1/queues", token).await;
        assert_eq!(queues.body["items"][0]["n_dead"], n_dead, "{token}");
    }
    let overview = get_as(&laptop.routes, "/v1/overview", "anna.admin").await;
    assert_eq!(overview.body["queues"][0]["n_dead"], 2);

    let is_hidden = |id: &&(String, _)| !seen.iter().any(|(it, _)| *it == id.0);
    let hidden: Vec<&str> = all.iter().filter(is_hidden).map(|(id, _)| id.as_str()).collect();
    let named = replay(&laptop, "anna.admin", &json!({"ids": hidden}).to_string()).await;
    assert_eq!((named.status, &named.body["n_replayed"]), (StatusCode::OK, &0.into()));
    let every = replay(&laptop, "anna.admin", r#"{"all":true}"#).await;
    assert_eq!(every.body["n_replayed"], 2);
    assert_eq!(letters(&laptop, "ben.admin").await.len(), 2);
}

#[tokio::test]
async fn a_wall_holds_for_a_stream_that_is_open_already() {
    let laptop = firm().await;
    let request = Request::get("/v1/changes").header("authorization", "Bearer dora.lawyer");
    let response = laptop.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await;
    let mut body = response.unwrap().into_body();
    let path = format!("/v1/cases/{}/walls/dora", hidden_case().entity_id);
    let wall = r#"{"stance":"screened","reason":"joined from the other side"}"#;
    let request = Request::put(path)
        .header("authorization", "Bearer chair.admin")
        .header("content-type", "application/json");
    let set = send(&laptop.routes, request.body(Body::from(wall)).unwrap()).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);

    let mut told = next_write(hidden_case(), WriteKind::Updated, 2);
    told.row.insert("reason".to_owned(), FieldValue::text("Quagga a third time"));
    laptop.store.apply(told).await.unwrap();
    laptop.store.apply(next_write(shown_case(), WriteKind::Updated, 2)).await.unwrap();

    let mut text = String::new();
    while !text.contains("Doe v. Roe") {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
        let chunk = frame.expect("a change in time").unwrap().unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(needles().iter().all(|needle| !text.contains(needle)), "{text}");
}
