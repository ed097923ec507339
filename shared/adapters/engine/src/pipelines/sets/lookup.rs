//! Rows that may find one row of another file, and not two.

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use datafusion_common::arrow::compute::concat_batches;
use shared::etl::report::built_in;

use super::join::Joined;
use super::source::Turn;
use crate::pipelines::origins::Origins;
use crate::pipelines::source::Portion;

/// Rejects rows that come more than once. They come one after the other.
pub(super) struct Lookup {
    joined: Joined,
    /// Where the line of theirs stands.
    their_line: usize,
    columns: Vec<String>,
    at: String,
    /// The last row, which may come again; at most twice.
    kept: Option<RecordBatch>,
}

impl Lookup {
    /// Names `columns`, and `at` as the file, in rejects.
    pub(super) fn new(joined: Joined, their_line: usize, columns: Vec<String>, at: String) -> Self {
        Self { joined, their_line, columns, at, kept: None }
    }

    fn numbers(batch: &RecordBatch, place: usize) -> Result<&ArrayRef, ArrowError> {
        let found = batch.columns().get(place);
        found.ok_or_else(|| ArrowError::SchemaError(format!("no column {place} behind a join")))
    }

    /// Gives rows of which none comes again.
    fn give(&self, batch: &RecordBatch) -> Result<Portion, ArrowError> {
        let numbers = Self::numbers(batch, self.joined.n_columns + 2)?.as_primitive::<UInt64Type>();
        let lines = Self::numbers(batch, self.their_line)?.as_primitive::<UInt64Type>();
        let rows = self.joined.rows(batch)?;
        let (mut is_kept, mut rejects) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut row = 0;
        while row < rows.len() {
            let number = numbers.value(row);
            let n_same = (row..rows.len()).take_while(|it| numbers.value(*it) == number).count();
            is_kept.extend(std::iter::repeat_n(n_same == 1, n_same));
            if n_same > 1 {
                let (one, two) = (lines.value(row), lines.value(row + 1));
                let reason =
                    format!("finds lines {one} and {two} of `{}`, and may find one", self.at);
                let columns = self.columns.iter().map(String::as_str);
                rejects.push(rows.reject(row, built_in::LOOKUP, columns, reason));
            }
            row += n_same;
        }
        let rows = rows.keep(&BooleanArray::from(is_kept))?;
        let n_unread = rejects.len() as u64;
        Ok(Portion {
            n_read: rows.len() as u64 + n_unread,
            n_unread,
            rejects,
            rows,
            origins: Origins::default(),
        })
    }
}

impl Turn for Lookup {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        let batch = match self.kept.take() {
            Some(kept) => concat_batches(&batch.schema(), [&kept, &batch])?,
            None => batch,
        };
        let numbers =
            Self::numbers(&batch, self.joined.n_columns + 2)?.as_primitive::<UInt64Type>();
        let n_rows = batch.num_rows();
        let is_last = |row: &usize| numbers.value(*row) == numbers.value(n_rows - 1);
        let n_last = (0..n_rows).rev().take_while(is_last).count();
        let begin = n_rows - n_last;
        // That it came twice is all there is to know.
        self.kept = Some(batch.slice(begin, n_last.min(2)));
        self.give(&batch.slice(0, begin))
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        self.kept.take().map(|it| self.give(&it)).transpose()
    }
}
