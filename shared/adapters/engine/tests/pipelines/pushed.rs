//! Pipelines as SQL: what `fakesnow` makes of it is what the engine makes of the same rows.

use std::path::PathBuf;
use std::sync::Arc;

use adapter_engine::Pipelines;
use serde_json::{Value, json};
use shared::etl::pushdown::InWarehouse;
use shared::etl::{Pipeline, RunReport};
use shared::ports::{PipelineEngine as _, RunOptions, SystemClock, SystemRandom};

use crate::fake_warehouse::{FakeWarehouse, python};
use crate::place::{NOW, Place};

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
    // Every function that is the same there.
    r#"
steps:
  - derive:
      has: contains(status, 'pen')
      begins: starts_with(status, 'Op')
      ends: ends_with(status, 'n')
      other: replace(status, 'e', 'EE')
      last: right(status, 3)
      middle: substr(status, 2, 3)
      rest: substr(status, 3)
      none: nullif(client, 'k1')
      size: abs(fee)
      far: abs(score)
      trimmed: trim(status)
      letters: character_length(status)
      quarter: date_part('quarter', opened) * 100 + date_part('month', at)
      minutes: date_part('hour', at) * 60 + date_part('minute', at)
      day: date_part('day', opened)
      of_quarter: date_trunc('quarter', at)
      of_year: CAST(date_trunc('year', opened) AS DATE)
      of_hour: date_trunc('hour', at)
      big: upper(client)
      number: CASE client WHEN 'k1' THEN 1 WHEN 'k2' THEN 2 END
      is_shut: open IS NOT TRUE
      half: CAST(n AS DOUBLE) * 0.5
      begin: CAST(opened AS TIMESTAMP)
      less: -n
      same: client IS NOT DISTINCT FROM 'k1'
  - convert: {column: n, type: "decimal(20,2)"}
  - convert: {column: parts, type: text}
  - convert: {column: open, type: text}
  - convert: {column: fee, type: "decimal(16,4)"}
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

    async fn here(&self, pipeline: &Pipeline) -> (RunReport, Vec<String>) {
        let report = Place::engine().run(pipeline, options(), &()).await.unwrap();
        let rows = match report.is_passed() {
            true => self.place.read("out.csv"),
            false => String::new(),
        };
        let mut rows: Vec<String> = rows.lines().skip(1).map(|it| it.replace("\"\"", "")).collect();
        rows.sort_unstable();
        (report, rows)
    }

    /// Starts a warehouse that has the same rows.
    async fn warehouse(&self) -> Arc<FakeWarehouse> {
        let table = |columns: &[(&str, &str)], rows: &str| {
            let rows = rows.lines().map(|it| {
                it.split(',').map(|it| (!it.is_empty()).then(|| it.to_owned())).collect::<Vec<_>>()
            });
            json!({"columns": columns, "rows": rows.collect::<Vec<_>>()})
        };
        let tables =
            json!({"cases": table(CASES, CASE_ROWS), "clients": table(CLIENTS, CLIENT_ROWS)});
        FakeWarehouse::start(&self.python, &tables).await
    }
}

fn engine(warehouse: &Arc<FakeWarehouse>) -> Pipelines {
    let warehouse = warehouse.clone();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Place::engine().with_warehouse(InWarehouse { warehouse, clock, random })
}

