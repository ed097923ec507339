//! Pipelines as SQL: what `fakesnow` makes of it is what the engine makes of the same rows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use shared::config::Env;
use shared::etl::pushdown::{PushedDown, StatementUse};
use shared::etl::{Pipeline, RunReport};
use shared::ports::{PipelineEngine as _, RunOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::place::{NOW, Place};

/// Finds the Python that `MOODBRIDGE_SNOWFLAKE_PYTHON` names; see [`crate::peers::python`].
fn python() -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get("MOODBRIDGE_SNOWFLAKE_PYTHON").map(PathBuf::from).filter(|it| it.is_file());
    if named.is_none() {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == "snowflake");
        assert!(!is_required, "fakesnow is required: run `scripts/setup test`");
        eprintln!("SKIPPED: MOODBRIDGE_SNOWFLAKE_PYTHON is unset (run `scripts/setup test`)");
    }
    named
}

/// The columns of `cases`, as the table has them.
const CASES: &[(&str, &str)] = &[
    ("id", "VARCHAR"),
    ("client", "VARCHAR"),
    ("status", "VARCHAR"),
    ("fee", "NUMBER(12,2)"),
    ("n", "NUMBER(18,0)"),
    ("parts", "NUMBER(18,0)"),
    ("score", "FLOAT"),
    ("open", "BOOLEAN"),
    ("opened", "DATE"),
    ("closed", "DATE"),
    ("at", "TIMESTAMP_NTZ(3)"),
];
const CASE_ROWS: &str = "\
c1,k1,Open,100.50,10,3,1.5,true,2026-01-05,2026-02-05,2026-01-05 08:30:15.123
c2,k1, closed ,0.01,-7,2,-0.25,false,2025-12-31,2025-12-30,2025-12-31 23:59:59.999
c3,k2,OPEN,,5,0,3,,2026-03-01,,2026-03-01 00:00:00.000
c4,k9,it's \\ odd,99999.99,,4,0.1,true,,2026-01-01,
c5,,Open,-5.00,9000000000,3,,true,2026-06-30,2026-07-01,2026-06-30 12:00:00.000
,k2,closed,20.00,1,1,2,false,2026-02-28,2026-02-28,2026-02-28 10:00:00.000
c7,k3,,12.34,-1,-4,1e3,true,2026-05-05,2026-05-06,2026-05-05 05:05:05.005
c8,k3,new,7.00,100,7,7,false,2027-01-01,2027-01-02,2027-01-01 00:00:00.000
";

const CLIENTS: &[(&str, &str)] =
    &[("key", "VARCHAR"), ("name", "VARCHAR"), ("email", "VARCHAR"), ("size", "NUMBER(9,0)")];
const CLIENT_ROWS: &str = "\
k1,Ann,ann@firm.example,3
k2,Bob,bob at firm,
k2,Rob,rob@firm.example,5
k4,Nobody,,1
";

const SOURCE: &str = r#"
source:
  at: CASES
  columns:
    - {name: id}
    - {name: client}
    - {name: status}
    - {name: fee, type: "decimal(12,2)"}
    - {name: n, type: long}
    - {name: parts, type: long}
    - {name: score, type: float}
    - {name: open, type: bool}
    - {name: opened, type: date}
    - {name: closed, type: date}
    - {name: at, type: instant}
key: id
threshold: 0
sink: {at: OUT}
quarantine: {at: REJECTS}
"#;

