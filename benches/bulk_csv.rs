//! CSV as bulk jobs speak it: read, read by type, and written, in bytes a second.
//!
//! `cargo bench --bench bulk_csv -- --quick`; ADR 0021 says what was compared and why.

use std::hint::black_box;
use std::time::Duration;

use adapter_salesforce::bulk::{
    CellValue, ColumnKind, CsvReader, CsvWriter, RecordReader, RecordShape,
};
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use shared::model::FieldValue;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const N_RECORDS: u32 = 10_000;

/// What one piece of an answer holds.
const PIECE_BYTES: usize = 64 * 1024;

fn main() -> Outcome {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let file = Bytes::from(wide_cases());
    let pieces: Vec<Bytes> = (0..file.len())
        .step_by(PIECE_BYTES)
        .map(|at| file.slice(at..(at + PIECE_BYTES).min(file.len())))
        .collect();
    let mut group = criterion.benchmark_group("read 10,000 records of 32 fields");
    group.throughput(Throughput::Bytes(u64::try_from(file.len())?));
    group.bench_function("cells", |bench| {
        bench.iter(|| read(&pieces, |cells| cells.map(str::len).sum()));
    });
    group.bench_function("values by type", |bench| {
        bench.iter(|| read(&pieces, |cells| cells.enumerate().map(weigh).sum()));
    });
    let records = record_reader()?;
    group.bench_function("records of the port", |bench| {
        bench.iter(|| read_records(&pieces, &records));
    });
    group.bench_function("csv-core", |bench| bench.iter(|| read_with_csv_core(&pieces)));
    group.finish();
    write_contacts(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn columns() -> impl Iterator<Item = String> {
    (0..32).map(|idx| match idx {
        0 => "Id".to_owned(),
        4 => "SystemModstamp".to_owned(),
        _ => format!("Field{idx}__c"),
    })
}

/// What the columns of the file hold.
fn kind_of(column_idx: usize) -> ColumnKind {
    match column_idx {
        4..8 => ColumnKind::Time,
        8..12 => ColumnKind::Bool,
        12..16 => ColumnKind::Number,
        _ => ColumnKind::Text,
    }
}

/// A file as Salesforce writes it: every value quoted, some with quotes, line ends and other scripts.
fn wide_cases() -> Vec<u8> {
    let mut file = columns().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    file.push('\n');
    for row in 0..N_RECORDS {
        let cells: Vec<String> = (0..32)
            .map(|column| match column {
                0..4 => format!("0015f0000{row:06}AAA"),
                4..8 => format!("2026-{column:02}-{:02}T10:{:02}:00.000Z", row % 28 + 1, row % 60),
                8..12 => (row % 2 == 0).to_string(),
                12..16 => format!("{}.{row}E6", row % 9 + 1),
                16..20 => String::new(),
                20..28 => format!("some words of text {row}"),
                28 if row % 10 == 0 => "he said \"\"no\"\" and\nleft".to_owned(),
                28 => "x y z plain".to_owned(),
                _ => "Müller & Söhne GmbH, Köln".to_owned(),
            })
            .map(|cell| format!("\"{cell}\""))
            .collect();
        file.push_str(&cells.join(","));
        file.push('\n');
    }
    file.into_bytes()
}

fn weigh((column_idx, cell): (usize, &str)) -> usize {
    match CellValue::read(cell, kind_of(column_idx)) {
        Some(CellValue::Text(text)) => text.len(),
        Some(_) => 1,
        None => 0,
    }
}

/// Reads every record of a file that arrives in pieces.
fn read<'p>(
    pieces: &'p [Bytes],
    weigh: impl Fn(&mut dyn Iterator<Item = &str>) -> usize + 'p,
) -> usize {
    let mut reader = CsvReader::new();
    let mut weight = 0;
    let mut take = |reader: &mut CsvReader| {
        while let Ok(Some(record)) = reader.next_record() {
            weight += weigh(&mut record.cells());
        }
    };
    for piece in pieces {
        reader.feed(piece.clone());
        take(&mut reader);
    }
    reader.end();
    take(&mut reader);
    assert_eq!(reader.n_records(), u64::from(N_RECORDS));
    black_box(weight)
}

/// Makes the reader that a load takes its records from: every column is a field, but id and version.
fn record_reader() -> Result<RecordReader, Box<dyn std::error::Error + Send + Sync>> {
    let header: Vec<String> = columns().collect();
    let is_field = |name: &&String| name.starts_with("Field");
    let fields: Vec<String> = header.iter().filter(is_field).cloned().collect();
    let kind_of = |name: &str| header.iter().position(|it| it == name).map(kind_of);
    Ok(RecordShape::new(&fields, kind_of).reader(&header)?)
}

fn read_records(pieces: &[Bytes], records: &RecordReader) -> usize {
    let (mut reader, mut n_fields) = (CsvReader::new(), 0);
    let mut take = |reader: &mut CsvReader| {
        while let Ok(Some(row)) = reader.next_record() {
            n_fields += records.read(row).map_or(0, |it| black_box(it).fields.len());
        }
    };
    for piece in pieces {
        reader.feed(piece.clone());
        take(&mut reader);
    }
    reader.end();
    take(&mut reader);
    assert_eq!(n_fields, 30 * N_RECORDS as usize);
    n_fields
}

/// Does the same with the reader that was not taken: cells are copied, and broken quotes pass.
fn read_with_csv_core(pieces: &[Bytes]) -> usize {
    let mut reader = csv_core::Reader::new();
    let (mut cells, mut ends) = (vec![0; 64 * 1024], vec![0; 64]);
    let (mut n_bytes, mut n_ends, mut weight) = (0, 0, 0);
    for piece in pieces.iter().map(Bytes::as_ref).chain([&[][..]]) {
        let mut rest = piece;
        loop {
            let (result, n_read, n_written, n_new) = reader.read_record(
                rest,
                cells.get_mut(n_bytes..).unwrap_or_default(),
                ends.get_mut(n_ends..).unwrap_or_default(),
            );
            rest = rest.get(n_read..).unwrap_or_default();
            (n_bytes, n_ends) = (n_bytes + n_written, n_ends + n_new);
            if !matches!(result, csv_core::ReadRecordResult::Record) {
                break;
            }
            let text = std::str::from_utf8(cells.get(..n_bytes).unwrap_or_default());
            let text = text.unwrap_or_default();
            let mut start = 0;
            for end in ends.iter().take(n_ends) {
                weight += text.get(start..*end).map_or(0, str::len);
                start = *end;
            }
            (n_bytes, n_ends) = (0, 0);
        }
    }
    black_box(weight)
}

/// Ten columns of a contact, as an upload writes them.
fn write_contacts(criterion: &mut Criterion) -> Outcome {
    let columns: Vec<String> = (0..10).map(|idx| format!("Field{idx}__c")).collect();
    let row: Vec<Option<FieldValue>> = (0..10)
        .map(|idx| match idx {
            0 => Some(FieldValue::text("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529")),
            1 => Some(FieldValue::Null),
            2 => None,
            3 => Some(FieldValue::Int(912_260_031)),
            4 => Some(FieldValue::text("Partner, \"Litigation\"")),
            _ => Some(FieldValue::text("Müller & Söhne")),
        })
        .collect();
    let mut writer = CsvWriter::new(&columns)?;
    let n_bytes = writer.prepare(&row)?;
    let mut group = criterion.benchmark_group("write 10,000 records of 10 fields");
    group.throughput(Throughput::Bytes(u64::from(N_RECORDS) * u64::try_from(n_bytes)?));
    group.bench_function("rows", |bench| {
        bench.iter(|| {
            for _ in 0..N_RECORDS {
                if writer.prepare(black_box(&row)).is_ok() {
                    writer.keep();
                }
            }
            black_box(writer.take().len())
        });
    });
    group.finish();
    Ok(())
}
