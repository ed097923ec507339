//! What goes over the wire, to the letter, and what comes back broken.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use adapter_snowflake::{SnowflakeSettings, SnowflakeWarehouse};
use fault_server::{Answer, FaultServer, Script, Step};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use shared::config::Env;
use shared::ports::warehouse::{
    Progress, Sending, Statement, StatementHandle, StatementId, Warehouse as _, WarehouseValue,
};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use shared::worker::Backoff;
use shared::{PortErrorKind, chain};

const HANDLE: &str = "01ba4f2a-0000-1234-0000-000000000001";

fn open(server: &FaultServer) -> SnowflakeWarehouse {
    let settings = SnowflakeSettings::from_json(&json!({
        "connection": "lake",
        "account": "MYORG-FIRM",
        "base_url": server.url("/"),
        "auth": {"flow": "programmatic_token", "token": "env:TOKEN"},
        "database": "LEGAL",
        "schema": "PUBLIC",
        "warehouse": "LOADS",
        "role": "LOADER",
    }));
    let http = HttpSettings {
        deadline: Duration::from_secs(5),
        backoff: Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(10) },
        ..HttpSettings::default()
    };
    let clock = Arc::new(SystemClock);
    let http = HttpClient::new(http, clock.clone(), Arc::new(SystemRandom)).unwrap();
    let secrets = Arc::new(LocalSecrets::new(Env::from_pairs([("TOKEN", "pat")])));
    SnowflakeWarehouse::new(settings.unwrap(), http, secrets, clock)
}

fn statement(text: &str) -> Statement {
    Statement::new(StatementId::of("wire"), text)
}

fn handle() -> StatementHandle {
    StatementHandle::parse(HANDLE).unwrap()
}

fn taken() -> Answer {
    let body = json!({"code": "333334", "message": "…", "statementHandle": HANDLE});
    Answer::json(body.to_string()).with_status(202)
}

fn ended(data: &Value, parts: &Value) -> Answer {
    let column = json!({"name": "N", "type": "fixed", "precision": 38, "scale": 0,
        "length": null, "byteLength": null, "nullable": false, "collation": null});
    let meta = json!({"numRows": 3, "format": "jsonv2", "partitionInfo": parts,
        "rowType": [column]});
    let body = json!({"resultSetMetaData": meta, "data": data, "code": "090001",
        "statementHandle": HANDLE, "createdOn": 1});
    Answer::json(body.to_string())
}

