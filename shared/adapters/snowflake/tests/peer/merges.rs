//! Merges of a staging table into its target.

use adapter_snowflake::SnowflakeWarehouse;
use serde_json::json;
use shared::ports::warehouse::{Merge, MergeReport, Sending, StatementId, Step, merge_within};
use shared::{PortError, PortErrorKind, chain};

use crate::support::{Peer, WAIT, name, table};

const COLUMNS: &str = "(ID varchar, VERSION timestamp_ntz, SEQ number(18,0), TITLE varchar";

async fn prepare(peer: &Peer, rows: &str) {
    peer.sql(&[
        &format!("create or replace table TARGET {COLUMNS})"),
        &format!("create or replace table STAGED {COLUMNS}, BATCH varchar)"),
        &format!("insert into STAGED values {rows}"),
    ])
    .await;
}

fn merge(id: &str, batch: &str) -> Merge {
    let version = vec![name("VERSION"), name("SEQ")];
    let tables = (table("STAGED"), table("TARGET"));
    let merge =
        Merge::new(StatementId::of(id), tables, vec![name("ID")], version, vec![name("TITLE")]);
    merge.unwrap().of_batch(name("BATCH"), batch.into())
}

async fn done(warehouse: &SnowflakeWarehouse, merge: &Merge) -> Result<MergeReport, PortError> {
    match merge_within(warehouse, merge, None, WAIT).await? {
        Step::Done(report) => Ok(report),
        Step::Running(handle) => panic!("`{handle}` did not end"),
    }
}

async fn titles(peer: &Peer) -> serde_json::Value {
    peer.sql(&["select ID, TITLE from TARGET order by ID"]).await
}

#[tokio::test]
async fn newest_version_wins_and_ten_replays_change_nothing() {
    let Some(peer) = Peer::start().await else { return };
    prepare(
        &peer,
        "('a','2026-01-01',1,'old','b1'), ('a','2026-01-02',1,'new','b1'), \
         ('a','2026-01-02',2,'newest','b1'), ('b',null,null,'unversioned','b1'), \
         ('z','2026-01-01',1,'of another batch','b2'), \
         ('a','2026-01-01',9,'late','b3'), ('b','2026-01-01',1,'versioned','b3')",
    )
    .await;
    let warehouse = peer.open();

    let report = done(&warehouse, &merge("b1", "b1")).await.unwrap();
    assert_eq!(report, MergeReport { n_inserted: 2, n_updated: 0 });
    assert_eq!(titles(&peer).await, json!([["a", "newest"], ["b", "unversioned"]]));

    for round in 0..10 {
        // Five times as a repeat, five times as if nobody knew of the first.
        let replay = match round % 2 {
            0 => merge("b1", "b1").sent(Sending::Again),
            _ => merge(&format!("b1 again {round}"), "b1"),
        };
        let report = done(&peer.open(), &replay).await.unwrap();
        if round % 2 == 1 {
            assert_eq!(report, MergeReport::default());
        }
        assert_eq!(titles(&peer).await, json!([["a", "newest"], ["b", "unversioned"]]));
    }

    let report = done(&warehouse, &merge("b3", "b3")).await.unwrap();
    assert_eq!(report, MergeReport { n_inserted: 0, n_updated: 1 });
    assert_eq!(titles(&peer).await, json!([["a", "newest"], ["b", "versioned"]]));
}

#[tokio::test]
async fn nothing_to_merge_leaves_the_target_alone() {
    let Some(peer) = Peer::start().await else { return };
    prepare(&peer, "('a','2026-01-01',1,'x','b1')").await;

    let report = done(&peer.open(), &merge("none", "no such batch")).await.unwrap();

    assert_eq!(report, MergeReport::default());
    let runs = peer.runs().await;
    assert_eq!(runs.len(), 1, "only the look: {runs:?}");
    assert!(!runs[0]["statement"].as_str().unwrap().contains("TARGET"));
}

#[tokio::test]
async fn row_without_a_key_is_refused_before_the_merge() {
    let Some(peer) = Peer::start().await else { return };
    prepare(&peer, "('a','2026-01-01',1,'x','b1'), (null,'2026-01-01',1,'y','b1')").await;

    let error = done(&peer.open(), &merge("b1", "b1")).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let error = chain(&error).to_string();
    assert!(error.contains("1 rows of `STAGED` have no value in a key column (ID)"), "{error}");
    assert_eq!(titles(&peer).await, json!([]));
}
