//! Steps over many rows: what each gives, what is rejected, and what a definition gets wrong.

use shared::etl::{PipelineError, Verdict, read_pipeline};
use shared::ports::PipelineEngine as _;

use crate::place::Place;

const HEAD: &str = r#"
pipeline: p
source:
  at: file:HERE/in.csv
  columns:
    - {name: id}
    - {name: contact, type: long}
    - {name: status}
    - {name: fee, type: "decimal(12,2)"}
    - {name: day, type: date}
key: id
threshold: 0
sink: {at: file:HERE/out.csv}
quarantine: {at: file:HERE/rejects.csv}
"#;

const CASES: &str = "id,contact,status,fee,day
a,1,open,10.50,2026-01-03
b,2,open,1,2026-01-02
c,,closed,2,
d,1,closed,3.25,2026-01-01
e,9,open,,2026-02-01
";

const CONTACTS: &str = "key,name,mail
1,Ann,ann@firm.example
2,Bob,bob@firm.example
2,Rob,rob@firm.example
3,Cid,
";

fn with(steps: &str) -> String {
    format!("{HEAD}steps:\n{steps}")
}

fn contacts(more: &str) -> String {
    with(&format!(
        "  - join:
      with:
        at: file:HERE/contacts.csv
        columns: [{{name: key, type: long}}, {{name: name}}, {{name: mail}}]
      on: {{contact: key}}
      {more}
"
    ))
}

