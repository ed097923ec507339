//! Tests of reading pipelines.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::etl::{
    Action, Check, ColumnKind, FileForm, Join, JoinKind, Keep, OrderBy, ValueFormat, WriteMode,
};
use crate::schedule::{DayOfWeek, Schedule, TimeOfDay};

const WHOLE: &str = r#"
pipeline: clean-cases
about: Cases as the court sends them.
source:
  at: file:data/in/cases.csv
  delimiter: ";"
  null_words: ["NULL", "n/a"]
  columns:
    - {name: id, required: true}
    - {name: opened, from: "Opened On", type: date, format: "%d.%m.%Y"}
    - {name: fee, type: "decimal(18,2)", format: "1.234,50"}
key: id
steps:
  - filter: id <> 'test'
  - derive:
      year: date_part('year', opened)
      net: fee * 0.81
  - rename: {opened: opened_on}
  - convert: {column: year, type: long}
  - check:
      - {unique: {columns: [id], sorted: true}, action: drop}
  - select: [id, opened_on, year, net]
rules:
  - {not_null: id, action: stop}
  - {range: {column: net, min: 0}, threshold: 99}
  - {freshness: {column: opened_on, max_age: 48h}, action: warn, name: fresh}
threshold: 99.9 %
sink: {at: file:data/out/cases.parquet}
quarantine: {at: file:data/out/rejects.csv}
tests:
  - name: a row
    given: [{id: a, "Opened On": 01.02.2026, fee: "1.000,00"}]
    expect: {rows: [{id: a, net: 810}], rejects: []}
"#;

