//! How an upload is laid out: its heading, and where its batches stand.

use std::ops::Range;

use super::csv::{Cell, Dialect, Reader};

/// Longest heading, in characters. Source: Bulk API 2.0 guide, prepare CSV files.
const MAX_HEADING: usize = 32_000;

/// Longest record, in characters. Source: Bulk API 2.0 limits.
const MAX_RECORD: usize = 400_000;

/// Most fields of a record. Source: Bulk API 2.0 limits.
const MAX_FIELDS: usize = 5_000;

/// Records that are worked off together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where its records stand.
    pub(super) range: Range<usize>,
    pub(super) n_records: usize,
    /// Why it cannot be worked off, in the words of the job.
    pub(super) broken: Option<String>,
}

/// How an upload is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) names: Vec<String>,
    pub(super) batches: Vec<Batch>,
}

/// Returns the names of the columns, and where the first record stands.
pub(super) fn heading(text: &str, dialect: Dialect) -> Result<(Vec<String>, usize), String> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut cells = Vec::new();
    let record = Reader::new(text, start, dialect).next(&mut cells);
    let record = record.ok_or("InvalidBatch : Failed to parse CSV header. The file is empty.")?;
    if is_longer(text, &record.range, MAX_HEADING) || cells.len() > MAX_FIELDS {
        return Err(format!(
            "InvalidBatch : Failed to parse CSV header. It is longer than {MAX_HEADING} characters or \
             {MAX_FIELDS} fields."
        ));
    }
    let names = cells
        .into_iter()
        .map(|cell| cell.map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| "InvalidBatch : Failed to parse CSV header. A quote stands inside a name.")?;
    Ok((names, record.range.end))
}

impl Layout {
    /// Finds the batches of an upload.
    ///
    /// # Errors
    /// What the job says when nothing of it can be worked off.
    pub(super) fn read(
        content: &[u8],
        dialect: Dialect,
        batch_records: usize,
    ) -> Result<Self, String> {
        let text = std::str::from_utf8(content)
            .map_err(|_| "ClientInputError : The file is not encoded in UTF-8")?;
        let (names, start) = heading(text, dialect)?;
        check_line_end(text, start, dialect)?;
        let mut reader = Reader::new(text, start, dialect);
        let (mut batches, mut cells): (Vec<Batch>, Vec<Cell<'_>>) = (Vec::new(), Vec::new());
        while let Some(record) = reader.next(&mut cells) {
            if record.ended_by.is_some_and(|ending| ending != dialect.line_ending) {
                return Err(line_end_error(dialect));
            }
            match batches.last_mut().filter(|batch| batch.n_records < batch_records) {
                Some(batch) => {
                    batch.range.end = record.range.end;
                    batch.n_records += 1;
                }
                None => {
                    let range = record.range.clone();
                    batches.push(Batch { range, n_records: 1, broken: None });
                }
            }
            let broken = if record.is_unclosed {
                Some("a quote is not closed")
            } else if is_longer(text, &record.range, MAX_RECORD) || cells.len() > MAX_FIELDS {
                Some("a record is longer than 400000 characters or 5000 fields")
            } else {
                None
            };
            if let (Some(why), Some(batch)) = (broken, batches.last_mut()) {
                batch.broken = Some(format!("InvalidBatch : Failed to parse CSV, {why}"));
            }
        }
        Ok(Self { names, batches })
    }
}

/// Tells whether a part of `text` has more than so many characters.
fn is_longer(text: &str, range: &Range<usize>, max: usize) -> bool {
    let is_longer = |part: &str| part.chars().count() > max;
    range.len() > max && text.get(range.clone()).is_some_and(is_longer)
}

/// Checks the end of the heading's line.
fn check_line_end(text: &str, at: usize, dialect: Dialect) -> Result<(), String> {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let ends = match dialect.line_ending {
        super::csv::LineEnding::Lf => rest.starts_with(b"\n"),
        super::csv::LineEnding::CrLf => rest.starts_with(b"\r\n"),
    };
    if ends || rest.is_empty() { Ok(()) } else { Err(line_end_error(dialect)) }
}

fn line_end_error(dialect: Dialect) -> String {
    format!(
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {}",
        dialect.line_ending.name()
    )
}

#[cfg(test)]
mod tests {
    use super::super::csv::{Delimiter, LineEnding};
    use super::*;

    fn read(text: &str, line_ending: LineEnding) -> Result<Layout, String> {
        let dialect = Dialect { delimiter: Delimiter::Comma, line_ending };
        Layout::read(text.as_bytes(), dialect, 2)
    }

    #[test]
    fn batches_hold_so_many_records_wherever_lines_end_inside_them() {
        let layout = read("\u{feff}A,B\n1,\"x\r\ny\"\n2,\n\n3,z", LineEnding::Lf).unwrap();

        assert_eq!(layout.names, ["A", "B"]);
        let n_records: Vec<usize> = layout.batches.iter().map(|batch| batch.n_records).collect();
        assert_eq!(n_records, [2, 1]);
    }

    #[test]
    fn file_whose_lines_end_otherwise_than_the_job_says_is_refused() {
        let lf = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF";

        assert_eq!(read("A\r\n1\r\n", LineEnding::Lf).unwrap_err(), lf);
        assert_eq!(read("A\n1\r\n2\n", LineEnding::Lf).unwrap_err(), lf);
        assert_eq!(read("A\n1\n", LineEnding::CrLf).unwrap_err(), lf.replace("is LF", "is CRLF"));
        assert!(read("A\r\n\"1\n\"\r\n", LineEnding::CrLf).is_ok());
    }

    #[test]
    fn later_batch_may_be_broken_alone() {
        let layout = read("A\n1\n2\n3\n\"4\n5\n", LineEnding::Lf).unwrap();

        assert_eq!(layout.batches[0].broken, None);
        assert!(layout.batches[1].broken.as_ref().unwrap().contains("a quote is not closed"));
    }

    #[test]
    fn length_of_a_record_is_counted_in_characters() {
        let fits = format!("A\n{}\n", "é".repeat(400_000));
        let too_long = format!("A\n{}\n", "é".repeat(400_001));

        assert_eq!(read(&fits, LineEnding::Lf).unwrap().batches[0].broken, None);
        let broken = read(&too_long, LineEnding::Lf).unwrap().batches[0].broken.clone().unwrap();
        assert!(broken.contains("longer than 400000 characters"), "{broken}");
    }

    #[test]
    fn file_that_is_no_text_is_refused() {
        let refused = Layout::read(&[b'A', b'\n', 0xff], Dialect::default(), 2).unwrap_err();

        assert_eq!(refused, "ClientInputError : The file is not encoded in UTF-8");
        assert!(read("", LineEnding::Lf).unwrap_err().contains("The file is empty"));
    }
}
