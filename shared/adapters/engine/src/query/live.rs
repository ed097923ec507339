//! The rows of the case store as a table: walked along while the question is worked out.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::stream;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{CorrelationId, EntityId};
use shared::lake::{Column, Hiding, LakeRow, LakeTable, TableSchema};
use shared::ports::{ChangeFeed, ChangeRow, CurrentRow, CurrentRows, Walls, WriteKind};
use shared::time::Timestamp;

use super::reader::Meter;
use crate::parquet_files::{arrow_schema, rows_as_batch};

/// Rows that are read at once.
const PAGE: u32 = 1000;

/// Columns that tell of a change, which the rows of the store are none of.
const OF_CHANGES: &[&str] = &[
    "change_seq",
    "changed_at",
    "change_kind",
    "changed_fields",
    "is_deleted",
    "merged_into",
    "read_at",
];

/// The rows of the case store.
#[derive(Clone)]
pub struct LivePorts {
    /// The rows.
    pub rows: Arc<dyn CurrentRows>,
    /// Tells whether anything has changed.
    pub feed: Arc<dyn ChangeFeed>,
    /// What of a row may be seen: as much as in the lake.
    pub hiding: Hiding,
}

/// The rows of one kind that somebody sees.
#[derive(Clone)]
pub(super) struct LiveTable {
    table: LakeTable,
    ports: LivePorts,
    sight: Sight,
    walls: Arc<dyn Walls>,
    meter: Arc<Meter>,
    columns: TableSchema,
    schema: SchemaRef,
}

impl fmt::Debug for LiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTable").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Returns the columns of rows of `table` in the store: those of the lake that tell of no change.
fn columns(table: LakeTable) -> TableSchema {
    let is_own = |it: &Column| !OF_CHANGES.contains(&it.name.as_str());
    let columns = table.columns().into_iter().filter(is_own);
    // What a row has is written as it is; `id` alone is always there.
    TableSchema::first(columns.map(|it| Column::new(it.name, it.kind)).collect())
}

impl LiveTable {
    pub(super) fn new(
        table: LakeTable,
        ports: LivePorts,
        (sight, walls): (Sight, Arc<dyn Walls>),
        meter: Arc<Meter>,
    ) -> Self {
        let columns = columns(table);
        let schema = arrow_schema(&columns);
        Self { table, ports, sight, walls, meter, columns, schema }
    }

    async fn page(
        &self,
        after: Option<EntityId>,
    ) -> Result<Option<(RecordBatch, Option<EntityId>)>> {
        let entity = self.table.entity();
        let read = self.ports.rows.rows_after(&self.sight, entity, after.as_ref(), PAGE).await;
        let rows = read.map_err(|error| {
            self.meter.fail(error);
            exec_datafusion_err!("the case store failed")
        })?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let last = Some(last.clone());
        let cells: Vec<_> = rows.into_iter().map(|it| self.cells(it)).collect();
        let batch = rows_as_batch(&self.columns, &self.schema, &cells);
        Ok(Some((batch.map_err(DataFusionError::from)?, last)))
    }

    /// Lays a row out as the lake does, without what must not be seen.
    fn cells(&self, (id, row): (EntityId, CurrentRow)) -> Vec<shared::lake::Cell> {
        let change = ChangeRow {
            seq: 0,
            at: row.version,
            entity: self.table.entity(),
            entity_id: id,
            kind: WriteKind::Updated,
            label: None,
            fields: Vec::new(),
            lag_ms: None,
            correlation_id: CorrelationId::from_random(0),
        };
        let row = LakeRow::new(change, Some(row), &self.ports.hiding, Timestamp::EPOCH);
        row.cells(&self.columns).0
    }
}

impl PartitionStream for LiveTable {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let table = self.clone();
        // The end is known by an empty page.
        let pages = stream::try_unfold((table, None), |(table, after)| async move {
            let page = table.page(after).await?;
            Ok(page.map(|(batch, last)| (batch, (table, last))))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), pages))
    }
}

#[async_trait]
impl TableProvider for LiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(&self.schema);
        let rows: Arc<dyn PartitionStream> = match filters.iter().find_map(one_id) {
            Some(id) => Arc::new(OneRow { id, table: self.clone() }),
            None => Arc::new(self.clone()),
        };
        let plan = StreamingTableExec::try_new(schema, vec![rows], projection, [], false, limit)?;
        Ok(Arc::new(plan))
    }

    /// A single row is looked up by its id; the filter stays above all the same.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |it: &&Expr| match one_id(it) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }
}

/// Returns the id that `filter` asks for, when it is `id = '…'`.
fn one_id(filter: &Expr) -> Option<EntityId> {
    let Expr::BinaryExpr(it) = filter else { return None };
    let (left, right) = (&*it.left, &*it.right);
    let (column, value) = match (left, right) {
        (Expr::Column(column), Expr::Literal(value, _))
        | (Expr::Literal(value, _), Expr::Column(column)) => (column, value),
        _ => return None,
    };
    let (ScalarValue::Utf8(Some(id)) | ScalarValue::Utf8View(Some(id))) = value else {
        return None;
    };
    (it.op == Operator::Eq && column.name == "id").then(|| EntityId::parse(id.clone()).ok())?
}

/// The one row of an id, as far as it is shown.
#[derive(Debug)]
struct OneRow {
    id: EntityId,
    table: LiveTable,
}

impl PartitionStream for OneRow {
    fn schema(&self) -> &SchemaRef {
        &self.table.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (id, table) = (self.id.clone(), self.table.clone());
        let row = stream::once(async move { table.one(id).await });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.table.schema), row))
    }
}

impl LiveTable {
    async fn shows(&self, id: &EntityId) -> Result<bool, PortError> {
        match (self.table, &self.sight) {
            (LakeTable::Cases, sight) => {
                Ok(self.walls.hidden(sight, std::slice::from_ref(id)).await?.is_empty())
            }
            (LakeTable::Accounts | LakeTable::Contacts, sight) => {
                Ok(!matches!(sight, Sight::Only(_)))
            }
        }
    }

    async fn one(&self, id: EntityId) -> Result<RecordBatch> {
        let failed = |error| {
            self.meter.fail(error);
            exec_datafusion_err!("the case store failed")
        };
        let ids = std::slice::from_ref(&id);
        let rows = self.ports.rows.current_rows(self.table.entity(), ids).await.map_err(failed)?;
        let mut cells = Vec::new();
        let row = rows.into_iter().flatten().next().filter(|it| !it.is_deleted);
        if let Some(row) = row
            && self.shows(&id).await.map_err(failed)?
        {
            cells.push(self.cells((id, row)));
        }
        Ok(rows_as_batch(&self.columns, &self.schema, &cells)?)
    }
}
