//! Credits of our own statements, by the tags that they really went under.

use shared::PortErrorKind;
use shared::ports::warehouse::{Spending, SpendingView as _, StatementId};
use shared::time::Timestamp;

use crate::support::{Peer, run, statement};

const VIEW: &str = "SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY";

fn at(raw: &str) -> Timestamp {
    Timestamp::parse(raw).unwrap()
}

#[tokio::test]
async fn credits_are_told_by_day_operation_and_table() {
    let Some(peer) = Peer::start().await else { return };
    let warehouse = peer.open();
    run(&warehouse, &statement("select 1")).await.unwrap();
    let sent = peer.runs().await.pop().unwrap()["tag"].as_str().unwrap().to_owned();
    assert!(sent.starts_with("moodbridge;op=statement;"), "{sent}");

    let table = format!(
        "create table {VIEW} (QUERY_TAG varchar, START_TIME timestamp_ltz, \
         CREDITS_ATTRIBUTED_COMPUTE float, CREDITS_USED_QUERY_ACCELERATION float)"
    );
    let load = "moodbridge;op=load;table=CASES_STAGING;id=5e0e0b2a";
    let rows = format!(
        "insert into {VIEW} values \
         ('{sent}', '2026-11-21 23:59:59+00:00', 0.0000015, null), \
         ('{load}', '2026-11-21 00:00:00+00:00', 0.5, 0.25), \
         ('{load}', '2026-11-22 00:00:00+00:00', 0.125, null), \
         ('{load}', '2026-11-23 00:00:00+00:00', 9, null), \
         ('somebody else', '2026-11-21 12:00:00+00:00', 9, null), \
         (null, '2026-11-21 12:00:00+00:00', 9, null)"
    );
    peer.sql(&[
        "create database if not exists SNOWFLAKE",
        "create schema SNOWFLAKE.ACCOUNT_USAGE",
        &table,
        &rows,
    ])
    .await;

    let (from, until) = (at("2026-11-21T00:00:00Z"), at("2026-11-23T00:00:00Z"));
    let found = warehouse.spending(&StatementId::of("a test"), from, until).await.unwrap();
    let spending = |day: &str, operation: &str, table: Option<&str>, microcredits| Spending {
        day: day.to_owned(),
        operation: operation.to_owned(),
        table: table.map(str::to_owned),
        n_statements: 1,
        microcredits,
    };
    let staging = Some("CASES_STAGING");
    let expected = [
        spending("2026-11-21", "load", staging, 750_000),
        spending("2026-11-21", "statement", None, 2),
        spending("2026-11-22", "load", staging, 125_000),
    ];
    assert_eq!(found, expected);
    let again = warehouse.spending(&StatementId::of("a test"), from, until).await.unwrap();
    assert_eq!(again, found);
    let n_asked =
        peer.runs().await.iter().filter(|it| it["statement"].to_string().contains(VIEW)).count();
    assert_eq!(n_asked, 1, "the same question is not worked out twice");
}

#[tokio::test]
async fn view_that_is_not_seen_is_told() {
    let Some(peer) = Peer::start().await else { return };
    let (from, until) = (at("2026-11-21T00:00:00Z"), at("2026-11-23T00:00:00Z"));
    let error = peer.open().spending(&StatementId::of("a test"), from, until).await.unwrap_err();
    assert!(matches!(error.kind(), PortErrorKind::NotFound | PortErrorKind::Denied), "{error:?}");
}
