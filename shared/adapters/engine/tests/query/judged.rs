//! What `DuckDB` says to the same questions over the same files.

use std::sync::Arc;
use std::time::Duration;

use adapter_engine::ParquetFiles;
use serde_json::Value;
use shared::auth::Sight;
use shared::lake::{Compactor, LakePorts, LakeSettings, LakeTable};
use shared::ports::two_way_contract::HandClock;
use shared::ports::{MemoryCaseStore, Query, SystemRandom};
use shared::queries::{QueryValue, built_in_queries};

use crate::made::id;
use crate::place::{Place, ask, assert_like, named, plain, python, small};

fn value(it: &QueryValue) -> Value {
    match it {
        QueryValue::Instant(at) => at.as_millis().into(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// Numbers with a fraction are summed in another order there.
fn is_same(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(one), Some(two)) if ours.is_f64() || theirs.is_f64() => {
            (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(1.0)
        }
        _ => ours == theirs,
    }
}

async fn agree(place: &Place, questions: &[Query]) {
    let Some(python) = python() else { return };
    let engine = place.engine();
    let judged = place.judged(&python, questions).await;
    assert_eq!(judged.len(), questions.len());
    for (question, theirs) in questions.iter().zip(judged) {
        let ours = ask(&engine, question, &Sight::Everything).await.unwrap();
        let names: Vec<&str> = ours.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(Value::from(names), theirs["columns"], "{}", question.sql);
        let rows = theirs["rows"].as_array().unwrap();
        assert_eq!(ours.rows.len(), rows.len(), "{}", question.sql);
        for (one, two) in ours.rows.iter().zip(rows) {
            let one: Vec<Value> = one.iter().map(value).collect();
            let is_same = one.iter().zip(two.as_array().unwrap()).all(|(a, b)| is_same(a, b));
            assert!(is_same, "{}\n{one:?}\n{two}", question.sql);
        }
    }
}

/// Every named query as it is asked mostly, and some with what may be given.
fn all_named() -> Vec<Query> {
    let queries = built_in_queries().unwrap();
    let case = id(LakeTable::Cases, 5);
    let mut asked: Vec<Query> = queries
        .iter()
        .map(|it| match it.name.as_str() {
            "status_history" => named(it, [("case_id", &*case)]),
            "stale_cases" => named(it, [("days", "10"), ("court", "O'Hara District")]),
            _ => named(it, []),
        })
        .collect();
    for query in &queries {
        if query.parameters.iter().any(|it| it.name == "until") {
            asked.push(named(query, [("from", "2024-12-05"), ("until", "2024-12-20")]));
        }
        if query.parameters.iter().any(|it| it.name == "grain") {
            asked.push(named(query, [("grain", "week")]));
        }
    }
    asked
}

#[tokio::test]
async fn each_view_is_what_duckdb_makes_of_the_files() {
    let place = Place::of(&small()).await;
    let mut questions = Vec::new();
    for table in LakeTable::ALL {
        questions.push(plain(&format!("SELECT * FROM {table} ORDER BY id")));
        questions.push(plain(&format!("SELECT * FROM {table}_history ORDER BY change_seq")));
        questions.push(plain(&format!("SELECT count(*) AS n FROM {table}_history")));
    }
    questions.push(plain(
        "SELECT json_text(custom, 'rating') AS rating, count(*) AS n FROM cases GROUP BY 1 ORDER BY 1",
    ));
    agree(&place, &questions).await;
}

#[tokio::test]
async fn each_named_query_is_answered_as_by_duckdb_and_compaction_changes_nothing() {
    let place = Place::of(&small()).await;
    agree(&place, &all_named()).await;

    let engine = place.engine();
    let mut before = Vec::new();
    for query in all_named() {
        before.push(ask(&engine, &query, &Sight::Everything).await.unwrap());
    }
    let clock = Arc::new(HandClock::default());
    clock.pass(Duration::from_hours(24 * 3650));
    let store = Arc::new(MemoryCaseStore::default());
    let ports = LakePorts {
        feed: store.clone(),
        rows: store,
        files: Arc::new(ParquetFiles::new(Arc::clone(&place.blobs))),
        blobs: Arc::clone(&place.blobs),
        clock,
        random: Arc::new(SystemRandom),
    };
    let settings = LakeSettings { page: 10, ..LakeSettings::default() };
    // A file a day is as small as it gets: what is compacted are two days that were written as one.
    let tally = Compactor::new(ports, settings).run(None).await.unwrap();
    assert_eq!(tally.n_lost, 0);
    for (query, before) in all_named().iter().zip(&before) {
        let after = ask(&engine, query, &Sight::Everything).await.unwrap();
        assert_like(&after, before, &query.sql);
    }
}

#[tokio::test]
async fn named_queries_have_the_columns_that_they_name() {
    use shared::ports::QueryEngine as _;
    let engine = Place::empty().engine();
    for query in built_in_queries().unwrap() {
        let found = engine.check(&query).await.unwrap();
        assert_eq!(found, query.columns, "{}", query.name);
    }
}

#[tokio::test]
async fn lake_without_a_file_has_no_rows() {
    let engine = Place::empty().engine();
    for query in all_named() {
        let answer = ask(&engine, &query, &Sight::Everything).await.unwrap();
        assert!(answer.rows.is_empty() && answer.figures.n_bytes_read == 0, "{}", query.sql);
    }
}
