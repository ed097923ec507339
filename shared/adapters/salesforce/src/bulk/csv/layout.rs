//! Finds the cells of one record, going on where the bytes ran out.

use memchr::{memchr, memchr3};

/// Where a cell lies: in the record, or among the cells whose doubled quotes were undone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) is_undoubled: bool,
}

/// How far a record is known.
#[derive(Debug)]
pub(super) enum Found {
    /// It ends before the byte `n_bytes`.
    Record { n_bytes: usize },
    /// Its end is not there yet.
    NeedsMore,
    /// A quote stands where none may, in the cell that comes next.
    StrayQuote,
    /// The file ends inside the quotes of the cell that comes next.
    UnclosedQuote,
}

/// What follows a cell.
enum Next {
    Cell { at: usize },
    End { n_bytes: usize },
}

/// The cells found so far; every place counts from the first byte of the record.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) spans: Vec<Span>,
    /// Whether a cell has doubled quotes.
    pub(super) has_doubled: bool,
    /// Where the cell begins that is looked for.
    cell_at: usize,
    /// Up to where that cell was searched.
    searched: usize,
    is_doubled: bool,
}

impl Layout {
    /// Begins a record whose first cell is at `at`.
    pub(super) fn begin(&mut self, at: usize) {
        self.spans.clear();
        (self.has_doubled, self.is_doubled) = (false, false);
        (self.cell_at, self.searched) = (at, at);
    }

    /// Looks for the end of the record in `bytes`, which begin with it; `is_last` when no more come.
    pub(super) fn find(&mut self, bytes: &[u8], is_last: bool) -> Found {
        loop {
            let next = match bytes.get(self.cell_at) {
                Some(b'"') => self.quoted(bytes, is_last),
                _ => self.plain(bytes, is_last),
            };
            match next {
                Ok(Next::Cell { at }) => {
                    (self.cell_at, self.searched, self.is_doubled) = (at, at, false);
                }
                Ok(Next::End { n_bytes }) => return Found::Record { n_bytes },
                Err(stop) => return stop,
            }
        }
    }

    fn quoted(&mut self, bytes: &[u8], is_last: bool) -> Result<Next, Found> {
        let first = self.cell_at + 1;
        let mut at = self.searched.max(first);
        loop {
            let Some(offset) = bytes.get(at..).and_then(|rest| memchr(b'"', rest)) else {
                self.searched = bytes.len();
                return Err(if is_last { Found::UnclosedQuote } else { Found::NeedsMore });
            };
            let quote = at + offset;
            let next = match (bytes.get(quote + 1), bytes.get(quote + 2)) {
                (Some(b','), _) => Next::Cell { at: quote + 2 },
                (Some(b'\n'), _) => Next::End { n_bytes: quote + 2 },
                (Some(b'"'), _) => {
                    self.is_doubled = true;
                    at = quote + 2;
                    continue;
                }
                (Some(b'\r'), Some(b'\n')) => Next::End { n_bytes: quote + 3 },
                (None, _) | (Some(b'\r'), None) if is_last => Next::End { n_bytes: bytes.len() },
                (None, _) | (Some(b'\r'), None) => {
                    self.searched = quote;
                    return Err(Found::NeedsMore);
                }
                _ => return Err(Found::StrayQuote),
            };
            self.push(first, quote);
            return Ok(next);
        }
    }

    fn plain(&mut self, bytes: &[u8], is_last: bool) -> Result<Next, Found> {
        let rest = bytes.get(self.searched..).unwrap_or_default();
        let Some(offset) = memchr3(b',', b'\n', b'"', rest) else {
            self.searched = bytes.len();
            if !is_last {
                return Err(Found::NeedsMore);
            }
            self.push(self.cell_at, bytes.len());
            return Ok(Next::End { n_bytes: bytes.len() });
        };
        let end = self.searched + offset;
        match bytes.get(end) {
            Some(b',') => {
                self.push(self.cell_at, end);
                Ok(Next::Cell { at: end + 1 })
            }
            Some(b'\n') => {
                let line = bytes.get(self.cell_at..end).unwrap_or_default();
                let n_carriage = usize::from(line.last() == Some(&b'\r'));
                self.push(self.cell_at, end - n_carriage);
                Ok(Next::End { n_bytes: end + 1 })
            }
            _ => Err(Found::StrayQuote),
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        // Records are far shorter than 4 GiB: the reader refuses longer ones.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.has_doubled |= self.is_doubled;
        let is_undoubled = self.is_doubled;
        self.spans.push(Span { start: place(start), end: place(end), is_undoubled });
    }

    /// Undoes doubled quotes: those cells move to `undoubled`.
    pub(super) fn undouble(&mut self, bytes: &[u8], undoubled: &mut Vec<u8>) {
        undoubled.clear();
        for span in self.spans.iter_mut().filter(|it| it.is_undoubled) {
            let range = span.start as usize..span.end as usize;
            let mut cell = bytes.get(range).unwrap_or_default();
            let start = undoubled.len();
            while let Some(quote) = memchr(b'"', cell) {
                let (head, tail) = cell.split_at(quote + 1);
                undoubled.extend_from_slice(head);
                cell = tail.get(1..).unwrap_or_default();
            }
            undoubled.extend_from_slice(cell);
            span.start = u32::try_from(start).unwrap_or(u32::MAX);
            span.end = u32::try_from(undoubled.len()).unwrap_or(u32::MAX);
        }
    }
}
