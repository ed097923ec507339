//! The files of one table of the lake, as a table of plans: what the manifest rules out is never opened.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, TimestampMillisecondArray};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use shared::lake::{LakeFile, TableSchema};
use shared::time::parse_day;

use super::latest::ChangeSet;
use super::reader::LakeReaders;
use super::session::no_store;
use crate::parquet_files::data_type;

const DAY_MILLIS: i64 = 86_400_000;

/// Returns the columns of `schema` for plans.
///
/// Text is not held as views of what was read: a view keeps all of the page that it looks into, so that
/// few rows of many small files would take as much memory as the files.
pub(super) fn plan_schema(schema: &TableSchema) -> SchemaRef {
    let field = |it: &shared::lake::Column| Field::new(it.name.as_str(), data_type(it.kind), true);
    Arc::new(Schema::new(schema.columns.iter().map(field).collect::<Vec<_>>()))
}

/// The files of one table, every version of every row.
#[derive(Clone, Debug)]
pub(super) struct LakeTableFiles {
    pub(super) schema: SchemaRef,
    pub(super) files: Arc<[LakeFile]>,
    pub(super) readers: Arc<LakeReaders>,
    /// The changes that are looked for; a file without any is not opened. None look for all.
    pub(super) wanted: Option<Arc<ChangeSet>>,
}

impl LakeTableFiles {
    /// Leaves out the files that cannot have a row that fulfils `filters`.
    fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&LakeFile>> {
        let mut files: Vec<&LakeFile> = self.files.iter().collect();
        if let Some(wanted) = &self.wanted {
            files.retain(|it| wanted.has_any(it.min_seq, it.max_seq));
        }
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
            // What cannot be judged by bounds rules out nothing.
            let filter = state.create_physical_expr(filter, &schema).ok();
            let bounds = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema));
            if let Some(predicate) = filter.and_then(|it| bounds.build(it)) {
                let keeps = predicate.prune(&Bounds(&files))?;
                let mut keeps = keeps.into_iter();
                files.retain(|_| keeps.next().unwrap_or(true));
            }
        }
        Ok(files)
    }
}

#[async_trait]
impl TableProvider for LakeTableFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.pruned(state, filters)?;
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let n_rows: u64 = files.iter().map(|it| it.n_rows).sum();
        let n_bytes: u64 = files.iter().map(|it| it.n_bytes).sum();
        let exactly = |it: u64| usize::try_from(it).map_or(Precision::Absent, Precision::Exact);
        let statistics = Statistics {
            num_rows: exactly(n_rows),
            total_byte_size: exactly(n_bytes).to_inexact(),
            ..Statistics::new_unknown(&self.schema)
        };
        let readers = Arc::clone(&self.readers);
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_parquet_file_reader_factory(readers)
            .with_pushdown_filters(true)
            .with_bloom_filter_on_read(false);
        let groups = grouped(files, state.config().target_partitions());
        let config = FileScanConfigBuilder::new(no_store()?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// Files are left out by each filter, and rows by the filter above, which the optimizer takes into
    /// the reading.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Shares `files` out to readers, the longest first, each to whoever has least.
fn grouped(mut files: Vec<&LakeFile>, n_groups: usize) -> Vec<FileGroup> {
    files.sort_by_key(|it| std::cmp::Reverse(it.n_bytes));
    let n_groups = n_groups.clamp(1, files.len().max(1));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); n_groups];
    for file in files {
        let Some(least) = groups.iter_mut().min_by_key(|it| it.0) else { break };
        least.0 += file.n_bytes;
        let one = PartitionedFile::new(file.key.as_str(), file.n_bytes);
        least.1.push(one.with_extension(file.key.clone()));
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

/// What the manifest knows of the values in files.
struct Bounds<'a>(&'a [&'a LakeFile]);

impl Bounds<'_> {
    fn seqs(&self, of: fn(&LakeFile) -> u64) -> Option<ArrayRef> {
        let seqs = self.0.iter().map(|it| i64::try_from(of(it)).ok());
        Some(Arc::new(Int64Array::from_iter(seqs)))
    }

    fn instants(&self, of: impl Fn(&LakeFile) -> Option<i64>) -> Option<ArrayRef> {
        let millis = TimestampMillisecondArray::from_iter(self.0.iter().map(|it| of(it)));
        Some(Arc::new(millis.with_timezone("UTC")))
    }
}

/// Returns the first instant of the day of `file`.
fn day_of(file: &LakeFile) -> Option<i64> {
    parse_day(&file.day).map(|it| i64::from(it) * DAY_MILLIS)
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name() {
            "change_seq" => self.seqs(|it| it.min_seq),
            "changed_at" => self.instants(day_of),
            "version" => self.instants(|it| Some(it.min_version.as_millis())),
            _ => None,
        }
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name() {
            "change_seq" => self.seqs(|it| it.max_seq),
            "changed_at" => self.instants(|it| day_of(it).map(|it| it + DAY_MILLIS - 1)),
            "version" => self.instants(|it| Some(it.max_version.as_millis())),
            _ => None,
        }
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
