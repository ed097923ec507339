//! Clio Manage.

use fault_server::{Answer, FaultServer, Received, Script, Step};
use serde_json::json;
use shared::PortErrorKind;
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use shared::model::FieldValue;
use shared::platform::{Aspect, PlatformIntegration, Verdict, conformance};
use shared::ports::PageOrder;

use super::support::{at, clio_settings, dated, ids, open, pages, platform, query, surroundings};

const PAGE_1: &str = include_str!("../../../../../events/clio/matters.page-1.json");
const PAGE_2: &str = include_str!("../../../../../events/clio/matters.page-2.json");
const PERSON: &str = include_str!("../../../../../events/clio/contacts.person.json");
const COMPANY: &str = include_str!("../../../../../events/clio/contacts.company.json");
const MATTER: &str = include_str!("../../../../../events/clio/matter.json");
const UNAUTHORIZED: &str = include_str!("../../../../../events/clio/error.401.json");
const TOO_MANY: &str = include_str!("../../../../../events/clio/error.429.json");

/// Answers as Clio does.
fn answer(request: &Received) -> Step {
    let origin = format!("http://{}", request.header("host").unwrap());
    let json = |text: &str| {
        dated(Answer::json(text.replace("{origin}", &origin)))
            .with_header("X-RateLimit-Limit", "50")
            .with_header("X-RateLimit-Remaining", "49")
            .with_header("X-RateLimit-Reset", "1767261660")
            .into()
    };
    if request.header("authorization") != Some("Bearer s3cret") {
        return Answer::json(UNAUTHORIZED).with_status(401).into();
    }
    match request.path.as_str() {
        "/api/v4/users/who_am_i.json" => json(r#"{"data": {"id": 9}}"#),
        "/api/v4/matters.json" if request.query.contains("page_token") => json(PAGE_2),
        "/api/v4/matters.json" => json(PAGE_1),
        "/api/v4/contacts.json" if request.query.contains("type=Person") => json(PERSON),
        "/api/v4/contacts.json" => json(COMPANY),
        "/api/v4/matters/1711.json" => json(MATTER),
        _ => Answer::status(404).into(),
    }
}

async fn clio() -> FaultServer {
    FaultServer::start(Script::by(answer)).await.unwrap()
}

#[tokio::test]
async fn matters_come_page_by_page_with_the_version_header() {
    let server = clio().await;
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));

    let pages = pages(&opened, &query(&opened, "Matter", "2026-01-01T00:00:00Z")).await.unwrap();

    // By id over there; within a page by version.
    assert_eq!(ids(&pages), [vec!["1712", "1711"], vec!["1713"]]);
    assert!(pages.iter().all(|it| it.order == PageOrder::Other));
    let received = server.received();
    assert_eq!(received[0].header("x-api-version"), Some("4.0.13"));
    let asked = &received[0].query;
    for part in ["order=id%28asc%29", "limit=200", "updated_since=2025-12-31T23%3A59%3A59Z"] {
        assert!(asked.contains(part), "`{part}` is not in {asked}");
    }
    assert!(received[1].query.contains("page_token="), "{}", received[1].query);
}

#[tokio::test]
async fn matter_becomes_a_row_of_ours() {
    let server = clio().await;
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    let query = query(&opened, "Matter", "2026-01-01T00:00:00Z");
    let pages = pages(&opened, &query).await.unwrap();
    let mapping = opened.mappings.get(&query.object).unwrap();
    let row = |id: &str| {
        let mut records = pages.iter().flat_map(|it| &it.records);
        let record = records.find(|it| it.record_id.as_str() == id).unwrap();
        mapping.row(&opened.connection, &mapping.canonical(&record.fields).unwrap()).unwrap()
    };

    let open_matter = row("1711");
    for (column, value) in [
        ("case_number", FieldValue::text("00017-Keller")),
        ("docket_number", FieldValue::text("26-2-01711-4")),
        ("title", FieldValue::text("Keller v. Northwind Freight")),
        ("practice_area", FieldValue::text("Civil Litigation")),
        ("is_closed", FieldValue::Bool(false)),
        ("opened_at", FieldValue::text("2026-01-05T00:00:00.000Z")),
        ("closed_at", FieldValue::Null),
        ("contact_id", FieldValue::Null),
    ] {
        assert_eq!(open_matter[column], value, "{column}");
    }
    let company = EntityId::derive(
        &ConnectionId::parse("firm-clio").unwrap(),
        &ObjectName::parse("Company").unwrap(),
        &RecordId::parse("501").unwrap(),
    );
    assert_eq!(open_matter["account_id"], FieldValue::text(company.as_str()));
    let closed = row("1712");
    assert_eq!(closed["is_closed"], FieldValue::Bool(true));
    assert_eq!(closed["account_id"], FieldValue::Null);
    assert_ne!(closed["contact_id"], FieldValue::Null);
}

#[tokio::test]
async fn version_is_the_instant_whatever_its_offset() {
    let server = clio().await;
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    let matter = ObjectName::parse("Matter").unwrap();
    let id = RecordId::parse("1711").unwrap();
    let fields = vec!["description".to_owned()];

    let record = opened.crm.read(&matter, &id, &fields).await.unwrap().unwrap();

    assert_eq!(record.version, at("2026-01-12T17:15:42Z"));
    assert_eq!(record.fields.len(), 1);
    assert!(server.received()[0].query.starts_with("fields="));
}

