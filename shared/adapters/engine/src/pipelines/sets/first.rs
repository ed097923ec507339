//! The first row of each key, of rows that are sorted by it.

use arrow_array::{Array as _, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use datafusion_common::arrow::row::{OwnedRow, RowConverter, SortField};

use super::feed::unpacked;
use super::source::{Turn, whole};
use crate::pipelines::source::Portion;

/// Keeps the first row of each key, and every row with a missing value in it.
pub(super) struct FirstOfKey {
    by: Vec<usize>,
    schema: SchemaRef,
    converter: RowConverter,
    last: Option<OwnedRow>,
}

impl FirstOfKey {
    /// Begins before the first row.
    ///
    /// # Errors
    ///
    /// None that this program can cause.
    pub(super) fn new(by: Vec<usize>, schema: SchemaRef) -> Result<Self, ArrowError> {
        let converter = converter(&schema, &by)?;
        Ok(Self { by, schema, converter, last: None })
    }
}

/// Makes what turns the values at `places` into bytes that are the same when they are.
///
/// # Errors
///
/// None that this program can cause.
pub(super) fn converter(schema: &SchemaRef, places: &[usize]) -> Result<RowConverter, ArrowError> {
    let fields = places.iter().filter_map(|it| schema.fields().get(*it));
    RowConverter::new(fields.map(|it| SortField::new(it.data_type().clone())).collect())
}

/// Returns the columns at `places`.
pub(super) fn columns(batch: &RecordBatch, places: &[usize]) -> Vec<ArrayRef> {
    places.iter().filter_map(|it| batch.columns().get(*it).cloned()).collect()
}

impl Turn for FirstOfKey {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        let key = columns(&batch, &self.by);
        let keys = self.converter.convert_columns(&key)?;
        let mut is_kept = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let before = match row.checked_sub(1) {
                Some(before) => Some(keys.row(before)),
                None => self.last.as_ref().map(OwnedRow::row),
            };
            let is_missing = key.iter().any(|it| it.is_null(row));
            is_kept.push(is_missing || before != Some(keys.row(row)));
        }
        if let Some(last) = batch.num_rows().checked_sub(1) {
            self.last = Some(keys.row(last).owned());
        }
        let n_columns = self.schema.fields().len();
        let rows = unpacked(&batch, 0..n_columns, n_columns, &self.schema)?;
        Ok(whole(rows.keep(&BooleanArray::from(is_kept))?))
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        Ok(None)
    }
}