fn texts(text: &str) -> Vec<String> {
    let faults = read_pipeline("p.yaml", text).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn whole_pipeline_is_read() {
    let pipeline = read_pipeline("p.yaml", WHOLE).unwrap();
    assert_eq!(
        (pipeline.name.as_str(), pipeline.key.as_slice()),
        ("clean-cases", &["id".to_owned()][..])
    );
    let FileForm::Csv(csv) = &pipeline.source.part.form else { panic!("no CSV") };
    assert_eq!((csv.delimiter, csv.null_words.len()), (b';', 2));
    let opened = pipeline.source.part.column("opened").unwrap();
    assert_eq!((opened.from.as_str(), opened.kind), ("Opened On", ColumnKind::Date));
    assert_eq!(opened.format, ValueFormat::Pattern("%d.%m.%Y".to_owned()));
    let names: Vec<_> = pipeline.steps.iter().map(|it| it.part.as_str()).collect();
    assert_eq!(
        names,
        ["filter", "derive", "derive", "rename", "convert", "check", "select", "check"]
    );
    assert_eq!(pipeline.steps[2].path, "steps.1.derive.net");
    assert_eq!(pipeline.steps[2].line, 17);
    let rules: Vec<_> =
        pipeline.rules().map(|it| (it.part.name.as_str(), it.part.action)).collect();
    assert_eq!(
        rules,
        [
            ("unique_id", Action::Drop),
            ("not_null_id", Action::Stop),
            ("range_net", Action::Quarantine),
            ("fresh", Action::Warn),
        ]
    );
    let fresh = pipeline.rules().last().unwrap();
    assert!(
        matches!(fresh.part.check, Check::Freshness { max_age, .. } if max_age == Duration::from_hours(48))
    );
    assert!((pipeline.threshold.get() - 99.9).abs() < 1e-9);
    assert_eq!(pipeline.tests[0].rows.len(), 1);
}

#[test]
fn every_fault_names_file_line_path_and_the_way_out() {
    for (from, to, fault) in [
        ("steps:", "stpes:", "p.yaml:13: stpes: there is no key `stpes`: did you mean `steps`?"),
        (
            "type: date,",
            "type: day,",
            "p.yaml:10: source.columns.1.type: `day` is no type: write `text`",
        ),
        ("%d.%m.%Y", "dd.mm", "p.yaml:10: source.columns.1.format: `dd.mm` is no pattern of dates"),
        (
            "- filter:",
            "- fliter:",
            "p.yaml:14: steps.0.fliter: there is no step `fliter`: did you mean `filter`?",
        ),
        (
            "not_null: id",
            "not_nul: id",
            "p.yaml:24: rules.0.not_nul: there is no check `not_nul`: did you mean `not_null`?",
        ),
        ("action: stop", "action: halt", "p.yaml:24: rules.0.action: there is no word `halt`"),
        (
            "threshold: 99}",
            "threshold: 101}",
            "p.yaml:25: rules.1.threshold: `101` is no share: write 0 to 100",
        ),
        (
            "min: 0}",
            "mi: 0}",
            "p.yaml:25: rules.1.range.mi: there is no key `mi`: did you mean `min`?",
        ),
        ("max_age: 48h", "max_age: soon", "p.yaml:26: rules.2.freshness.max_age"),
        (
            "action: warn",
            "action: drop",
            "p.yaml:26: rules.2: is of all rows together: its action is `warn` or `stop`",
        ),
        (
            "sink: {at: file:data/out/cases.parquet}",
            "sink: {at: cases}",
            "p.yaml:28: sink.at: `cases` names no file: write such as `file:data/cases.csv`",
        ),
        (
            "quarantine: {at: file:data/out/rejects.csv}",
            "",
            "p.yaml:25: rules.1: sends rows into the quarantine",
        ),
        ("rejects.csv", "cases.parquet", "is another file of this pipeline already"),
        ("key: id", "key: ident", "p.yaml: key: there is no column of the source `ident`"),
        (
            "name: fresh",
            "name: not_null_id",
            "p.yaml:26: rules.2: another rule is named `not_null_id`: give one a `name`",
        ),
        ("given: [{", "given: [[{", "p.yaml:"),
        ("pipeline: clean-cases", "pipeline: clean cases", "p.yaml: pipeline: is no name"),
    ] {
        assert!(WHOLE.contains(from), "{from}");
        let faults = texts(&WHOLE.replacen(from, to, 1));
        assert!(faults.iter().any(|it| it.contains(fault)), "{from} → {to}: {faults:#?}");
    }
}

#[test]
fn schedule_is_read_in_each_of_its_forms_and_built_alike() {
    let daily = Schedule::daily(TimeOfDay::parse("06:00").unwrap());
    let quarterly = Schedule::every(Duration::from_mins(15)).unwrap();
    for (text, schedule) in [
        ("\"06:00\"", daily.clone()),
        ("06:00", daily.clone()),
        ("{at: \"06:00\"}", daily.clone()),
        ("{at: \"06:00\", days: [mon, fri]}", daily.on([DayOfWeek::Monday, DayOfWeek::Friday])),
        ("{every: 15m}", quarterly.clone()),
        ("{every: 15m, days: sun}", quarterly.on([DayOfWeek::Sunday])),
        ("{every: 6h}", Schedule::every(Duration::from_hours(6)).unwrap()),
    ] {
        let whole = format!("{WHOLE}schedule: {text}\n");
        let read = read_pipeline("p.yaml", &whole).unwrap();
        assert_eq!(read.schedule.as_ref(), Some(&schedule), "{text}");
        let (source, sink) = (read.source.part, read.sink.part);
        let built = Pipeline::builder("p", source, sink).schedule(schedule.clone()).build();
        assert_eq!(built.unwrap().schedule, Some(schedule));
    }
    assert_eq!(read_pipeline("p.yaml", WHOLE).unwrap().schedule, None);
}

#[test]
fn faults_of_a_schedule_name_line_path_and_the_way_out() {
    for (text, fault) in [
        ("\"6:00\"", "schedule: is no time of the day: write `\"06:00\"`, which is UTC"),
        ("15m", "schedule: is no time of the day: write `{every: 15m}`"),
        ("[mon]", "schedule: write `\"06:00\"`, `{every: 15m}` or"),
        ("{days: [mon]}", "schedule: says no time: write `at: \"06:00\"` or `every: 15m`"),
        ("{at: \"06:00\", every: 1h}", "schedule.every: stands beside `at`: keep one of the two"),
        ("{at: \"25:00\"}", "schedule.at: is no time of the day"),
        ("{every: 5m}", "schedule.every: `5m` does not part a day evenly into 15 minutes or more"),
        ("{every: 7h}", "schedule.every: `7h` does not part a day evenly"),
        ("{every: often}", "schedule.every: `often` is not a duration such as"),
        ("{evry: 1h}", "schedule.evry: there is no key `evry`: did you mean `every`?"),
        ("{every: 1h, days: [mon, tues]}", "schedule.days.1: there is no word `tues`"),
        ("{every: 1h, days: [mon, mon]}", "schedule.days.1: is there twice"),
        ("{every: 1h, days: []}", "schedule.days: is empty: write at least one"),
    ] {
        let faults = texts(&format!("{WHOLE}schedule: {text}\n"));
        let fault = format!("p.yaml:34: {fault}");
        assert!(faults.iter().any(|it| it.contains(&fault)), "{text}: {faults:#?}");
    }
}

#[test]
fn what_is_missing_is_named_at_once() {
    let faults = texts("pipeline: a\nsource: {columns: []}\n");
    assert!(faults.contains(&"p.yaml:2: source: `at` is missing".to_owned()), "{faults:#?}");
    assert!(faults.contains(&"p.yaml:1: `sink` is missing".to_owned()), "{faults:#?}");
}

#[test]
fn drift_needs_a_baseline() {
    let text = WHOLE
        .replace("- {not_null: id", "- {row_count_drift: {max_percent: 20}}\n  - {not_null: id");
    assert!(texts(&text)[0].contains("p.yaml:24: rules.0: compares with an earlier run"));
    let text = format!("{text}baseline: file:data/state/cases.json\n");
    assert!(read_pipeline("p.yaml", &text).is_ok());
}

#[test]
fn short_names_are_no_flags() {
    let text = "pipeline: p\nsource: {at: file:a.csv, columns: [{name: n}, {name: y}]}\nsink: {at: file:b.csv}\n";
    let pipeline = read_pipeline("p.yaml", text).unwrap();
    let names: Vec<_> = pipeline.source.part.columns.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["n", "y"]);
}

