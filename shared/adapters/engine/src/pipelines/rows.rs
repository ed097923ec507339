//! Rows in motion: a batch, and where each row of it came from.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use datafusion_common::arrow::compute::{concat, filter};
use datafusion_physical_expr::PhysicalExpr;
use shared::etl::Reject;

use super::text::text_of;

/// The longest value that is shown in a reject, in characters.
const MAX_SHOWN: usize = 200;

/// Some rows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) batch: RecordBatch,
    /// Where each row stands in the source.
    lines: ArrayRef,
    /// The values of the key columns, as the source had them.
    keys: Vec<ArrayRef>,
}

/// A row for which an expression could not be worked out.
pub(super) struct Failed {
    pub(super) row: usize,
    pub(super) reason: String,
}

impl Rows {
    /// Puts together what a source read.
    pub(super) fn new(batch: RecordBatch, lines: ArrayRef, keys: Vec<ArrayRef>) -> Self {
        Self { batch, lines, keys }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Returns where each row stands in the source.
    #[cfg(feature = "sets")]
    pub(super) fn lines(&self) -> &ArrayRef {
        &self.lines
    }

    /// Puts rows behind each other; `None` of none.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when they have other columns.
    #[cfg(feature = "sets")]
    pub(super) fn concat(all: &[Self]) -> Result<Option<Self>, ArrowError> {
        let Some(first) = all.first() else { return Ok(None) };
        let batches = all.iter().map(|it| &it.batch);
        let batch =
            datafusion_common::arrow::compute::concat_batches(&first.batch.schema(), batches)?;
        let one = |of: &dyn Fn(&Self) -> Option<ArrayRef>| {
            let arrays: Vec<ArrayRef> = all.iter().filter_map(of).collect();
            concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        };
        let lines = one(&|it| Some(Arc::clone(&it.lines)))?;
        let keys = (0..first.keys.len()).map(|place| one(&|it| it.keys.get(place).cloned()));
        Ok(Some(Self { batch, lines, keys: keys.collect::<Result<_, _>>()? }))
    }

    /// Returns `n_rows` of them from `first` on.
    #[cfg(feature = "sets")]
    pub(super) fn slice(&self, first: usize, n_rows: usize) -> Self {
        Self {
            batch: self.batch.slice(first, n_rows),
            lines: self.lines.slice(first, n_rows),
            keys: self.keys.iter().map(|it| it.slice(first, n_rows)).collect(),
        }
    }

    /// Returns what names each row in rejects, as one text.
    #[cfg(feature = "sets")]
    pub(super) fn key_texts(&self) -> ArrayRef {
        match self.keys.as_slice() {
            [one] if *one.data_type() == arrow_schema::DataType::Utf8 => Arc::clone(one),
            keys => {
                let texts = (0..self.len()).map(|row| key_of(keys, row));
                Arc::new(arrow_array::StringArray::from_iter_values(texts))
            }
        }
    }

    /// Keeps the rows for which `is_kept` is true.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when there are not as many as rows.
    pub(super) fn keep(self, is_kept: &BooleanArray) -> Result<Self, ArrowError> {
        if is_kept.true_count() == self.len() {
            return Ok(self);
        }
        let kept = |it: &ArrayRef| filter(it, is_kept);
        let columns: Result<Vec<_>, _> = self.batch.columns().iter().map(kept).collect();
        let keys: Result<Vec<_>, _> = self.keys.iter().map(kept).collect();
        let batch = batch_of(self.batch.schema(), columns?, is_kept.true_count())?;
        Ok(Self { batch, lines: kept(&self.lines)?, keys: keys? })
    }

    /// Puts other columns in place of those that are there.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when they do not fit `schema`.
    pub(super) fn with_columns(
        self,
        schema: &SchemaRef,
        columns: Vec<ArrayRef>,
    ) -> Result<Self, ArrowError> {
        let batch = batch_of(Arc::clone(schema), columns, self.len())?;
        Ok(Self { batch, ..self })
    }

    /// Works `expression` out for each row. Of those for which it cannot be there is no value, and they
    /// are told beside it.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when what comes out is of another type than before.
    pub(super) fn work_out(
        &self,
        expression: &dyn PhysicalExpr,
    ) -> Result<(ArrayRef, Vec<Failed>), ArrowError> {
        let mut failed = Vec::new();
        let value = work_out(expression, &self.batch, 0, &mut failed)?;
        Ok((value, failed))
    }

    /// Says that `row` broke `rule`, in `columns` of the batch.
    pub(super) fn reject<'a>(
        &self,
        row: usize,
        rule: &str,
        columns: impl Iterator<Item = &'a str> + Clone,
        reason: String,
    ) -> Reject {
        let value = |name: &str| {
            let array = self.batch.column_by_name(name)?;
            text_of(array, row)
        };
        let values: Vec<_> = columns.clone().map(|it| value(it).unwrap_or_default()).collect();
        Reject {
            key: key_of(&self.keys, row),
            line: self.lines.as_primitive::<UInt64Type>().value(row),
            rule: rule.to_owned(),
            column: columns.collect::<Vec<_>>().join(","),
            value: shown(&values.join("|")),
            reason,
        }
    }
}

/// Shortens what is shown.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn key_of(keys: &[ArrayRef], row: usize) -> String {
    let values = keys.iter().map(|it| text_of(it, row).unwrap_or_default());
    shown(&values.collect::<Vec<_>>().join("|"))
}

/// Makes a batch that may have rows and no columns.
fn batch_of(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    n_rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// One row that fails makes the whole batch fail: halves are tried until it is found.
fn work_out(
    expression: &dyn PhysicalExpr,
    batch: &RecordBatch,
    first: usize,
    failed: &mut Vec<Failed>,
) -> Result<ArrayRef, ArrowError> {
    let n_rows = batch.num_rows();
    let error = match expression.evaluate(batch).and_then(|it| it.into_array(n_rows)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if n_rows <= 1 {
        let reason = error.strip_backtrace();
        let reason = shown(reason.lines().next().unwrap_or_default());
        failed.push(Failed { row: first, reason });
        let kind = expression.data_type(&batch.schema());
        return Ok(new_null_array(&kind.map_err(ArrowError::from)?, n_rows));
    }
    let half = n_rows / 2;
    let left = work_out(expression, &batch.slice(0, half), first, failed)?;
    let right = batch.slice(half, n_rows - half);
    let right = work_out(expression, &right, first + half, failed)?;
    concat(&[&left, &right])
}
