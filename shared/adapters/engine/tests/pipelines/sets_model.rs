//! Removal of duplicates and histories against models that anybody can check by reading.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::place::Place;

/// A row: its key, its value, and the day of January from which it holds.
type Row = (Option<u8>, u8, Option<u8>);

const PIPELINE: &str = r#"
pipeline: p
source:
  at: file:HERE/in.csv
  columns: [{name: row, type: long}, {name: key}, {name: value}, {name: day, type: date}]
threshold: 0
steps:
  - STEP
sink: {at: file:HERE/out.parquet}
"#;

const SHOWN: &str = r#"
pipeline: shown
source:
  at: file:HERE/out.parquet
  columns: [COLUMNS]
sink: {at: file:HERE/shown.csv}
"#;

fn day(day: u8) -> String {
    format!("2026-01-{day:02}")
}

fn write(place: &Place, rows: &[Row]) {
    let mut text = "row,key,value,day\n".to_owned();
    for (number, (key, value, at)) in rows.iter().enumerate() {
        let key = key.map(|it| format!("k{it}")).unwrap_or_default();
        let at = at.map(day).unwrap_or_default();
        text.push_str(&format!("{number},{key},v{value},{at}\n"));
    }
    place.write("in.csv", text);
}

async fn run(place: &Place, step: &str, columns: &str) -> Vec<String> {
    place.verdict(&PIPELINE.replace("STEP", step)).await;
    place.verdict(&SHOWN.replace("COLUMNS", columns)).await;
    place.read("shown.csv").lines().skip(1).map(str::to_owned).collect()
}

/// The numbers of the rows that are kept, by key and then as they came.
fn kept(rows: &[Row], keeps_last: bool, descending: bool) -> Vec<String> {
    let mut best: BTreeMap<u8, usize> = BTreeMap::new();
    let mut alone = Vec::new();
    for (number, (key, _, at)) in rows.iter().enumerate() {
        let Some(key) = key else {
            alone.push(number);
            continue;
        };
        let Some(held) = best.get(key).copied() else {
            best.insert(*key, number);
            continue;
        };
        let is_better = match (at, rows[held].2) {
            (None, None) => keeps_last,
            (None, Some(_)) => false,
            (Some(_), None) => true,
            (Some(one), Some(two)) if *one == two => keeps_last,
            (Some(one), Some(two)) => (*one > two) == (keeps_last != descending),
        };
        if is_better {
            best.insert(*key, number);
        }
    }
    let mut numbers: Vec<usize> = best.into_values().collect();
    // Those without a key come last, in the order that decides.
    let rank = |it: &usize| {
        let at = rows[*it].2.map_or(i32::MAX, |it| {
            if keeps_last != descending { -i32::from(it) } else { i32::from(it) }
        });
        (at, if keeps_last { usize::MAX - *it } else { *it })
    };
    alone.sort_by_key(rank);
    numbers.extend(alone);
    numbers.iter().map(ToString::to_string).collect()
}

/// Versions by key: from which day which value held.
type Versions = BTreeMap<u8, BTreeMap<u8, u8>>;

/// Puts rows in, and leaves out what tells nothing new.
fn told(versions: &mut Versions, rows: &[Row]) {
    for (key, value, at) in rows {
        if let (Some(key), Some(at)) = (key, at) {
            versions.entry(*key).or_default().insert(*at, *value);
        }
    }
    for times in versions.values_mut() {
        let mut before = None;
        times.retain(|_, value| before.replace(*value) != Some(*value));
    }
}

fn listed(versions: &Versions) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, times) in versions {
        for (at, value) in times {
            let to = times.range(at + 1..).next().map(|it| day(*it.0));
            let is_current = to.is_none();
            let (at, to) = (day(*at), to.unwrap_or_default());
            lines.push(format!("k{key},v{value},{at},{to},{is_current}"));
        }
    }
    lines
}

fn rows(max: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (prop::option::weighted(0.9, 0_u8..4), 0_u8..3, prop::option::weighted(0.9, 1_u8..9));
    prop::collection::vec(row, 0..max)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn duplicates_are_those_of_the_model(rows in rows(30), keeps_last: bool, descending: bool) {
        let place = Place::new();
        write(&place, &rows);
        let keep = if keeps_last { "last" } else { "first" };
        let step = format!("deduplicate: {{by: key, keep: {keep}, order: [{{column: day, descending: {descending}}}]}}");
        let found = block_on(run(&place, &step, "{name: row, type: long}"));
        prop_assert_eq!(found, kept(&rows, keeps_last, descending));
    }

    #[test]
    fn history_is_that_of_the_model_run_after_run(runs in prop::collection::vec(rows(16), 1..4)) {
        let place = Place::new();
        let step = "history: {key: key, compare: value, valid_from: day, against: {at: file:HERE/out.parquet}}";
        let columns = "{name: key}, {name: value}, {name: valid_from, type: date}, {name: valid_to, type: date}, {name: is_current, type: bool}";
        let mut model = Versions::new();
        for rows in &runs {
            write(&place, rows);
            told(&mut model, rows);
            prop_assert_eq!(block_on(run(&place, step, columns)), listed(&model));
            let once = std::fs::read(place.path().join("out.parquet")).unwrap();
            // The same again changes no byte.
            prop_assert_eq!(block_on(run(&place, step, columns)), listed(&model));
            prop_assert_eq!(&std::fs::read(place.path().join("out.parquet")).unwrap(), &once);
        }
    }
}
