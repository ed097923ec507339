//! Loads of staged files.

use adapter_snowflake::SnowflakeWarehouse;
use serde_json::json;
use shared::ports::BlobKey;
use shared::ports::warehouse::{
    BadRows, FileFault, FileOutcome, Load, LoadReport, StagedFile, StatementId, Step, load_within,
};
use shared::{PortError, PortErrorKind, chain};

use crate::support::{Peer, WAIT, table};

const TABLE: &str =
    "create table STAGED (ID varchar, SEQ number(18,0), AMOUNT number(12,2), DAY date)";

fn file(key: &str, n_rows: u64) -> StagedFile {
    StagedFile { key: BlobKey::parse(key).unwrap(), n_rows, n_bytes: 1 }
}

fn load(id: &str, files: &[StagedFile]) -> Load {
    Load::new(StatementId::of(id), table("STAGED"), files.to_vec()).unwrap()
}

async fn done(warehouse: &SnowflakeWarehouse, load: &Load) -> Result<LoadReport, PortError> {
    match load_within(warehouse, load, None, WAIT).await? {
        Step::Done(report) => Ok(report),
        Step::Running(handle) => panic!("`{handle}` did not end"),
    }
}

async fn n_staged(peer: &Peer) -> u64 {
    let rows = peer.sql(&["select count(*) from STAGED"]).await;
    rows[0][0].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn files_are_loaded_once_however_often_they_are_named() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&[TABLE]).await;
    let columns = json!({"id": ["a", "b"], "amount": ["1.50", null], "day": ["2026-11-30", null]});
    peer.put_parquet("run=42/o'x.parquet", columns.clone()).await;
    peer.put_parquet("run=42/p1.parquet", columns).await;
    let files = [file("run=42/o'x.parquet", 2), file("run=42/p1.parquet", 2)];
    let warehouse = peer.open();

    let first = load("run 42", &files[..1]);
    let report = done(&warehouse, &first).await.unwrap();
    assert_eq!(report.files[0].outcome, FileOutcome::Loaded { n_rows: 2 });
    assert!(report.shortfalls(&first).is_empty());
    let report = done(&warehouse, &load("run 42 and more", &files)).await.unwrap();
    assert_eq!(report.files[0].outcome, FileOutcome::AlreadyLoaded);
    assert_eq!(report.files[1].outcome, FileOutcome::Loaded { n_rows: 2 });

    // Under new ids, so that the history of files alone is what holds; told file by file or not.
    for is_terse in [false, true] {
        peer.control("settings", &json!({"terse": is_terse})).await;
        for round in 0..5 {
            let again = load(&format!("replay {is_terse} {round}"), &files);
            let report = done(&peer.open(), &again).await.unwrap();
            assert!(report.files.iter().all(|it| it.outcome == FileOutcome::AlreadyLoaded));
            assert_eq!(report.n_rows(), 0);
        }
    }
    assert_eq!(n_staged(&peer).await, 4);
    let rows = peer.sql(&["select ID, AMOUNT, DAY from STAGED where ID = 'a' limit 1"]).await;
    assert_eq!(rows, json!([["a", "1.50", "2026-11-30"]]));
}

#[tokio::test]
async fn bad_row_fails_the_load_and_is_named_without_its_value() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&[TABLE]).await;
    peer.put("good.csv", "ID,AMOUNT\na,1.5\n");
    peer.put("bad.csv", "ID,AMOUNT\nb,2\n\"c\nc\",3\nd,Ada\ne,5\n");
    let files = [file("good.csv", 1), file("bad.csv", 4)];
    let warehouse = peer.open_csv();

    let error = done(&warehouse, &load("bad", &files)).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let source = std::error::Error::source(&error).unwrap();
    let fault = source.downcast_ref::<FileFault>().unwrap();
    assert_eq!((fault.file.as_str(), fault.column.as_deref()), ("bad.csv", Some("AMOUNT")));
    assert_eq!((fault.line, fault.row), (Some(5), Some(3)));
    assert!(!chain(&error).to_string().contains("Ada"), "{}", chain(&error));
    assert_eq!(n_staged(&peer).await, 0, "none of the files is loaded");

    let rest = load("rest", &files).with_bad_rows(BadRows::LoadRest);
    let report = done(&warehouse, &rest).await.unwrap();
    assert_eq!(n_staged(&peer).await, 4);
    let FileOutcome::Partial { n_rows: 3, fault } = &report.files[1].outcome else {
        panic!("{report:?}")
    };
    assert_eq!((fault.n_errors, fault.line), (1, Some(5)));
    assert!(!fault.to_string().contains("Ada"), "{fault}");
    let short = report.shortfalls(&rest);
    assert_eq!((short.len(), short[0].n_staged, short[0].n_loaded), (1, 4, 3));
}

#[tokio::test]
async fn parquet_that_does_not_fit_names_row_and_column() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&[TABLE]).await;
    peer.put_parquet("bad.parquet", json!({"ID": ["a", "b"], "DAY": ["2026-01-01", "soon"]})).await;

    let error = done(&peer.open(), &load("bad", &[file("bad.parquet", 2)])).await.unwrap_err();

    let error = chain(&error).to_string();
    assert!(error.contains("file `bad.parquet`, row 2, column DAY"), "{error}");
}

#[tokio::test]
async fn rows_that_a_file_lacks_are_missed() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&[TABLE]).await;
    peer.put("short.csv", "ID\na\n");
    let short = load("short", &[file("short.csv", 2)]);

    let report = done(&peer.open_csv(), &short).await.unwrap();

    assert_eq!(report.files[0].outcome, FileOutcome::Loaded { n_rows: 1 });
    assert_eq!(report.shortfalls(&short)[0].n_loaded, 1);
    let missing = load("missing", &[file("missing.csv", 1)]);
    let error = done(&peer.open_csv(), &missing).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected, "{}", chain(&error));
}

#[tokio::test]
async fn nothing_to_load_sends_nothing() {
    let Some(peer) = Peer::start().await else { return };
    let report = done(&peer.open(), &load("none", &[])).await.unwrap();
    assert!(report.files.is_empty());
    assert!(peer.calls().await.is_empty());

    let mut settings = peer.settings();
    settings.as_object_mut().unwrap().remove("stage");
    let stageless = peer.open_with(&settings, &[("KEY", &peer.key.pem)]);
    let error = done(&stageless, &load("x", &[file("a", 1)])).await.unwrap_err();
    assert!(chain(&error).to_string().contains("no `stage`"), "{}", chain(&error));
    assert!(peer.calls().await.is_empty());
}
