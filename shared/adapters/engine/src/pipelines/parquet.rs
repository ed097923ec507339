//! Files of Parquet as a source.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use async_trait::async_trait;
use datafusion_common::arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use futures_util::TryStreamExt as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use shared::etl::report::built_in;
use shared::etl::{PipelineError, PlannedColumn, Reject, SourceColumn};
use shared::ports::BlobStore;

use super::kinds::{data_type, schema_of};
use super::origins::Origins;
use super::rows::{Rows, shown};
use super::source::{N_ROWS_AT_ONCE, Portion, RowSource, Wanted};
use super::text::text_of;
use crate::parquet_files::{BlobReader, port_error};

/// Reads rows, a group of the file at a time.
pub(super) struct ParquetSource {
    wanted: Wanted,
    batches: ParquetRecordBatchStream<BlobReader>,
    schema: SchemaRef,
    unread: Vec<String>,
    n_read: u64,
    keeps_rows: bool,
}

/// A value that is not as it must be.
struct Fault {
    row: usize,
    place: usize,
    /// Whether there was none in the file.
    was_null: bool,
}

impl ParquetSource {
    /// Begins to read, and reads the columns.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`], or [`PipelineError::Unfit`] when a column is missing or holds what can
    /// never be what the pipeline says.
    pub(super) async fn open(
        store: Arc<dyn BlobStore>,
        wanted: Wanted,
    ) -> Result<Self, PipelineError> {
        let failed = |error| wanted.failed(port_error(error, "read", &wanted.at.key));
        let reader = BlobReader::open(store, wanted.at.key.clone()).await;
        let reader = reader.map_err(|error| wanted.failed(error))?;
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(failed)?;
        let fields = builder.schema().fields().clone();
        let names: Vec<String> = fields.iter().map(|it| it.name().clone()).collect();
        let places = wanted.places(&names)?;
        for (column, place) in wanted.columns.iter().zip(&places) {
            let found = fields.get(*place).map_or(&DataType::Null, |it| it.data_type());
            let kind = data_type(column.kind);
            if found.is_nested() || !can_cast_types(found, &kind) {
                let SourceColumn { from, kind, .. } = column;
                return Err(wanted.unfit(format!("column `{from}` holds {found}, never {kind}")));
            }
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), places);
        let batches = builder.with_projection(mask).with_batch_size(N_ROWS_AT_ONCE).build();
        let batches = batches.map_err(failed)?;
        let planned = |it: &SourceColumn| PlannedColumn { name: it.name.clone(), kind: it.kind };
        let schema = schema_of(&wanted.columns.iter().map(planned).collect::<Vec<_>>());
        let unread = wanted.unread(&names);
        Ok(Self { wanted, batches, schema, unread, n_read: 0, keeps_rows: false })
    }

    fn portion(&mut self, batch: &RecordBatch) -> Result<Portion, ArrowError> {
        let n_rows = batch.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.wanted.columns.len());
        let mut found: Vec<ArrayRef> = Vec::with_capacity(self.wanted.columns.len());
        for column in &self.wanted.columns {
            let array = batch.column_by_name(&column.from).ok_or_else(|| {
                ArrowError::SchemaError(format!("a group has no column `{}`", column.from))
            })?;
            // What does not fit has no value, and is told apart from what had none below.
            let options = CastOptions { safe: true, ..CastOptions::default() };
            columns.push(cast_with_options(array, &data_type(column.kind), &options)?);
            found.push(Arc::clone(array));
        }
        let first = self.n_read + 1;
        let origins = self.origins(first, &columns, &found)?;
        let lines = UInt64Array::from_iter_values(first..first + n_rows as u64);
        self.n_read += n_rows as u64;
        let keys = self.wanted.key.iter().filter_map(|it| columns.get(*it).cloned()).collect();
        let faults = self.faults(&columns, &found);
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let typed = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let rows = Rows::new(typed, Arc::new(lines), keys);
        let mut is_good = vec![true; n_rows];
        let mut rejects = Vec::with_capacity(faults.len());
        for fault in faults {
            if let Some(good) = is_good.get_mut(fault.row) {
                *good = false;
            }
            rejects.extend(self.reject(&fault, &rows, &found)?);
        }
        let is_good = BooleanArray::from(is_good);
        let n_unread = (n_rows - is_good.true_count()) as u64;
        let rows = rows.keep(&is_good)?;
        Ok(Portion { rows, n_read: n_rows as u64, n_unread, rejects, origins })
    }

    /// Writes rows as text, those values too that are not of the kind of their column.
    fn origins(
        &self,
        first: u64,
        columns: &[ArrayRef],
        found: &[ArrayRef],
    ) -> Result<Origins, ArrowError> {
        if !self.keeps_rows {
            return Ok(Origins::default());
        }
        let mut origins = Origins::of(self.wanted.names());
        let n_rows = columns.first().map_or(0, Array::len);
        for (line, row) in (first..).zip(0..n_rows) {
            let mut values: Vec<Option<String>> = Vec::with_capacity(columns.len());
            for (typed, before) in columns.iter().zip(found) {
                values.push(match typed.is_valid(row) {
                    true => text_of(typed, row),
                    false => as_text(before, row)?,
                });
            }
            origins.keep(line, values.iter().map(Option::as_deref));
        }
        Ok(origins)
    }

    /// Finds the values that did not fit, and those that are missing.
    fn faults(&self, columns: &[ArrayRef], found: &[ArrayRef]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (place, (array, before)) in columns.iter().zip(found).enumerate() {
            let is_required = self.wanted.columns.get(place).is_some_and(|it| it.is_required);
            let is_lost = array.null_count() != before.logical_null_count();
            if !is_lost && (!is_required || array.null_count() == 0) {
                continue;
            }
            let before = before.logical_nulls();
            for row in (0..array.len()).filter(|row| array.is_null(*row)) {
                let was_null = before.as_ref().is_some_and(|it| it.is_null(row));
                if !was_null || is_required {
                    faults.push(Fault { row, place, was_null });
                }
            }
        }
        faults
    }

    fn reject(
        &self,
        fault: &Fault,
        rows: &Rows,
        found: &[ArrayRef],
    ) -> Result<Option<Reject>, ArrowError> {
        let Fault { row, place, was_null } = *fault;
        let (Some(column), Some(before)) = (self.wanted.columns.get(place), found.get(place))
        else {
            return Ok(None);
        };
        let name = std::iter::once(column.name.as_str());
        if was_null {
            let reason = "has no value".to_owned();
            return Ok(Some(rows.reject(row, built_in::REQUIRED, name, reason)));
        }
        let mut reject = rows.reject(row, built_in::TYPE, name, format!("is no {}", column.kind));
        reject.value = shown(&as_text(before, row)?.unwrap_or_default());
        Ok(Some(reject))
    }
}

/// Writes a value of any type as text.
fn as_text(array: &ArrayRef, row: usize) -> Result<Option<String>, ArrowError> {
    let text = cast_with_options(&array.slice(row, 1), &DataType::Utf8, &CastOptions::default())?;
    Ok(text_of(&text, 0))
}

#[async_trait]
impl RowSource for ParquetSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        let failed = |error| self.wanted.failed(port_error(error, "read", &self.wanted.at.key));
        let Some(batch) = self.batches.try_next().await.map_err(failed)? else { return Ok(None) };
        let portion = self.portion(&batch);
        portion.map(Some).map_err(|error| self.wanted.unfit(error.to_string()))
    }

    fn keep_rows(&mut self) {
        self.keeps_rows = true;
    }

    fn unread_columns(&self) -> &[String] {
        &self.unread
    }
}
