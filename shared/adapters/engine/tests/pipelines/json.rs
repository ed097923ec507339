//! Objects of JSON, read and written: by lines, as one array, and broken.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::etl::PipelineError;

use crate::peers::{ask, python};
use crate::place::Place;

const CASES: &str = r#"
pipeline: cases
source:
  at: file:HERE/in.json
  null_words: [n/a]
  columns:
    - {name: id, required: true}
    - {name: city, from: address.city}
    - {name: opened, from: '"opened.on"', type: date, format: "%d.%m.%Y"}
    - {name: fee, type: "decimal(12,2)"}
    - {name: tags}
key: id
steps:
  - filter: city IS NULL OR city <> 'test'
rules:
  - {range: {column: fee, min: 0}}
threshold: 0
sink: {at: file:HERE/out.ndjson}
quarantine: {at: file:HERE/rejects.json}
"#;

/// Each on a line of its own; the names say what becomes of it.
const OBJECTS: &[&str] = &[
    r#"{"id": "out", "address": {"city": "Z\u00fcrich"}, "opened.on": "01.02.2026", "fee": 0.10, "tags": ["x", 1]}"#,
    r#"{"id": "bare", "unused": 1}"#,
    r#"{"id": "broken", "fee": }"#,
    r#"{"id": "range", "fee": "-1"}"#,
    r#"{"id": "filtered", "address": {"city": "test"}}"#,
    r#"{"id": "type", "fee": 0.105}"#,
    r#"{"fee": 1}"#,
    r#"{"id": "flat", "address": "X"}"#,
    "[1, 2]",
    r#"{"id": "word", "fee": "n/a", "tags": ""}"#,
];

const OUT: &str = concat!(
    r#"{"id":"out","city":"Zürich","opened":"2026-02-01","fee":0.10,"tags":"[\"x\", 1]"}"#,
    "\n",
    r#"{"id":"bare","city":null,"opened":null,"fee":null,"tags":null}"#,
    "\n",
    r#"{"id":"word","city":null,"opened":null,"fee":null,"tags":null}"#,
    "\n",
);

fn rejects(place: &Place) -> Vec<Value> {
    place.read("rejects.json").lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[tokio::test]
async fn objects_by_lines_go_out_or_are_rejected_with_their_line() {
    let place = Place::new();
    let blank = "\u{feff}\r\n\r\n";
    place.write("in.json", format!("{blank}{}", OBJECTS.join("\r\n")));
    let report = place.verdict(CASES).await;
    assert_eq!(place.read("out.ndjson"), OUT);
    assert_eq!((report.n_read, report.n_filtered, report.n_rejected, report.n_out), (10, 1, 6, 3));
    assert_eq!(report.unread_columns, [""; 0]);

    let found = rejects(&place);
    let told: Vec<_> = found
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["rule"].as_str().unwrap()))
        .collect();
    let rules =
        [(5, "row"), (6, "range_fee"), (8, "type"), (9, "required"), (10, "row"), (11, "row")];
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, rules);
    let of = |line: u64| found.iter().find(|it| it["line"] == line).unwrap();
    assert_eq!(of(5)["reason"], "is no JSON: expected value at character 25");
    assert_eq!(of(10)["reason"], "`address` is no object");
    assert_eq!(of(11)["reason"], "is no object: write such as `{\"id\": 1}`");
    // A row that was one is kept by the paths of its columns, to be put right and replayed.
    let row: Value = serde_json::from_str(of(8)["row"].as_str().unwrap()).unwrap();
    assert_eq!(
        row,
        json!({"id": "type", "address.city": null, "\"opened.on\"": null, "fee": "0.105", "tags": null})
    );
}

