//! Storms, lost answers and broken connections.

use std::time::Duration;

use serde_json::json;
use shared::ports::warehouse::Warehouse as _;
use shared::{PortErrorKind, chain};
use tokio::time::Instant;

use crate::support::{Peer, read, run, statement};

const SUBMIT: &str = r"^POST /api/v2/statements\?";

#[tokio::test]
async fn storm_is_ridden_out_and_the_statement_runs_once() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&["create table ONCE (N number(18,0))"]).await;
    peer.fail(json!([
        {"match": SUBMIT, "status": 429, "retry_after": 1, "count": 1},
        {"match": SUBMIT, "status": 503, "count": 1},
        {"match": SUBMIT, "drop": "after", "count": 1},
        {"match": "GET", "status": 503, "count": 2},
        {"match": "GET", "drop": "before", "count": 1},
    ]))
    .await;
    let begun = Instant::now();

    run(&peer.open(), &statement("insert into ONCE values (1)")).await.unwrap();

    assert!(begun.elapsed() >= Duration::from_secs(1), "`Retry-After` was waited for");
    assert_eq!(peer.sql(&["select count(*) from ONCE"]).await, json!([["1"]]));
    let calls = peer.calls().await;
    let submits: Vec<_> = calls.iter().filter(|it| it["method"] == "POST").collect();
    assert_eq!(submits.len(), 4);
    let ids: Vec<_> = submits.iter().map(|it| &it["query"]["requestId"]).collect();
    assert!(ids.iter().all(|it| *it == ids[0]), "{ids:?}");
    let marks: Vec<_> = submits.iter().map(|it| it["query"]["retry"].as_str()).collect();
    assert_eq!(marks, [None, Some("true"), Some("true"), Some("true")]);
}

#[tokio::test]
async fn endless_storm_is_handed_on_with_its_wait() {
    let Some(peer) = Peer::start().await else { return };
    let busy = json!([{"match": SUBMIT, "status": 429, "retry_after": 3600, "count": 100}]);
    peer.fail(busy).await;
    let error = run(&peer.open(), &statement("select 1")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::RateLimited, "{}", chain(&error));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(peer.calls().await.len(), 1, "nobody waits an hour");

    peer.fail(json!([{"match": SUBMIT, "status": 503, "count": 100}])).await;
    let error = run(&peer.open(), &statement("select 1")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
    assert!(peer.runs().await.is_empty());
}

#[tokio::test]
async fn too_many_statements_at_once_wait_their_turn() {
    let Some(peer) = Peer::start().await else { return };
    let settings = json!({"max_running": 1, "slow": {"7 + 5": 0.2}});
    peer.control("settings", &settings).await;
    let (one, other) = (peer.open(), peer.open());
    let (first, second) = (statement("select 7 + 5"), statement("select 7 + 6"));

    let handle = one.submit(&first).await.unwrap();
    let rows = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match read(&other, &second).await {
                Ok(rows) => return rows,
                Err(error) => assert_eq!(error.kind(), PortErrorKind::RateLimited),
            }
        }
    });

    assert_eq!(rows.await.unwrap()[0][0].as_i64(), Some(13));
    one.poll(&handle).await.unwrap();
}

#[tokio::test]
async fn part_that_breaks_is_an_error_and_no_short_result() {
    let Some(peer) = Peer::start().await else { return };
    peer.control("settings", &json!({"part_rows": 10})).await;
    peer.sql(&["create table N as select range as N from range(30)"]).await;
    let numbers = statement("select N from N order by N");
    let short =
        json!({"match": "partition=1", "status": 200, "body": {"data": [["1"]]}, "count": 1});
    peer.fail(json!([short])).await;

    let error = read(&peer.open(), &numbers).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(chain(&error).to_string().contains("part 1 has 1 rows instead of 10"));

    peer.fail(json!([{"match": "partition=2", "drop": "before", "count": 1}])).await;
    assert_eq!(read(&peer.open(), &numbers).await.unwrap().len(), 30, "asked for once more");
}
