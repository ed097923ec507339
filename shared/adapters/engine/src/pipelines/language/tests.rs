//! Tests of the language of expressions.

use std::sync::Arc;

use arrow_array::builder::Decimal128Builder;
use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use shared::time::parse_day;

use super::*;
use crate::pipelines::text::text_of;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn columns() -> Vec<PlannedColumn> {
    [
        ("id", ColumnKind::Text),
        ("opened", ColumnKind::Date),
        ("closed", ColumnKind::Date),
        ("fee", ColumnKind::Decimal { precision: 18, scale: 2 }),
        ("n", ColumnKind::Long),
        ("score", ColumnKind::Float),
        ("Opened On", ColumnKind::Text),
    ]
    .into_iter()
    .map(|(name, kind)| PlannedColumn { name: name.to_owned(), kind })
    .collect()
}

/// One row.
fn batch() -> RecordBatch {
    let day = |raw| Arc::new(Date32Array::from(vec![parse_day(raw)])) as ArrayRef;
    let mut fee = Decimal128Builder::new().with_precision_and_scale(18, 2).unwrap();
    fee.append_value(1050);
    let values: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["  ab-7 "])),
        day("2026-01-31"),
        day("2026-03-01"),
        Arc::new(fee.finish()),
        Arc::new(Int64Array::from(vec![7])),
        Arc::new(Float64Array::from(vec![0.5])),
        Arc::new(StringArray::from(vec![None::<&str>])),
    ];
    RecordBatch::try_new(schema_of(&columns()), values).unwrap()
}

fn value(text: &str) -> (ColumnKind, Option<String>) {
    let worked =
        Language::new(NOW).value(text, &columns()).unwrap_or_else(|it| panic!("{text}: {it}"));
    let value = worked.expression.evaluate(&batch()).unwrap().into_array(1).unwrap();
    assert_eq!(*value.data_type(), data_type(worked.kind), "{text}");
    (worked.kind, text_of(&value, 0))
}

fn fault(text: &str) -> String {
    Language::new(NOW).value(text, &columns()).unwrap_err()
}

#[test]
fn expressions_are_typed_and_worked_out() {
    let money = |precision, scale| ColumnKind::Decimal { precision, scale };
    for (text, kind, found) in [
        ("upper(trim(id))", ColumnKind::Text, Some("AB-7")),
        ("id || '!'", ColumnKind::Text, Some("  ab-7 !")),
        ("fee * 0.81", money(21, 4), Some("8.5050")),
        ("fee + 1", money(23, 2), Some("11.50")),
        ("CAST(fee AS DOUBLE) / 2", ColumnKind::Float, Some("5.25")),
        ("n / 2", ColumnKind::Long, Some("3")),
        ("n % 4", ColumnKind::Long, Some("3")),
        ("score + n", ColumnKind::Float, Some("7.5")),
        ("closed - opened", ColumnKind::Long, Some("29")),
        ("date_part('year', opened)", ColumnKind::Long, Some("2026")),
        ("EXTRACT(month FROM closed)", ColumnKind::Long, Some("3")),
        ("date_trunc('month', opened)", ColumnKind::Instant, Some("2026-01-01T00:00:00.000Z")),
        ("opened + INTERVAL '1 day'", ColumnKind::Date, Some("2026-02-01")),
        ("CASE WHEN n > 5 THEN 'many' ELSE 'few' END", ColumnKind::Text, Some("many")),
        ("coalesce(\"Opened On\", 'never')", ColumnKind::Text, Some("never")),
        ("\"Opened On\"", ColumnKind::Text, None),
        ("id LIKE '%ab%'", ColumnKind::Bool, Some("true")),
        ("opened > '2026-01-01'", ColumnKind::Bool, Some("true")),
        ("n IN (1, 7)", ColumnKind::Bool, Some("true")),
        ("opened BETWEEN DATE '2026-01-01' AND DATE '2026-12-31'", ColumnKind::Bool, Some("true")),
        ("regexp_like(id, '[0-9]')", ColumnKind::Bool, Some("true")),
        ("regexp_replace(id, '[^a-z]', '', 'g')", ColumnKind::Text, Some("ab")),
        ("split_part(trim(id), '-', 2)", ColumnKind::Text, Some("7")),
        ("SUBSTRING(trim(id) FROM 1 FOR 2)", ColumnKind::Text, Some("ab")),
        ("now()", ColumnKind::Instant, Some("2026-01-01T00:00:00.000Z")),
        ("opened <= now()", ColumnKind::Bool, Some("false")),
        ("CAST('12' AS BIGINT)", ColumnKind::Long, Some("12")),
        ("TRY_CAST(id AS INT)", ColumnKind::Long, None),
        ("NOT (n = 7)", ColumnKind::Bool, Some("false")),
        ("nullif(n, 7)", ColumnKind::Long, None),
    ] {
        assert_eq!(value(text), (kind, found.map(str::to_owned)), "{text}");
    }
}

#[test]
fn fault_says_what_to_write_instead() {
    for (text, said) in [
        ("openned", "there is no column `openned`: did you mean `opened`?"),
        ("Opened", "there is no column `Opened`: did you mean `opened`?"),
        ("uper(id)", "there is no function `uper`: did you mean `upper`?"),
        ("sum(n)", "`sum` looks at many rows, and an expression sees one"),
        ("random()", "`random` gives another value each time"),
        ("n +", "is no expression of SQL"),
        ("n n", "ends before `n` at character 3"),
        ("NULL", "has no type: write `CAST(… AS …)`"),
        ("(SELECT 1)", "only columns of one row are seen"),
        ("n = opened", "compares long with date: write `CAST(… AS …)` around one"),
        ("id > 5", "compares text with long"),
        ("n IN (1, 'x')", "compares long with text"),
        ("id + n", "Cannot coerce"),
        ("upper(n, n)", "upper"),
        ("t.n", "there is no table in `t.n`"),
        ("INTERVAL '1 day'", "which no column holds"),
        ("$1", "stands for nothing here"),
    ] {
        let fault = fault(text);
        assert!(fault.contains(said), "{text}: {fault}");
        assert!(!fault.contains('\n') && fault.len() < 400, "{text}: {fault}");
    }
    let fault = Language::new(NOW).condition("n + 1", &columns()).unwrap_err();
    assert_eq!(fault, "gives long, and true or false is wanted: compare it");
}

#[test]
fn longest_expression_is_worked_out_and_a_longer_one_is_refused() {
    let long = vec!["n"; MAX_OPERATORS + 1].join(" + ");
    assert_eq!(value(&long).1, Some((7 * (MAX_OPERATORS + 1)).to_string()));
    assert!(fault(&format!("{long} + n")).contains("has more than 200 operators"));
    assert!(fault(&format!("'{}'", "x".repeat(MAX_BYTES))).contains("is longer than"));
    let nested = format!("{}n{}", "(".repeat(900), ")".repeat(900));
    assert!(fault(&nested).contains("recursion"), "{}", fault(&nested));
    let negated = format!("{}true", "NOT ".repeat(MAX_OPERATORS));
    assert!(!fault(&negated).is_empty());
}

#[test]
fn columns_that_are_looked_at_are_told() {
    let worked = Language::new(NOW).value("coalesce(id, \"Opened On\") || id", &columns()).unwrap();
    assert_eq!(worked.columns, ["Opened On", "id"].map(str::to_owned).into());
}

proptest! {
    #[test]
    fn no_text_makes_reading_fail_hard(text in "[a-z()'\" +*,.<>=0-9-]{0,40}") {
        let _ = Language::new(NOW).value(&text, &columns());
    }
}
