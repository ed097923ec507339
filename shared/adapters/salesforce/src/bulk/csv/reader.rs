//! Reads CSV that arrives in pieces: records borrow from the piece they came in, nothing is copied
//! but a record that lies across two pieces.
//!
//! Source: RFC 4180; Bulk API 2.0 guide, "Get results for a query job": every value is quoted, the
//! header may be bare, lines end as the job asked. See ADR 0021.

use std::str::Utf8Error;

use bytes::Bytes;
use memchr::memchr;

use super::fault::CsvFault;
use super::layout::{Found, Layout};
use super::record::CsvRecord;

/// The longest row taken: 400,000 characters of up to four bytes, and as much again for quotes.
/// Source: Bulk API 2.0 limits, "Maximum number of characters for all the data in a record".
const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// What a record that lay across pieces may leave allocated.
const MAX_KEPT_BYTES: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file with a header, piece by piece: [`feed`](Self::feed) it, take records with
/// [`next_record`](Self::next_record) until there is none, feed it again, and say when it
/// [`ends`](Self::end).
#[derive(Debug, Default)]
pub struct CsvReader {
    chunk: Bytes,
    /// Where in the chunk the next record begins.
    at: usize,
    /// A record that began in an earlier chunk.
    carried: Vec<u8>,
    /// The record in hand.
    current: Current,
    layout: Layout,
    /// Whether the record that is looked for was begun.
    is_begun: bool,
    undoubled: Vec<u8>,
    header: Option<Vec<String>>,
    row: u64,
    is_ended: bool,
}

/// Where the record in hand lies.
#[derive(Clone, Copy, Debug, Default)]
enum Current {
    #[default]
    None,
    InChunk {
        start: usize,
        end: usize,
    },
    Carried {
        end: usize,
    },
}

/// What was found of the next row.
enum Row {
    Whole,
    NeedsMore,
    Blank,
}

