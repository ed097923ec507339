//! Pipelines: rows from a source through typed steps and quality rules into a sink.
//!
//! A [`Pipeline`] is data, read from YAML ([`read_pipeline`]) or built ([`Pipeline::builder`]). What
//! works on rows stands behind [`PipelineEngine`](crate::ports::PipelineEngine).

mod baseline;
mod case_rows;
mod check;
mod condition;
mod database;
mod fault;
mod file;
mod json_path;
mod kind;
mod lineage;
mod outline;
mod partition;
mod pipeline;
mod place;
mod plan;
pub mod pushdown;
mod replay;
pub mod report;
mod rule;
pub mod runs;
mod sets;
mod step;
mod stores;
mod tally;
mod unit_test;
pub(crate) mod yaml;

pub use baseline::{Baseline, ColumnFigures};
pub use case_rows::{CaseRow, CaseRows, case_column, case_columns};
pub use check::{Bounds, Check, ColumnTest, Comparison, Figure, ReferenceSet, RowCheck};
pub use condition::{Kinds, name as quoted_name};
pub use database::{DatabaseTable, WriteMode};
pub use fault::{Faults, Located, PipelineFault, no_such_name};
pub use file::read_pipeline;
pub use json_path::JsonPath;
pub use kind::{ColumnKind, SourceColumn, ValueFormat};
pub use lineage::{ColumnLineage, Lineage};
pub use outline::{Outline, OutlinedColumn, OutlinedStep};
pub use partition::{MAX_PARTITIONS, OpenBlobs, PARTITION, PartitionsError};
pub use pipeline::{Pipeline, PipelineBuilder};
pub use place::{CsvForm, FileForm, JsonForm, Place, Sink, Source, WarehouseTable};
pub use plan::{PipelinePlan, PlannedColumn, PlannedRule, PlannedStep};
pub use replay::{MAX_REPLAYED_BYTES, MAX_REPLAYED_ROWS, ReplayRow, replayed_rows};
pub use report::{
    OutputFile, PipelineError, Reject, RuleReport, RunReport, SetReport, Verdict, WrittenTable,
};
pub use rule::{Action, Percent, Rule, Scalar};
pub use sets::{Aggregate, Deduplicate, History, Join, JoinKind, Keep, OrderBy};
pub use step::Step;
pub use tally::Tally;
pub use unit_test::{ExpectedReject, PipelineTest, TestReport, TestRow, TestedRows};
