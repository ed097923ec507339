//! How much memory a long file takes.

use adapter_engine::ParquetFiles;
use futures_util::TryStreamExt as _;
use shared::lake::{Cell, Column, ColumnType, TableSchema};
use shared::ports::{BlobKey, LakeFiles, Random as _, SystemRandom};

use crate::firm::folder;

const MEBIBYTE: u64 = 1024 * 1024;

/// Reads the most memory that this process ever held, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn schema() -> TableSchema {
    TableSchema::first(vec![
        Column::required("change_seq", ColumnType::Long),
        Column::new("text", ColumnType::Text),
    ])
}

/// Text that no compression makes shorter than half.
fn text() -> String {
    (0..32).map(|_| format!("{:032x}", SystemRandom.bits())).collect()
}

#[tokio::test]
async fn long_file_is_written_and_read_in_bounded_memory() {
    let place = tempfile::tempdir().unwrap();
    let files = ParquetFiles::new(folder(place.path()));
    let key = BlobKey::parse("lake/cases/day=2026-11-30/long.parquet").unwrap();
    let mut writer = files.create(&key, &schema()).await.unwrap();
    let Some(before) = peak() else { return };
    let (n_batches, n_rows) = (200, 1000);
    for batch in 0..n_batches {
        let row = |it| vec![Cell::Int(batch * n_rows + it), Cell::Text(text())];
        writer.write((0..n_rows).map(row).collect()).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    let after_writing = peak().unwrap().saturating_sub(before);
    assert!(written.n_bytes > 90 * MEBIBYTE, "{}", written.n_bytes);
    assert!(after_writing < 64 * MEBIBYTE, "{after_writing} bytes for {}", written.n_bytes);

    let mut rows = files.read(&key, &schema()).await.unwrap();
    let mut next = 0;
    while let Some(some) = rows.try_next().await.unwrap() {
        for row in some {
            assert_eq!(row.first(), Some(&Cell::Int(next)));
            next += 1;
        }
    }
    assert_eq!(next, n_batches * n_rows);
    let after_reading = peak().unwrap().saturating_sub(before);
    assert!(after_reading < 80 * MEBIBYTE, "{after_reading} bytes for {}", written.n_bytes);
    eprintln!(
        "{} MiB written with {} MiB, read with {} MiB",
        written.n_bytes / MEBIBYTE,
        after_writing / MEBIBYTE,
        after_reading / MEBIBYTE
    );
}
