//! CSV as the Bulk API reads and writes it.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What stands between two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Delimiter {
    Backquote,
    Caret,
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

impl Delimiter {
    fn byte(self) -> u8 {
        match self {
            Self::Backquote => b'`',
            Self::Caret => b'^',
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum LineEnding {
    #[default]
    Lf,
    CrLf,
}

impl LineEnding {
    /// Returns the name that the API gives it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lf => "LF",
            Self::CrLf => "CRLF",
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    pub(super) line_ending: LineEnding,
}

impl Dialect {
    /// Writes what stands between two cells.
    pub(super) fn push_delimiter(self, into: &mut Vec<u8>) {
        into.push(self.delimiter.byte());
    }

    /// Ends a line.
    pub(super) fn push_line_end(self, into: &mut Vec<u8>) {
        let end: &[u8] = if self.line_ending == LineEnding::Lf { b"\n" } else { b"\r\n" };
        into.extend_from_slice(end);
    }
}

/// Writes a cell in quotes; quotes inside are doubled.
pub(super) fn push_quoted(into: &mut Vec<u8>, text: &[u8]) {
    into.push(b'"');
    let mut rest = text;
    // Looks at eight bytes at a time, which the search for a place does not.
    if !text.contains(&b'"') {
        into.extend_from_slice(text);
        return into.push(b'"');
    }
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        let (before, after) = rest.split_at(at + 1);
        into.extend_from_slice(before);
        into.push(b'"');
        rest = after;
    }
    into.extend_from_slice(rest);
    into.push(b'"');
}

/// A quote where none may stand, such as behind a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StrayQuote;

/// A cell without its quotes.
pub(super) type Cell<'a> = Result<Cow<'a, str>, StrayQuote>;

/// A record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Where it stands, its line end left out.
    pub(super) range: Range<usize>,
    /// What ended its line; nothing at the end of the file.
    pub(super) ended_by: Option<LineEnding>,
    /// Whether the file ended inside quotes.
    pub(super) is_unclosed: bool,
}

/// Reads records one by one. Lines that are empty are passed over.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
}

impl<'a> Reader<'a> {
    /// Reads from this byte of `text` on, which must be the beginning of a line.
    pub(super) fn new(text: &'a str, at: usize, dialect: Dialect) -> Self {
        Self { text, at, delimiter: dialect.delimiter.byte() }
    }

    /// Reads the next record into `cells`.
    pub(super) fn next(&mut self, cells: &mut Vec<Cell<'a>>) -> Option<Record> {
        cells.clear();
        let bytes = self.text.as_bytes();
        while let Some((_, length)) = line_end(bytes, self.at) {
            self.at += length;
        }
        if self.at >= bytes.len() {
            return None;
        }
        let start = self.at;
        loop {
            let (cell, is_unclosed) = self.cell();
            cells.push(cell);
            if is_unclosed {
                let range = start..self.at;
                return Some(Record { range, ended_by: None, is_unclosed: true });
            }
            if bytes.get(self.at) == Some(&self.delimiter) {
                self.at += 1;
                continue;
            }
            let range = start..self.at;
            let end = line_end(bytes, self.at);
            self.at += end.map_or(0, |(_, length)| length);
            let ended_by = end.map(|(ending, _)| ending);
            return Some(Record { range, ended_by, is_unclosed: false });
        }
    }

    /// Reads a cell up to what ends it; true when the file ends inside quotes.
    fn cell(&mut self) -> (Cell<'a>, bool) {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            let start = self.at;
            self.skip();
            let text = self.text.get(start..self.at).unwrap_or_default();
            let cell = if text.contains('"') { Err(StrayQuote) } else { Ok(text.into()) };
            return (cell, false);
        }
        let start = self.at + 1;
        self.at = start;
        let mut has_doubled = false;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(quote) = rest.iter().position(|byte| *byte == b'"') else {
                self.at = bytes.len();
                return (Err(StrayQuote), true);
            };
            self.at += quote + 1;
            if bytes.get(self.at) != Some(&b'"') {
                break;
            }
            has_doubled = true;
            self.at += 1;
        }
        let text = self.text.get(start..self.at - 1).unwrap_or_default();
        let end = self.at;
        self.skip();
        let cell = match (end == self.at, has_doubled) {
            (false, _) => Err(StrayQuote),
            (true, true) => Ok(text.replace("\"\"", "\"").into()),
            (true, false) => Ok(text.into()),
        };
        (cell, false)
    }

    /// Goes on to the delimiter or the end of the line.
    fn skip(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if *byte == self.delimiter || line_end(bytes, self.at).is_some() {
                return;
            }
            self.at += 1;
        }
    }
}

/// Returns the line end that stands at `at`, and its length.
fn line_end(bytes: &[u8], at: usize) -> Option<(LineEnding, usize)> {
    match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'\n', _) => Some((LineEnding::Lf, 1)),
        (b'\r', Some(b'\n')) => Some((LineEnding::CrLf, 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: Delimiter) -> Vec<Vec<Option<String>>> {
        let dialect = Dialect { delimiter, line_ending: LineEnding::Lf };
        let mut reader = Reader::new(text, 0, dialect);
        let (mut cells, mut all) = (Vec::new(), Vec::new());
        while reader.next(&mut cells).is_some() {
            all.push(cells.iter().map(|cell| cell.clone().ok().map(Cow::into_owned)).collect());
        }
        all
    }

    fn texts(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn cells_come_without_their_quotes() {
        let text = "A,\"B \"\"b\"\"\",\n\"two\r\nlines\",\" padded \", bare \r\n\n\"\",,\"🎉,\"";

        assert_eq!(
            read(text, Delimiter::Comma),
            [
                texts(&["A", "B \"b\"", ""]),
                texts(&["two\r\nlines", " padded ", " bare "]),
                texts(&["", "", "🎉,"]),
            ]
        );
    }

    #[test]
    fn every_delimiter_parts_cells() {
        for (delimiter, sign) in [
            (Delimiter::Backquote, '`'),
            (Delimiter::Caret, '^'),
            (Delimiter::Pipe, '|'),
            (Delimiter::Semicolon, ';'),
            (Delimiter::Tab, '\t'),
        ] {
            assert_eq!(
                read(&format!("a,b{sign}\"c{sign}d\""), delimiter),
                [texts(&["a,b", &format!("c{sign}d")])]
            );
        }
    }

    #[test]
    fn space_beside_a_quote_spoils_its_cell_only() {
        let text = "John, \"Smith\",1\n\"John\" ,Smith,2\nOk,5\" pipe,3\n";

        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(text, Delimiter::Comma),
            [
                vec![some("John"), None, some("1")],
                vec![None, some("Smith"), some("2")],
                vec![some("Ok"), None, some("3")],
            ]
        );
    }

    #[test]
    fn end_of_the_file_inside_quotes_is_told() {
        let mut reader = Reader::new("a,b\n\"c,d\ne", 0, Dialect::default());
        let mut cells = Vec::new();

        let first = reader.next(&mut cells).unwrap();
        let second = reader.next(&mut cells).unwrap();

        assert_eq!((first.range, first.ended_by), (0..3, Some(LineEnding::Lf)));
        assert!(second.is_unclosed && reader.next(&mut cells).is_none());
    }

    #[test]
    fn written_cell_is_read_back() {
        for text in ["", "a", "\"", "a\"\"b", "x\r\ny", ",;|"] {
            let mut line = Vec::new();
            push_quoted(&mut line, text.as_bytes());
            let line = String::from_utf8(line).unwrap();
            assert_eq!(read(&format!("{line},"), Delimiter::Comma), [texts(&[text, ""])]);
        }
    }
}
