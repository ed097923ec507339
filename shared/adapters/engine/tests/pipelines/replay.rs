//! Rows that are put right and sent again, and runs that their caller ends.

use async_trait::async_trait;
use shared::etl::{PipelineError, ReplayRow, replayed_rows};
use shared::ports::{PipelineEngine as _, PipelineProgress, RunOptions};
use shared::time::Timestamp;

use crate::place::{NOW, Place};

const CASES: &str = r#"
pipeline: cases
source:
  at: file:HERE/in.csv
  delimiter: ";"
  null_words: ["n/a"]
  columns:
    - {name: id, from: Case Id, required: true}
    - {name: opened, type: date, format: "%d.%m.%Y"}
    - {name: fee, type: long}
key: id
steps:
  - derive: {at: now()}
rules:
  - {range: {column: fee, min: 0}}
  - {row_count_drift: {max_percent: 10}, action: warn}
threshold: 0
sink: {at: file:HERE/out.csv}
quarantine: {at: file:HERE/rejects.csv}
baseline: file:HERE/figures.json
"#;

const IN: &str = "Case Id;opened;fee\na;01.02.2026;1\nb;2026;n/a\nc;01.02.2026;-3\nd;x\n";

/// Takes the rows of a quarantine apart.
fn quarantined(text: &str) -> Vec<ReplayRow> {
    let lines = text.lines().skip(1).map(|line| {
        let (head, row) = line.split_once(",\"").unwrap();
        let number = head.split(',').nth(1).unwrap().parse().unwrap();
        (number, row.trim_end_matches('"').replace("\"\"", "\""))
    });
    lines.filter_map(|(line, row)| ReplayRow::of_json(line, &row).ok()).collect()
}

#[tokio::test]
async fn rows_of_the_quarantine_go_through_again_when_they_are_put_right() {
    let place = Place::new();
    place.write("in.csv", IN);
    let report = place.verdict(CASES).await;
    assert_eq!((report.n_out, report.n_rejected), (1, 3));
    let before = place.read("out.csv");
    let mut rows = quarantined(&place.read("rejects.csv"));
    assert_eq!(rows.iter().map(|it| it.line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(rows[0].row["fee"].as_deref(), Some("n/a"));

    rows[0].row.insert("opened".to_owned(), Some("02.02.2026".to_owned()));
    let pipeline = place.pipeline(CASES);
    let rows = replayed_rows(&pipeline, rows).unwrap();
    let replayed = pipeline.for_replay("7").unwrap();
    let options = RunOptions { now: Some(Timestamp::from_millis(0)), ..RunOptions::default() };
    let report = Place::engine().replay(&replayed, rows, options, &()).await.unwrap();

    assert_eq!((report.n_read, report.n_out, report.n_rejected), (2, 1, 1));
    assert_eq!(place.read("out.csv"), before);
    let line = "b,2026-02-02,,1970-01-01T00:00:00.000Z\n";
    assert_eq!(place.read("out-replay-7.csv"), format!("id,opened,fee,at\n{line}"));
    let again = quarantined(&place.read("rejects-replay-7.csv"));
    assert_eq!((again[0].line, again[0].row["Case Id"].as_deref()), (4, Some("c")));
}

#[tokio::test]
async fn run_that_is_made_again_compares_with_the_same_figures() {
    let place = Place::new();
    place.write("in.csv", IN);
    let at = |millis| RunOptions {
        now: Some(NOW.plus(std::time::Duration::from_millis(millis))),
        ..RunOptions::default()
    };
    let pipeline = place.pipeline(CASES);
    Place::engine().run(&pipeline, at(1), &()).await.unwrap();
    place.write("in.csv", "Case Id;opened;fee\na;;1\nb;;1\nc;;1\n");
    let first = Place::engine().run(&pipeline, at(2), &()).await.unwrap();
    let again = Place::engine().run(&pipeline, at(2), &()).await.unwrap();
    assert_eq!((&again.verdict, &again.rules), (&first.verdict, &first.rules));
    let third = Place::engine().run(&pipeline, at(3), &()).await.unwrap();
    assert_ne!(third.verdict, first.verdict);
}

/// Ends a run between batches, or right before its files are seen.
struct Ended {
    at_once: bool,
}

#[async_trait]
impl PipelineProgress for Ended {
    fn passed(&self, _n_read: u64, _n_rejected: u64) {}

    fn is_wanted(&self) -> bool {
        !self.at_once
    }

    async fn may_be_seen(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn run_that_its_caller_ends_leaves_the_files_that_were_there() {
    let place = Place::new();
    place.write("in.csv", IN);
    place.write("out.csv", "old");
    for at_once in [true, false] {
        let pipeline = place.pipeline(CASES);
        let ended = Ended { at_once };
        let run = Place::engine().run(&pipeline, RunOptions::default(), &ended).await;
        assert!(matches!(run, Err(PipelineError::Stopped)), "{run:?}");
        assert_eq!(place.read("out.csv"), "old");
        assert!(!place.has("rejects.csv") && !place.has("figures.json"));
    }
}