fn lines(rows: &[Vec<Value>]) -> Vec<String> {
    let text = |it: &Value| match it {
        Value::Null => String::new(),
        Value::String(it) => it.clone(),
        other => other.to_string(),
    };
    let line = |row: &Vec<Value>| {
        let line = row.iter().map(text).collect::<Vec<_>>().join(",");
        if line.is_empty() { "\"\"".to_owned() } else { line }
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

fn rejects(report: &RunReport) -> Vec<Vec<String>> {
    let samples = report.samples.iter();
    let rejects = samples.map(|it| reject(&it.key, &it.rule, &it.column, &it.value, &it.reason));
    let mut rejects: Vec<Vec<String>> = rejects.collect();
    rejects.sort_unstable();
    rejects
}

/// Writes the instant at the end of a line as files have it.
fn instants(line: &str) -> String {
    let (rest, at) = line.rsplit_once(',').unwrap();
    let at = if at.is_empty() { String::new() } else { format!("{}Z", at.replace(' ', "T")) };
    format!("{rest},{at}")
}

/// What of a reject is the same: why an expression fails is told in other words.
fn reject(key: &str, rule: &str, column: &str, value: &str, reason: &str) -> Vec<String> {
    // A reference names the place that it refers to.
    let reason = reason.split("` of `").next().unwrap_or_default();
    let all = [key, rule, column, value, reason];
    let n = if rule == "expression" { 2 } else { 5 };
    all.iter().take(n).map(|it| (*it).to_owned()).collect()
}

fn options() -> RunOptions {
    RunOptions { n_samples: 1_000, now: Some(NOW), ..RunOptions::default() }
}

const N_TABLES: &str =
    "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PUBLIC'";

#[tokio::test]
async fn rows_rejects_and_verdict_are_those_of_the_engine() {
    let Some(both) = Both::new() else { return };
    for steps in PIPELINES {
        let (here, there) = both.pipelines(steps);
        let (wanted, rows) = both.here(&here).await;
        assert!(!rows.is_empty(), "{steps}");
        let warehouse = both.warehouse().await;

        let report = engine(&warehouse).run(&there, options(), &()).await;
        let report = report.unwrap_or_else(|it| panic!("{}\n{steps}", shared::chain(&it)));

        assert_eq!(lines(&warehouse.ask("SELECT * FROM \"out\"").await.unwrap()), rows, "{steps}");
        assert_eq!(rejects(&report), rejects(&wanted), "{steps}");
        assert_eq!(report.verdict, wanted.verdict, "{steps}");
        let counted = |it: &RunReport| {
            let rules: Vec<_> = it.rules.iter().map(|it| (it.rule.clone(), it.n_failed)).collect();
            (it.n_read, it.n_filtered, it.n_rejected, it.n_out, it.passed_percent.to_bits(), rules)
        };
        assert_eq!(counted(&report), counted(&wanted), "{steps}");
        let quarantined = warehouse.ask("SELECT COUNT(*) FROM \"rejects\"").await.unwrap();
        assert_eq!(quarantined[0][0].as_u64(), wanted.quarantine.map(|it| it.n_rows), "{steps}");
        // Beside the tables of the source there are the sink and the quarantine, and nothing else.
        assert_eq!(warehouse.ask(N_TABLES).await.unwrap(), [[json!(4)]], "{steps}");
    }
}

#[tokio::test]
async fn row_that_cannot_be_read_is_rejected_there_too() {
    let Some(both) = Both::new() else { return };
    let (mut here, mut there) = both.pipelines("");
    for source in [&mut here.source.part, &mut there.source.part] {
        for column in
            source.columns.iter_mut().filter(|it| ["id", "fee"].contains(&it.name.as_str()))
        {
            column.is_required = true;
        }
    }
    let (wanted, rows) = both.here(&here).await;
    let warehouse = both.warehouse().await;
    let report = engine(&warehouse).run(&there, options(), &()).await.unwrap();
    assert_eq!((report.n_read, report.n_rejected, report.n_out), (8, 2, 6));
    assert_eq!(rejects(&report), rejects(&wanted));
    assert_eq!(lines(&warehouse.ask("SELECT * FROM \"out\"").await.unwrap()), rows);
    // A number of more than 64 bits is none that the pipeline knows.
    warehouse.ask("ALTER TABLE \"cases\" RENAME TO \"before\"").await.unwrap();
    let longer = "CREATE TABLE \"cases\" AS SELECT * EXCLUDE (\"n\"), \
                  CAST('9223372036854775808' AS NUMBER(30,0)) AS \"n\" FROM \"before\"";
    warehouse.ask(longer).await.unwrap();
    let report = engine(&warehouse).run(&there, options(), &()).await.unwrap();
    assert_eq!((report.n_rejected, report.n_out), (8, 0));
    assert!(report.samples.iter().any(|it| it.rule == "type" && it.reason == "is no long"));
}

#[tokio::test]
async fn shut_gate_leaves_the_sink_as_it_was_and_tells_why() {
    let Some(both) = Both::new() else { return };
    let warehouse = both.warehouse().await;
    warehouse.ask("CREATE TABLE \"out\" AS SELECT 'old' AS \"id\"").await.unwrap();
    for (steps, is_of_rule) in [
        ("steps: [{select: [id, fee]}]\nrules: [{not_null: id, action: stop}]\n", true),
        ("steps: [{select: [id, fee]}]\nrules: [{row_count: {min: 100}}]\n", false),
        (
            "steps: [{select: [id, fee]}]\nrules: [{range: {column: fee, min: 0}, threshold: 99}]\n",
            true,
        ),
    ] {
        let (here, there) = both.pipelines(steps);
        let (wanted, _) = both.here(&here).await;
        let report = engine(&warehouse).run(&there, options(), &()).await.unwrap();
        assert!(!report.is_passed(), "{steps}");
        assert_eq!(report.verdict, wanted.verdict, "{steps}");
        assert_eq!(warehouse.ask("SELECT * FROM \"out\"").await.unwrap(), [[json!("old")]]);
        let kept = warehouse.ask("SELECT * FROM \"rejects\"").await.unwrap();
        assert_eq!(!kept.is_empty(), is_of_rule, "{steps}");
        assert_eq!(warehouse.ask(N_TABLES).await.unwrap(), [[json!(4)]], "{steps}");
    }
    let dry = RunOptions { is_dry_run: true, ..options() };
    let (_, there) = both.pipelines("steps: [{select: [id]}]\n");
    warehouse.ask("DROP TABLE \"rejects\"").await.unwrap();
    let report = engine(&warehouse).run(&there, dry, &()).await.unwrap();
    assert_eq!((report.is_passed(), report.n_out), (true, 8));
    assert_eq!(warehouse.ask(N_TABLES).await.unwrap(), [[json!(3)]]);
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
        (
            "steps: [{derive: {a: \"reverse(status)\"}}]",
            "`reverse` with these arguments is not among",
        ),
        ("steps: [{derive: {a: \"concat(status, client)\"}}]", "`concat` with these arguments"),
        ("steps: [{derive: {a: \"ltrim(status)\"}}]", "`ltrim` with these arguments"),
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
        ("steps: [{derive: {__mb_key: id}}]", "`__mb_key`: names that begin so are the compiler's"),
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
    let warehouse = both.warehouse().await;
    let error = engine(&warehouse).run(&there, options(), &()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cases.fee must hold NUMBER(9,2)"), "{text}");
    assert!(text.contains("cases.open must hold NUMBER without a fraction"), "{text}");
    assert_eq!(warehouse.ask(N_TABLES).await.unwrap(), [[json!(2)]]);
    let error = Place::engine().run(&there, options(), &()).await.unwrap_err().to_string();
    assert!(error.contains("`warehouse.address`"), "{error}");
}
