//! Steps over many rows against `DuckDB`, over the same files.

use std::fmt::Write as _;
use std::process::Stdio;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::peers::python;
use crate::place::Place;

const PIPELINE: &str = r#"
pipeline: p
source:
  at: file:HERE/cases.csv
  columns:
    - {name: id}
    - {name: contact, type: long}
    - {name: status}
    - {name: fee, type: "decimal(12,2)"}
    - {name: n, type: long}
    - {name: day, type: date}
key: id
steps:
  - STEPS
sink: {at: file:HERE/OUT}
"#;

const CONTACTS: &str = "with: {at: file:HERE/contacts.csv, columns: [{name: key, type: long}, {name: name}]}, on: {contact: key}";

/// The step, the query that judges it.
const JUDGED: &[(&str, &str)] = &[
    (
        "join: {CONTACTS, kind: inner}\n  - select: [id, name]",
        "SELECT id, name FROM cases JOIN contacts ON contact = key ORDER BY cases.line, contacts.line",
    ),
    (
        "join: {CONTACTS, kind: left}\n  - select: [id, name]",
        "SELECT id, name FROM cases LEFT JOIN contacts ON contact = key ORDER BY cases.line, contacts.line",
    ),
    (
        "join: {CONTACTS, kind: semi}\n  - select: [id]",
        "SELECT id FROM cases SEMI JOIN contacts ON contact = key ORDER BY line",
    ),
    (
        "join: {CONTACTS, kind: anti}\n  - select: [id]",
        "SELECT id FROM cases ANTI JOIN contacts ON contact = key ORDER BY line",
    ),
    (
        "aggregate: {by: [status, contact], make: {rows: count(*), fees: count(fee), total: sum(fee), least: min(fee), last: max(day), mean: avg(n), kinds: count(DISTINCT n), all: sum(n * 2) + 1, late: \"count(*) FILTER (WHERE day > DATE '2026-01-15')\"}}",
        "SELECT status, contact, count(*), count(fee), CAST(sum(CAST(fee AS DECIMAL(12,2))) AS DECIMAL(22,2)), \
         CAST(min(fee) AS DECIMAL(12,2)), max(day), avg(n), count(DISTINCT n), CAST(sum(n * 2) + 1 AS BIGINT), \
         count(*) FILTER (WHERE day > DATE '2026-01-15') FROM cases GROUP BY ALL ORDER BY status NULLS LAST, contact NULLS LAST",
    ),
    (
        "aggregate: {make: {rows: count(*), people: count(DISTINCT contact), most: max(status)}}",
        "SELECT count(*), count(DISTINCT contact), max(status) FROM cases",
    ),
    (
        "deduplicate: {by: [contact, status], keep: last, order: [day]}\n  - select: [id, day]",
        "SELECT id, day FROM cases QUALIFY contact IS NULL OR status IS NULL OR row_number() OVER (PARTITION BY contact, status \
         ORDER BY day DESC NULLS LAST, line DESC) = 1 \
         ORDER BY contact NULLS LAST, status NULLS LAST, day DESC NULLS LAST, line DESC",
    ),
    (
        "deduplicate: {by: contact, keep: first}\n  - select: [id]",
        "SELECT id FROM cases QUALIFY contact IS NULL OR row_number() OVER (PARTITION BY contact ORDER BY line) = 1 \
         ORDER BY contact NULLS LAST, line",
    ),
    (
        "sort: [{column: fee, descending: true}, day]\n  - select: [id]",
        "SELECT id FROM cases ORDER BY fee DESC NULLS LAST, day NULLS LAST, line",
    ),
    (
        "filter: contact IS NOT NULL AND day IS NOT NULL\n  - history: {key: contact, compare: status, valid_from: day, against: {at: file:HERE/none.parquet}}\n  - select: [contact, status, valid_from, valid_to, is_current]",
        "WITH seen AS (FROM cases WHERE contact IS NOT NULL AND day IS NOT NULL \
           QUALIFY row_number() OVER (PARTITION BY contact, day ORDER BY line DESC) = 1), \
         changed AS (FROM seen WINDOW w AS (PARTITION BY contact ORDER BY day) \
           QUALIFY row_number() OVER w = 1 OR status IS DISTINCT FROM lag(status) OVER w) \
         SELECT contact, status, day, lead(day) OVER w, lead(day) OVER w IS NULL FROM changed \
         WINDOW w AS (PARTITION BY contact ORDER BY day) ORDER BY contact, day",
    ),
];

fn write(place: &Place) {
    let mut cases = "id,contact,status,fee,n,day\n".to_owned();
    for row in 0..6_000_u64 {
        // Spread, and the same each time.
        let noise = row.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) >> 20;
        let contact = if noise % 41 == 0 { String::new() } else { (noise % 700).to_string() };
        let status = ["open", "closed", "held", ""][usize::try_from(noise / 7 % 4).unwrap()];
        let fee = if noise % 17 == 0 {
            String::new()
        } else {
            format!("{}.{:02}", noise % 977, row % 100)
        };
        let day = if noise % 29 == 0 {
            String::new()
        } else {
            format!("2026-01-{:02}", noise / 3 % 28 + 1)
        };
        writeln!(cases, "c{row},{contact},{status},{fee},{},{day}", noise % 13).unwrap();
    }
    place.write("cases.csv", cases);
    let mut contacts = "key,name\n".to_owned();
    for row in 0..900_u64 {
        writeln!(contacts, "{},name{row}", row * 7 % 640).unwrap();
    }
    place.write("contacts.csv", contacts);
}

#[tokio::test]
async fn rows_and_their_order_are_those_of_another_engine() {
    let Some(python) = python() else { return };
    let place = Place::new();
    write(&place);
    let mut judged = Vec::new();
    for (idx, (steps, sql)) in JUDGED.iter().enumerate() {
        let out = format!("out{idx}.parquet");
        let text =
            PIPELINE.replace("STEPS", steps).replace("CONTACTS", CONTACTS).replace("OUT", &out);
        let report = place.verdict(&text).await;
        assert_eq!((report.n_read, report.n_rejected), (6_000, 0), "{steps}: {:?}", report.samples);
        judged.push(json!({"out": out, "sql": sql}));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines/judge.py");
    let mut judge = Command::new(python)
        .args([script.as_ref(), place.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = judge.stdin.take().unwrap();
    input.write_all(json!(judged).to_string().as_bytes()).await.unwrap();
    drop(input);
    let done = judge.wait_with_output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let differences: Vec<String> = serde_json::from_slice(&done.stdout).unwrap();
    assert!(differences.is_empty(), "{differences:#?}");
}
