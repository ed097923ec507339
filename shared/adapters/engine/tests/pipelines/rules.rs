//! Every check: what keeps it, what breaks it.

use shared::etl::{PipelineTest, Verdict, read_pipeline};
use shared::ports::PipelineEngine as _;

use crate::place::Place;

/// Runs `rule` over the rows, and lists the lines that break it.
async fn breaking(rule: &str, rows: &str) -> Vec<u64> {
    let place = Place::new();
    place.write("in.csv", format!("t,n,d,at,u\n{rows}"));
    place.write("others.csv", "name,other\na,1\nb,2\n");
    let text = format!(
        "pipeline: p
source:
  at: file:HERE/in.csv
  columns:
    - {{name: t}}
    - {{name: n, type: long}}
    - {{name: d, type: date}}
    - {{name: at, type: instant}}
    - {{name: u}}
threshold: 0
rules: [{{{rule}, action: drop}}]
sink: {{at: file:HERE/out.csv}}
"
    );
    let report = place.verdict(&text).await;
    report.samples.iter().map(|it| it.line).collect()
}

#[tokio::test]
async fn checks_of_rows_find_what_breaks_them() {
    let texts = "a,,,,\nB,,,,\n,,,,\n \u{20}x,,,,\n";
    let numbers = ",1,,,\n,5,,,\n,9,,,\n,,,,\n";
    let days = ",,2026-01-01,,\n,,2026-06-01,,\n,,2026-06-02,,\n,,,,\n";
    for (rule, rows, lines) in [
        ("not_null: t", texts, vec![4]),
        ("'null': t", texts, vec![2, 3, 5]),
        ("not_blank: t", "a,,,,\n\"  \",,,,\n", vec![3]),
        ("trimmed: t", texts, vec![5]),
        ("email: t", "a@b.example,,,,\na@b,,,,\na b@c.example,,,,\n", vec![3, 4]),
        ("url: t", "https://a.example/x?y,,,,\nhttp://,,,,\nftp://a,,,,\n", vec![3, 4]),
        ("uuid: t", "0b2e6c5e-3a39-4d11-9a0c-0d9f6d1f2a3b,,,,\n0b2e6c5e,,,,\n", vec![3]),
        (
            "salesforce_id: t",
            "500Ao00000AbCdE,,,,\n500Ao00000AbCdEIAX,,,,\n500Ao00000AbCdEI,,,,\n",
            vec![4],
        ),
        ("not_in_future: d", days, vec![4]),
        ("not_in_future: at", ",,,2026-06-01T12:00:00Z,\n,,,2026-06-01T12:00:01Z,\n", vec![3]),
        ("accepted_values: {column: t, values: [a]}", texts, vec![3, 5]),
        ("accepted_values: {column: t, values: [A, b], ignore_case: true}", texts, vec![5]),
        ("accepted_values: {column: n, values: [1, 9]}", numbers, vec![3]),
        ("refused_values: {column: n, values: [1, 9]}", numbers, vec![2, 4]),
        ("range: {column: n, min: 2, max: 5}", numbers, vec![2, 4]),
        ("range: {column: n, min: 1.5}", numbers, vec![2]),
        ("range: {column: d, max: 2026-06-01}", days, vec![4]),
        ("length: {column: t, min: 2}", texts, vec![2, 3]),
        ("length: {column: t, max: 2}", texts, vec![5]),
        ("regex: {column: t, pattern: '^[a-z]$'}", texts, vec![3, 5]),
        ("not_regex: {column: t, pattern: '[A-Z]'}", texts, vec![3]),
        ("compare: {left: t, is: '<', right: u}", "a,,,,b\nb,,,,a\na,,,,\n", vec![3]),
        ("at_least_one: [t, u]", "a,,,,\n,,,,b\n,1,,,\n", vec![4]),
        ("exactly_one: [t, u]", "a,,,,\na,,,,b\n,1,,,\n", vec![3, 4]),
        ("expression: n % 2 = 1 AND n < 9", numbers, vec![4]),
        ("unique: t", "a,,,,\nb,,,,\na,,,,\n,1,,,\n,2,,,\n", vec![4]),
        ("unique: [t, n]", "a,1,,,\na,2,,,\na,1,,,\n", vec![4]),
        ("unique: {columns: [t], sorted: true}", "a,,,,\na,,,,\nb,,,,\na,,,,\n", vec![3]),
        (
            "reference: {column: t, to: {at: file:HERE/others.csv, column: name}}",
            "a,,,,\nc,,,,\n,1,,,\n",
            vec![3],
        ),
        (
            "reference: {column: n, to: {at: file:HERE/others.csv, column: other}}",
            ",1,,,\n,3,,,\n",
            vec![3],
        ),
    ] {
        assert_eq!(breaking(rule, rows).await, lines, "{rule}");
    }
}

const ALL_ROWS: &str = r#"
pipeline: p
source:
  at: file:HERE/in.csv
  columns: [{name: t}, {name: n, type: long}, {name: d, type: date}]
rules: [{RULE}]
sink: {at: file:HERE/out.csv}
baseline: file:HERE/base.json
"#;

