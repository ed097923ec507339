//! The tables that statements read: rows as they stand, and every version.

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider as _, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use shared::lake::LakeTable;

use super::latest::{ChangeSet, is_latest};
use super::session::{SCHEMA, session};
use super::shown::Screen;
use super::table::LakeTableFiles;

/// What every version of a row has besides its columns.
const VERSIONS: &str = "SELECT *, changed_at AS valid_from, \
     lead(changed_at) OVER (PARTITION BY id ORDER BY change_seq) AS valid_to FROM versions";

fn scan(
    name: &str,
    files: LakeTableFiles,
    columns: Option<Vec<usize>>,
) -> Result<LogicalPlanBuilder> {
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(files)), columns)
}

/// Keeps the rows that `screen` shows. It stands right above the files, below all that a statement does.
fn screened(
    plan: LogicalPlanBuilder,
    table: LakeTable,
    screen: &Screen,
) -> Result<LogicalPlanBuilder> {
    match screen.condition(table, col("id")) {
        Some(condition) => plan.filter(condition),
        None => Ok(plan),
    }
}

/// Makes the table of the rows of `table` as they stand: of each the last version, unless it is deleted.
pub(super) fn current(
    table: LakeTable,
    files: LakeTableFiles,
    latest: Arc<ChangeSet>,
    screen: &Screen,
) -> Result<Arc<dyn TableProvider>> {
    let files = LakeTableFiles { wanted: Some(Arc::clone(&latest)), ..files };
    let plan = scan(table.as_str(), files, None)?;
    let is_there = col("is_deleted").eq(lit(false));
    let plan = plan.filter(is_latest(latest).call(vec![col("change_seq")]).and(is_there))?;
    let plan = screened(plan, table, screen)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Makes the table of all versions of the rows of `table`.
pub(super) async fn history(
    template: &SessionState,
    table: LakeTable,
    files: LakeTableFiles,
    screen: &Screen,
) -> Result<Arc<dyn TableProvider>> {
    let plan = screened(scan(table.as_str(), files, None)?, table, screen)?.build()?;
    let (state, catalog) = session(template)?;
    if let Some(schema) = catalog.schema(SCHEMA) {
        schema.register_table("versions".to_owned(), Arc::new(ViewTable::new(plan, None)))?;
    }
    let plan = state.create_logical_plan(VERSIONS).await?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Makes the plan that finds the number of the last change of each row.
pub(super) fn last_changes(files: LakeTableFiles) -> Result<LogicalPlan> {
    let places = ["id", "change_seq"].map(|it| files.schema.index_of(it));
    let places = places.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    scan("versions", files, Some(places))?
        .aggregate([col("id")], [max(col("change_seq")).alias("last_seq")])?
        .project([col("last_seq")])?
        .build()
}
