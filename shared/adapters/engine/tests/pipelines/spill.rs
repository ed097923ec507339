//! Steps over many rows with little memory: what goes to disk, and what is left there.

use std::fmt::Write as _;
use std::path::PathBuf;

use shared::etl::{PipelineError, RunReport};
use shared::ports::{PipelineEngine as _, RunOptions};

use crate::memory::{MEBIBYTE, peak};
use crate::place::Place;

const N_ROWS: u64 = 20_000;

const MANY: &str = r#"
pipeline: many
source:
  at: file:HERE/in.csv
  columns:
    - {name: id}
    - {name: group, type: long}
    - {name: n, type: long}
    - {name: text}
memory_mb: MEMORY
steps:
  - STEPS
sink: {at: file:HERE/out.parquet}
"#;

const STEPS: &[(&str, &str)] = &[
    ("sort", "sort: [text]"),
    ("deduplicate", "deduplicate: {by: group, keep: last, order: n}"),
    (
        "aggregate",
        "aggregate: {by: [text], make: {n: count(*), total: sum(n), most: max(id), kinds: count(DISTINCT group)}}",
    ),
    (
        "join",
        "join: {with: {at: file:HERE/other.csv, columns: [{name: key, type: long}, {name: what}]}, kind: left, on: {n: key}, lookup: true}",
    ),
    (
        "history",
        "history: {key: group, compare: text, valid_from: \"CAST('2026-01-01' AS DATE) + CAST(n % 50 AS INT)\", against: {at: file:HERE/none.parquet}}",
    ),
];

fn write(place: &Place) {
    let (mut rows, mut other) = ("id,group,n,text\n".to_owned(), "key,what\n".to_owned());
    for row in 0..N_ROWS {
        let noise = row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let more = noise.rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let text = format!("{noise:016x}{more:016x}").repeat(5);
        writeln!(rows, "id{row},{},{row},{text}", noise % 8_000).unwrap();
        writeln!(other, "{},{text}", N_ROWS - row).unwrap();
    }
    place.write("in.csv", rows);
    place.write("other.csv", other);
}

/// A folder for what memory cannot hold.
fn scratch(place: &Place) -> PathBuf {
    let folder = place.path().join("scratch");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn left_in(folder: &PathBuf) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

async fn run(place: &Place, steps: &str, memory_mb: u32) -> Result<RunReport, PipelineError> {
    let text = MANY.replace("STEPS", steps).replace("MEMORY", &memory_mb.to_string());
    let engine = Place::engine().with_scratch(scratch(place));
    let options = RunOptions::default();
    engine.run(&place.pipeline(&text), options, &()).await
}

#[tokio::test]
async fn rows_beyond_memory_go_to_disk_and_come_out_the_same() {
    let place = Place::new();
    write(&place);
    let mut outputs = Vec::new();
    for (name, steps) in STEPS {
        // What the operators take at first is no matter of rows.
        run(&place, &format!("filter: n < 500\n  - {steps}"), 8).await.unwrap();
        let before = peak();
        let little = run(&place, steps, 8).await.unwrap_or_else(|it| panic!("{name}: {it}"));
        let more = before.map_or(0, |it| peak().unwrap().saturating_sub(it));
        let spilled = little.sets[0].spilled_bytes;
        eprintln!("{name}: {spilled} bytes on disk, peak {} MiB more", more / MEBIBYTE);
        assert!(spilled > MEBIBYTE, "{name}: {spilled}");
        assert!(more < 40 * MEBIBYTE, "{name}: {more} bytes more");
        assert_eq!((little.n_read, little.n_rejected), (N_ROWS, 0), "{name}");
        assert_eq!(left_in(&scratch(&place)), 0, "{name}");
        let little = little.output.unwrap();
        outputs.push((name, steps, little.n_rows, little.sha256));
    }
    for (name, steps, n_rows, sha256) in outputs {
        let much = run(&place, steps, 512).await.unwrap();
        assert_eq!(much.sets[0].spilled_bytes, 0, "{name}");
        let much = much.output.unwrap();
        assert_eq!((n_rows, sha256), (much.n_rows, much.sha256), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_put_on_disk_fails_with_the_way_out_and_leaves_nothing() {
    let place = Place::new();
    write(&place);
    let all = "aggregate: {make: {n: count(DISTINCT text), m: count(DISTINCT id || text), o: count(DISTINCT text || id)}}";
    let error = run(&place, all, 8).await.unwrap_err();
    let PipelineError::Unfit { at, text } = &error else { panic!("{error}") };
    assert_eq!(at, "steps.0.aggregate");
    assert!(
        text.starts_with("needs more than `memory_mb: 8` or the disk has: raise `memory_mb`"),
        "{text}"
    );
    assert!(!place.has("out.parquet"));
    assert_eq!(left_in(&scratch(&place)), 0);
    assert_eq!(run(&place, all, 64).await.unwrap().n_out, 1);

    let engine = Place::engine().with_scratch(place.path().join("nowhere"));
    let text = MANY.replace("STEPS", "sort: [n]").replace("MEMORY", "8");
    let error = engine.run(&place.pipeline(&text), RunOptions::default(), &()).await.unwrap_err();
    assert!(error.to_string().contains("takes no folder for what memory cannot hold"), "{error}");
}
