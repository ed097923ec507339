//! A question that was read: planned and worked out when it is opened.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider as _, TableProvider};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::auth::Sight;
use shared::lake::{Head, LakeFile, LakeTable, TableSchema};
use shared::ports::{OpenAnswer, PreparedQuery, QueryLimits};
use shared::queries::{QueryColumn, QueryError, QueryFigures};
use tokio::time::{Instant, timeout_at};

use super::engine::{QueryPorts, Shared, files, version};
use super::fault::{failed, unplanned};
use super::latest::ChangeSet;
use super::live::LiveTable;
use super::reader::{LakeReaders, Meter};
use super::session::{SCHEMA, STORE, session};
use super::shown::Screen;
use super::statement::{Select, Table};
use super::table::{LakeTableFiles, plan_schema};
use super::{values, views};

/// The stack on which a statement is planned, in bytes. It is taken as it is used.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The most rows that are asked of a plan itself: it keeps the first so many of a sort in memory. Beyond,
/// all is sorted, which spills, and the rest is not read.
const MAX_PLANNED_ROWS: usize = 10_000;

/// A question that was read.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) shared: Arc<Shared>,
    pub(super) select: Select,
    pub(super) head: Head,
    pub(super) screen: Screen,
    pub(super) sight: Sight,
    pub(super) tag: String,
}

/// A question that is worked out.
struct Work {
    rows: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
    columns: Vec<QueryColumn>,
}

/// Returns the columns of `table`: those of this build, or of a newer one that wrote the lake.
fn schema(head: &Head, table: LakeTable) -> TableSchema {
    let own = TableSchema::first(table.columns());
    match head.schema(table) {
        Some(of_lake) => of_lake.evolved(&own.columns).unwrap_or_else(|_| of_lake.clone()),
        None => own,
    }
}

impl Prepared {
    /// Plans the statement over no file.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub(super) async fn columns(&self) -> Result<Vec<QueryColumn>, QueryError> {
        let this = self.clone();
        on_large_stack(async move {
            let (_, plan) = this.plan(&Arc::default()).await?;
            values::columns(plan.schema().inner())
        })
        .await
    }

    /// Lays out the tables, and plans the statement.
    async fn plan(&self, meter: &Arc<Meter>) -> Result<(SessionState, LogicalPlan), QueryError> {
        let template = &self.shared.template;
        let fault = |error| unplanned(&error, template);
        let (state, catalog) = session(template).map_err(fault)?;
        let tables = self.select.tables.iter().copied();
        let files = files(&self.shared.catalog, &self.head, tables).await?;
        for table in &self.select.tables {
            let (schema, name, provider) = match (table.of_lake(), *table) {
                (Some(of_lake), table) => {
                    let of_table = files.get(&of_lake).cloned().unwrap_or_default();
                    let provider = self.table(table, of_lake, of_table.into(), meter).await?;
                    (SCHEMA, table.name(), provider)
                }
                (None, Table::Live(of) | Table::Current(of) | Table::History(of)) => {
                    let Some(provider) = self.live(of, meter) else { continue };
                    (STORE, of.as_str().to_owned(), provider)
                }
            };
            let registered = catalog.schema(schema).map(|it| it.register_table(name, provider));
            registered.transpose().map_err(fault)?;
        }
        let plan = state.statement_to_plan(self.select.statement.clone()).await.map_err(fault)?;
        let only_reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        match only_reads.verify_plan(&plan) {
            Ok(()) => Ok((state, plan)),
            Err(error) => Err(QueryError::Refused(error.strip_backtrace())),
        }
    }

    fn live(&self, table: LakeTable, meter: &Arc<Meter>) -> Option<Arc<dyn TableProvider>> {
        let QueryPorts { live, walls, .. } = &self.shared.ports;
        let asker = (self.sight.clone(), Arc::clone(walls));
        Some(Arc::new(LiveTable::new(table, live.clone()?, asker, Arc::clone(meter))))
    }

    async fn table(
        &self,
        table: Table,
        of_lake: LakeTable,
        files: Arc<[LakeFile]>,
        meter: &Arc<Meter>,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let fault = |error| unplanned(&error, &self.shared.template);
        let readers = Arc::new(LakeReaders {
            blobs: Arc::clone(&self.shared.ports.blobs),
            footers: Arc::clone(&self.shared.footers),
            meter: Arc::clone(meter),
        });
        let schema = plan_schema(&schema(&self.head, of_lake));
        let all = LakeTableFiles { schema, files, readers, wanted: None };
        match table {
            Table::Current(_) => {
                let latest = self.latest(of_lake, &all, meter).await?;
                views::current(of_lake, all, latest, &self.screen).map_err(fault)
            }
            Table::History(_) | Table::Live(_) => {
                views::history(&self.shared.template, of_lake, all, &self.screen)
                    .await
                    .map_err(fault)
            }
        }
    }

    /// Finds the last change of each row: once for each state of the table, whoever asks first.
    async fn latest(
        &self,
        table: LakeTable,
        all: &LakeTableFiles,
        meter: &Arc<Meter>,
    ) -> Result<Arc<ChangeSet>, QueryError> {
        let cell = self.shared.latest(table, &version(&self.head, table));
        let found = cell.get_or_try_init(|| async {
            let fault = |error| failed(&error, meter, self.screen.hides());
            let mut changes = ChangeSet::default();
            if !all.files.is_empty() {
                let plan = views::last_changes(all.clone()).map_err(fault)?;
                let state = &self.shared.template;
                let plan = state.create_physical_plan(&plan).await.map_err(fault)?;
                let mut rows = execute_stream(plan, state.task_ctx()).map_err(fault)?;
                while let Some(batch) = rows.try_next().await.map_err(fault)? {
                    changes.insert_all(&batch);
                }
            }
            Ok::<_, QueryError>(Arc::new(changes))
        });
        found.await.cloned()
    }

    async fn begin(&self, limits: QueryLimits, meter: &Arc<Meter>) -> Result<Work, QueryError> {
        let (state, plan) = self.plan(meter).await?;
        let columns = values::columns(plan.schema().inner())?;
        let fault = |error| match failed(&error, meter, self.screen.hides()) {
            // Types that do not fit each other are found only here.
            QueryError::Failed(_) if !self.screen.hides() => unplanned(&error, &state),
            other => other,
        };
        let plan = match limits.max_rows {
            n_rows if n_rows < MAX_PLANNED_ROWS => LogicalPlanBuilder::from(plan)
                .limit(0, Some(n_rows + 1))
                .and_then(LogicalPlanBuilder::build)
                .map_err(fault)?,
            _ => plan,
        };
        let plan = state.create_physical_plan(&plan).await.map_err(fault)?;
        let rows = execute_stream(Arc::clone(&plan), state.task_ctx()).map_err(fault)?;
        Ok(Work { rows, plan, columns })
    }
}