const SETS: &str = r#"
pipeline: sets
source: {at: file:in.csv, columns: [{name: id}, {name: contact}, {name: fee, type: long}, {name: day, type: date}]}
memory_mb: 64
steps:
  - join:
      with: {at: file:contacts.csv, delimiter: ";", columns: [{name: id}, {name: mail}, {name: name}]}
      kind: left
      on: {contact: id}
      take: {email: mail}
      lookup: true
  - deduplicate: {by: id, keep: last, order: [day, {column: fee, descending: true}]}
  - aggregate:
      by: [contact, day]
      make: {n: count(*), total: sum(fee)}
  - sort: [{column: total, descending: true}, contact]
  - history: {key: contact, compare: [total], valid_from: day, against: {at: file:out.parquet}}
sink: {at: file:out.parquet}
tests:
  - name: several files
    given: [{id: a}]
    files: {"file:contacts.csv": [{id: 1, mail: a@b.example}, {id: 2}]}
    expect: {rows: []}
"#;

#[test]
fn steps_over_many_rows_are_read() {
    let pipeline = read_pipeline("p.yaml", SETS).unwrap();
    assert_eq!(pipeline.memory_mb, 64);
    let parts: Vec<_> = pipeline.steps.iter().map(|it| (it.path.as_str(), &it.part)).collect();
    let (path, Step::Join(join)) = parts[0] else { panic!("no join") };
    assert_eq!((path, join.kind, join.is_lookup), ("steps.0.join", JoinKind::Left, true));
    let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
    assert_eq!(
        (&join.on, join.taken()),
        (&vec![pair("contact", "id")], vec![pair("mail", "email")])
    );
    let all = Join { take: None, ..join.clone() };
    assert_eq!(all.taken(), [pair("mail", "mail"), pair("name", "name")]);
    let Step::Deduplicate(once) = parts[1].1 else { panic!("no deduplicate") };
    assert_eq!(once.keep, Keep::Last);
    assert_eq!(once.order, [OrderBy::ascending("day"), OrderBy::descending("fee")]);
    let Step::Aggregate(groups) = parts[2].1 else { panic!("no aggregate") };
    assert_eq!(groups.make, [pair("n", "count(*)"), pair("total", "sum(fee)")]);
    let Step::Sort(order) = parts[3].1 else { panic!("no sort") };
    assert_eq!(order, &[OrderBy::descending("total"), OrderBy::ascending("contact")]);
    let Step::History(history) = parts[4].1 else { panic!("no history") };
    assert_eq!((history.valid_from.as_str(), history.against.form.as_str()), ("day", "parquet"));
    assert_eq!(pipeline.tests[0].files["file:contacts.csv"].len(), 2);

    let source = pipeline.source.part.clone();
    let built = Pipeline::builder("sets", source, pipeline.sink.part.clone())
        .memory_mb(64)
        .join(join.clone())
        .deduplicate(["id"], Keep::Last, once.order.clone())
        .aggregate(["contact", "day"], [("n", "count(*)"), ("total", "sum(fee)")])
        .sort(order.clone())
        .history(history.clone())
        .build()
        .unwrap();
    let parts = |it: &Pipeline| it.steps.iter().map(|it| it.part.clone()).collect::<Vec<_>>();
    assert_eq!(parts(&built), parts(&pipeline));
}

