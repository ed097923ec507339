//! Pipelines over the case store of each engine, as functions and the command line put them together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use adapter_sql::testkit::FreshDatabase;
use shared::etl::{CaseRows, RunReport, read_pipeline};
use shared::lake::Hiding;
use shared::model::{Entity, FieldValue};
use shared::ports::RunOptions;
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::time::Timestamp;
use url::Url;
use wiring::PipelinePorts;

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
    let engine =
        wiring::pipelines(PipelinePorts { cases: Some(cases), ..PipelinePorts::default() });
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

const INTO_TABLE: &str = r#"
pipeline: fees
source:
  at: file:HERE/in-*.csv
  columns: [{name: id, required: true}, {name: fee, type: "decimal(10,2)"}, {name: opened, type: date}]
key: id
rules:
  - {range: {column: fee, min: 0}, action: drop}
threshold: 50
sink: {at: "postgres:reporting/public.fees", WRITE}
"#;

const OUT_OF_TABLE: &str = r#"
pipeline: fees-out
source:
  at: postgres:reporting/public.fees
  columns: [{name: id}, {name: fee, type: "decimal(12,2)"}, {name: seen, from: seen_at, type: instant}]
key: id
steps: [{sort: [id]}]
rules: [{not_null: seen, action: drop}]
threshold: 0
sink: {at: file:HERE/out.csv}
"#;

/// Runs every partition of a pipeline over tables of `database`, as of one moment.
async fn run_over(database: &FreshDatabase, folder: &Path, text: &str) -> Vec<RunReport> {
    let databases = [("reporting".to_owned(), database.address())].into();
    let tables = Some(wiring::tables(&databases).await.unwrap());
    let engine = wiring::pipelines(PipelinePorts { tables, ..PipelinePorts::default() });
    let here = format!("file:{}", folder.display());
    let pipeline = read_pipeline("p.yaml", &text.replace("file:HERE", &here)).unwrap();
    let options = RunOptions { now: Some(Timestamp::from_millis(7)), ..RunOptions::default() };
    let mut reports = Vec::new();
    for name in pipeline.partitions(&wiring::open_blobs()).await.unwrap() {
        let of_one = pipeline.of_partition(&name).unwrap();
        reports.push(engine.run(&of_one, options, &()).await.unwrap());
    }
    reports
}

#[tokio::test]
async fn files_go_into_a_table_and_its_rows_into_a_file() {
    let Some(database) = FreshDatabase::create().await else { return };
    database.run("CREATE TABLE fees (id text PRIMARY KEY, fee numeric(12,2), opened date, seen_at timestamptz)").await;
    database.run("INSERT INTO fees VALUES ('b', 1, NULL, '2026-02-01 10:00+02')").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in-1.csv"), "id,fee,opened\na,1.10,2026-01-01\nx,-1,\n")
        .unwrap();
    std::fs::write(folder.path().join("in-2.csv"), "id,fee,opened\nb,2,\nc,3,2026-01-03\n")
        .unwrap();
    let merge = INTO_TABLE.replace("WRITE", "write: merge, by: [id]");

    let reports = run_over(&database, folder.path(), &merge).await;

    let tables: Vec<_> = reports.iter().map(|it| it.table.clone().unwrap()).collect();
    let counts: Vec<_> = tables.iter().map(|it| (it.n_rows, it.n_new, it.n_changed)).collect();
    assert_eq!(counts, [(1, 1, 0), (2, 1, 1)]);
    assert_eq!(reports[0].n_rejected, 1);
    assert_eq!(reports[0].written_at(), Some("postgres:reporting/public.fees"));
    for report in run_over(&database, folder.path(), &merge).await {
        let table = report.table.unwrap();
        assert_eq!((table.n_new, table.n_changed), (0, 0));
    }

    let reports = run_over(&database, folder.path(), OUT_OF_TABLE).await;

    assert_eq!((reports[0].n_read, reports[0].n_rejected), (3, 2));
    assert_eq!(reports[0].unread_columns, ["opened"]);
    let out = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(out, "id,fee,seen\nb,2.00,2026-02-01T08:00:00.000Z\n");
}

#[tokio::test]
async fn appended_run_that_is_done_again_adds_nothing_and_a_shut_gate_writes_nothing() {
    let Some(database) = FreshDatabase::create().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in-1.csv"), "id,fee,opened\na,1,\n").unwrap();
    std::fs::write(folder.path().join("in-2.csv"), "id,fee,opened\na,1,\nb,1,\n").unwrap();
    let append = INTO_TABLE.replace("WRITE", "write: append");
    let told = |reports: Vec<RunReport>| {
        let tables = reports.into_iter().filter_map(|it| it.table);
        tables.map(|it| (it.n_new, it.was_there)).collect::<Vec<_>>()
    };
    assert_eq!(told(run_over(&database, folder.path(), &append).await), [(1, false), (2, false)]);
    assert_eq!(told(run_over(&database, folder.path(), &append).await), [(0, true), (0, true)]);

    std::fs::write(folder.path().join("in-1.csv"), "id,fee,opened\na,-1,\nb,x,\nc,1,\n").unwrap();
    std::fs::remove_file(folder.path().join("in-2.csv")).unwrap();
    let replace = INTO_TABLE.replace("WRITE", "write: replace").replace("in-*", "in-1");
    let reports = run_over(&database, folder.path(), &replace).await;
    assert!(!reports[0].is_passed() && reports[0].table.is_none());
    let read = OUT_OF_TABLE.replace("{name: seen, from: seen_at, type: instant}", "{name: opened}");
    let read = read.replace("rules: [{not_null: seen, action: drop}]\n", "");
    assert_eq!(run_over(&database, folder.path(), &read).await[0].n_out, 3);
}
