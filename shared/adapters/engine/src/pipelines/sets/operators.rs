//! The operators that steps share.

use std::sync::Arc;

use arrow_schema::{SchemaRef, SortOptions};
use datafusion_common::{Result, plan_datafusion_err};
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::sorts::sort::SortExec;

use super::work::Sorting;

/// Refers to the column at `place`.
pub(super) fn column(schema: &SchemaRef, place: usize) -> Arc<dyn PhysicalExpr> {
    let name = schema.fields().get(place).map_or("", |it| it.name().as_str());
    Arc::new(Column::new(name, place))
}

/// Brings rows into an order; what is too much for memory is put on disk.
///
/// # Errors
///
/// None that this program can cause.
pub(super) fn sorted(
    plan: Arc<dyn ExecutionPlan>,
    order: impl IntoIterator<Item = Sorting>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = plan.schema();
    let by = |it: Sorting| PhysicalSortExpr {
        expr: column(&schema, it.place),
        options: SortOptions { descending: it.is_descending, nulls_first: false },
    };
    let order = LexOrdering::new(order.into_iter().map(by));
    let order = order.ok_or_else(|| plan_datafusion_err!("an order of no columns"))?;
    Ok(Arc::new(SortExec::new(order, plan)))
}