#[test]
fn faults_of_steps_over_many_rows_name_line_path_and_the_way_out() {
    for (from, to, fault) in [
        (
            "kind: left",
            "kind: lefft",
            "p.yaml:8: steps.0.join.kind: there is no word `lefft`: did you mean `left`?",
        ),
        ("      on: {contact: id}\n", "", "p.yaml:6: steps.0.join: `on` is missing"),
        (
            "{email: mail}",
            "{email: male}",
            "p.yaml:6: steps.0.join: there is no column of `with` `male`",
        ),
        (
            "delimiter: \";\"",
            "delimiter: \"ab\"",
            "p.yaml:7: steps.0.join.with.delimiter: write one ASCII character",
        ),
        ("keep: last", "kept: last", "there is no key `kept`: did you mean `keep`?"),
        (
            "{n: count(*), total: sum(fee)}",
            "[n]",
            "p.yaml:15: steps.2.aggregate.make: write such as `{n: count(*)}`",
        ),
        ("compare: [total]", "compare: []", "steps.4.history.compare: is empty"),
        ("memory_mb: 64", "memory_mb: much", "p.yaml:4: memory_mb: write a whole number"),
        ("files: {", "files: [{", "p.yaml:"),
    ] {
        assert!(SETS.contains(from), "{from}");
        let faults = read_pipeline("p.yaml", &SETS.replacen(from, to, 1)).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|it| it.contains(fault)), "{from} → {to}: {faults:#?}");
    }
}

proptest! {
    #[test]
    fn no_line_that_is_lost_or_cut_makes_reading_fail_hard(line in 0_usize..40, at in 0_usize..60) {
        let lines: Vec<&str> = WHOLE.lines().collect();
        let cut: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(idx, text)| match idx == line {
                true => text.chars().take(at).collect(),
                false => (*text).to_owned(),
            })
            .collect();
        if let Err(faults) = read_pipeline("p.yaml", &cut.join("\n")) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|it| it.file == "p.yaml" && !it.text.is_empty()));
        }
    }
}

#[test]
fn sink_in_a_database_says_what_becomes_of_its_rows() {
    let read = |source: &str, sink: &str, more: &str| {
        let text = format!(
            "pipeline: p\nsource: {{at: '{source}', columns: [{{name: id}}]}}\nsink: {sink}\n{more}"
        );
        let faults =
            |it: Vec<PipelineFault>| it.iter().map(ToString::to_string).collect::<Vec<_>>();
        read_pipeline("p.yaml", &text).map_err(|it| faults(it).join("\n"))
    };
    let table = |write: &str| format!("{{at: 'postgres:reporting/public.cases'{write}}}");
    let pipeline = read("file:in/a.csv", &table(", write: merge, by: [id]"), "").unwrap();
    assert_eq!(pipeline.sink.part.write, WriteMode::Merge { by: vec!["id".to_owned()] });
    assert_eq!(pipeline.databases().into_iter().collect::<Vec<_>>(), ["reporting"]);
    assert!(pipeline.for_replay("7").unwrap().sink.part.at == pipeline.sink.part.at);
    let replaced = read("file:in/a.csv", &table(", write: replace"), "").unwrap();
    assert!(replaced.for_replay("7").unwrap_err().contains("write `write: merge`"));
    assert!(read("file:in/a-*.csv", &table(", write: append"), "").is_ok());
    for (source, sink, more, told) in [
        ("file:in/a.csv", table(""), "", "sink: say what becomes of the rows that the table has"),
        ("file:in/a.csv", table(", write: merge"), "", "sink.write: `merge` needs the columns"),
        (
            "file:in/a.csv",
            table(", write: append, format: csv"),
            "",
            "a table is no file: remove it",
        ),
        (
            "file:in/a-*.csv",
            table(", write: replace"),
            "",
            "would take the place of the one before",
        ),
        (
            "postgres:reporting/public.cases",
            table(", write: append"),
            "",
            "another file of this pipeline",
        ),
        (
            "file:in/a.csv",
            "{at: 'file:b.csv', write: append}".to_owned(),
            "",
            "a file is replaced: remove",
        ),
        (
            "file:in/a.csv",
            table(", write: append"),
            "quarantine: {at: 'postgres:reporting/public.rejects', write: append}\n",
            "quarantine: `postgres:reporting/public.rejects` is a table, and this is a file",
        ),
        ("snowflake:A.B.C", table(", write: append"), "", "is a table of Snowflake"),
        (
            "file:in/a.csv",
            table(", write: merge, by: [ids]"),
            "",
            "sink.by: there is no column behind",
        ),
    ] {
        let faults = read(source, &sink, more).unwrap_err();
        assert!(faults.contains(told), "{told}: {faults}");
    }
}