/// What each pipeline does between its source and its sink.
const PIPELINES: &[&str] = &[
    // Values of every kind.
    r#"
steps:
  - derive:
      word: lower(trim(status))
      short: left(status, 2) || '-' || coalesce(client, '?')
      days: closed - opened
      month: CAST(date_trunc('month', at) AS DATE)
      year: date_part('year', opened)
      more: fee * 1.5 + 1
      twice: n * 2 - parts
      half: score / 2.0 + 1
      day: CAST(opened AS VARCHAR)
      shown: CAST(fee AS VARCHAR) || CAST(n AS VARCHAR)
      is_late: closed < opened OR at > now()
  - drop: [score]
  - rename: {fee: money}
"#,
    // What cannot be worked out, unless it is not asked for.
    r#"
steps:
  - filter: n / parts <> 3
  - derive:
      share: n % parts
      guarded: CASE WHEN parts <> 0 THEN n / parts WHEN n > 4 THEN n ELSE 100 / parts END
      either: parts = 0 OR 10 / parts > 2
      least: coalesce(n, 100 / parts)
  - select: [id, share, guarded, either, least]
"#,
    // Rules of every action.
    r#"
steps:
  - check:
      - {not_null: id}
      - {accepted_values: {column: status, values: [open, closed], ignore_case: true}, action: warn}
  - derive: {status: lower(trim(status))}
rules:
  - {range: {column: fee, min: 0, max: 50000}}
  - {compare: {left: closed, is: ">=", right: opened}, action: drop}
  - {not_in_future: at, action: warn}
  - {at_least_one: [closed, fee]}
  - {not_blank: status}
  - {regex: {column: id, pattern: "^c[0-9]+$"}, action: warn}
  - {length: {column: status, min: 1, max: 6}}
  - {expression: "n % parts >= 0", name: parted, action: drop}
  - {reference: {column: client, to: {at: CLIENTS, column: key}}}
  - {row_count: {min: 1}}
"#,
    // Rows of another table.
    r#"
steps:
  - join: {with: {at: CLIENTS, columns: [{name: key}, {name: name}, {name: email}, {name: size, type: long}]}, kind: left, on: {client: key}, take: {client_name: name, mail: email, size: size}}
  - derive: {weight: size * parts}
rules:
  - {email: mail}
"#,
    r#"
steps:
  - join: {with: {at: CLIENTS, columns: [{name: key}]}, kind: semi, on: {client: key}}
  - join: {with: {at: CLIENTS, columns: [{name: who, from: key}, {name: name}]}, kind: inner, on: {client: who}}
  - select: [id, name]
"#,
    r#"
steps:
  - join: {with: {at: CLIENTS, columns: [{name: key}]}, kind: anti, on: {client: key}}
  - select: [id, client, score]
"#,
    // Groups.
    r#"
steps:
  - derive: {status: lower(trim(status))}
  - aggregate:
      by: [status]
      make:
        cases: count(*)
        fees: sum(fee)
        all: sum(n)
        clients: count(DISTINCT client)
        last: max(closed)
        first: min(id)
        late: count(*) FILTER (WHERE opened > DATE '2026-01-31')
        each: sum(n) / sum(parts) + 1
        parted: sum(100 / parts)
rules:
  - {range: {column: fees, min: 0}}
  - {not_null: status, action: warn}
"#,
    r#"
steps:
  - filter: id LIKE 'c%' AND NOT (status LIKE '%\\%') AND n BETWEEN -10 AND 1000 AND client IN ('k1', 'k2', 'k3')
  - aggregate: {make: {cases: count(*), most: max(fee), none: sum(n) FILTER (WHERE n > 5000)}}
"#,
];

struct Both {
    place: Place,
    python: PathBuf,
}

impl Both {
    fn new() -> Option<Self> {
        let python = python()?;
        let place = Place::new();
        for (name, columns, rows) in
            [("cases", CASES, CASE_ROWS), ("clients", CLIENTS, CLIENT_ROWS)]
        {
            let names: Vec<&str> = columns.iter().map(|it| it.0).collect();
            // The first has a date and a time as files have them.
            let rows = rows.lines().map(|line| match name {
                "cases" => instants(line),
                _ => line.to_owned(),
            });
            let rows: Vec<String> = rows.collect();
            place.write(
                &format!("{name}.csv"),
                format!("{}\n{}\n", names.join(","), rows.join("\n")),
            );
        }
        Some(Self { place, python })
    }

    /// Reads a pipeline over files, and the same over tables.
    fn pipelines(&self, steps: &str) -> (Pipeline, Pipeline) {
        let text = format!("pipeline: p{SOURCE}{steps}");
        let with = |pairs: [(&str, &str); 4]| {
            let text = pairs.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
            self.place.pipeline(&text)
        };
        (
            with([
                ("at: CASES", "at: file:HERE/cases.csv"),
                ("at: CLIENTS", "at: file:HERE/clients.csv"),
                ("at: OUT", "at: file:HERE/out.csv"),
                ("at: REJECTS", "at: file:HERE/rejects.csv"),
            ]),
            with([
                ("at: CASES", "at: snowflake:LEGAL.PUBLIC.cases"),
                ("at: CLIENTS", "at: snowflake:LEGAL.PUBLIC.clients"),
                ("at: OUT", "at: snowflake:LEGAL.PUBLIC.out"),
                ("at: REJECTS", "at: snowflake:LEGAL.PUBLIC.rejects"),
            ]),
        )
    }

    async fn here(&self, pipeline: &Pipeline) -> (RunReport, Vec<String>, Vec<Vec<String>>) {
        let options = RunOptions { n_samples: 1_000, ..RunOptions::default() };
        let report = Place::engine().run(pipeline, options, &()).await.unwrap();
        let mut rows: Vec<String> =
            self.place.read("out.csv").lines().skip(1).map(|it| it.replace("\"\"", "")).collect();
        rows.sort_unstable();
        let rejects = report
            .samples
            .iter()
            .map(|it| reject(&it.key, &it.rule, &it.column, &it.value, &it.reason));
        let mut rejects: Vec<Vec<String>> = rejects.collect();
        rejects.sort_unstable();
        (report, rows, rejects)
    }

