//! Loads that go well, come twice, and go on.

use std::time::Duration;

use serde_json::json;
use shared::config::Env;
use shared::lake::{Column, ColumnType, LakeTable};
use shared::loader::LoadError;
use shared::ports::Clock as _;

use crate::firm::Firm;

/// How many changes the largest test loads: `MOODBRIDGE_LOAD_CHANGES`.
fn n_changes() -> u32 {
    let env = Env::of_process();
    env.get("MOODBRIDGE_LOAD_CHANGES").and_then(|it| it.parse().ok()).unwrap_or(5000)
}

#[tokio::test]
async fn every_change_arrives_once_and_what_is_not_new_sends_nothing() {
    let Some(mut firm) = Firm::new().await else { return };
    firm.settings.max_files = 20;
    let n_wanted = n_changes();
    firm.work(n_wanted).await;
    firm.export().await;

    let tally = firm.load().await.unwrap();

    assert_eq!(tally.n_rows, u64::from(n_wanted));
    assert_eq!(firm.check().await, n_wanted as usize);
    let n_left = firm.peer.sql(&["select count(*) from CASES_STAGING"]).await;
    assert_eq!(n_left, json!([["0"]]), "what is merged is deleted where it was loaded");
    let n_calls = firm.peer.calls().await.len();
    let tally = firm.load().await.unwrap();
    assert_eq!((tally.n_files, tally.n_rows), (0, 0));
    assert_eq!(firm.peer.calls().await.len(), n_calls, "nothing is new: nothing is sent");
    let status = firm.loader().status().await.unwrap();
    assert_eq!(status.iter().map(|it| it.n_rows).sum::<u64>(), u64::from(n_wanted));
    assert!(status.iter().all(|it| it.n_files_waiting == 0 && it.step.is_none()));
}

#[tokio::test]
async fn ten_replays_change_nothing() {
    let Some(mut firm) = Firm::new().await else { return };
    for number in 0..50 {
        firm.case(number / 3, &number.to_string()).await;
    }
    firm.export().await;
    firm.load().await.unwrap();
    let n_rows = firm.check().await;

    firm.settings.max_files = 100;
    for number in 0..10 {
        // As if nobody had ever loaded it, and as a person has it done again.
        match number % 2 {
            0 => firm.forget(),
            _ => firm.loader().begin_anew(&[LakeTable::Cases]).await.unwrap(),
        }
        let tally = firm.load().await.unwrap();
        assert_eq!(tally.n_rows, 0, "everything was there");
        assert!(tally.n_files > 0);
    }

    assert_eq!(firm.check().await, n_rows);
}

#[tokio::test]
async fn runs_at_the_same_time_do_the_work_once() {
    let Some(firm) = Firm::new().await else { return };
    let mut n_rows = 0;
    for _ in 0..3 {
        firm.work(150).await;
        firm.export().await;
        let loaders = [firm.loader(), firm.loader(), firm.loader()];
        let runs = loaders.iter().map(|it| it.run(None));
        let tallies = futures_util::future::try_join_all(runs).await.unwrap();
        n_rows += tallies.iter().map(|it| it.n_rows).sum::<u64>();
    }
    assert_eq!(n_rows, 450, "each change is counted by one of them");
    assert_eq!(firm.check().await, 450);
    let runs = firm.peer.runs().await;
    let mut copies: Vec<_> = runs
        .iter()
        .filter_map(|it| it["statement"].as_str().filter(|it| it.starts_with("COPY")))
        .collect();
    let n_copies = copies.len();
    copies.sort_unstable();
    copies.dedup();
    assert_eq!(copies.len(), n_copies, "no file was loaded by two of them");
}

