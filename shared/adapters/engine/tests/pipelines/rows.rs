//! Rows from text to text: what is read, what is rejected and where it stood.

use proptest::prelude::*;
use shared::etl::{PipelineError, Verdict};
use shared::ports::{PipelineEngine as _, RunOptions};

use crate::place::Place;

const CASES: &str = r#"
pipeline: cases
source:
  at: file:HERE/in.csv
  delimiter: ";"
  null_words: [n/a]
  columns:
    - {name: id, from: Id, required: true}
    - {name: opened, from: Opened On, type: date, format: "%d.%m.%Y"}
    - {name: closed, type: date}
    - {name: fee, type: "decimal(12,2)", format: "1.234,50"}
    - {name: note}
key: id
steps:
  - filter: note IS NULL OR note <> 'test'
  - derive:
      days: closed - opened
      each: CAST(100 AS BIGINT) / days
  - rename: {opened: opened_on}
  - select: [id, opened_on, days, each, fee, note]
rules:
  - not_null: opened_on
threshold: 0
sink: {at: file:HERE/out.csv}
quarantine: {at: file:HERE/rejects.csv}
"#;

const IN: &str = "\u{feff}Id;Opened On;closed;fee;note;unused\r
a1;01.02.2026;2026-02-11;1.000,50;\"two\nlines; \"\"quoted\"\"\";x\r
\r
a2;31.02.2026;2026-02-11;1,00;;x\r
;01.02.2026;2026-02-11;1,00;;x\r
a4;01.02.2026;2026-02-11;1,00;x\r
a5;01.02.2026;2026-02-01;n/a;;x\r
a6;;2026-02-11;10;;x\r
a7;01.02.2026;2026-02-05;12;test;x\r
a8;01.02.2026;2026-02-03;0,5;;x";

#[tokio::test]
async fn every_row_goes_out_or_is_rejected_with_line_and_reason() {
    let place = Place::new();
    place.write("in.csv", IN);
    let report = place.verdict(CASES).await;

    assert_eq!(
        place.read("out.csv"),
        "id,opened_on,days,each,fee,note\n\
         a1,2026-02-01,10,10,1000.50,\"two\nlines; \"\"quoted\"\"\"\n\
         a8,2026-02-01,2,50,0.50,\n"
    );
    let rejects = place.read("rejects.csv");
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines[0], "key,line,rule,column,value,reason,row");
    // Each ends with the row as it was read.
    let is = |line: &str, text: &str| assert!(line.starts_with(&format!("{text},\"")), "{line}");
    is(lines[1], "a2,5,type,opened,31.02.2026,is no date as it is declared");
    is(lines[2], ",6,required,id,,has no value");
    is(
        lines[3],
        &"\"\",7,row,,a4|01.02.2026|2026-02-11|1,00|x,\"has 5 values, and the first line names 6 columns\""
            .replace("\"\",", ",")
            .replace("a4|01.02.2026|2026-02-11|1,00|x", "\"a4|01.02.2026|2026-02-11|1,00|x\"")
    );
    assert!(lines[4].starts_with("a5,8,expression,days,0,") && lines[4].contains("ivide by zero"));
    is(lines[5], "a6,9,not_null_opened_on,opened_on,,has no value");
    assert_eq!(lines.len(), 6);

    assert_eq!((report.n_read, report.n_filtered, report.n_rejected, report.n_out), (8, 1, 5, 2));
    assert_eq!(report.unread_columns, ["unused"]);
    assert_eq!(report.output.unwrap().n_rows, 2);
    assert_eq!(report.quarantine.unwrap().n_rows, 5);
    assert_eq!(report.samples.len(), 5);
}

#[tokio::test]
async fn dry_run_says_the_same_and_writes_nothing() {
    let place = Place::new();
    place.write("in.csv", IN);
    let options = RunOptions { is_dry_run: true, n_samples: 2, now: None };
    let report = Place::engine().run(&place.pipeline(CASES), options, &()).await.unwrap();
    assert_eq!((report.n_read, report.n_out, report.samples.len()), (8, 2, 2));
    assert!(!place.has("out.csv") && !place.has("rejects.csv"));
}

#[tokio::test]
async fn file_that_is_not_what_the_pipeline_says_is_named_with_the_fix() {
    let place = Place::new();
    for (text, fault) in [
        ("", "is empty: its first line names the columns"),
        ("Id;Opened On;close;fee;note\n", "there is no column `closed`: did you mean `close`?"),
        ("Id;Id;Opened On;closed;fee;note\n", "has two columns `Id`"),
    ] {
        place.write("in.csv", text);
        let error = place.run(CASES).await.unwrap_err();
        let PipelineError::Unfit { text, .. } = &error else { panic!("{error}") };
        assert!(text.contains(fault), "{text}");
    }
    std::fs::remove_file(place.path().join("in.csv")).unwrap();
    let error = place.run(CASES).await.unwrap_err();
    assert!(matches!(&error, PipelineError::Store { what: "source", .. }), "{error}");
    assert!(!place.has("out.csv"));
}