#[tokio::test]
async fn statement_is_sent_as_the_reference_says() {
    let server = FaultServer::start(Script::always(taken())).await.unwrap();
    let sent = statement("insert into T values (?, ?)")
        .bind("O'Hara")
        .bind(WarehouseValue::Null)
        .with_timeout(Duration::from_secs(60));

    open(&server).submit(&sent).await.unwrap();
    open(&server).submit(&sent.sent(Sending::Again)).await.unwrap();

    let id = StatementId::of("wire");
    let received = server.received();
    assert_eq!(
        (received[0].method.as_str(), received[0].path.as_str()),
        ("POST", "/api/v2/statements")
    );
    assert_eq!(received[0].query, format!("requestId={id}&async=true"));
    assert_eq!(received[1].query, format!("requestId={id}&async=true&retry=true"));
    assert_eq!(received[0].body, received[1].body, "the same, to the letter");
    for (name, value) in [
        ("authorization", "Bearer pat"),
        ("x-snowflake-authorization-token-type", "PROGRAMMATIC_ACCESS_TOKEN"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("x-correlation-id", id.as_str()),
    ] {
        assert_eq!(received[0].header(name), Some(value), "{name}");
    }
    assert!(received[0].header("user-agent").unwrap().starts_with("moodbridge/"));
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    let expected = json!({
        "statement": "insert into T values (?, ?)",
        "timeout": 60,
        "database": "LEGAL",
        "schema": "PUBLIC",
        "warehouse": "LOADS",
        "role": "LOADER",
        "bindings": {
            "1": {"type": "TEXT", "value": "O'Hara"},
            "2": {"type": "TEXT", "value": null},
        },
        "parameters": {
            "MULTI_STATEMENT_COUNT": "1",
            "QUERY_TAG": format!("moodbridge;op=statement;id={id}"),
            "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": "600",
            "TIMEZONE": "UTC",
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn both_codes_of_a_statement_that_runs_are_understood() {
    let slow = json!({"code": "333333", "message": "…", "statementHandle": HANDLE});
    let steps = [taken(), Answer::json(slow.to_string()).with_status(202)];
    let server = FaultServer::start(Script::of(steps)).await.unwrap();
    let warehouse = open(&server);
    assert_eq!(warehouse.submit(&statement("x")).await.unwrap(), handle());
    assert_eq!(warehouse.poll(&handle()).await.unwrap(), Progress::Running);
    assert_eq!(server.received()[1].path, format!("/api/v2/statements/{HANDLE}"));
}

#[tokio::test]
async fn page_of_something_in_between_is_no_refusal_of_the_statement() {
    for (status, kind) in [
        (502, PortErrorKind::Unavailable),
        (403, PortErrorKind::Denied),
        (404, PortErrorKind::NotFound),
        (413, PortErrorKind::Rejected),
    ] {
        let page = Answer::html("<h1>proxy</h1>").with_status(status);
        let server = FaultServer::start(Script::always(page)).await.unwrap();
        let error = open(&server).submit(&statement("x")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {}", chain(&error));
        assert!(chain(&error).to_string().contains(&status.to_string()), "{}", chain(&error));
    }
}

#[tokio::test]
async fn answer_that_is_cut_or_of_another_shape_is_an_error() {
    for (answer, kind) in [
        (Answer::json("{\"resultSetMeta"), PortErrorKind::Unavailable),
        (Answer::json("{}"), PortErrorKind::Rejected),
        (Answer::json("{\"statementHandle\":\"a b\"}"), PortErrorKind::Rejected),
    ] {
        let server = FaultServer::start(Script::always(answer)).await.unwrap();
        let error = open(&server).poll(&handle()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", chain(&error));
    }
    let odd = Answer::json("{\"statementHandle\":\"../../x\"}").with_status(202);
    let server = FaultServer::start(Script::always(odd)).await.unwrap();
    let error = open(&server).submit(&statement("x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
}

#[tokio::test]
async fn row_that_does_not_fit_its_column_ends_the_rows() {
    let parts = json!([{"rowCount": 3}]);
    let answer = ended(&json!([["1"], ["Ada"], ["3"]]), &parts);
    let server = FaultServer::start(Script::always(answer)).await.unwrap();

    let mut rows = open(&server).rows(&handle()).await.unwrap().rows;

    assert_eq!(rows.try_next().await.unwrap(), Some(vec![1_i64.into()]));
    let error = rows.try_next().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let text = chain(&error).to_string();
    assert!(text.contains("row 1 of this part: column `N`") && !text.contains("Ada"), "{text}");
    assert_eq!(rows.try_next().await.unwrap(), None, "no row after an error");
}

#[tokio::test]
async fn result_of_no_rows_has_no_parts_to_ask_for() {
    let server = FaultServer::start(Script::always(ended(&json!([]), &json!([])))).await.unwrap();
    let rows = open(&server).rows(&handle()).await.unwrap().rows;
    assert!(rows.try_collect::<Vec<_>>().await.unwrap().is_empty());
    assert_eq!(server.n_received(), 1);
}

#[tokio::test]
async fn connection_that_breaks_in_an_answer_is_tried_again_as_a_repeat() {
    let breaks = [Step::Reset, Step::ResetMidBody(taken()), Step::CutMidBody(taken())];
    let steps = breaks.into_iter().chain([taken().into()]);
    let server = FaultServer::start(Script::of(steps)).await.unwrap();

    assert_eq!(open(&server).submit(&statement("x")).await.unwrap(), handle());

    let received = server.received();
    let marks: Vec<_> = received.iter().map(|it| it.query.ends_with("retry=true")).collect();
    assert_eq!(marks, [false, true, true, true]);

    // What is cut without a sign of it is for the caller to send again.
    let server = FaultServer::start(Script::always(taken().truncated())).await.unwrap();
    let error = open(&server).submit(&statement("x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
}
