//! Files in pieces of any size, broken files, and files that other clients read wrongly.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// Reads `file` in pieces of `n_bytes`: the header, and the cells of every record.
fn read(file: &[u8], n_bytes: usize) -> Result<(Vec<String>, Vec<Vec<String>>), CsvFault> {
    let mut reader = CsvReader::new();
    let mut records = Vec::new();
    let mut take = |reader: &mut CsvReader| {
        while let Some(record) = reader.next_record()? {
            assert_eq!(record.row(), records.len() as u64 + 1);
            records.push(record.cells().map(str::to_owned).collect());
        }
        Ok(())
    };
    for piece in file.chunks(n_bytes) {
        reader.feed(Bytes::copy_from_slice(piece));
        take(&mut reader)?;
    }
    reader.end();
    take(&mut reader)?;
    assert_eq!(reader.n_records(), records.len() as u64);
    Ok((reader.header().unwrap_or_default().to_vec(), records))
}

/// Reads `file` in pieces of every size, which must make no difference.
fn read_any(file: &[u8]) -> Result<(Vec<String>, Vec<Vec<String>>), CsvFault> {
    let whole = read(file, file.len().max(1));
    for n_bytes in 1..=file.len() {
        assert_eq!(read(file, n_bytes), whole, "in pieces of {n_bytes}");
    }
    whole
}

fn cells(file: &str) -> Vec<Vec<String>> {
    read_any(file.as_bytes()).unwrap().1
}

#[test]
fn results_as_salesforce_writes_them_are_read() {
    let file = "\"sf__Id\",\"sf__Created\",Name,CloseDate\n\
                \"0018\",\"true\",\"GenePoint\",\"2026-01-01\"\n\"\",\"false\",\"\",\"\"\n";
    let (header, records) = read_any(file.as_bytes()).unwrap();
    assert_eq!(header, ["sf__Id", "sf__Created", "Name", "CloseDate"]);
    assert_eq!(records, [["0018", "true", "GenePoint", "2026-01-01"], ["", "false", "", ""]]);
}

#[test]
fn quotes_commas_line_ends_and_every_script_arrive_byte_for_byte() {
    let values = [
        "said \"no\"",
        "\"",
        "\"\"",
        "a,b",
        "one\ntwo",
        "one\r\ntwo",
        "\n",
        "\r",
        " spaces ",
        "#N/A",
        "NA",
        "null",
        "None",
        "Müller",
        "Ωμέγα",
        "日本語",
        "עברית",
        "👩‍⚖️",
        "a\0b",
        "'",
        "\\n",
        "\t",
    ];
    for line_end in ["\n", "\r\n"] {
        let mut file = format!("\"A\",\"B\"{line_end}");
        for value in values {
            let value = value.replace('"', "\"\"");
            file.push_str(&format!("\"{value}\",\"{value}\"{line_end}"));
        }
        let records = read_any(file.as_bytes()).unwrap().1;
        assert_eq!(records, values.map(|it| [it, it]));
    }
}

#[test]
fn last_line_needs_no_end_and_a_mark_of_byte_order_is_no_part_of_a_name() {
    assert_eq!(cells("A,B\n1,2"), [["1", "2"]]);
    assert_eq!(cells("A,B\n\"1\",\"2\""), [["1", "2"]]);
    assert_eq!(cells("A,B\n1,"), [["1", ""]]);
    assert_eq!(cells("A,B\r\n1,\"2\"\r"), [["1", "2"]]);
    assert_eq!(read_any("\u{feff}\"Id\",B\n1,2\n".as_bytes()).unwrap().0, ["Id", "B"]);
}

#[test]
fn file_with_a_header_alone_has_no_records_and_empty_lines_are_none() {
    assert_eq!(cells("A,B\n"), [[""; 2]; 0]);
    assert_eq!(cells("A,B\n\n1,2\n\r\n\n"), [["1", "2"]]);
    assert_eq!(cells("Id\n\"1\"\n\"\"\n"), [["1"], [""]]);
}

