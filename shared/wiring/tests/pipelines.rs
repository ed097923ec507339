//! Pipelines over the case store of each engine, as functions and the command line put them together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use adapter_sql::testkit::FreshDatabase;
use shared::etl::{CaseRows, RunReport, read_pipeline};
use shared::lake::Hiding;
use shared::model::{Entity, FieldValue};
use shared::ports::RunOptions;
use shared::ports::case_store_contract::{sample_write, text_fields};
use url::Url;

const PIPELINE: &str = r#"
pipeline: cases
source:
  at: store:case
  columns: [{name: id}, {name: title}, {name: is_closed}, {name: opened_at}, {name: version}]
key: id
steps:
  - filter: NOT is_closed
  - derive: {day: CAST(opened_at AS DATE)}
rules:
  - {not_null: day, action: drop}
threshold: 0
sink: {at: file:HERE/out.csv}
"#;

/// Runs a pipeline over a case store with 1,201 cases, and returns what it wrote.
async fn ran(address: &Url) -> (RunReport, String) {
    wiring::migrate(address).await.unwrap();
    let stores = wiring::case_store(address).await.unwrap();
    for number in 1..=1_201 {
        let mut row = text_fields([("title", "Doe, \"v.\" Roe")]);
        row.insert("is_closed".to_owned(), FieldValue::Bool(number % 3 == 0));
        if number != 2 {
            row.insert("opened_at".to_owned(), FieldValue::text("2026-02-01T10:00:00.000Z"));
        }
        stores.store.apply(sample_write(Entity::Case, number, row)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let here = format!("file:{}", folder.path().display());
    let pipeline = read_pipeline("p.yaml", &PIPELINE.replace("file:HERE", &here)).unwrap();
    let cases = CaseRows::new(stores.rows.clone(), Hiding::default());
    let engine = wiring::pipelines(Some(cases), None);
    let report = engine.run(&pipeline, RunOptions::default(), &()).await.unwrap();
    (report, std::fs::read_to_string(folder.path().join("out.csv")).unwrap())
}

fn check((report, out): &(RunReport, String)) {
    assert_eq!((report.n_read, report.n_filtered), (1_201, 400));
    assert_eq!((report.n_rejected, report.n_out), (1, 800));
    let mut ids: Vec<&str> = out.lines().skip(1).filter_map(|it| it.split(',').next()).collect();
    let found = ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, found);
    let rest = ",\"Doe, \"\"v.\"\" Roe\",false,2026-02-01T10:00:00.000Z,2026-11-22T10:00:00.000Z,2026-02-01";
    assert!(out.lines().skip(1).all(|it| it.ends_with(rest)), "{out:.400}");
}

#[tokio::test]
async fn cases_of_sqlite_and_of_postgresql_give_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.db");
    let sqlite = ran(&Url::parse(&format!("sqlite:{}", file.display())).unwrap()).await;
    check(&sqlite);
    let Some(database) = FreshDatabase::create().await else { return };
    let postgres = ran(&database.address()).await;
    check(&postgres);
    assert_eq!(postgres.1, sqlite.1);
}
