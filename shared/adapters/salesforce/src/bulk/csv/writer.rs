//! Writes CSV as bulk jobs take it: nothing is lost between "leave alone" and "set to nothing".
//!
//! Source: Bulk API 2.0 guide, "Prepare CSV files", "Valid date format in records".

use std::io::Write as _;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use shared::model::FieldValue;

/// What a cell says to set a field to nothing; an empty one leaves it alone.
const SET_NULL: &str = "#N/A";

/// The longest text of a cell, in characters: that of a long text area of newer orgs.
/// Source: Bulk API 2.0 limits, "Maximum number of characters in a field".
const MAX_CELL_CHARS: usize = 131_072;

/// The longest row, in characters. Source: Bulk API 2.0 limits.
const MAX_ROW_CHARS: usize = 400_000;

/// The most columns, and the longest header. Source: Bulk API 2.0 limits.
const MAX_COLUMNS: usize = 5_000;
const MAX_HEADER_CHARS: usize = 32_000;

/// A row that cannot go by a bulk job as it is. No refusal holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// A text cannot be told from "set to nothing": the row must go by REST.
    #[error(
        "the text of `{column}` is the mark that sets a field to nothing: write the row by REST"
    )]
    LooksLikeNull {
        /// The column.
        column: String,
    },
    /// The column that results are joined on has no value.
    #[error("the row has no `{column}`, which tells its result from others")]
    NoKey {
        /// The column.
        column: String,
    },
    /// A text is too long.
    #[error("the text of `{column}` is longer than {MAX_CELL_CHARS} characters")]
    CellTooLong {
        /// The column.
        column: String,
    },
    /// The row is too long.
    #[error("the row is longer than {MAX_ROW_CHARS} characters")]
    RowTooLong,
    /// The row has another number of cells than there are columns.
    #[error("the row has {n_cells} cells for {n_columns} columns")]
    WrongWidth {
        /// Its cells.
        n_cells: usize,
        /// The columns.
        n_columns: usize,
    },
}

/// Columns that no bulk job takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadColumns {
    what: &'static str,
}

/// Writes rows into a buffer that is taken away in pieces.
#[derive(Debug)]
pub struct CsvWriter {
    columns: Vec<String>,
    buffer: BytesMut,
    /// The row in hand, until it is known that it can go.
    row: Vec<u8>,
}

impl CsvWriter {
    /// Begins a file with a header.
    ///
    /// # Errors
    ///
    /// [`BadColumns`] when there is none, one is no name or stands twice, or there are too many.
    pub fn new(columns: &[String]) -> Result<Self, BadColumns> {
        let n_chars: usize = columns.iter().map(|it| it.len() + 1).sum();
        let is_twice = |(idx, name): (usize, &String)| {
            columns.iter().take(idx).any(|it| it.eq_ignore_ascii_case(name))
        };
        let what = if columns.is_empty() {
            Some("a file needs a column")
        } else if columns.len() > MAX_COLUMNS || n_chars > MAX_HEADER_CHARS {
            Some("a file takes at most 5,000 columns and 32,000 characters of their names")
        } else if !columns.iter().all(|it| is_column(it)) {
            Some("a column is a field, or a relationship and a field such as `Account.Key__c`")
        } else if columns.iter().enumerate().any(is_twice) {
            Some("a column stands twice")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(BadColumns { what });
        }
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        buffer.extend_from_slice(columns.join(",").as_bytes());
        buffer.extend_from_slice(b"\n");
        Ok(Self { columns: columns.to_vec(), buffer, row: Vec::new() })
    }

    /// Prepares a row: `None` leaves a field alone, `Null` sets it to nothing, text is written byte
    /// for byte. Returns the length that it adds, in bytes; [`keep`](Self::keep) adds it.
    ///
    /// # Errors
    ///
    /// [`RowRefusal`] when the row cannot go by a bulk job; nothing of it is kept.
    pub fn prepare(&mut self, cells: &[Option<FieldValue>]) -> Result<usize, RowRefusal> {
        let (n_cells, n_columns) = (cells.len(), self.columns.len());
        if n_cells != n_columns {
            return Err(RowRefusal::WrongWidth { n_cells, n_columns });
        }
        self.row.clear();
        for (column, cell) in self.columns.iter().zip(cells) {
            if !self.row.is_empty() {
                self.row.push(b',');
            }
            push_cell(&mut self.row, column, cell.as_ref())?;
            // The first cell may be empty: what follows needs its comma nonetheless.
            if self.row.is_empty() {
                self.row.extend_from_slice(b"\"\"");
            }
        }
        self.row.push(b'\n');
        // Characters are counted only where bytes do not settle it.
        let is_long = self.row.len() > MAX_ROW_CHARS
            && std::str::from_utf8(&self.row).is_ok_and(|it| it.chars().count() > MAX_ROW_CHARS);
        if is_long { Err(RowRefusal::RowTooLong) } else { Ok(self.row.len()) }
    }

    /// Adds the row that was prepared.
    pub fn keep(&mut self) {
        self.buffer.extend_from_slice(&self.row);
        self.row.clear();
    }

    /// Returns how many bytes wait to be taken.
    pub fn n_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Takes what was written since the last time, the header first.
    pub fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }
}