#[test]
fn nothing_and_a_web_page_are_faults_not_empty_results() {
    assert_eq!(read_any(b""), Err(CsvFault::NoHeader));
    assert_eq!(read_any(b"\n\n"), Err(CsvFault::NoHeader));
    assert_eq!(read_any(b"<!DOCTYPE html>\n<html>"), Err(CsvFault::WebPage));
    assert!(CsvFault::WebPage.is_passing() && CsvFault::NoHeader.is_passing());
}

#[test]
fn file_that_is_cut_off_or_broken_names_the_place() {
    let (row, column) = (2, "`B`".to_owned());
    for (file, wanted) in [
        ("A,B\n1,2\n3,\"4", CsvFault::UnclosedQuote { row, column: column.clone() }),
        ("A,B\n1,2\n3,\"4\"x\n", CsvFault::StrayQuote { row, column: column.clone() }),
        ("A,B\n1,2\n3, \"4\"\n", CsvFault::StrayQuote { row, column: column.clone() }),
        ("A,B\n1,2\n3\n", CsvFault::WrongWidth { row, n_cells: 1, n_columns: 2 }),
        ("A,B\n1,2\n3,4,5\n", CsvFault::WrongWidth { row, n_cells: 3, n_columns: 2 }),
        ("A,\"B", CsvFault::UnclosedQuote { row: 0, column: "2".into() }),
    ] {
        assert_eq!(read_any(file.as_bytes()), Err(wanted), "{file:?}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_name_row_and_column() {
    for (file, row, column) in [
        (&b"A,B\n1,2\n\"ok\",\"\xff\"\n"[..], 2, "`B`"),
        (&b"A,B\n\xc3,2\n"[..], 1, "`A`"),
        (&b"A,B\n\"a\"\"b\",\"x\xfe\"\n"[..], 1, "`B`"),
        (&b"A,B\n\"a\"\"\xfe\",\"x\"\n"[..], 1, "`A`"),
        (&b"A,\xff\n"[..], 0, "2"),
    ] {
        let wanted = CsvFault::NotUtf8 { row, column: column.to_owned() };
        assert_eq!(read_any(file), Err(wanted));
    }
}

#[test]
fn row_without_an_end_is_refused_before_it_fills_the_memory() {
    let mut reader = CsvReader::new();
    reader.feed(Bytes::from_static(b"A\n\""));
    let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
    let fault = (0..100).find_map(|_| {
        let fault = reader.next_record().err();
        reader.feed(piece.clone());
        fault
    });
    assert!(matches!(fault, Some(CsvFault::TooLong { row: 1, .. })), "{fault:?}");
}

#[test]
fn records_may_be_taken_late() {
    let mut reader = CsvReader::new();
    for piece in [&b"A,B\n1,2\n3,"[..], b"4\n5,6\n\"7\",", b"8\n9,10\n"] {
        reader.feed(Bytes::from_static(piece));
    }
    reader.end();
    let mut read = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        read.push(format!("{:?}", record.cells().collect::<Vec<_>>()));
    }
    let wanted =
        ["[\"1\", \"2\"]", "[\"3\", \"4\"]", "[\"5\", \"6\"]", "[\"7\", \"8\"]", "[\"9\", \"10\"]"];
    assert_eq!(read, wanted);
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_in_whatever_pieces(
        rows in prop::collection::vec(prop::collection::vec("[\\PC\r\n\"\0,]{0,12}", 3), 0..8),
        n_bytes in 1_usize..40,
        quotes_all: bool,
    ) {
        let mut file = String::from("A,B,C\n");
        for row in &rows {
            let cells: Vec<String> = row.iter().map(|it| {
                let is_bare = !quotes_all && !it.contains(['"', ',', '\n', '\r']);
                if is_bare { it.clone() } else { format!("\"{}\"", it.replace('"', "\"\"")) }
            }).collect();
            file.push_str(&cells.join(","));
            file.push('\n');
        }
        let (_, read) = read(file.as_bytes(), n_bytes).unwrap();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn no_bytes_make_it_fail_in_another_way_than_by_a_fault(
        file in prop::collection::vec(prop::sample::select(&b"\",\n\r<a\xff\xc3\xa9"[..]), 0..40),
    ) {
        let whole = read(&file, file.len().max(1));
        for n_bytes in 1..=file.len() {
            prop_assert_eq!(&read(&file, n_bytes), &whole);
        }
    }
}