#[tokio::test]
async fn array_gives_what_lines_give_and_names_elements_by_number() {
    let place = Place::new();
    for (between, is_indented) in [(",", false), (" ,\n  ", true)] {
        place.write("in.json", format!("[{}]\n", OBJECTS.join(between)));
        let report = place.verdict(CASES).await;
        assert_eq!(place.read("out.ndjson"), OUT);
        assert_eq!((report.n_read, report.n_rejected), (10, 6));
        let found = rejects(&place);
        let broken = found.iter().find(|it| it["line"] == 3).unwrap();
        let line = if is_indented { 3 } else { 1 };
        assert_eq!(
            broken["reason"],
            format!("is no JSON: expected value at character 25; it begins in line {line}")
        );
    }
    place.write("in.json", " [ ] ");
    assert_eq!(place.verdict(CASES).await.n_read, 0);
    place.write("in.json", "");
    assert_eq!(place.verdict(CASES).await.n_read, 0);
    place.write("in.json", r#"[{"id": "a"}, {"id": b]}, {"id": "c"},]"#);
    let report = place.verdict(CASES).await;
    assert_eq!((report.n_read, report.n_out), (4, 2), "{:?}", report.samples);
    place.write("in.json", r#"{"id": "a", "b": 1, "c": {"d": 1}}"#);
    assert_eq!(place.verdict(CASES).await.unread_columns, ["b", "c"]);
}

#[tokio::test]
async fn file_that_is_cut_off_or_never_ends_is_told_from_a_short_one() {
    let place = Place::new();
    let long = format!("[{{\"id\": \"a\"}},\n{{\"id\": \"{}", "x".repeat(17 * 1024 * 1024));
    for (text, fault) in [
        (r#"[{"id": "a"}, {"id": "b""#, "ends within the array that begins in line 1"),
        (r#"[{"id": "a"}"#, "ends within the array that begins in line 1"),
        (
            "[{\"id\": \"a},\n{\"id\": \"b\"}]",
            "the element that begins in line 1 is not closed, or the file is cut off",
        ),
        ("\n[{\"id\": \"a\"}]\n{}", "line 3: something follows the end of the array"),
        (&long, "line 2: the object is longer than 16777216 bytes"),
    ] {
        place.write("in.json", text);
        let error = place.run(CASES).await.unwrap_err();
        let PipelineError::Unfit { text, .. } = &error else { panic!("{error}") };
        assert!(text.contains(fault), "{text}");
    }
    assert!(!place.has("out.ndjson"));
}

#[tokio::test]
async fn paths_that_are_none_are_told_before_anything_is_read() {
    let text = CASES.replace("from: address.city", "from: address..city");
    let faults = shared::etl::read_pipeline("p.yaml", &text).unwrap_err();
    let text = faults[0].to_string();
    assert!(text.contains("`address..city` is no path: write names with dots"), "{text}");
}

const OF_PEERS: &str = r#"
pipeline: p
source:
  at: file:HERE/in.NAME
  columns:
    - {name: id}
    - {name: city, from: address.city}
    - {name: code, from: address.zip.code, type: long}
    - {name: fee, type: "decimal(12,2)"}
    - {name: open, type: bool}
    - {name: dotted, from: '"a.b"', type: long}
steps:
  - derive: {score: CAST(fee AS DOUBLE) * 2}
sink: {at: file:HERE/out.OUT}
"#;

#[tokio::test]
async fn every_form_is_read_as_duckdb_reads_it_and_written_as_it_reads() {
    let Some(python) = python() else { return };
    let place = Place::new();
    ask(&python, "write_objects", &place, "in").await;
    let given: Value =
        serde_json::from_str(&ask(&python, "objects", &place, "in.ndjson").await).unwrap();
    let wanted: Vec<Value> = given.as_array().unwrap().iter().map(wanted).collect();
    assert_eq!(wanted.len(), 20_000);
    for name in ["ndjson", "json", "-indented.json"] {
        for out in ["parquet", "ndjson"] {
            let text = OF_PEERS.replace("in.NAME", &format!("in.{name}").replace(".-", "-"));
            let report = place.verdict(&text.replace("OUT", out)).await;
            assert_eq!((report.n_out, report.n_rejected), (20_000, 0), "{name}");
            let what = if out == "parquet" { "read" } else { "objects" };
            let read = ask(&python, what, &place, &format!("out.{out}")).await;
            let read: Value = serde_json::from_str(&read).unwrap();
            let rows = if out == "parquet" { &read["duckdb"] } else { &read };
            for (row, wanted) in rows.as_array().unwrap().iter().zip(&wanted) {
                let fee = match &row["fee"] {
                    Value::String(text) => text.parse::<f64>().unwrap(),
                    other => other.as_f64().unwrap(),
                };
                let mut row = row.clone();
                row["fee"] = json!(fee);
                assert_eq!(row, *wanted);
            }
        }
    }
}

/// Lays out a row of `DuckDB` as the pipeline does.
fn wanted(row: &Value) -> Value {
    let address = &row["address"];
    let fee = row["fee"].as_f64().unwrap();
    json!({
        "id": row["id"], "city": address["city"], "code": address["zip"]["code"], "fee": fee,
        "open": row["open"], "dotted": row["a.b"], "score": fee * 2.0,
    })
}

fn run(text: &str) -> Result<shared::etl::RunReport, PipelineError> {
    let place = Place::new();
    place.write("in.json", text);
    tokio::runtime::Runtime::new().unwrap().block_on(place.run(CASES))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_element_is_written_filtered_or_rejected(
        parts in prop::collection::vec(prop_oneof![
            prop::sample::select(OBJECTS).prop_map(str::to_owned),
            "[{}a:1 ]{1,8}",
            "\\{\"id\": \"[a-z\\[\\]{},]{0,6}\"\\}",
        ], 0..12),
        is_array in any::<bool>(),
    ) {
        let text = match is_array {
            true => format!("[{}]", parts.join(",\n")),
            false => parts.join("\n"),
        };
        if let Ok(report) = run(&text) {
            prop_assert_eq!(report.n_out + report.n_rejected + report.n_filtered, report.n_read);
            let n_blank = parts.iter().filter(|it| it.trim().is_empty()).count();
            if !is_array && !text.trim_start().starts_with('[') {
                prop_assert_eq!(report.n_read, (parts.len() - n_blank) as u64);
            }
        } else {
            prop_assert!(text.trim_start().starts_with('['), "{}", text);
        }
    }

    #[test]
    fn no_bytes_make_reading_fail_hard(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:a1\\\\\n]{0,40}") {
        let place = Place::new();
        for given in [bytes, text.into_bytes()] {
            place.write("in.json", &given);
            if let Ok(report) = tokio::runtime::Runtime::new().unwrap().block_on(place.run(CASES)) {
                prop_assert_eq!(report.n_out + report.n_rejected + report.n_filtered, report.n_read);
            }
        }
    }
}
