//! Tests of loads, without a network.

use serde_json::{Value, json};
use shared::ports::BlobKey;
use shared::ports::warehouse::{Identifier, StatementId, TableName};

use super::*;

fn settings(format: &str) -> SnowflakeSettings {
    SnowflakeSettings::from_json(&json!({
        "connection": "lake",
        "account": "MYORG-FIRM",
        "auth": {"flow": "oauth", "token": "env:TOKEN"},
        "database": "LEGAL",
        "schema": "PUBLIC",
        "stage": "FILES",
        "file_format": format,
    }))
    .unwrap()
}

fn load(keys: &[&str]) -> Load {
    let files = keys.iter().map(|key| StagedFile {
        key: BlobKey::parse(*key).unwrap(),
        n_rows: 2,
        n_bytes: 10,
    });
    let table = TableName::new(Identifier::parse("CASES_STAGING").unwrap());
    Load::new(StatementId::of("x"), table, files.collect()).unwrap()
}

const COLUMNS: [&str; 10] = [
    "file",
    "status",
    "rows_parsed",
    "rows_loaded",
    "error_limit",
    "errors_seen",
    "first_error",
    "first_error_line",
    "first_error_character",
    "first_error_column_name",
];

fn ended(columns: &[&str], data: &Value) -> Ended {
    let columns: Vec<_> = columns.iter().map(|it| json!({"name": it, "type": "text"})).collect();
    let answer = json!({"resultSetMetaData": {"numRows": 1, "rowType": columns}, "data": data});
    serde_json::from_value(answer).unwrap()
}

#[test]
fn statement_names_each_file_and_stops_at_a_bad_row() {
    let load = load(&["run=42/part-000.parquet", "run=42/o'x\\.parquet"]);
    assert_eq!(
        statement(&load, &settings("parquet")).unwrap(),
        "COPY INTO \"CASES_STAGING\" FROM @\"LEGAL\".\"PUBLIC\".\"FILES\" \
         FILES = ('run=42/part-000.parquet', 'run=42/o''x\\\\.parquet') \
         FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE \
         ON_ERROR = ABORT_STATEMENT"
    );
    let rest = load.with_bad_rows(BadRows::LoadRest);
    let csv = statement(&rest, &settings("csv")).unwrap();
    assert!(csv.contains("PARSE_HEADER = TRUE"), "{csv}");
    assert!(csv.ends_with("ON_ERROR = CONTINUE"), "{csv}");
    let nowhere = SnowflakeSettings { stage: None, ..settings("csv") };
    assert_eq!(statement(&rest, &nowhere), Err(UnfitLoad::NoStage));
}

#[test]
fn files_that_an_answer_could_not_tell_apart_are_refused() {
    let refused = statement(&load(&["a/b.csv", "b.csv"]), &settings("csv")).unwrap_err();
    assert!(refused.to_string().contains("tell `a/b.csv` from `b.csv`"), "{refused}");
    assert!(statement(&load(&["a/b.csv", "ab.csv", "b/a.csv"]), &settings("csv")).is_ok());
}

#[test]
fn both_shapes_of_loaded_before_are_understood() {
    let load = load(&["run=42/a.parquet"]);
    let skipped = json!([[
        "s3://b/p/run=42/a.parquet",
        "LOAD_SKIPPED",
        "0",
        "0",
        null,
        "1",
        "File was loaded before.",
        null,
        null,
        null
    ]]);
    let nothing = json!([["Copy executed with 0 files processed."]]);
    for ended in [ended(&COLUMNS, &skipped), ended(&["status"], &nothing)] {
        let report = report(&load, &ended).unwrap();
        assert_eq!(report.files[0].outcome, FileOutcome::AlreadyLoaded);
        assert!(report.shortfalls(&load).is_empty());
    }
}

#[test]
fn each_file_has_its_own_outcome() {
    let load = load(&["a.csv", "b/b.csv", "c.csv", "d.csv", "e.csv"]);
    let data = json!([
        ["s3://bucket/p/b/b.csv", "LOADED", "2", "2", "1", "0", null, null, null, null],
        [
            "c.csv",
            "PARTIALLY_LOADED",
            "2",
            "1",
            "2",
            "1",
            "Numeric value 'Ada' is not recognized",
            "3",
            "5",
            "\"CASES_STAGING\"[\"AMOUNT\":2]"
        ],
        ["d.csv", "LOAD_FAILED", "2", "0", "1", "2", "Null in a column", "2", "1", "ID"],
        ["e.csv", "LOAD_SKIPPED", "0", "0", "1", "1", "File cannot be read", null, null, null],
    ]);
    let report = report(&load, &ended(&COLUMNS, &data)).unwrap();

    let outcomes: Vec<_> = report.files.iter().map(|it| &it.outcome).collect();
    assert_eq!(outcomes[0], &FileOutcome::AlreadyLoaded, "it is not named");
    assert_eq!(outcomes[1], &FileOutcome::Loaded { n_rows: 2 });
    let FileOutcome::Partial { n_rows: 1, fault } = outcomes[2] else { panic!("{outcomes:?}") };
    assert_eq!(fault.first_error, "Numeric value '…' is not recognized");
    assert_eq!((fault.line, fault.column.as_deref()), (Some(3), Some("AMOUNT")));
    assert!(matches!(outcomes[3], FileOutcome::Failed { fault } if fault.n_errors == 2));
    assert!(matches!(outcomes[4], FileOutcome::Failed { .. }), "skipped for another reason");
    assert_eq!(report.shortfalls(&load).len(), 3);
}

#[test]
fn answer_of_another_shape_is_an_error_not_a_success() {
    let load = load(&["a.csv"]);
    assert!(report(&load, &ended(&["x"], &json!([["1"]]))).is_err());
    let stranger = json!([["xa.csv", "LOADED", "2", "2", "1", "0", null, null, null, null]]);
    assert!(report(&load, &ended(&COLUMNS, &stranger)).is_err());
    let odd = json!([["a.csv", "QUEUED", "2", "2", "1", "0", null, null, null, null]]);
    assert!(report(&load, &ended(&COLUMNS, &odd)).is_err());
    let uncounted = json!([["a.csv", "LOADED", "2", null, "1", "0", null, null, null, null]]);
    assert!(report(&load, &ended(&COLUMNS, &uncounted)).is_err());
}

#[test]
fn message_of_a_failed_load_tells_file_row_and_column() {
    let message = "Numeric value 'Ada' is not recognized\n  File 'run=42/bad.csv', line 3, \
        character 5\n  Row 2, column \"CASES_STAGING\"[\"AMOUNT\":2]\n  If you would like to \
        continue loading when an error is encountered, use other values such as 'SKIP_FILE'";
    let fault = fault_in(message).unwrap();
    assert_eq!(
        fault.to_string(),
        "file `run=42/bad.csv`, line 3, row 2, column AMOUNT is not fit to load: \
         Numeric value '…' is not recognized"
    );
    assert_eq!(fault_in("Object 'T' does not exist"), None);
    let hidden = fault_in(
        "Numeric value 'x File 'Ada' is not recognized\n  File 'b.csv', line 1, \
        character 1\n  Row 1 starts at line 2, column \"T\"[102]\n",
    )
    .unwrap();
    assert!(!hidden.to_string().contains("Ada"), "{hidden}");
    assert_eq!((hidden.file.as_str(), hidden.column.as_deref()), ("b.csv", Some("102")));
    let short = fault_in("Error parsing the file\n File 'a.parquet'\n Row 7 starts here").unwrap();
    assert_eq!((short.line, short.row, short.column), (None, Some(7), None));
}