/// Runs `text` over the cases, and returns the lines of the output without the first.
async fn out(text: &str) -> Vec<String> {
    let place = Place::new();
    place.write("in.csv", CASES);
    place.write("contacts.csv", CONTACTS);
    let report = place.verdict(text).await;
    assert!(report.is_passed(), "{report:?}");
    place.read("out.csv").lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn join_gives_the_rows_of_its_kind_in_their_order() {
    let select = "  - select: [id, name]\n";
    for (kind, rows) in [
        ("inner", &["a,Ann", "b,Bob", "b,Rob", "d,Ann"][..]),
        ("left", &["a,Ann", "b,Bob", "b,Rob", "c,", "d,Ann", "e,"][..]),
    ] {
        let text = contacts(&format!("kind: {kind}")) + select;
        assert_eq!(out(&text).await, rows, "{kind}");
    }
    let select = "  - select: [id]\n";
    assert_eq!(out(&(contacts("kind: semi") + select)).await, ["a", "b", "d"]);
    assert_eq!(out(&(contacts("kind: anti") + select)).await, ["c", "e"]);
    let renamed = contacts("kind: inner\n      take: {who: name}") + "  - filter: who = 'Rob'\n";
    assert_eq!(out(&renamed).await, ["b,2,open,1.00,2026-01-02,Rob"]);
}

#[tokio::test]
async fn file_without_rows_is_joined_and_every_row_is_still_counted() {
    let place = Place::new();
    place.write("in.csv", format!("{CASES}f,x,,,\n"));
    place.write("contacts.csv", "key,name,mail\n");
    for (kind, n_out) in [("inner", 0), ("left", 5), ("semi", 0), ("anti", 5)] {
        let report = place.verdict(&contacts(&format!("kind: {kind}"))).await;
        let read = (report.n_read, report.n_rejected, report.n_out);
        assert_eq!(read, (6, 1, n_out), "{kind}");
        assert_eq!((report.sets[0].n_in, report.sets[0].n_out), (5, n_out), "{kind}");
    }
}

#[tokio::test]
async fn lookup_that_finds_two_is_rejected_with_both_lines() {
    let place = Place::new();
    place.write("in.csv", CASES);
    place.write("contacts.csv", CONTACTS);
    let report =
        place.verdict(&contacts("kind: left\n      lookup: true\n      take: [mail]")).await;
    assert_eq!((report.n_read, report.n_rejected, report.n_out), (5, 1, 4));
    let reject = &report.samples[0];
    assert_eq!((reject.key.as_str(), reject.line, reject.rule.as_str()), ("b", 3, "lookup"));
    assert_eq!((reject.column.as_str(), reject.value.as_str()), ("contact", "2"));
    assert!(reject.reason.starts_with("finds lines 3 and 4 of `file:"), "{}", reject.reason);
    assert!(place.read("rejects.csv").contains("b,3,lookup,contact,2,"));
    // Nothing else must be right about a row that is not needed.
    place.write("in.csv", CASES.replace("b,2", "b,3"));
    let report = place.verdict(&contacts("kind: left\n      lookup: true")).await;
    assert_eq!((report.n_rejected, report.n_out), (0, 5));
}

#[tokio::test]
async fn row_of_another_file_that_cannot_be_read_ends_the_run() {
    let place = Place::new();
    place.write("in.csv", CASES);
    place.write("contacts.csv", CONTACTS.replace("2,Rob", "two,Rob"));
    let error = place.run(&contacts("kind: left")).await.unwrap_err();
    let PipelineError::Unfit { at, text } = &error else { panic!("{error}") };
    assert!(at.ends_with("/contacts.csv"), "{at}");
    assert!(
        text.starts_with("line 4: `key`: `two` is no long as it is declared: all rows"),
        "{text}"
    );
    assert!(!place.has("out.csv") && !place.has("rejects.csv"));
    std::fs::remove_file(place.path().join("contacts.csv")).unwrap();
    let error = place.run(&contacts("kind: left")).await.unwrap_err();
    assert!(matches!(error, PipelineError::Store { .. }), "{error}");
}

#[tokio::test]
async fn aggregate_has_functions_within_and_around_expressions() {
    let text = with(
        "  - aggregate:
      by: status
      make:
        n: count(*)
        contacts: count(DISTINCT contact)
        paid: count(*) FILTER (WHERE fee > 2)
        total: sum(fee)
        mean: avg(fee)
        first: min(day)
        last: max(upper(id)) || '!'
        share: sum(fee * 2) / nullif(count(fee), 0)
        contact: sum(contact)
        label: status || ':' || CAST(count(*) AS VARCHAR)
",
    );
    assert_eq!(
        out(&text).await,
        [
            "closed,2,1,1,5.25,2.625000,2026-01-01,D!,5.250000,1,closed:2",
            "open,3,3,1,11.50,5.750000,2026-01-02,E!,11.500000,12,open:3",
        ]
    );
    let all = with("  - aggregate: {make: {n: count(*), total: sum(fee)}}\n");
    assert_eq!(out(&all).await, ["5,16.75"]);
    let none = with("  - filter: id = 'x'\n  - aggregate: {make: {n: count(*), fee: sum(fee)}}\n");
    assert_eq!(out(&none).await, ["0,"]);
    let groups = with("  - aggregate: {by: contact, make: {n: count(*)}}\n");
    assert_eq!(out(&groups).await, ["1,2", "2,1", "9,1", ",1"]);
}

#[tokio::test]
async fn sum_that_no_column_holds_is_rejected_and_never_runs_over() {
    let place = Place::new();
    let most = i64::MAX;
    place.write("in.csv", format!("id,contact,status,fee,day\na,{most},x,,\nb,1,x,,\nc,2,y,,\n"));
    let text = with("  - aggregate: {by: [status], make: {n: sum(contact)}}\n");
    let report = place.verdict(&text).await;
    assert_eq!(place.read("out.csv"), "status,n\ny,2\n");
    let reject = &report.samples[0];
    assert_eq!((reject.key.as_str(), reject.line, reject.rule.as_str()), ("x", 2, "expression"));
}

#[tokio::test]
async fn reject_before_an_aggregate_names_its_row_and_one_behind_its_group() {
    let place = Place::new();
    place.write("in.csv", format!("{CASES}f,x,,,\n"));
    let text = with(
        "  - derive: {each: fee / (contact - 2)}
  - aggregate: {by: [status], make: {n: count(*)}}
  - check: [{expression: n < 2, name: few}]
",
    );
    let report = place.verdict(&text).await;
    let rejects: Vec<_> =
        report.samples.iter().map(|it| (it.rule.as_str(), it.line, it.key.as_str())).collect();
    assert_eq!(
        rejects,
        [("type", 7, "f"), ("expression", 3, "b"), ("few", 4, "closed"), ("few", 2, "open")]
    );
    assert_eq!((report.n_read, report.n_rejected, report.n_out), (6, 4, 0));
    // Behind the step both rows were rejected.
    assert!(report.passed_percent.abs() < 1e-9, "{}", report.passed_percent);
    let report = place.verdict(&text.replace("threshold: 0", "threshold: 50")).await;
    let Verdict::Stopped { reason } = report.verdict else { panic!("not stopped") };
    assert_eq!(reason, "2 of 2 rows were rejected behind the set-wise step 1, and 50 % must pass");
}

#[tokio::test]
async fn duplicates_go_by_order_and_then_by_place() {
    let dedup =
        |more: &str| with(&format!("  - deduplicate: {{by: contact, {more}}}\n  - select: [id]\n"));
    assert_eq!(out(&dedup("keep: first")).await, ["a", "b", "e", "c"]);
    assert_eq!(out(&dedup("keep: last")).await, ["d", "b", "e", "c"]);
    assert_eq!(out(&dedup("keep: last, order: day")).await, ["a", "b", "e", "c"]);
    let descending = "keep: last, order: [{column: day, descending: true}]";
    assert_eq!(out(&dedup(descending)).await, ["d", "b", "e", "c"]);
    let by_status =
        with("  - deduplicate: {by: status, keep: last, order: fee}\n  - select: [id, fee]\n");
    assert_eq!(out(&by_status).await, ["d,3.25", "a,10.50"]);
}

#[tokio::test]
async fn sort_puts_missing_values_last_either_way() {
    let sort = |order: &str| with(&format!("  - sort: {order}\n  - select: [id]\n"));
    assert_eq!(out(&sort("[day]")).await, ["d", "b", "a", "e", "c"]);
    assert_eq!(out(&sort("[{column: fee, descending: true}]")).await, ["a", "d", "c", "b", "e"]);
    assert_eq!(
        out(&sort("[status, {column: id, descending: true}]")).await,
        ["d", "c", "e", "b", "a"]
    );
}

#[tokio::test]
async fn several_steps_follow_each_other() {
    let text = contacts("kind: left\n      take: [name]")
        + "  - deduplicate: {by: id, keep: first}
  - aggregate: {by: name, make: {n: count(*), total: sum(fee)}}
  - sort: [{column: n, descending: true}, name]
  - derive: {name: \"coalesce(name, 'nobody')\"}
";
    assert_eq!(out(&text).await, ["Ann,2,13.75", "nobody,2,2.00", "Bob,1,1.00"]);
}

const HISTORY: &str = r#"
pipeline: p
source:
  at: file:HERE/in.csv
  columns: [{name: id}, {name: status}, {name: note}, {name: day, type: date}]
key: id
threshold: 0
steps:
  - history:
      key: id
      compare: [status]
      valid_from: day
      against: {at: file:HERE/out.parquet}
sink: {at: file:HERE/out.parquet}
quarantine: {at: file:HERE/rejects.csv}
"#;

const SHOWN: &str = r#"
pipeline: shown
source:
  at: file:HERE/out.parquet
  columns:
    - {name: id}
    - {name: status}
    - {name: note}
    - {name: valid_from, type: date}
    - {name: valid_to, type: date}
    - {name: is_current, type: bool}
sink: {at: file:HERE/shown.csv}
"#;

async fn history(place: &Place, rows: &str) -> Vec<String> {
    place.write("in.csv", format!("id,status,note,day\n{rows}"));
    let report = place.verdict(HISTORY).await;
    assert_eq!(report.output.unwrap().n_rows, report.sets[0].n_out);
    place.verdict(SHOWN).await;
    place.read("shown.csv").lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn history_goes_on_and_late_and_equal_rows_find_their_place() {
    let place = Place::new();
    let begun = "a,open,one,2026-01-01\nb,open,two,2026-01-01\na,closed,three,2026-01-10\n";
    let versions = [
        "a,open,one,2026-01-01,2026-01-10,false",
        "a,closed,three,2026-01-10,,true",
        "b,open,two,2026-01-01,,true",
    ];
    assert_eq!(history(&place, begun).await, versions);
    let first = std::fs::read(place.path().join("out.parquet")).unwrap();
    // The same again, and what is known already, change nothing.
    assert_eq!(history(&place, begun).await, versions);
    assert_eq!(history(&place, "b,open,later,2026-01-20\n").await, versions);
    assert_eq!(history(&place, "").await, versions);
    assert_eq!(std::fs::read(place.path().join("out.parquet")).unwrap(), first);
    // A late row ends the version it falls into, and one of the same time replaces it.
    assert_eq!(
        history(&place, "a,paused,late,2026-01-05\nb,shut,right,2026-01-01\n").await,
        [
            "a,open,one,2026-01-01,2026-01-05,false",
            "a,paused,late,2026-01-05,2026-01-10,false",
            "a,closed,three,2026-01-10,,true",
            "b,shut,right,2026-01-01,,true",
        ]
    );
}

#[tokio::test]
async fn history_rejects_rows_of_no_key_and_no_time_and_tells_its_begin() {
    let place = Place::new();
    place.write("in.csv", "id,status,note,day\n,open,,2026-01-01\na,open,,\nb,open,,2026-01-01\n");
    let report = place.verdict(HISTORY).await;
    let rejects: Vec<_> =
        report.samples.iter().map(|it| (it.rule.as_str(), it.line, it.column.as_str())).collect();
    assert_eq!(rejects, [("history", 2, "id"), ("history", 3, "valid_from")]);
    assert_eq!((report.n_read, report.n_rejected, report.n_out), (3, 2, 1));
    assert!(report.sets[0].note.as_ref().unwrap().starts_with("begins: there is no `file:"));
    let report = place.verdict(HISTORY).await;
    assert_eq!(report.sets[0].note, None);
}

#[test]
fn faults_name_their_place_and_the_way_out() {
    let join = contacts("kind: left\n      take: [name]");
    let group = with("  - aggregate: {by: [status], make: {n: count(*)}}\n");
    let dedup = with("  - deduplicate: {by: contact, keep: last, order: day}\n");
    let history = HISTORY.to_owned();
    for (text, from, to, fault) in [
        (
            &join,
            "{contact: key}",
            "{contract: key}",
            "steps.0.join: there is no column `contract`: did you mean `contact`?",
        ),
        (
            &join,
            "{contact: key}",
            "{contact: kee}",
            "steps.0.join: there is no column of `with` `kee`: did you mean `key`?",
        ),
        (
            &join,
            "{contact: key}",
            "{contact: name}",
            "`contact` holds long, and `name` of `with` holds text: read it as long, or `convert` `contact` before",
        ),
        (&join, "{contact: key}", "{}", "`on` names no columns"),
        (&join, "kind: left", "kind: outer", "steps.0.join.kind: there is no word `outer`"),
        (
            &join,
            "kind: left",
            "kind: anti",
            "a join of the kind `anti` takes no columns: remove `take` and `lookup`",
        ),
        (&join, "[name]", "[nam]", "there is no column of `with` `nam`: did you mean `name`?"),
        (
            &join,
            "[name]",
            "{status: name}",
            "there is a column `status` already: write `take: {other: name}`",
        ),
        (&join, "[name]", "{a: name, b: names}", "there is no column of `with` `names`"),
        (&join, "contacts.csv", "rejects.csv", "is written by this pipeline"),
        (&join, "{name: mail}", "{name: name}", "steps.0.join.with.columns: `name` is there twice"),
        (
            &group,
            "[status]",
            "[state]",
            "steps.0.aggregate: there is no column `state`: did you mean `status`?",
        ),
        (
            &group,
            "count(*)",
            "fee",
            "`fee`: `fee` differs within a group: write such as `max(fee)`, or name it in `by`",
        ),
        (
            &group,
            "count(*)",
            "sum(feee)",
            "`sum(feee)`: there is no column `feee`: did you mean `fee`?",
        ),
        (&group, "count(*)", "summ(fee)", "there is no function `summ`"),
        (&group, "count(*)", "sum(max(fee))", "looks at many rows that look at many rows"),
        (&group, "count(*)", "sum(DISTINCT fee)", "`sum` takes no `DISTINCT`"),
        (&group, "count(*)", "sum(status)", "`sum(status)`: "),
        (&group, "count(*)", "row_number()", "looks at many rows"),
        (&group, "{n: count(*)}", "{}", "makes no columns: write such as `make: {n: count(*)}`"),
        (&group, "{n: count(*)}", "{status: count(*)}", "`status` is there twice"),
        (&dedup, "by: contact", "by: contract", "there is no column `contract`"),
        (&dedup, "order: day", "order: dai", "there is no column `dai`: did you mean `day`?"),
        (&dedup, "keep: last", "keep: newest", "there is no word `newest`"),
        (
            &dedup,
            "order: day",
            "order: {colum: day}",
            "there is no key `colum`: did you mean `column`?",
        ),
        (&dedup, "key: id", "key: id\nmemory_mb: 1", "memory_mb: is too little: write 8 or more"),
        (
            &history,
            "valid_from: day",
            "valid_from: status",
            "`status` gives text, and a date or an instant is wanted",
        ),
        (&history, "valid_from: day", "valid_from: dai", "there is no column `dai`"),
        (&history, "compare: [status]", "compare: [state]", "there is no column `state`"),
        (&history, "compare: [status]", "compare: [id]", "`id` is there twice"),
        (
            &history,
            "against: {at: file:HERE/out.parquet}",
            "against: {at: file:HERE/out.csv}",
            "`against` is kept in Parquet",
        ),
        (
            &history,
            "{name: note}",
            "{name: valid_to}",
            "makes the column `valid_to`, which is there",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let faults = read_pipeline("p.yaml", &text.replacen(from, to, 1))
            .and_then(|it| Place::engine().plan(&it))
            .unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|it| it.contains(fault)), "{from} → {to}: {faults:#?}");
        assert!(faults.iter().all(|it| it.starts_with("p.yaml")), "{faults:#?}");
    }
}

#[test]
fn row_wise_expression_says_where_functions_of_many_rows_belong() {
    let text = with("  - derive: {n: sum(fee)}\n");
    let faults = Place::engine().plan(&read_pipeline("p.yaml", &text).unwrap()).unwrap_err();
    assert!(
        faults[0]
            .text
            .contains("looks at many rows, and an expression sees one: `aggregate` is a step")
    );
}

#[test]
fn plan_tells_where_columns_come_from_over_files_and_groups() {
    let text = contacts("kind: left\n      lookup: true\n      take: {who: name}")
        + "  - aggregate: {by: [who], make: {total: sum(fee) / count(*), fee: max(day)}}\n";
    let place = Place::new();
    let plan = Place::engine().plan(&place.pipeline(&text)).unwrap();
    let at = format!("file:{}/contacts.csv", place.path().display());
    let from = |column: &str| {
        let found = plan.lineage.iter().find(|it| it.column == column).unwrap();
        (found.from.iter().map(String::as_str).collect::<Vec<_>>(), found.by.join(" "))
    };
    let (name, key) = (format!("{at}#name"), format!("{at}#key"));
    assert_eq!(from("who"), (vec![key.as_str(), name.as_str()], "steps.0.join".to_owned()));
    assert_eq!(from("total"), (vec!["fee"], "steps.1.aggregate".to_owned()));
    assert_eq!(from("fee"), (vec!["day"], "steps.1.aggregate".to_owned()));
    assert_eq!(plan.filtered_by.iter().map(String::as_str).collect::<Vec<_>>(), [key, name]);
    let types: Vec<_> = plan.steps[1].columns.iter().map(ToString::to_string).collect();
    assert_eq!(types, ["who text", "total decimal(26,6)", "fee date"]);
    assert!(plan.steps[1].worked_out.as_ref().unwrap().contains("total: "));
    assert!(plan.steps[0].does.contains("by contact = key, at most one, takes who"));
}