/// Writes one cell.
fn push_cell(row: &mut Vec<u8>, column: &str, cell: Option<&FieldValue>) -> Result<(), RowRefusal> {
    // Writing to a vector cannot fail.
    let _ = match cell {
        None => Ok(()),
        Some(FieldValue::Null) => row.write_all(SET_NULL.as_bytes()),
        Some(FieldValue::Bool(value)) => write!(row, "{value}"),
        Some(FieldValue::Int(value)) => write!(row, "{value}"),
        Some(FieldValue::Float(value)) => write!(row, "{value}"),
        // Salesforce stores an empty text as none, and an empty cell would leave the field alone.
        Some(FieldValue::Text(text)) if text.is_empty() => row.write_all(SET_NULL.as_bytes()),
        Some(FieldValue::Text(text)) => {
            if text.trim().eq_ignore_ascii_case(SET_NULL) {
                return Err(RowRefusal::LooksLikeNull { column: column.to_owned() });
            }
            if text.len() > MAX_CELL_CHARS && text.chars().count() > MAX_CELL_CHARS {
                return Err(RowRefusal::CellTooLong { column: column.to_owned() });
            }
            push_quoted(row, text.as_bytes());
            Ok(())
        }
    };
    Ok(())
}

/// Writes text between quotes, those inside it doubled.
fn push_quoted(row: &mut Vec<u8>, mut text: &[u8]) {
    row.push(b'"');
    while let Some(quote) = memchr(b'"', text) {
        let (head, tail) = text.split_at(quote + 1);
        row.extend_from_slice(head);
        row.push(b'"');
        text = tail;
    }
    row.extend_from_slice(text);
    row.push(b'"');
}

/// Tells whether `name` is a field, a relationship and a field, or the same of one object of several.
fn is_column(name: &str) -> bool {
    let is_word = |word: &str| {
        word.len() <= 80
            && word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let (object, path) = name.split_once(':').map_or((None, name), |(it, path)| (Some(it), path));
    object.is_none_or(is_word) && path.split('.').count() <= 2 && path.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::CsvReader;
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    fn text(text: &str) -> Option<FieldValue> {
        Some(FieldValue::Text(text.to_owned()))
    }

    fn written(rows: &[&[Option<FieldValue>]]) -> String {
        let names: Vec<String> = (0..rows[0].len()).map(|idx| format!("F{idx}")).collect();
        let mut writer = CsvWriter::new(&names).unwrap();
        for row in rows {
            writer.prepare(row).unwrap();
            writer.keep();
        }
        String::from_utf8(writer.take().to_vec()).unwrap()
    }

    #[test]
    fn absent_null_and_values_are_told_apart() {
        let file = written(&[
            &[text("a"), None, Some(FieldValue::Null)],
            &[None, Some(FieldValue::Int(-5)), Some(FieldValue::Float(0.1))],
            &[Some(FieldValue::Bool(true)), text(" \"q\",\r\n "), None],
            &[None, None, None],
        ]);
        assert_eq!(
            file,
            "F0,F1,F2\n\"a\",,#N/A\n\"\",-5,0.1\ntrue,\" \"\"q\"\",\r\n \",\n\"\",,\n"
        );
    }

    #[test]
    fn text_that_means_nothing_to_a_job_is_refused_and_not_written() {
        let mut writer = CsvWriter::new(&columns(&["Id", "Subject"])).unwrap();
        for word in ["#N/A", "#n/a", " #N/A "] {
            let refusal = writer.prepare(&[text("1"), text(word)]).unwrap_err();
            assert_eq!(refusal, RowRefusal::LooksLikeNull { column: "Subject".into() });
        }
        for word in ["N/A", "NA", "null", "None", "#N/A?"] {
            writer.prepare(&[text("1"), text(word)]).unwrap();
        }
        assert_eq!(writer.take(), "Id,Subject\n");
    }

    #[test]
    fn too_long_a_cell_or_row_is_refused_by_its_characters() {
        let mut writer = CsvWriter::new(&columns(&["A", "B", "C", "D"])).unwrap();
        let long = "ü".repeat(MAX_CELL_CHARS);
        writer.prepare(&[text(&long), None, None, None]).unwrap();
        let longer = format!("{long}x");
        assert!(matches!(
            writer.prepare(&[text(&longer), None, None, None]),
            Err(RowRefusal::CellTooLong { .. })
        ));
        let row = [text(&long), text(&long), text(&long), text(&long)];
        assert_eq!(writer.prepare(&row), Err(RowRefusal::RowTooLong));
        assert!(matches!(writer.prepare(&[None]), Err(RowRefusal::WrongWidth { .. })));
    }

    #[test]
    fn columns_are_names_and_none_stands_twice() {
        for good in ["Id", "Account.Key__c", "Mother__r.Ext__c", "User:Owner.Username"] {
            assert!(CsvWriter::new(&columns(&[good])).is_ok(), "{good}");
        }
        for bad in [&[][..], &[""], &["a b"], &["A.B.C"], &["A,B"], &["Id", "ID"], &["\"Id\""]] {
            assert!(CsvWriter::new(&columns(bad)).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_byte_for_byte(
            rows in prop::collection::vec(prop::collection::vec("[\\PC\r\n\"\0,]{1,12}", 3), 1..8),
        ) {
            let mut writer = CsvWriter::new(&columns(&["A", "B", "C"])).unwrap();
            let mut kept = Vec::new();
            for row in rows {
                let cells: Vec<_> = row.iter().map(|it| text(it)).collect();
                if writer.prepare(&cells).is_ok() {
                    writer.keep();
                    kept.push(row);
                }
            }
            let mut reader = CsvReader::new();
            reader.feed(writer.take());
            reader.end();
            let mut read = Vec::new();
            while let Some(record) = reader.next_record().unwrap() {
                read.push(record.cells().map(str::to_owned).collect::<Vec<_>>());
            }
            prop_assert_eq!(read, kept);
        }
    }
}