#[tokio::test]
async fn quote_that_is_never_closed_is_no_endless_row() {
    let place = Place::new();
    let mut text = "Id;Opened On;closed;fee;note\na;;;;\nb;\"".to_owned();
    text.push_str(&"x;\n".repeat(6_000_000));
    place.write("in.csv", text);
    let error = place.run(CASES).await.unwrap_err().to_string();
    assert!(error.contains("line 3: the row is longer than"), "{error}");
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_one_reject() {
    let place = Place::new();
    place.write(
        "in.csv",
        b"Id;Opened On;closed;fee;note\na;01.02.2026;;;\nb;;;;\xff\nc;02.02.2026;;;\n",
    );
    let report = place.verdict(CASES).await;
    assert_eq!((report.n_read, report.n_rejected, report.n_out), (3, 1, 2));
    assert!(place.read("rejects.csv").contains(",3,row,,"));
}

#[tokio::test]
async fn empty_file_with_names_passes_with_no_rows() {
    let place = Place::new();
    place.write("in.csv", "Id;Opened On;closed;fee;note\n");
    let report = place.verdict(&CASES.replace("threshold: 0", "threshold: 100")).await;
    assert_eq!((report.n_read, report.verdict), (0, Verdict::Passed));
    assert_eq!(place.read("out.csv").lines().count(), 1);
}

#[tokio::test]
async fn faults_of_names_and_types_name_their_place() {
    let place = Place::new();
    for (from, to, fault) in [
        (
            "closed - opened",
            "closed - openned",
            "p.yaml:17: steps.1.derive.days: `closed - openned`: there is no column `openned`: did you mean `opened`?",
        ),
        ("note <> 'test'", "note", "p.yaml:15: steps.0.filter: `note IS NULL OR note`: "),
        (
            "{opened: opened_on}",
            "{openedd: opened_on}",
            "p.yaml:19: steps.2.rename.openedd: there is no column `openedd`: did you mean `opened`?",
        ),
        (
            "{opened: opened_on}",
            "{opened: note}",
            "there is a column `note` already: drop it first",
        ),
        (
            "[id, opened_on,",
            "[id, opened,",
            "p.yaml:20: steps.3.select: there is no column `opened`: did you mean `opened_on`?",
        ),
        (
            "not_null: opened_on",
            "email: days",
            "p.yaml:22: rules.0: column `days` holds long, and text is wanted",
        ),
        (
            "not_null: opened_on",
            "range: {column: days, min: many}",
            "`many` does not fit a column that holds long",
        ),
        (
            "not_null: opened_on",
            "mean: {column: id, min: 1}",
            "column `id` holds text, and a number is wanted",
        ),
        ("not_null: opened_on", "regex: {column: id, pattern: '('}", "rules.0: "),
    ] {
        assert!(CASES.contains(from), "{from}");
        let mut text = CASES.replacen(from, to, 1);
        text = text.replace("mean: {column: id, min: 1}", "{mean: {column: id, min: 1}}");
        let faults = Place::engine().plan(&place.pipeline(&text)).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|it| it.contains(fault)), "{to}: {faults:#?}");
    }
}

#[tokio::test]
async fn plan_tells_types_and_where_columns_come_from() {
    let place = Place::new();
    let plan = Place::engine().plan(&place.pipeline(CASES)).unwrap();
    let columns: Vec<_> =
        plan.lineage.iter().map(|it| format!("{} {}", it.column, it.kind)).collect();
    assert_eq!(
        columns,
        ["id text", "opened_on date", "days long", "each long", "fee decimal(12,2)", "note text"]
    );
    let each = &plan.lineage[3];
    assert_eq!(each.from, ["closed", "opened"].map(str::to_owned).into());
    assert_eq!(each.by, ["steps.1.derive.days", "steps.1.derive.each"]);
    assert_eq!(plan.filtered_by, ["note"].map(str::to_owned).into());
    assert_eq!(plan.rules[0].expression.as_deref(), Some("\"opened_on\" IS NOT NULL"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_row_is_lost(fields in prop::collection::vec(prop::collection::vec("[a-z0-9;\"]{0,4}", 1..7), 0..40)) {
        let place = Place::new();
        let quoted = |it: &String| format!("\"{}\"", it.replace('"', "\"\""));
        let row = |it: &Vec<String>| it.iter().map(quoted).collect::<Vec<_>>().join(";");
        let rows: Vec<String> = fields.iter().map(row).collect();
        place.write("in.csv", format!("Id;Opened On;closed;fee;note\n{}\n", rows.join("\n")));
        let report = tokio::runtime::Runtime::new().unwrap().block_on(place.verdict(CASES));
        prop_assert_eq!(report.n_read, fields.len() as u64);
        prop_assert_eq!(report.n_out + report.n_rejected + report.n_filtered, report.n_read);
    }
}
