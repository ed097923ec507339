//! How much memory many rows take.

use std::io::Write as _;

use crate::place::Place;

pub(crate) const MEBIBYTE: u64 = 1024 * 1024;

/// The same from objects of JSON in one array, on one line.
fn write_array(place: &Place, n_rows: u64) {
    let mut file =
        std::io::BufWriter::new(std::fs::File::create(place.path().join("in.json")).unwrap());
    for row in 0..n_rows {
        let before = if row == 0 { '[' } else { ',' };
        let day = row % 28 + 1;
        write!(
            file,
            "{before}{{\"id\":\"id{row}\",\"n\":{row},\"day\":\"2026-01-{day:02}\",\"text\":\"{:032x}\"}}",
            u128::from(row).wrapping_mul(0x9E37_79B9_7F4A_7C15_BF58_476D_1CE4_E5B9)
        )
        .unwrap();
    }
    write!(file, "]").unwrap();
}

const CASES: &str = r#"
pipeline: many
source:
  at: file:HERE/in.csv
  columns:
    - {name: id, required: true}
    - {name: n, type: long}
    - {name: day, type: date}
    - {name: text}
steps:
  - derive: {short: "upper(substr(text, 1, 8))", twice: n * 2}
rules:
  - {not_null: day, action: drop}
  - {regex: {column: id, pattern: "^id[0-9]+$"}, action: drop}
  - {unique: {columns: [id], sorted: true}, action: drop}
sink: {at: file:HERE/out.parquet}
"#;

/// Reads the most memory that this process ever held, in bytes. The kernel counts by each processor and
/// adds up now and then, so that it may tell a little less than before.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn write(place: &Place, n_rows: u64) {
    let mut file =
        std::io::BufWriter::new(std::fs::File::create(place.path().join("in.csv")).unwrap());
    writeln!(file, "id,n,day,text").unwrap();
    for row in 0..n_rows {
        // Text that no compression makes much shorter.
        let noise = row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let more = noise.rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        writeln!(file, "id{row},{row},2026-01-{:02},{noise:016x}{more:016x}", row % 28 + 1)
            .unwrap();
    }
}

#[tokio::test]
async fn ten_times_the_rows_take_the_same_memory() {
    let place = Place::new();
    write(&place, 100_000);
    place.verdict(CASES).await;
    let Some(few) = peak() else { return };
    write(&place, 1_000_000);
    let report = place.verdict(CASES).await;
    assert_eq!((report.n_read, report.n_out), (1_000_000, 1_000_000));
    let more = peak().unwrap().saturating_sub(few);
    eprintln!(
        "100,000 rows: {} MiB; ten times as many: {} MiB more",
        few / MEBIBYTE,
        more / MEBIBYTE
    );
    // Groups of rows are as long as they become only in the long file.
    assert!(more < 32 * MEBIBYTE, "{few} bytes, then {more} more");
    assert!(few + more < 200 * MEBIBYTE);
}

#[tokio::test]
async fn one_array_of_many_objects_takes_no_more_memory_than_one_of_few() {
    let place = Place::new();
    let text = CASES.replace("in.csv", "in.json");
    write_array(&place, 30_000);
    place.verdict(&text).await;
    let Some(few) = peak() else { return };
    write_array(&place, 300_000);
    let report = place.verdict(&text).await;
    assert_eq!((report.n_read, report.n_out), (300_000, 300_000));
    let more = peak().unwrap().saturating_sub(few);
    assert!(more < 32 * MEBIBYTE, "{few} bytes, then {more} more");
}
