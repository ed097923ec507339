//! Rows of the steps before as the input of an operator, with what tells each of them apart.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, SortOptions};
use datafusion_common::arrow::compute::take_record_batch;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion_physical_plan::{EmptyRecordBatchStream, ExecutionPlan};
use futures_util::lock::Mutex as AsyncMutex;
use futures_util::{Stream, stream};
use shared::etl::PipelineError;

use super::operators::column;
use super::source::SetFigures;
use crate::pipelines::chain::{Common, Stretch, locked};
use crate::pipelines::rows::Rows;

/// What stands behind the columns of a row: its line, what names it in rejects, and its number among the
/// rows that came to the step.
pub(super) const N_HIDDEN: usize = 3;
const LINE: &str = "\0line";
const KEY: &str = "\0key";
const ROW: &str = "\0row";

/// Adds what stands behind the columns.
pub(super) fn packed_schema(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Field> = schema.fields().iter().map(|it| it.as_ref().clone()).collect();
    fields.push(Field::new(LINE, DataType::UInt64, true));
    fields.push(Field::new(KEY, DataType::Utf8, true));
    fields.push(Field::new(ROW, DataType::UInt64, true));
    Arc::new(Schema::new(fields))
}

/// Puts rows together with what stands behind their columns; the first has the number `first`.
pub(super) fn packed(
    rows: &Rows,
    schema: &SchemaRef,
    first: u64,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = rows.batch.columns().to_vec();
    let numbers = UInt64Array::from_iter_values(first..first + rows.len() as u64);
    columns.extend([Arc::clone(rows.lines()), rows.key_texts(), Arc::new(numbers) as ArrayRef]);
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Takes rows apart again: the columns at `places` as those of `schema`, and what stands behind the first
/// `n_columns`.
pub(super) fn unpacked(
    batch: &RecordBatch,
    places: impl IntoIterator<Item = usize>,
    n_columns: usize,
    schema: &SchemaRef,
) -> Result<Rows, ArrowError> {
    let column = |place: usize| {
        let found = batch.columns().get(place).cloned();
        found.ok_or_else(|| ArrowError::SchemaError(format!("no column {place} behind a step")))
    };
    let columns = places.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
    Ok(Rows::new(rows, column(n_columns)?, vec![column(n_columns + 1)?]))
}

/// Rows that come to a step. What an operator leaves unread is read for its counts and its rejects.
#[derive(Clone)]
pub(super) struct Feed {
    rest: Arc<AsyncMutex<Rest>>,
    /// What all parts of the run share.
    pub(super) common: Arc<Common>,
}

struct Rest {
    rows: Stretch,
    schema: SchemaRef,
    next: u64,
    figures: Arc<SetFigures>,
    /// A batch that is longer is parted.
    max_bytes: usize,
    parts: VecDeque<RecordBatch>,
}

impl Feed {
    /// Takes rows with the columns of `schema`; the first has the number `first`.
    pub(super) fn new(
        rows: Stretch,
        schema: &SchemaRef,
        first: u64,
        figures: Arc<SetFigures>,
        max_bytes: usize,
    ) -> Self {
        let (schema, common, parts) = (packed_schema(schema), rows.common(), VecDeque::new());
        let rest = Rest { rows, schema, next: first, figures, max_bytes, parts };
        Self { rest: Arc::new(AsyncMutex::new(rest)), common }
    }

    async fn next(&self) -> Result<Option<RecordBatch>> {
        let mut rest = self.rest.lock().await;
        loop {
            if let Some(part) = rest.parts.pop_front() {
                return Ok(Some(part));
            }
            let rows = match rest.rows.next().await {
                Ok(Some(rows)) => rows,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.common.fail(error);
                    let text = "the rows before the step cannot be read".to_owned();
                    return Err(DataFusionError::Execution(text));
                }
            };
            if rows.len() > 0 {
                let first = rest.next;
                rest.next += rows.len() as u64;
                rest.figures.came(rows.len());
                let batch = packed(&rows, &rest.schema, first)?;
                rest.parts = parted(batch, rest.max_bytes)?;
            }
        }
    }

    /// Returns the rows as a stream.
    pub(super) fn stream(&self) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
        let next = |feed: Self| async move {
            let batch = feed.next().await?;
            Ok(batch.map(|it| (it, feed)))
        };
        stream::try_unfold(self.clone(), next)
    }

    /// Reads what is left.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub(super) async fn drain(&self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// Keeps why a file beside the rows cannot be read.
    pub(super) fn fail(&self, error: PipelineError) -> DataFusionError {
        self.common.fail(error);
        DataFusionError::Execution("a file that the step reads cannot be read".to_owned())
    }
}

/// Parts a batch into some that are no longer than `max_bytes`, as far as rows allow. Each has memory of its
/// own: a slice would be counted as the whole.
pub(super) fn parted(
    batch: RecordBatch,
    max_bytes: usize,
) -> Result<VecDeque<RecordBatch>, ArrowError> {
    let n_parts = batch.get_array_memory_size().div_ceil(max_bytes.max(1));
    if n_parts <= 1 {
        return Ok(VecDeque::from([batch]));
    }
    let n_rows = batch.num_rows().div_ceil(n_parts).max(1) as u64;
    let n_all = batch.num_rows() as u64;
    let part = |begin: u64| {
        let rows = UInt64Array::from_iter_values(begin..(begin + n_rows).min(n_all));
        take_record_batch(&batch, &rows)
    };
    (0..n_all).step_by(usize::try_from(n_rows).unwrap_or(1)).map(part).collect()
}

/// A stream that is taken once.
struct Once {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let taken = locked(&self.stream).take();
        taken.unwrap_or_else(|| Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema))))
    }
}

/// Makes `stream` the input of operators.
///
/// # Errors
///
/// None that this program can cause.
pub(super) fn input(
    schema: &SchemaRef,
    stream: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> Result<Arc<dyn ExecutionPlan>> {
    ordered_input(schema, stream, None)
}

/// As [`input`], of rows that come in the order of the column at `place`, which operators then keep.
///
/// # Errors
///
/// None that this program can cause.
pub(super) fn ordered_input(
    schema: &SchemaRef,
    stream: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    place: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let order = place.and_then(|it| {
        let options = SortOptions { descending: false, nulls_first: false };
        LexOrdering::new([PhysicalSortExpr { expr: column(schema, it), options }])
    });
    let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), stream));
    let once = Once { schema: Arc::clone(schema), stream: Mutex::new(Some(stream)) };
    let plan = StreamingTableExec::try_new(
        Arc::clone(schema),
        vec![Arc::new(once)],
        None,
        order,
        false,
        None,
    );
    Ok(Arc::new(plan?))
}
