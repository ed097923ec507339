//! What `pyarrow` and `DuckDB` read of the lake.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value, json};
use shared::config::Env;
use shared::lake::{Catalog, Cell};
use tokio::process::Command;

use crate::firm::Firm;

/// Finds the Python that `MOODBRIDGE_LAKE_PYTHON` names.
///
/// Without one the test is skipped, unless `MOODBRIDGE_REQUIRE` names `lake`.
fn python() -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get("MOODBRIDGE_LAKE_PYTHON").map(PathBuf::from).filter(|it| it.is_file());
    if named.is_none() {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == "lake");
        assert!(
            !is_required,
            "pyarrow and DuckDB are required: set MOODBRIDGE_LAKE_PYTHON after `scripts/setup test`"
        );
        eprintln!(
            "SKIPPED: no pyarrow and DuckDB; `scripts/setup test` installs them, and \
             MOODBRIDGE_LAKE_PYTHON names their Python"
        );
    }
    named
}

async fn read_by_peers(python: &PathBuf, firm: &Firm) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lake/read_lake.py");
    let read = Command::new(python).arg(script).arg(firm.path()).output().await.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn json_of(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(it) => it.into(),
        Cell::Int(it) => it.into(),
        Cell::Float(it) => it.into(),
        Cell::Text(it) => it.into(),
        Cell::Instant(it) => it.as_millis().into(),
    }
}

/// Reads the lake with our own reader, in the form of the script.
async fn read_by_us(firm: &Firm) -> Vec<Value> {
    let ports = firm.ports();
    let catalog = Catalog::new(ports.blobs, ports.clock);
    let head = catalog.load().await.unwrap().head;
    let mut rows = Vec::new();
    let mut files = std::pin::pin!(catalog.files(&head));
    while let Some(file) = files.try_next().await.unwrap() {
        let schema = head.schema(file.table).unwrap();
        let read = ports.files.read(&file.key, schema).await.unwrap();
        for row in read.try_concat().await.unwrap() {
            let names = schema.columns.iter().map(|it| it.name.clone());
            let mut object: Map<_, _> = names.zip(row.into_iter().map(json_of)).collect();
            object.insert("table".to_owned(), file.table.as_str().into());
            rows.push(Value::Object(object));
        }
    }
    rows
}

/// Checks what the peers say about the work of the firm.
fn check(read: &Value) {
    let table = |name: &str| read["duckdb"]["tables"][name].as_array().unwrap().clone();
    // One account was merged, one case deleted.
    let n_rows = ["accounts", "contacts", "cases"].map(|it| table(it).len());
    assert_eq!(n_rows, [39, 40, 39]);
    let ratings: f64 = (1..=40).map(|it| f64::from(it) / 4.0).sum();
    // The last values of the case that was deleted, and of the one that was changed, came twice.
    assert_eq!(read["duckdb"]["ratings"], json!(ratings + 0.75 + 1.75));

    let settled: Vec<_> =
        table("cases").into_iter().filter(|it| it["status"] == "Closed").collect();
    assert_eq!(settled.len(), 1);
    assert_eq!(
        (&settled[0]["title"], &settled[0]["is_closed"]),
        (&json!("Settled"), &json!(false))
    );
    let merged: Vec<_> = read["pyarrow"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["change_kind"] == "merged")
        .collect();
    assert_eq!(merged.len(), 1);
    assert!(merged[0]["merged_into"].is_string() && merged[0]["is_deleted"] == true);
    let text = read.to_string();
    assert!(text.contains("Müller & ") && !text.contains("person1@firm.example"));
    let hashed = |it: &Value| it["email"].as_str().is_some_and(|it| it.len() == 32);
    assert!(table("contacts").iter().all(hashed));
}

#[tokio::test]
async fn other_implementations_read_what_was_written() {
    let Some(python) = python() else { return };
    let mut firm = Firm::new();
    // Several groups of rows, several parts of an upload.
    firm.parquet.group_bytes = 20_000;
    firm.parquet.part_bytes = 3000;
    firm.work().await;
    firm.export().await;

    let read = read_by_peers(&python, &firm).await;
    assert_eq!(read["pyarrow"], Value::Array(read_by_us(&firm).await));
    assert_eq!(read["pyarrow"].as_array().unwrap().len(), 123);
    check(&read);

    firm.clock.pass(Duration::from_hours(48));
    firm.settings.max_file_bytes = 1_000_000;
    firm.compact().await;
    let read = read_by_peers(&python, &firm).await;
    assert_eq!(read["pyarrow"], Value::Array(read_by_us(&firm).await));
    check(&read);
}

#[tokio::test]
async fn compacted_days_are_read_as_before() {
    let Some(python) = python() else { return };
    let mut firm = Firm::new();
    firm.settings.page = 5;
    firm.settings.max_file_bytes = 1;
    firm.work().await;
    firm.export().await;
    let before = read_by_peers(&python, &firm).await;

    firm.settings.max_file_bytes = 1_000_000;
    firm.clock.pass(Duration::from_hours(48));
    assert!(firm.compact().await > 60);
    let after = read_by_peers(&python, &firm).await;
    assert_eq!(before["duckdb"], after["duckdb"]);
    let sorted = |read: &Value| {
        let mut rows = read["pyarrow"].as_array().unwrap().clone();
        rows.sort_by_key(|it| it["change_seq"].as_i64());
        rows
    };
    assert_eq!(sorted(&before), sorted(&after));
    check(&after);
}