#[async_trait]
impl PreparedQuery for Prepared {
    fn tag(&self) -> &str {
        &self.tag
    }

    async fn open(&self, limits: QueryLimits) -> Result<OpenAnswer, QueryError> {
        let until = Instant::now() + limits.within;
        let meter: Arc<Meter> = Arc::default();
        let too_long = move |_| QueryError::TooLong(limits.within);
        let (this, of_work) = (self.clone(), Arc::clone(&meter));
        let work = on_large_stack(async move {
            timeout_at(until, this.begin(limits, &of_work)).await.map_err(too_long)?
        });
        let Work { rows, plan, columns } = work.await?;
        let (hides, of_rows) = (self.screen.hides(), Arc::clone(&meter));
        let most = limits.max_rows.saturating_add(1);
        let rows = stream::try_unfold((rows, most), move |(mut rows, left)| {
            let meter = Arc::clone(&of_rows);
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let next = timeout_at(until, rows.next()).await.map_err(too_long)?;
                let Some(batch) = next else { return Ok(None) };
                let batch = batch.map_err(|error| failed(&error, &meter, hides))?;
                let values = values::rows(&batch);
                let mut values = values.map_err(|error| failed(&error.into(), &meter, hides))?;
                values.truncate(left);
                let left = left - values.len();
                Ok(Some((values, (rows, left))))
            }
        });
        let figures = move || figures(&*plan, &meter);
        Ok(OpenAnswer { columns, rows: Box::pin(rows), figures: Box::new(figures) })
    }
}

/// Plans on a thread of its own: plans are walked by recursion, with frames of tens of kilobytes each where
/// nothing is optimised. Dropped, it ends at the next point where it waits.
async fn on_large_stack<T: Send + 'static>(
    work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
) -> Result<T, QueryError> {
    let broken = |_| QueryError::Failed("the statement cannot be planned".to_owned());
    let runtime = tokio::runtime::Handle::current();
    let (mut done, planned) = tokio::sync::oneshot::channel();
    let planning = std::thread::Builder::new().name("query-plan".to_owned());
    let begun = planning.stack_size(STACK_BYTES).spawn(move || {
        runtime.block_on(async move {
            let planned = match select(Box::pin(work), Box::pin(done.closed())).await {
                Either::Left((planned, _)) => planned,
                Either::Right(_) => return,
            };
            // Whoever asked may have left meanwhile.
            drop(done.send(planned));
        });
    });
    begun.map_err(|error| QueryError::Failed(format!("no thread to plan on: {error}")))?;
    planned.await.map_err(broken)?
}

/// Sums up what a plan has cost so far.
fn figures(plan: &dyn ExecutionPlan, meter: &Meter) -> QueryFigures {
    let mut sum = QueryFigures { n_bytes_read: meter.n_bytes(), ..QueryFigures::default() };
    let mut parts: Vec<&dyn ExecutionPlan> = vec![plan];
    while let Some(part) = parts.pop() {
        let metrics = part.metrics();
        let of = |it: Option<usize>| it.and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
        sum.n_bytes_spilled += of(metrics.as_ref().and_then(MetricsSet::spilled_bytes));
        if part.is::<DataSourceExec>() {
            sum.n_rows_read += of(metrics.as_ref().and_then(MetricsSet::output_rows));
        }
        parts.extend(part.children().into_iter().map(|it| &**it));
    }
    sum
}
