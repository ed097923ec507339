//! GitHub issues.

use fault_server::{Answer, FaultServer, Received, Script, Step};
use shared::PortErrorKind;
use shared::ids::{ObjectName, RecordId};
use shared::model::FieldValue;
use shared::platform::conformance;
use shared::ports::PageOrder;

use super::support::{github_settings, ids, open, pages, platform, query};

const PAGE_1: &str = include_str!("../../../../../events/github/issues.page-1.json");
const PAGE_2: &str = include_str!("../../../../../events/github/issues.page-2.json");
const SECONDARY: &str = include_str!("../../../../../events/github/error.403-secondary.json");
const NOT_FOUND: &str = include_str!("../../../../../events/github/error.404.json");

/// Answers as GitHub does: changes from `since` on, one page after the other.
fn answer(request: &Received) -> Step {
    let limit = |answer: Answer| {
        answer
            .with_header("X-RateLimit-Limit", "5000")
            .with_header("X-RateLimit-Remaining", "4998")
            .with_header("X-RateLimit-Reset", "1767261660")
    };
    match request.path.as_str() {
        "/repos/firm/intake/issues" if request.query.contains("since=2026-01-04") => {
            limit(Answer::json(PAGE_2)).into()
        }
        "/repos/firm/intake/issues" => {
            let origin = format!("http://{}", request.header("host").unwrap());
            let link = format!(
                "<{origin}/repositories/1/issues?page=2>; rel=\"next\", \
                 <{origin}/repositories/1/issues?page=2>; rel=\"last\""
            );
            limit(Answer::json(PAGE_1)).with_header("Link", &link).into()
        }
        "/repos/firm/intake" => limit(Answer::json("{}")).into(),
        _ => limit(Answer::json(NOT_FOUND).with_status(404)).into(),
    }
}

#[tokio::test]
async fn issues_come_by_version_and_each_page_is_asked_anew() {
    let server = FaultServer::start(Script::by(answer)).await.unwrap();
    let opened = open(&platform("github-issues"), &github_settings(&server.url("")));

    let pages = pages(&opened, &query(&opened, "Issue", "2026-01-01T00:00:00Z")).await.unwrap();

    // The pull request is none of ours.
    assert_eq!(ids(&pages), [vec!["7"], vec!["3"]]);
    assert!(pages.iter().all(|it| it.order == PageOrder::ByVersion));
    let received = server.received();
    let first = &received[0];
    assert_eq!(first.header("x-github-api-version"), Some("2022-11-28"));
    assert_eq!(first.header("accept"), Some("application/vnd.github+json"));
    for part in ["state=all", "sort=updated", "direction=asc", "since=2026-01-01T00%3A00%3A00Z"] {
        assert!(first.query.contains(part), "`{part}` is not in {}", first.query);
    }
    assert!(received[1].query.contains("since=2026-01-04T08%3A00%3A00Z"), "{}", received[1].query);
}

#[tokio::test]
async fn issue_becomes_a_row_of_ours() {
    let server = FaultServer::start(Script::by(answer)).await.unwrap();
    let opened = open(&platform("github-issues"), &github_settings(&server.url("")));
    let query = query(&opened, "Issue", "2026-01-01T00:00:00Z");
    let page = opened.crm.changes(&query).await.unwrap();
    let mapping = opened.mappings.get(&query.object).unwrap();
    let record = &page.records[0];
    let row = mapping.row(&opened.connection, &mapping.canonical(&record.fields).unwrap()).unwrap();
    assert_eq!(row["case_number"], FieldValue::text("7"));
    assert_eq!(row["description"], FieldValue::text("The last digit is missing."));
    assert_eq!(row["is_closed"], FieldValue::Bool(false));
    assert_eq!(row["opened_at"], FieldValue::text("2026-01-02T08:00:00.000Z"));
}

#[tokio::test]
async fn forbidden_is_a_limit_when_the_answer_says_so_and_a_refusal_else() {
    let secondary = Answer::json(SECONDARY).with_status(403).with_header("Retry-After", "60");
    let spent = Answer::json("{}")
        .with_status(403)
        .with_header("X-RateLimit-Remaining", "0")
        .with_header("X-RateLimit-Reset", "4102444800");
    for (answer, kind) in [
        (secondary, PortErrorKind::RateLimited),
        (spent, PortErrorKind::RateLimited),
        (Answer::json("{}").with_status(403), PortErrorKind::Denied),
    ] {
        let server = FaultServer::start(Script::always(answer)).await.unwrap();
        let opened = open(&platform("github-issues"), &github_settings(&server.url("")));
        let error = opened.crm.health().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.retry_after().is_some(), kind == PortErrorKind::RateLimited);
    }
}

#[tokio::test]
async fn issue_that_is_not_found_is_gone_only_where_the_repository_is_seen() {
    let server = FaultServer::start(Script::by(answer)).await.unwrap();
    let opened = open(&platform("github-issues"), &github_settings(&server.url("")));
    let (issue, id) = (ObjectName::parse("Issue").unwrap(), RecordId::parse("99").unwrap());
    assert_eq!(opened.crm.read(&issue, &id, &[]).await.unwrap(), None);

    // A token that lost its permission is told "not found" as well.
    let hidden = Script::by(|_: &Received| Answer::json(NOT_FOUND).with_status(404).into());
    let server = FaultServer::start(hidden).await.unwrap();
    let opened = open(&platform("github-issues"), &github_settings(&server.url("")));
    let error = opened.crm.read(&issue, &id, &[]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn github_issues_keep_the_contract_of_a_platform() {
    let refusing = FaultServer::refusing().unwrap();
    let good = github_settings(&refusing.url(""));
    conformance::passes(&platform("github-issues"), &good, &[("TOKEN", "s3cret")]).await;
}