impl CsvReader {
    /// Begins a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, chunk: Bytes) {
        self.let_go();
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        self.carried.extend_from_slice(rest);
        (self.chunk, self.at) = (chunk, 0);
    }

    /// Takes note that no more pieces come: a last line needs no end.
    pub fn end(&mut self) {
        self.is_ended = true;
    }

    /// Returns the names of the columns, once the header is there.
    pub fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// Returns the number of records so far.
    pub fn n_records(&self) -> u64 {
        self.row
    }

    /// Returns the next record; `None` when more must be fed, or at the end of the file.
    ///
    /// # Errors
    ///
    /// [`CsvFault`] when the file is broken; what follows cannot be trusted then.
    pub fn next_record(&mut self) -> Result<Option<CsvRecord<'_>>, CsvFault> {
        match self.advance()? {
            true => self.record().map(Some),
            false => Ok(None),
        }
    }

    /// Goes on to the next record; `false` when more must be fed, or at the end of the file.
    ///
    /// # Errors
    ///
    /// As [`next_record`](Self::next_record).
    pub fn advance(&mut self) -> Result<bool, CsvFault> {
        self.let_go();
        loop {
            match self.next_row()? {
                Row::NeedsMore if self.is_ended && self.header.is_none() => {
                    return Err(CsvFault::NoHeader);
                }
                Row::NeedsMore => return Ok(false),
                Row::Blank => self.let_go(),
                Row::Whole if self.header.is_none() => {
                    self.header = Some(self.record()?.cells().map(str::to_owned).collect());
                    self.let_go();
                }
                Row::Whole => {
                    self.row += 1;
                    self.check_width()?;
                    return Ok(true);
                }
            }
        }
    }

    /// Returns the record that [`advance`](Self::advance) went to; one without cells before that.
    ///
    /// # Errors
    ///
    /// [`CsvFault::NotUtf8`].
    pub fn record(&self) -> Result<CsvRecord<'_>, CsvFault> {
        let text = std::str::from_utf8(self.bytes()).map_err(|error| self.not_utf8(error))?;
        // The same bytes less some quotes: they are UTF-8 when the record is.
        let undoubled = std::str::from_utf8(&self.undoubled).unwrap_or_default();
        Ok(CsvRecord { row: self.row, text, undoubled, spans: &self.layout.spans })
    }

    /// Finds the next row in what is there.
    fn next_row(&mut self) -> Result<Row, CsvFault> {
        loop {
            let is_carrying = !self.carried.is_empty();
            if is_carrying && !self.top_up() && !self.is_ended {
                return Ok(Row::NeedsMore);
            }
            let is_all = self.is_ended && (!is_carrying || self.at >= self.chunk.len());
            let chunk = self.chunk.get(self.at..).unwrap_or_default();
            let bytes = if is_carrying { &self.carried } else { chunk };
            if bytes.is_empty() {
                return Ok(Row::NeedsMore);
            }
            if !self.is_begun {
                let Some(first) = first_cell(bytes, self.header.is_none(), is_all) else {
                    self.carry();
                    return Ok(Row::NeedsMore);
                };
                if self.header.is_none() && bytes.get(first) == Some(&b'<') {
                    return Err(CsvFault::WebPage);
                }
                self.layout.begin(first);
                self.is_begun = true;
            }
            match self.layout.find(bytes, is_all) {
                Found::Record { n_bytes } => return Ok(self.take(n_bytes, is_carrying)),
                Found::NeedsMore if bytes.len() > MAX_RECORD_BYTES => {
                    let max_bytes = MAX_RECORD_BYTES;
                    return Err(CsvFault::TooLong { row: self.row + 1, max_bytes });
                }
                Found::NeedsMore => self.carry(),
                Found::StrayQuote => {
                    let (row, column) = self.next_place();
                    return Err(CsvFault::StrayQuote { row, column });
                }
                Found::UnclosedQuote => {
                    let (row, column) = self.next_place();
                    return Err(CsvFault::UnclosedQuote { row, column });
                }
            }
        }
    }

    /// Moves what is left of the chunk to the carried bytes.
    fn carry(&mut self) {
        if self.carried.is_empty() {
            self.carried.extend_from_slice(self.chunk.get(self.at..).unwrap_or_default());
            self.at = self.chunk.len();
        }
    }

    /// Adds the chunk's next line to the carried bytes; tells whether there was one.
    fn top_up(&mut self) -> bool {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let n_bytes = memchr(b'\n', rest).map_or(rest.len(), |idx| idx + 1);
        self.carried.extend_from_slice(rest.get(..n_bytes).unwrap_or_default());
        self.at += n_bytes;
        n_bytes > 0
    }

    /// Takes the row that was found into hand.
    fn take(&mut self, n_bytes: usize, is_carrying: bool) -> Row {
        self.current = if is_carrying {
            Current::Carried { end: n_bytes }
        } else {
            let start = self.at;
            self.at += n_bytes;
            Current::InChunk { start, end: self.at }
        };
        self.is_begun = false;
        // Salesforce quotes every value, an empty one too: nothing at all is no record.
        if matches!(self.layout.spans.as_slice(), [only] if only.end == 0) {
            return Row::Blank;
        }
        if self.layout.has_doubled {
            let mut undoubled = std::mem::take(&mut self.undoubled);
            let mut layout = std::mem::take(&mut self.layout);
            layout.undouble(self.bytes(), &mut undoubled);
            (self.undoubled, self.layout) = (undoubled, layout);
        } else {
            self.undoubled.clear();
        }
        Row::Whole
    }

    /// Forgets the row in hand.
    fn let_go(&mut self) {
        if let Current::Carried { end } = self.current {
            self.carried.drain(..end.min(self.carried.len()));
            self.carried.shrink_to(MAX_KEPT_BYTES);
        }
        self.current = Current::None;
    }

    fn bytes(&self) -> &[u8] {
        let bytes = match self.current {
            Current::None => return &[],
            Current::InChunk { start, end } => self.chunk.get(start..end),
            Current::Carried { end } => self.carried.get(..end),
        };
        bytes.unwrap_or_default()
    }

    fn check_width(&self) -> Result<(), CsvFault> {
        let n_columns = self.header.as_ref().map_or(0, Vec::len);
        match self.layout.spans.len() {
            n_cells if n_cells == n_columns => Ok(()),
            n_cells => Err(CsvFault::WrongWidth { row: self.row, n_cells, n_columns }),
        }
    }

    /// Names the row and the column of a cell that could not be finished.
    fn next_place(&self) -> (u64, String) {
        let row = if self.header.is_some() { self.row + 1 } else { 0 };
        (row, self.column_name(self.layout.spans.len()))
    }

    fn not_utf8(&self, error: Utf8Error) -> CsvFault {
        let at = error.valid_up_to();
        let is_before = |end: u32| (end as usize) < at;
        let mut spans = self.layout.spans.iter().filter(|it| !it.is_undoubled);
        // A cell whose quotes were undone lies elsewhere: its neighbours tell its place.
        let column_idx = match self.layout.has_doubled {
            true => self.column_in_undoubled(),
            false => spans.position(|it| !is_before(it.end)),
        };
        let column = self.column_name(column_idx.unwrap_or_default());
        CsvFault::NotUtf8 { row: self.row, column }
    }

    fn column_in_undoubled(&self) -> Option<usize> {
        self.layout.spans.iter().position(|span| {
            let bytes = if span.is_undoubled { self.undoubled.as_slice() } else { self.bytes() };
            let cell = bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
            std::str::from_utf8(cell).is_err()
        })
    }

    /// Names a column by its header, or by its number when there is none.
    fn column_name(&self, column_idx: usize) -> String {
        let named = self.header.as_ref().and_then(|it| it.get(column_idx));
        named.map_or_else(|| (column_idx + 1).to_string(), |name| format!("`{name}`"))
    }
}

/// Returns where the first cell begins: behind a byte order mark; `None` when that is not known yet.
fn first_cell(bytes: &[u8], is_header: bool, is_all: bool) -> Option<usize> {
    if !is_header || !bytes.starts_with(BYTE_ORDER_MARK.get(..1).unwrap_or_default()) {
        return Some(0);
    }
    let is_mark = bytes.starts_with(BYTE_ORDER_MARK);
    let may_be = BYTE_ORDER_MARK.starts_with(bytes) && !is_all;
    match (is_mark, may_be) {
        (true, _) => Some(BYTE_ORDER_MARK.len()),
        (false, true) => None,
        (false, false) => Some(0),
    }
}
