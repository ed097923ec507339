//! Result files of jobs that take rows, written piece by piece while they are sent.

use std::sync::Arc;

use bytes::Bytes;

use super::columns::{Column, Target};
use super::csv::{Cell, Dialect, Reader, push_quoted};
use super::export::{PIECE_BYTES, push_double};
use super::ingest::IngestJob;
use super::layout::heading;
use super::rows::{Fate, RowResult};
use crate::random::Dice;
use crate::schema::{FieldKind, ObjectType};

/// Which rows a result file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Successful,
    Failed,
    Unprocessed,
}

impl Which {
    /// Finds the file that a path names, whatever its case.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "successfulresults" => Some(Self::Successful),
            "failedresults" => Some(Self::Failed),
            "unprocessedrecords" => Some(Self::Unprocessed),
            _ => None,
        }
    }
}

/// Makes a result file, a piece at a time.
pub(super) fn file(job: &IngestJob, which: Which) -> Box<dyn Iterator<Item = Bytes> + Send> {
    let work = job.work();
    let content = work.content.clone().unwrap_or_default();
    let dialect = job.core.dialect;
    if which == Which::Unprocessed {
        let rest = match &work.layout {
            Some(layout) => layout
                .batches
                .get(work.next_batch..)
                .unwrap_or_default()
                .iter()
                .map(|batch| batch.range.clone())
                .collect(),
            None => Vec::new(),
        };
        let is_untouched = work.layout.is_none();
        return Box::new(unprocessed(content, dialect, rest, is_untouched));
    }
    let mut rows: Vec<RowResult> = work
        .results
        .iter()
        .filter(|row| matches!(row.fate, Fate::Failed(_)) == (which == Which::Failed))
        .cloned()
        .collect();
    // Rows come in another order than they were sent in, and in the same one whenever they are read.
    shuffle(&mut rows, job.core.id.number());
    let (columns, object) = (Arc::clone(&work.columns), Arc::clone(&job.object));
    let sheet = Sheet { content, dialect, columns, object };
    Box::new(sheet.file(which, rows))
}

/// Puts rows into another order (Fisher and Yates).
fn shuffle(rows: &mut [RowResult], seed: u64) {
    let mut dice = Dice::new(seed);
    for idx in (1..rows.len()).rev() {
        let other = dice.below(u64::try_from(idx + 1).unwrap_or(1));
        rows.swap(idx, usize::try_from(other).unwrap_or(idx));
    }
}

/// What rows are read from once more.
struct Sheet {
    content: Bytes,
    dialect: Dialect,
    columns: Arc<[Column]>,
    object: Arc<ObjectType>,
}

impl Sheet {
    fn file(self, which: Which, rows: Vec<RowResult>) -> impl Iterator<Item = Bytes> + Send {
        let mut heading = Some(self.heading(which));
        let mut rows = rows.into_iter().peekable();
        std::iter::from_fn(move || {
            let mut piece = heading.take().or_else(|| rows.peek().map(|_| Vec::new()))?;
            while piece.len() < PIECE_BYTES
                && let Some(row) = rows.next()
            {
                self.push_row(&mut piece, &row);
            }
            Some(piece.into())
        })
    }

    /// Writes `"sf__Id","sf__Created",Name`: the names of the upload stand without quotes.
    fn heading(&self, which: Which) -> Vec<u8> {
        let told = if which == Which::Failed { "sf__Error" } else { "sf__Created" };
        let mut line = Vec::new();
        push_quoted(&mut line, b"sf__Id");
        self.dialect.push_delimiter(&mut line);
        push_quoted(&mut line, told.as_bytes());
        for column in self.echoed() {
            self.dialect.push_delimiter(&mut line);
            line.extend_from_slice(column.1.name.as_bytes());
        }
        self.dialect.push_line_end(&mut line);
        line
    }

    fn echoed(&self) -> impl Iterator<Item = (usize, &Column)> {
        let all = self.columns.iter().enumerate();
        all.filter(|(_, column)| !matches!(column.target, Target::Ignored))
    }

    fn push_row(&self, into: &mut Vec<u8>, row: &RowResult) {
        let id = row.id.map(|id| id.bytes());
        push_quoted(into, id.as_ref().map_or(&[], |id| id.as_slice()));
        self.dialect.push_delimiter(into);
        let told = match &row.fate {
            Fate::Created => "true",
            Fate::Changed => "false",
            Fate::Failed(error) => error,
        };
        push_quoted(into, told.as_bytes());
        let text = self.content.get(row.range.clone()).map(std::str::from_utf8);
        let text = text.and_then(Result::ok).unwrap_or_default();
        let mut cells = Vec::new();
        let _ = Reader::new(text, 0, self.dialect).next(&mut cells);
        for (idx, column) in self.echoed() {
            self.dialect.push_delimiter(into);
            let cell = cells.get(idx).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
            self.push_cell(into, column, cell);
        }
        self.dialect.push_line_end(into);
    }

    /// Writes a cell once more; numbers come back in another form, as on the platform.
    fn push_cell(&self, into: &mut Vec<u8>, column: &Column, cell: &str) {
        let kind = match column.target {
            Target::Field { place } => self.object.fields.get(place).map(|field| field.kind),
            _ => None,
        };
        let is_number = matches!(kind, Some(FieldKind::Double | FieldKind::Currency));
        match cell.parse::<f64>().ok().filter(|number| is_number && number.is_finite()) {
            Some(number) => {
                into.push(b'"');
                push_double(into, number);
                into.push(b'"');
            }
            None => push_quoted(into, cell.as_bytes()),
        }
    }
}

/// Writes the records that no batch took, with all their columns.
fn unprocessed(
    content: Bytes,
    dialect: Dialect,
    mut ranges: Vec<std::ops::Range<usize>>,
    is_untouched: bool,
) -> impl Iterator<Item = Bytes> + Send {
    let heading = std::str::from_utf8(&content).ok().and_then(|text| heading(text, dialect).ok());
    let (names, start) = heading.unwrap_or_default();
    if is_untouched && !names.is_empty() {
        ranges.push(start..content.len());
    }
    let mut line = Vec::new();
    for (idx, name) in names.iter().enumerate() {
        if idx > 0 {
            dialect.push_delimiter(&mut line);
        }
        line.extend_from_slice(name.as_bytes());
    }
    dialect.push_line_end(&mut line);
    let records = ranges.into_iter().map(move |range| {
        let mut piece = Vec::new();
        let text = content.get(range).map(std::str::from_utf8).and_then(Result::ok);
        let mut reader = Reader::new(text.unwrap_or_default(), 0, dialect);
        let mut cells = Vec::new();
        while reader.next(&mut cells).is_some() {
            push_cells(&mut piece, dialect, &cells);
        }
        Bytes::from(piece)
    });
    std::iter::once(Bytes::from(line)).chain(records)
}

fn push_cells(into: &mut Vec<u8>, dialect: Dialect, cells: &[Cell<'_>]) {
    for (idx, cell) in cells.iter().enumerate() {
        if idx > 0 {
            dialect.push_delimiter(into);
        }
        push_quoted(into, cell.as_deref().unwrap_or_default().as_bytes());
    }
    dialect.push_line_end(into);
}
