//! The gate: what is seen of a run that passed, was stopped, or failed.

use shared::etl::Verdict;

use crate::place::Place;

const CASES: &str = r#"
pipeline: cases
source:
  at: file:HERE/in.csv
  columns: [{name: id}, {name: n, type: long}]
key: id
rules:
  - {range: {column: n, min: 0}, name: positive, action: ACTION}
sink: {at: file:HERE/out.parquet}
quarantine: {at: file:HERE/rejects.csv}
"#;

fn rows(n_good: usize, n_bad: usize) -> String {
    let good = (0..n_good).map(|it| format!("good{it},{it}\n"));
    let bad = (0..n_bad).map(|it| format!("bad{it},-1\n"));
    format!("id,n\n{}{}", good.collect::<String>(), bad.collect::<String>())
}

fn of(action: &str) -> String {
    CASES.replace("ACTION", action)
}

#[tokio::test]
async fn output_is_seen_at_the_threshold_and_not_below_it() {
    let place = Place::new();
    place.write("in.csv", rows(995, 5));
    let report = place.verdict(&of("quarantine")).await;
    assert_eq!(report.verdict, Verdict::Passed);
    let first = std::fs::read(place.path().join("out.parquet")).unwrap();
    assert_eq!(place.read("rejects.csv").lines().count(), 6);

    place.write("in.csv", rows(994, 6));
    let report = place.verdict(&of("quarantine")).await;
    let Verdict::Stopped { reason } = &report.verdict else { panic!("{report:?}") };
    assert_eq!(reason, "6 of 1000 rows were rejected, and 99.5 % must pass");
    assert_eq!(report.output, None);
    // What was there stays as it was, and the rejects tell why.
    assert_eq!(std::fs::read(place.path().join("out.parquet")).unwrap(), first);
    assert_eq!(place.read("rejects.csv").lines().count(), 7);

    std::fs::remove_file(place.path().join("out.parquet")).unwrap();
    place.verdict(&of("quarantine")).await;
    assert!(!place.has("out.parquet"));
}

#[tokio::test]
async fn stop_ends_the_run_and_tells_the_row() {
    let place = Place::new();
    place.write("in.csv", rows(100_000, 1) + &rows(100_000, 0)[5..]);
    let report = place.verdict(&of("stop")).await;
    let Verdict::Stopped { reason } = &report.verdict else { panic!("{report:?}") };
    assert_eq!(reason, "rule `positive` was broken, and its action is `stop`");
    assert!(report.n_read < 110_000, "{}", report.n_read);
    assert!(!place.has("out.parquet"));
    assert_eq!(
        place.read("rejects.csv").lines().last().unwrap(),
        r#"bad0,100002,positive,n,-1,must be at least 0,"{""id"":""bad0"",""n"":""-1""}""#
    );
}

#[tokio::test]
async fn warning_lets_rows_through_and_drop_writes_nothing() {
    let place = Place::new();
    place.write("in.csv", rows(10, 5));
    let report = place.verdict(&of("warn")).await;
    assert_eq!((report.verdict, report.n_out, report.n_rejected), (Verdict::Warned, 15, 0));
    assert_eq!(place.read("rejects.csv").lines().count(), 1);

    let report = place.verdict(&of("drop").replace("sink:", "threshold: 50\nsink:")).await;
    assert_eq!((report.verdict, report.n_out, report.n_rejected), (Verdict::Passed, 10, 5));
    assert_eq!(place.read("rejects.csv").lines().count(), 1);
}

#[tokio::test]
async fn rule_has_a_threshold_of_its_own() {
    let place = Place::new();
    place.write("in.csv", rows(90, 10));
    let with = |share: &str| {
        let text = of("warn").replace("action: warn", &format!("action: warn, threshold: {share}"));
        let place = &place;
        async move { place.verdict(&text).await.verdict }
    };
    assert_eq!(with("90").await, Verdict::Warned);
    let Verdict::Stopped { reason } = with("90.1").await else { panic!("not stopped") };
    assert_eq!(reason, "10 of 100 rows broke rule `positive`, and 90.1 % must keep it");
}

#[tokio::test]
async fn run_that_fails_leaves_what_was_there() {
    let place = Place::new();
    place.write("in.csv", rows(10, 0));
    place.verdict(&of("drop")).await;
    let first = std::fs::read(place.path().join("out.parquet")).unwrap();
    let rejects = place.read("rejects.csv");

    let unique = "rules:\n  - {unique: {columns: [id], max_keys: 20000}, action: drop}";
    place.write("in.csv", rows(100_000, 0));
    let error = place.run(&of("drop").replace("rules:", unique)).await.unwrap_err();
    assert!(error.to_string().contains("more than 20000 values: raise `max_keys`"), "{error}");
    assert_eq!(std::fs::read(place.path().join("out.parquet")).unwrap(), first);
    assert_eq!(place.read("rejects.csv"), rejects);
}