    async fn there(&self, statements: &[&str]) -> Vec<Vec<Vec<Option<String>>>> {
        let table = |columns: &[(&str, &str)], rows: &str| {
            let rows = rows.lines().map(|it| {
                it.split(',').map(|it| (!it.is_empty()).then(|| it.to_owned())).collect::<Vec<_>>()
            });
            json!({"columns": columns, "rows": rows.collect::<Vec<_>>()})
        };
        let given = json!({
            "tables": {"cases": table(CASES, CASE_ROWS), "clients": table(CLIENTS, CLIENT_ROWS)},
            "statements": statements,
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines/run_pushed.py");
        let mut child = Command::new(&self.python)
            .args(["-W", "ignore", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(given.to_string().as_bytes()).await.unwrap();
        drop(stdin);
        let done = child.wait_with_output().await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

/// Writes the instant at the end of a line as files have it.
fn instants(line: &str) -> String {
    let (rest, at) = line.rsplit_once(',').unwrap();
    let at = if at.is_empty() { String::new() } else { format!("{}Z", at.replace(' ', "T")) };
    format!("{rest},{at}")
}

/// What of a reject is the same: why an expression fails is told in other words.
fn reject(key: &str, rule: &str, column: &str, value: &str, reason: &str) -> Vec<String> {
    let all = [key, rule, column, value, reason];
    let n = if rule == "expression" { 2 } else { 5 };
    all.iter().take(n).map(|it| (*it).to_owned()).collect()
}

fn statements(pushed: &PushedDown) -> Vec<&str> {
    let uses =
        [StatementUse::Types, StatementUse::Snapshot, StatementUse::Rows, StatementUse::Counts];
    let mut all: Vec<&str> = uses.iter().flat_map(|it| pushed.of(*it)).collect();
    all.push(&pushed.rejects);
    all.extend(pushed.of(StatementUse::Quarantine).chain(pushed.of(StatementUse::Publish)));
    all.extend(["SELECT * FROM \"out\"", "SELECT * FROM \"rejects\""]);
    all.extend(pushed.of(StatementUse::Clean));
    all.push("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PUBLIC'");
    all
}

#[tokio::test]
async fn rows_and_rejects_are_those_of_the_engine() {
    let Some(both) = Both::new() else { return };
    for steps in PIPELINES {
        let (here, there) = both.pipelines(steps);
        let (report, wanted, wanted_rejects) = both.here(&here).await;
        let pushed = Place::engine().push_down(&there, Some(NOW));
        let pushed = pushed.unwrap_or_else(|it| panic!("{it:#?}\n{steps}"));

        let answers = both.there(&statements(&pushed)).await;

        let n_kept = pushed.of(StatementUse::Snapshot).count();
        assert_eq!(answers[0], Vec::<Vec<_>>::new(), "{steps}");
        let (counts, rejects) = (&answers[n_kept + 2], &answers[n_kept + 3]);
        let rows = &answers[n_kept + 6];
        let line = |row: &Vec<Option<String>>| {
            let values = row.iter().map(|it| it.clone().unwrap_or_default());
            let line = values.collect::<Vec<_>>().join(",");
            if line.is_empty() { "\"\"".to_owned() } else { line }
        };
        let mut found: Vec<String> = rows.iter().map(line).collect();
        found.sort_unstable();
        assert_eq!(found, wanted, "{steps}");
        let text = |row: &[Option<String>], at: usize| row[at].clone().unwrap_or_default();
        let rejected = rejects.iter().map(|it| {
            let [key, rule, column, value, reason] = [0, 1, 2, 3, 4].map(|at| text(it, at));
            reject(&key, &rule, &column, &value, &reason)
        });
        let mut found: Vec<Vec<String>> = rejected.collect();
        found.sort_unstable();
        assert_eq!(found, wanted_rejects, "{steps}");
        assert_eq!(
            answers[n_kept + 7].len() as u64,
            report.quarantine.as_ref().unwrap().n_rows,
            "{steps}"
        );
        // Beside the tables of the source there are the sink and the quarantine, and nothing else.
        assert_eq!(answers.last().unwrap()[0][0].as_deref(), Some("4"), "{steps}");
        check_counts(counts, &report, steps);
    }
}

/// Adds up counts of one word.
fn check_counts(counts: &[Vec<Option<String>>], report: &RunReport, steps: &str) {
    let mut sums: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for row in counts {
        let [what, rule] = [0, 2].map(|at| row[at].clone().unwrap_or_default());
        let [n, failed] = [3, 4].map(|at| row[at].as_ref().unwrap().parse::<u64>().unwrap());
        let sum = sums.entry((what, rule)).or_default();
        sum.0 += n;
        sum.1 += failed;
    }
    let of = |what: &str| sums.get(&(what.to_owned(), String::new())).map_or(0, |it| it.0);
    assert_eq!(
        (of("read"), of("filtered"), of("rejected"), of("out")),
        (report.n_read, report.n_filtered, report.n_rejected, report.n_out),
        "{steps}"
    );
    for rule in report.rules.iter().filter(|it| it.found.is_none()) {
        let sum = sums[&("rule".to_owned(), rule.rule.clone())];
        assert_eq!(sum.1, rule.n_failed, "{}: {steps}", rule.rule);
    }
}

#[tokio::test]
async fn what_is_not_the_same_there_is_refused_with_step_and_reason() {
    let place = Place::new();
    for (steps, fault) in [
        (
            "steps: [{derive: {a: \"CAST(status AS BIGINT)\"}}]",
            "text is read as long in other ways",
        ),
        ("steps: [{derive: {a: fee / 2}}]", "`/` of decimal"),
        ("steps: [{derive: {a: \"reverse(status)\"}}]", "`reverse` with these arguments is not among"),
        ("steps: [{derive: {a: \"concat(status, client)\"}}]", "`concat` with these arguments"),
        ("steps: [{filter: \"status LIKE client\"}]", "LIKE with a pattern"),
        (
            "steps: [{filter: \"regexp_like(status, '^a.b$')\"}]",
            "only patterns that begin with `^`",
        ),
        ("steps: [{derive: {a: \"date_trunc('week', at)\"}}]", "the part `week` hangs on settings"),
        (
            "steps: [{derive: {a: now()}}]",
            "asks for the time of the run: say which it is by `--now`",
        ),
        ("steps: [{convert: {column: status, type: date}}]", "text is read as date"),
        ("steps: [{sort: id}]", "a table has no order"),
        ("steps: [{deduplicate: {by: id, keep: first}}]", "hangs on the order of lines"),
        ("rules: [{unique: id}]", "rule `unique_id`: a table has no first row"),
        (
            "rules: [{null_percent: {column: fee, max: 5}, action: warn}]",
            "`null_percent` is not compiled",
        ),
        ("steps: [{aggregate: {by: id, make: {a: avg(n)}}}]", "avg"),
        ("steps: [{aggregate: {by: id, make: {a: sum(score)}}}]", "hangs on the order of the rows"),
        (
            "baseline: file:HERE/figures.json",
            "is no table of Snowflake, and the source and the sink are",
        ),
    ] {
        let text = format!("pipeline: p{SOURCE}{steps}\n")
            .replace("at: CASES", "at: snowflake:LEGAL.PUBLIC.cases")
            .replace("at: OUT", "at: snowflake:LEGAL.PUBLIC.out")
            .replace("at: REJECTS", "at: snowflake:LEGAL.PUBLIC.rejects");
        let here = format!("file:{}", place.path().display());
        let faults = shared::etl::read_pipeline("p.yaml", &text.replace("file:HERE", &here));
        let faults = match faults {
            Ok(pipeline) => Place::engine().push_down(&pipeline, None).unwrap_err(),
            Err(faults) => faults,
        };
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|it| it.contains(fault)), "{steps}: {faults:#?}");
    }
    let faults = Place::engine().push_down(
        &place.pipeline("pipeline: p\nsource: {at: file:HERE/a.csv, columns: [{name: a}]}\nsink: {at: file:HERE/b.csv}\n"),
        None,
    );
    assert!(faults.unwrap_err()[0].text.contains("`--source` and `--target`"));
}

#[tokio::test]
async fn table_that_holds_something_else_is_told_before_anything_runs() {
    let Some(both) = Both::new() else { return };
    let (_, there) = both.pipelines("");
    let mut there = there;
    there.source.part.columns[3].kind = shared::etl::ColumnKind::Decimal { precision: 9, scale: 2 };
    there.source.part.columns[7].kind = shared::etl::ColumnKind::Long;
    let pushed = Place::engine().push_down(&there, None).unwrap();
    let types: Vec<&str> = pushed.of(StatementUse::Types).collect();
    let answers = both.there(&types).await;
    let faults: Value = json!(answers[0]);
    assert_eq!(
        faults,
        json!([
            ["cases.fee must hold NUMBER(9,2)"],
            ["cases.open must hold NUMBER without a fraction"]
        ])
    );
}