#[tokio::test]
async fn run_that_began_before_the_lake_grew_follows_one_that_began_after() {
    let Some(firm) = Firm::new().await else { return };
    firm.case(1, "Open").await;
    firm.export().await;
    firm.peer.control("settings", &json!({"slow": {"COPY INTO": 1.0}})).await;
    let (first, second) = (firm.loader(), firm.loader());
    let later = async {
        while !firm.has_begun().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        firm.case(2, "Open").await;
        firm.export().await;
        second.run(None).await
    };

    let (first, second) = tokio::join!(first.run(None), later);

    assert_eq!(first.unwrap().n_rows + second.unwrap().n_rows, 2);
    assert_eq!(firm.check().await, 2);
    assert_eq!(firm.n_runs("COPY").await, 2);
}

#[tokio::test]
async fn what_runs_when_the_time_is_over_is_followed_by_the_next_run() {
    let Some(firm) = Firm::new().await else { return };
    firm.work(30).await;
    firm.export().await;
    let slow = json!({"slow": {"COPY INTO": 1.0, "MERGE INTO": 0.6}});
    firm.peer.control("settings", &slow).await;
    let end = firm.clock.now().plus(Duration::from_millis(200));

    let mut n_runs = 0;
    while firm.check_is_behind(30).await {
        firm.loader().run(Some(end)).await.unwrap();
        n_runs += 1;
        assert!(n_runs < 200);
    }

    assert!(n_runs > 3, "{n_runs}");
    firm.load().await.unwrap();
    assert_eq!(firm.check().await, 30);
    assert_eq!(firm.n_runs("COPY").await, 3, "one for each table");
    assert_eq!(firm.n_runs("MERGE").await, 6);
}

#[tokio::test]
async fn compaction_in_between_brings_nothing_twice_and_loses_nothing() {
    let Some(firm) = Firm::new().await else { return };
    let day = Duration::from_hours(25);
    firm.work(60).await;
    firm.export().await;
    firm.load().await.unwrap();
    firm.work(60).await;
    firm.export().await;
    firm.work(60).await;
    firm.export().await;
    firm.clock.pass(day);
    assert!(firm.compact().await > 0);
    firm.work(60).await;
    firm.export().await;

    let tally = firm.load().await.unwrap();

    assert_eq!(tally.n_rows, 180, "of the compacted files, only what is new");
    assert_eq!(firm.check().await, 240);
    firm.clock.pass(day * 2);
    firm.compact().await;
    firm.sweep().await;
    firm.load().await.unwrap();
    assert_eq!(firm.check().await, 240);
}

#[tokio::test]
async fn added_column_is_added_everywhere() {
    let Some(mut firm) = Firm::new().await else { return };
    firm.case(1, "Open").await;
    firm.export().await;
    firm.load().await.unwrap();
    let mut columns = LakeTable::Cases.columns();
    columns.insert(3, Column::new("added", ColumnType::Text));
    firm.columns = Some(columns);
    firm.case(2, "Open").await;
    firm.export().await;

    firm.load().await.unwrap();

    assert_eq!(firm.check().await, 2);
    for table in ["CASES", "CASES_CHANGES", "CASES_STAGING"] {
        let text = format!("select count(\"ADDED\") from \"{table}\"");
        assert_eq!(firm.peer.sql(&[&text]).await, json!([["0"]]));
    }
}

#[tokio::test]
async fn lake_that_was_begun_anew_is_not_mixed_with_the_old_one() {
    let Some(mut firm) = Firm::new().await else { return };
    firm.work(20).await;
    firm.export().await;
    firm.load().await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let address = format!("file:{}", elsewhere.path().display());
    let address = adapter_objects::BlobAddress::parse(&address).unwrap();
    let none: [(&str, &str); 0] = [];
    let (clock, random) = (firm.clock.clone(), std::sync::Arc::new(shared::ports::SystemRandom));
    firm.blobs = address.open(&Env::from_pairs(none), clock, random).unwrap();

    let error = firm.load().await.unwrap_err();

    assert!(matches!(error, LoadError::LakeIsBehind { lake: 0, .. }), "{error}");
}
