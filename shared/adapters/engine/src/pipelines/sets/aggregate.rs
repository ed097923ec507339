//! One row for each group of rows.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{ArrowError, SchemaRef};
use datafusion_common::Result;
use datafusion_common::arrow::compute::{CastOptions, cast_with_options};
use datafusion_functions_aggregate::min_max::min_udaf;
use datafusion_physical_expr::aggregate::AggregateExprBuilder;
use datafusion_physical_expr::expressions::lit;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use super::feed::N_HIDDEN;
use super::operators::{column, sorted};
use super::source::{Running, Turn, whole};
use super::space::Space;
use super::work::{Call, Sorting};
use crate::pipelines::rows::Rows;
use crate::pipelines::source::Portion;

/// Begins to group the rows of `input`. Groups come in the order of `by`, whether memory was enough or not.
///
/// # Errors
///
/// What the operator refuses.
pub(super) fn begin(
    input: Arc<dyn ExecutionPlan>,
    by: &[usize],
    calls: &[Call],
    schema: &SchemaRef,
    space: &Space,
) -> Result<Running> {
    let before = input.schema();
    let group = |place: &usize| {
        let name = before.fields().get(*place).map_or("", |it| it.name().as_str());
        (column(&before, *place), name.to_owned())
    };
    let groups = PhysicalGroupBy::new_single(by.iter().map(group).collect());
    let (mut functions, mut filters) = (Vec::new(), Vec::new());
    for call in calls {
        let value = call.place.map_or_else(|| lit(1_i64), |it| column(&before, it));
        let built = AggregateExprBuilder::new(Arc::clone(&call.function), vec![value])
            .schema(Arc::clone(&before))
            .alias(&call.column.name)
            .with_distinct(call.is_distinct)
            .build()?;
        functions.push(Arc::new(built));
        filters.push(call.filter.map(|it| column(&before, it)));
    }
    // A group stands where its first row does.
    let line = column(&before, before.fields().len() - N_HIDDEN);
    let first = AggregateExprBuilder::new(min_udaf(), vec![line])
        .schema(Arc::clone(&before))
        .alias("\0first")
        .build()?;
    functions.push(Arc::new(first));
    filters.push(None);
    let mode = AggregateMode::Single;
    let plan = AggregateExec::try_new(mode, groups, functions, filters, input, before)?;
    let mut plan: Arc<dyn ExecutionPlan> = Arc::new(plan);
    if !by.is_empty() {
        plan = sorted(plan, (0..by.len()).map(Sorting::ascending))?;
    }
    let turn = Groups { schema: Arc::clone(schema), n_by: by.len() };
    Running::begin(plan, Box::new(turn), space)
}

/// Rows of groups; what names one in rejects are the values that it has together.
struct Groups {
    schema: SchemaRef,
    n_by: usize,
}

impl Turn for Groups {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let fields = self.schema.fields().iter().zip(batch.columns());
        let columns: Result<Vec<_>, _> =
            fields.map(|(field, it)| cast_with_options(it, field.data_type(), &options)).collect();
        let columns = columns?;
        let keys = columns.iter().take(self.n_by).cloned().collect();
        let first = batch.columns().get(self.schema.fields().len());
        let lines: UInt64Array = match first {
            Some(it) => it.as_primitive::<UInt64Type>().iter().map(|it| it.or(Some(0))).collect(),
            None => UInt64Array::from_iter_values(std::iter::repeat_n(0, batch.num_rows())),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        Ok(whole(Rows::new(rows, Arc::new(lines) as ArrayRef, keys)))
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        Ok(None)
    }
}
