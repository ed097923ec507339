//! A declared platform whose server fails in every way.

use std::time::Duration;

use fault_server::{Answer, FaultServer, Received, Script, Step};
use serde_json::json;
use shared::PortErrorKind;
use shared::chain;

use super::support::{clio_settings, declared, ids, open, pages, platform, query};

const EMPTY: &str = r#"{"data": [], "meta": {"paging": {}}}"#;

#[tokio::test]
async fn passing_faults_are_outlasted() {
    for fault in [
        Step::status(503),
        Step::Reset,
        Step::CutMidBody(Answer::json(EMPTY)),
        Step::ResetMidBody(Answer::json(EMPTY)),
        Answer::slow_down(0).into(),
    ] {
        let name = format!("{fault:?}");
        let server =
            FaultServer::start(Script::of([fault]).then(Answer::json(EMPTY))).await.unwrap();
        let opened = open(&platform("clio"), &clio_settings(&server.url("")));
        let page = opened.crm.changes(&query(&opened, "Matter", "2026-01-01T00:00:00Z")).await;
        assert_eq!(page.unwrap().records, [], "{name}");
        assert_eq!(server.n_received(), 2, "{name}");
    }
}

#[tokio::test]
async fn answers_of_another_kind_are_errors_and_never_an_empty_page() {
    for (answer, kind) in [
        (Step::Garbage, PortErrorKind::Unavailable),
        (Answer::html("<h1>Maintenance</h1>").into(), PortErrorKind::Unavailable),
        (Answer::json("{\"data\": ").into(), PortErrorKind::Unavailable),
        (Answer::json("{\"data\": {}}").into(), PortErrorKind::Rejected),
        (Answer::json("{}").into(), PortErrorKind::Rejected),
        (Answer::json("[]").into(), PortErrorKind::Rejected),
        (Answer::json(r#"{"data": [{"id": 1}]}"#).into(), PortErrorKind::Rejected),
        (Answer::redirect("https://elsewhere.test/").into(), PortErrorKind::Rejected),
    ] {
        let server = FaultServer::start(Script::always(answer)).await.unwrap();
        let opened = open(&platform("clio"), &clio_settings(&server.url("")));
        let query = query(&opened, "Matter", "2026-01-01T00:00:00Z");
        let error = opened.crm.changes(&query).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", chain(&error));
        assert!(!chain(&error).to_string().contains("s3cret"));
    }
}

#[tokio::test]
async fn server_that_hangs_is_given_up() {
    let server = FaultServer::start(Script::always(Step::Hang)).await.unwrap();
    let opened = open(&platform("clio"), &clio_settings(&server.url("")));
    let query = query(&opened, "Matter", "2026-01-01T00:00:00Z");
    let asking = tokio::spawn(async move { opened.crm.changes(&query).await });
    assert!(server.has_received(1, Duration::from_secs(5)).await);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(200)).await;
    tokio::time::resume();
    let ended = tokio::time::timeout(Duration::from_secs(20), asking).await;
    let error = ended.expect("it still hangs").unwrap().unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn credentials_never_follow_a_page_to_another_host() {
    let elsewhere = FaultServer::start(Script::always(Answer::json(EMPTY))).await.unwrap();
    let evil = elsewhere.url("/api/v4/matters.json?page_token=x");
    let page = json!({"data": [], "meta": {"paging": {"next": evil}}}).to_string();
    let server = FaultServer::start(Script::always(Answer::json(page))).await.unwrap();
    let opened = open(&platform("clio"), &clio_settings(&server.url("")));

    let error =
        pages(&opened, &query(&opened, "Matter", "2026-01-01T00:00:00Z")).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("another host"), "{}", chain(&error));
    assert_eq!(elsewhere.n_received(), 0);
}

#[tokio::test]
async fn page_that_names_itself_as_the_next_ends_the_reading() {
    let script = Script::by(|request: &Received| {
        let own = format!("http://{}/matters.json?page_token=x", request.header("host").unwrap());
        Answer::json(json!({"data": [], "meta": {"paging": {"next": own}}}).to_string()).into()
    });
    let server = FaultServer::start(script).await.unwrap();
    let opened = open(&platform("clio"), &clio_settings(&server.url("")));
    let error =
        pages(&opened, &query(&opened, "Matter", "2026-01-01T00:00:00Z")).await.unwrap_err();
    assert!(chain(&error).to_string().contains("same page"), "{}", chain(&error));
}

/// A platform with the paging and the order that a test is about.
fn manifest(paging: &str, order: &str) -> String {
    format!(
        "manifest: 1\nid: toy\ntitle: Toy\nbase_url: https://toy.test\nauth: [{{kind: api_key, \
         header: X-Key}}]\nhealth: {{path: me}}\nstreams:\n  Note:\n    entity: case\n    path: \
         notes\n    read_path: notes/{{id}}\n    params: {{sort: changed}}\n    paging: {paging}\n    \
         incremental: {{param: since, order: {order}, format: unix_seconds}}\n    version: /at\n    \
         version_format: unix_seconds\n    fields:\n      title: {{to: title}}\n"
    )
}

/// Twenty-five notes, the last ten of one second, paged by `page` and `size`.
fn notes(request: &Received) -> Step {
    let param = |name: &str| -> Option<usize> {
        let mut pairs = request.query.split('&').filter_map(|it| it.split_once('='));
        pairs.find(|it| it.0 == name)?.1.parse().ok()
    };
    assert_eq!(request.header("x-key"), Some("s3cret"));
    let (since, size) = (param("since").unwrap_or(0), param("size").unwrap_or(4));
    let skip = param("offset").unwrap_or_else(|| param("page").map_or(0, |it| (it - 1) * size));
    let skip = param("cursor").unwrap_or(skip);
    let all: Vec<_> =
        (0..25).map(|id| (id, 1_767_300_000 + id.min(15))).filter(|(_, at)| *at >= since).collect();
    let list = all.iter().skip(skip).take(size);
    let cursor = (skip + size < all.len()).then(|| (skip + size).to_string());
    let items: Vec<_> = list.map(|(id, at)| json!({"id": id, "at": at, "title": "x"})).collect();
    let body = if request.query.contains("size") {
        json!(items)
    } else {
        json!({"items": items, "cursor": cursor})
    };
    Answer::json(body.to_string()).into()
}

#[tokio::test]
async fn every_way_of_paging_reads_every_record() {
    let offset = "{kind: offset, param: offset, size_param: size, size: 4}";
    let page = "{kind: page, param: page, size_param: size, size: 4}";
    let cursor = "{kind: cursor, at: /cursor, param: cursor}\n    records: /items";
    for paging in [offset, page, cursor] {
        for order in ["version", "other"] {
            let server = FaultServer::start(Script::by(notes)).await.unwrap();
            let settings = json!({
                "connection": "toy", "base_url": server.url(""),
                "auth": {"kind": "api_key", "key": "env:TOKEN"},
            });
            let opened = open(&declared(&manifest(paging, order)), &settings);
            let pages =
                pages(&opened, &query(&opened, "Note", "2026-01-01T00:00:00Z")).await.unwrap();
            let mut seen: Vec<u32> =
                ids(&pages).concat().iter().map(|it| it.parse().unwrap()).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, (0..25).collect::<Vec<_>>(), "{paging} {order}");
            assert!(pages.iter().all(|it| it.records.len() <= 4));
        }
    }
}

#[tokio::test]
async fn pages_out_of_order_are_refused_where_the_manifest_says_by_version() {
    let backwards = json!([{"id": 1, "at": 1_767_300_009}, {"id": 2, "at": 1_767_300_001}]);
    let server =
        FaultServer::start(Script::always(Answer::json(backwards.to_string()))).await.unwrap();
    let settings = json!({
        "connection": "toy", "base_url": server.url(""),
        "auth": {"kind": "api_key", "key": "env:TOKEN"},
    });
    let opened = open(&declared(&manifest("{kind: none}", "version")), &settings);
    let error =
        opened.crm.changes(&query(&opened, "Note", "2026-01-01T00:00:00Z")).await.unwrap_err();
    assert!(chain(&error).to_string().contains("incremental.order"), "{}", chain(&error));
}