#[tokio::test]
async fn record_that_is_gone_is_only_gone_when_its_list_is_there() {
    let server = clio().await;
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    let matter = ObjectName::parse("Matter").unwrap();
    let id = RecordId::parse("9999").unwrap();
    assert_eq!(opened.crm.read(&matter, &id, &[]).await.unwrap(), None);

    let opened = open(&platform("clio"), &clio_settings(&server.url("/moved")));
    let error = opened.crm.read(&matter, &id, &[]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn contacts_are_companies_and_persons() {
    let server = clio().await;
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    for (object, id) in [("Company", "501"), ("Person", "777")] {
        let pages = pages(&opened, &query(&opened, object, "1970-01-01T00:00:00Z")).await.unwrap();
        assert_eq!(ids(&pages), [vec![id]]);
    }
    assert!(server.received().iter().all(|it| !it.query.contains("updated_since")));
}

#[tokio::test]
async fn limit_is_waited_for_as_the_answer_says() {
    let limited = Answer::json(TOO_MANY).with_status(429).with_header("Retry-After", "0");
    let script = Script::of([Step::from(limited)]).then_by(answer);
    let server = FaultServer::start(script).await.unwrap();
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    let pages = pages(&opened, &query(&opened, "Person", "1970-01-01T00:00:00Z")).await.unwrap();
    assert_eq!(ids(&pages), [vec!["777"]]);
    assert_eq!(server.n_received(), 2);
}

#[tokio::test]
async fn window_that_is_used_up_is_not_run_against() {
    let spent = dated(Answer::json(r#"{"data": {"id": 9}}"#))
        .with_header("X-RateLimit-Remaining", "0")
        .with_header("X-RateLimit-Reset", "4102444800");
    let server = FaultServer::start(Script::always(spent)).await.unwrap();
    let opened = open(&platform("clio"), &clio_settings(&server.url("/api/v4")));
    opened.crm.health().await.unwrap();

    let error = opened.crm.health().await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::RateLimited);
    assert!(error.retry_after().is_some());
    assert_eq!(server.n_received(), 1);
}

#[tokio::test]
async fn health_tells_the_token_from_the_permission() {
    let server = clio().await;
    let clio = platform("clio");
    let settings = clio_settings(&server.url("/api/v4"));
    let report = clio.health(&settings, &surroundings(), None).await;
    assert!(report.worst() < Verdict::Warning, "{report:#?}");
    assert!(report.findings.iter().any(|it| it.what.contains("49 calls")), "{report:#?}");

    let mut settings = settings;
    settings["auth"]["token"] = json!("env:REFRESH");
    let report = clio.health(&settings, &surroundings(), None).await;
    let bad: Vec<_> = report.findings.iter().filter(|it| it.verdict == Verdict::Bad).collect();
    assert_eq!(bad.len(), 1, "{report:#?}");
    assert_eq!(bad[0].aspect, Aspect::Authenticated);
}

#[tokio::test]
async fn stream_without_permission_is_a_finding_of_its_own() {
    let script = Script::by(|request: &Received| match request.path.as_str() {
        "/api/v4/matters.json" => Answer::status(403).into(),
        _ => answer(request),
    });
    let server = FaultServer::start(script).await.unwrap();
    let settings = clio_settings(&server.url("/api/v4"));
    let report = platform("clio").health(&settings, &surroundings(), None).await;
    let bad: Vec<_> = report.findings.iter().filter(|it| it.verdict == Verdict::Bad).collect();
    assert_eq!(bad.len(), 1, "{report:#?}");
    assert_eq!(bad[0].aspect, Aspect::Permitted);
    assert!(bad[0].what.contains("`Matter`"), "{}", bad[0].what);
}

#[tokio::test]
async fn refused_token_is_renewed_once_and_the_call_repeated() {
    let script = Script::by(|request: &Received| {
        if request.path == "/oauth/token" {
            let body = request.text();
            let is_asked_well = body.contains("grant_type=refresh_token")
                && body.contains("refresh_token=r3fresh")
                && body.contains("client_secret=s3cret");
            assert!(is_asked_well, "{body}");
            let token = if request.number == 1 { "old" } else { "s3cret" };
            let json = json!({"access_token": token, "token_type": "bearer", "expires_in": 3600});
            return Answer::json(json.to_string()).into();
        }
        answer(request)
    });
    let server = FaultServer::start(script).await.unwrap();
    let settings = json!({
        "connection": "firm-clio",
        "base_url": server.url("/api/v4"),
        "auth": {
            "kind": "oauth2", "client_id": "app", "client_secret": "env:TOKEN",
            "refresh_token": "env:REFRESH", "token_url": server.url("/oauth/token"),
        },
    });
    let opened = open(&platform("clio"), &settings);
    opened.crm.health().await.unwrap();
    let paths: Vec<_> = server.received().into_iter().map(|it| it.path).collect();
    let who = "/api/v4/users/who_am_i.json";
    assert_eq!(paths, ["/oauth/token", who, "/oauth/token", who]);
}

#[tokio::test]
async fn clio_keeps_the_contract_of_a_platform() {
    let refusing = FaultServer::refusing().unwrap();
    let good = clio_settings(&refusing.url("/api/v4"));
    conformance::passes(&platform("clio"), &good, &[("TOKEN", "s3cret")]).await;
}
