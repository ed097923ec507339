//! What `pyarrow` and `DuckDB` write for pipelines and read of them.

use std::path::PathBuf;

use serde_json::{Value, json};
use shared::config::Env;
use tokio::process::Command;

use crate::place::Place;

/// Finds the Python that `MOODBRIDGE_LAKE_PYTHON` names.
///
/// Without one the test is skipped, unless `MOODBRIDGE_REQUIRE` names `lake`.
pub(crate) fn python() -> Option<PathBuf> {
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

pub(crate) async fn ask(python: &PathBuf, what: &str, place: &Place, name: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines/read_output.py");
    let path = place.path().join(name);
    let done = Command::new(python).arg(script).arg(what).arg(path).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

const OF_PARQUET: &str = r#"
pipeline: p
source:
  at: file:HERE/in.parquet
  columns:
    - {name: key, from: id}
    - {name: n, type: long}
    - {name: number, from: text_n, type: long}
    - {name: fee, type: "decimal(12,3)"}
    - {name: at, type: instant}
    - {name: day, type: date}
    - {name: kind, required: true}
key: key
steps:
  - derive: {score: n / CAST(2 AS DOUBLE), is_x: kind = 'x'}
rules:
  - not_null: key
threshold: 0
sink: {at: file:HERE/out.parquet}
quarantine: {at: file:HERE/rejects.parquet}
"#;

#[tokio::test]
async fn parquet_of_others_is_read_and_ours_is_read_by_them() {
    let Some(python) = python() else { return };
    let place = Place::new();
    ask(&python, "write", &place, "in.parquet").await;
    let report = place.verdict(OF_PARQUET).await;
    assert_eq!((report.n_read, report.n_out, report.n_rejected), (4, 2, 2));
    assert_eq!(report.unread_columns, ["unused"]);

    let read: Value =
        serde_json::from_str(&ask(&python, "read", &place, "out.parquet").await).unwrap();
    let at = 1_769_941_815_123_i64;
    let rows = json!([
        {"key": "a", "n": 1, "number": 1, "fee": "1.500", "at": at, "day": "2026-02-01",
         "kind": "x", "score": 0.5, "is_x": true},
        {"key": "c", "n": null, "number": null, "fee": "1.500", "at": at, "day": "2026-02-01",
         "kind": "x", "score": null, "is_x": true},
    ]);
    assert_eq!(read["pyarrow"], rows);
    assert_eq!(read["duckdb"], rows);
    assert_eq!(
        read["types"],
        json!({"key": "string", "n": "int64", "number": "int64", "fee": "decimal128(12, 3)",
               "at": "timestamp[ms, tz=UTC]", "day": "date32[day]", "kind": "string",
               "score": "double", "is_x": "bool"})
    );
    let mut rejects: Value =
        serde_json::from_str(&ask(&python, "read", &place, "rejects.parquet").await).unwrap();
    let mut rows = Vec::new();
    for reject in rejects["duckdb"].as_array_mut().unwrap() {
        let row = reject.as_object_mut().unwrap().remove("row").unwrap();
        rows.push(serde_json::from_str::<Value>(row.as_str().unwrap()).unwrap());
    }
    assert_eq!((&rows[0]["id"], &rows[0]["text_n"]), (&json!("b"), &json!("x")));
    assert_eq!(rows[1]["id"], Value::Null);
    assert_eq!(
        rejects["duckdb"],
        json!([
            {"key": "b", "line": 2, "rule": "type", "column": "number", "value": "x", "reason": "is no long"},
            {"key": "", "line": 4, "rule": "not_null_key", "column": "key", "value": "", "reason": "has no value"},
        ])
    );
}

#[tokio::test]
async fn long_file_from_text_is_read_by_others_as_it_was() {
    let Some(python) = python() else { return };
    let place = Place::new();
    let rows: String = (0..20_000).map(|it| format!("k{it},{it},{}.25\n", it % 7)).collect();
    place.write("in.csv", format!("k,n,fee\n{rows}"));
    let text = r#"
pipeline: p
source:
  at: file:HERE/in.csv
  columns: [{name: k}, {name: n, type: long}, {name: fee, type: "decimal(9,2)"}]
steps:
  - filter: n % 2 = 0
sink: {at: file:HERE/out.parquet}
"#;
    place.verdict(text).await;
    let read: Value =
        serde_json::from_str(&ask(&python, "read", &place, "out.parquet").await).unwrap();
    assert_eq!(read["duckdb"], read["pyarrow"]);
    let rows = read["duckdb"].as_array().unwrap();
    assert_eq!(rows.len(), 10_000);
    for (idx, row) in rows.iter().enumerate() {
        let n = idx * 2;
        assert_eq!(*row, json!({"k": format!("k{n}"), "n": n, "fee": format!("{}.25", n % 7)}));
    }
}