#[tokio::test]
async fn checks_of_all_rows_stop_the_run() {
    let place = Place::new();
    place.write("in.csv", "t,n,d\na,1,2026-05-30\nb,2,2026-05-31\na,,\n");
    for (rule, found) in [
        ("row_count: {min: 3, max: 3}", Ok("3 rows, 3 to 3")),
        ("row_count: {min: 4}", Err("3 rows, at least 4")),
        ("freshness: {column: d, max_age: 36h}", Ok("2026-05-31T00:00:00.000Z, 129600 s old")),
        ("freshness: {column: d, max_age: 35h}", Err("129600 s old, and at most 126000 s")),
        ("null_percent: {column: n, max: 40}", Ok("33.3")),
        ("null_percent: {column: n, max: 30}", Err("33.3")),
        ("distinct_count: {column: t, min: 2, max: 2}", Ok("2, 2 to 2")),
        ("distinct_count: {column: t, min: 3}", Err("2, at least 3")),
        ("mean: {column: n, min: 1.5, max: 1.5}", Ok("1.5")),
        ("mean: {column: n, max: 1}", Err("1.5, at most 1")),
        ("sum: {column: n, min: 3, max: 3}", Ok("3")),
        ("sum: {column: n, min: 4}", Err("3, at least 4")),
    ] {
        let report = place.verdict(&ALL_ROWS.replace("RULE", rule)).await;
        let wanted = found.unwrap_or_else(|it| it);
        let text = report.rules[0].found.as_deref().unwrap();
        assert!(text.contains(wanted), "{rule}: {text}");
        assert_eq!(report.is_passed(), found.is_ok(), "{rule}");
    }
}

#[tokio::test]
async fn drift_is_measured_against_the_last_run_that_passed() {
    let place = Place::new();
    let rule = "row_count_drift: {max_percent: 20}}, \
                {mean_drift: {column: n, max_deviations: 1}}, \
                {distribution_drift: {column: t, max_index: 0.2}";
    let text = ALL_ROWS.replace("RULE", rule);
    let rows = |n: usize, t: &str, plus: usize| {
        let row = |it| format!("{},{},\n", if it % 2 == 0 { "a" } else { t }, it % 10 + plus);
        format!("t,n,d\n{}", (0..n).map(row).collect::<String>())
    };
    place.write("in.csv", rows(1000, "b", 0));
    let report = place.verdict(&text).await;
    assert_eq!(report.verdict, Verdict::Passed);
    assert!(report.rules.iter().all(|it| it.found.as_deref() == Some("there is no baseline yet")));
    let first = place.read("base.json");

    for (n, t, plus, broken) in [
        (1100, "b", 1, None),
        (1400, "b", 0, Some("row_count_drift")),
        (1100, "b", 5, Some("mean_drift_n")),
        (1100, "c", 0, Some("distribution_drift_t")),
    ] {
        place.write("base.json", &first);
        place.write("in.csv", rows(n, t, plus));
        let report = place.verdict(&text).await;
        let found = report.rules.iter().find(|it| it.n_failed > 0).map(|it| it.rule.as_str());
        assert_eq!(found, broken);
        assert_eq!(place.read("base.json") == first, broken.is_some());
    }
    place.write("base.json", "{}");
    assert!(place.run(&text).await.unwrap_err().to_string().contains("is no baseline of a run"));
}

const TESTED: &str = r#"
pipeline: p
source:
  at: file:in.csv
  columns: [{name: id, required: true}, {name: fee, from: Fee, type: "decimal(9,2)"}]
steps:
  - derive: {gross: "fee * 1.19", on: now()}
rules:
  - {range: {column: fee, min: 0}, action: warn}
  - {unique: id, action: drop}
  - {row_count: {min: 100}}
sink: {at: file:out.csv}
tests:
  - name: gross is worked out
    given: [{id: a, Fee: 100}, {id: a, Fee: -1}, {Fee: x}]
    expect:
      rows: [{id: a, gross: 119, on: "2026-01-01T00:00:00.000Z"}]
      rejects:
        - {rule: range_fee, row: 2, value: "-1.00"}
        - {rule: unique_id, row: 2}
        - {rule: required, row: 3}
        - {rule: type, row: 3, value: x}
  - name: wrong
    given: [{id: a, Fee: 100}]
    expect: {rows: [{gross: 120}], rejects: [{rule: unique_id}]}
"#;

#[tokio::test]
async fn tests_of_a_pipeline_are_run_without_its_files() {
    let pipeline = read_pipeline("p.yaml", TESTED).unwrap();
    let engine = Place::engine();
    let mut reports = Vec::new();
    for test in &pipeline.tests {
        reports.push(test.judge(&engine.try_rows(&pipeline, test).await.unwrap()));
    }
    assert_eq!(reports[0].differences, [""; 0]);
    assert_eq!(
        reports[1].differences,
        ["row 1: `gross` is `119.0000`, not `120`", "no reject by `unique_id`"]
    );
    let mut test: PipelineTest = pipeline.tests[0].clone();
    let row = test.given[0].remove("Fee").unwrap();
    test.given[0].insert("fee".to_owned(), row);
    let error = engine.try_rows(&pipeline, &test).await.unwrap_err().to_string();
    assert!(error.contains("there is no column of the source `fee`: "), "{error}");
}
