//! What every format of the lake must do, as code: see the contract of [`LakeFiles`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::blob_digest::Sha256Digest;
use super::blob_names::BlobKey;
use super::blob_store::{BlobStore, PutBlob, read_whole};
use super::lake_files::LakeFiles;
use crate::error::PortErrorKind;
use crate::lake::{Cell, Column, ColumnType, TableSchema};
use crate::time::Timestamp;

fn key(name: &str) -> BlobKey {
    BlobKey::parse(format!("lake/contract/{name}")).unwrap()
}

fn schema() -> TableSchema {
    TableSchema::first(vec![
        Column::required("seq", ColumnType::Long),
        Column::new("flag", ColumnType::Bool),
        Column::new("rating", ColumnType::Int),
        Column::new("share", ColumnType::Float),
        Column::new("at", ColumnType::Instant),
        Column::new("title", ColumnType::Text),
        Column::new("custom", ColumnType::Json),
    ])
}

/// Returns row `number` of a file of the contract's schema, with gaps and odd values.
fn row(number: i64) -> Vec<Cell> {
    let unless = |gap: i64, cell: Cell| if number % gap == 0 { Cell::Null } else { cell };
    let at = [-62_167_219_200_000, -1, 0, 1_700_000_000_123, 253_402_300_799_999];
    let at = at[usize::try_from(number % 5).unwrap()];
    vec![
        Cell::Int(if number == 3 { i64::MAX } else { number }),
        unless(2, Cell::Bool(number % 3 == 0)),
        unless(3, Cell::Int(if number == 1 { i32::MIN.into() } else { -number })),
        unless(5, Cell::Float(0.1 + f64::from(u32::try_from(number).unwrap()))),
        unless(7, Cell::Instant(Timestamp::from_millis(at))),
        unless(11, Cell::Text(format!("Döe v. \"Roe\"\n№ {number} \u{1f9d1}\u{200d}⚖️\0"))),
        unless(13, Cell::Text(format!(r#"{{"rating":{number}}}"#))),
    ]
}

async fn read(files: &dyn LakeFiles, key: &BlobKey, schema: &TableSchema) -> Vec<Vec<Cell>> {
    files.read(key, schema).await.unwrap().try_concat().await.unwrap()
}

/// Checks `files`, which are kept in the empty store `blobs`.
///
/// # Panics
///
/// When they break the contract.
pub async fn lake_files_contract(files: &dyn LakeFiles, blobs: &dyn BlobStore) {
    rows_come_back_as_they_were_written(files, blobs).await;
    file_is_unseen_until_it_is_finished(files, blobs).await;
    older_file_is_read_with_a_later_schema(files).await;
    row_that_does_not_fit_is_refused(files).await;
    what_is_no_file_is_refused(files, blobs).await;
}

async fn rows_come_back_as_they_were_written(files: &dyn LakeFiles, blobs: &dyn BlobStore) {
    for n_rows in [0, 1, 3000] {
        let key = key(&format!("{n_rows}.{}", files.extension()));
        let rows: Vec<_> = (0..n_rows).map(row).collect();
        let mut writer = files.create(&key, &schema()).await.unwrap();
        for some in rows.chunks(700) {
            writer.write(some.to_vec()).await.unwrap();
        }
        let written = writer.finish().await.unwrap();

        let bytes = read_whole(blobs, &key, usize::MAX).await.unwrap();
        assert_eq!(written.n_rows, rows.len() as u64);
        assert_eq!(written.n_bytes, bytes.len() as u64);
        assert_eq!(written.sha256, Sha256Digest::of(&bytes));
        assert_eq!(read(files, &key, &schema()).await, rows);
    }
}

async fn file_is_unseen_until_it_is_finished(files: &dyn LakeFiles, blobs: &dyn BlobStore) {
    let key = key("unseen");
    let mut writer = files.create(&key, &schema()).await.unwrap();
    writer.write((0..2000).map(row).collect()).await.unwrap();
    assert!(writer.n_bytes() > 0);
    assert_eq!(blobs.head(&key).await.unwrap_err().kind(), PortErrorKind::NotFound);
    writer.abandon().await.unwrap();
    assert_eq!(blobs.head(&key).await.unwrap_err().kind(), PortErrorKind::NotFound);
    let unread = files.read(&key, &schema()).await.err().unwrap();
    assert_eq!(unread.kind(), PortErrorKind::NotFound);
}

async fn older_file_is_read_with_a_later_schema(files: &dyn LakeFiles) {
    let key = key("older");
    let mut writer = files.create(&key, &schema()).await.unwrap();
    writer.write((0..100).map(row).collect()).await.unwrap();
    writer.finish().await.unwrap();

    let mut columns = schema().columns;
    columns[2].kind = ColumnType::Float;
    columns.insert(1, Column::new("added", ColumnType::Text));
    let later = schema().evolved(&columns).unwrap();
    let wanted = (0..100).map(|number| {
        let mut row = row(number);
        row[2] = row[2].clone().widened(ColumnType::Float);
        row.insert(1, Cell::Null);
        row
    });
    assert_eq!(read(files, &key, &later).await, wanted.collect::<Vec<_>>());
}

async fn row_that_does_not_fit_is_refused(files: &dyn LakeFiles) {
    let mut short = row(1);
    short.pop();
    let mut other = row(1);
    other[5] = Cell::Int(1);
    let mut missing = row(1);
    missing[0] = Cell::Null;
    let mut large = row(1);
    large[2] = Cell::Int(i64::MAX);
    for (rows, named) in
        [(short, "6 values"), (other, "`title`"), (missing, "`seq`"), (large, "`rating`")]
    {
        let mut writer = files.create(&key("unfit"), &schema()).await.unwrap();
        let error = writer.write(vec![rows]).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
        let text = crate::error::chain(&error).to_string();
        assert!(text.contains(named), "{text}");
        writer.abandon().await.unwrap();
    }
}

async fn what_is_no_file_is_refused(files: &dyn LakeFiles, blobs: &dyn BlobStore) {
    let key = key("garbage");
    for bytes in ["no", "this is certainly not a file of the lake, but it is long enough PAR1"] {
        blobs.put(&key, Bytes::from(bytes), &PutBlob::default()).await.unwrap();
        let error = match files.read(&key, &schema()).await {
            Err(error) => error,
            Ok(rows) => rows.try_concat().await.unwrap_err(),
        };
        assert_eq!(error.kind(), PortErrorKind::Rejected, "{}", crate::error::chain(&error));
    }
}
