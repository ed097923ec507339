//! One record of a CSV file, its cells borrowed from the bytes that came.

use super::layout::Span;

/// A record; its cells are as they were sent, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct CsvRecord<'a> {
    pub(super) row: u64,
    pub(super) text: &'a str,
    pub(super) undoubled: &'a str,
    pub(super) spans: &'a [Span],
}

impl<'a> CsvRecord<'a> {
    /// Returns the number of the row, from 1.
    pub fn row(&self) -> u64 {
        self.row
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.spans.len()
    }

    /// Returns the cell at `column_idx`, empty when it has no value; `None` behind the last column.
    pub fn cell(&self, column_idx: usize) -> Option<&'a str> {
        self.spans.get(column_idx).map(|it| self.text_of(*it))
    }

    /// Returns the cells in the order of the header.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let record = *self;
        record.spans.iter().map(move |it| record.text_of(*it))
    }

    fn text_of(&self, span: Span) -> &'a str {
        let text = if span.is_undoubled { self.undoubled } else { self.text };
        // A cell begins and ends at a character of ASCII, so that it is never cut inside one.
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}
