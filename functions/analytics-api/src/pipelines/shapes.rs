//! Pipelines and runs as answers show them.

use std::collections::BTreeSet;

use serde::Serialize;
use shared::etl::runs::{ListedPipeline, Quality, RuleQuality, RunDetail, RunQuality, RunSummary};
use shared::etl::{
    Action, Located, OutlinedColumn, OutlinedStep, Pipeline, PipelineFault, Rule, RuleReport,
    SourceColumn,
};
use shared::ports::{PartitionRun, PipelineRun, PipelineRunState, RunCounts};
use shared::time::Timestamp;
use utoipa::ToSchema;

/// A pipeline, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineItem {
    /// Its name.
    #[schema(example = "clean-cases")]
    name: String,
    /// What it is for.
    about: Option<String>,
    /// Whether its definition can be used, as far as that is known without working expressions out.
    is_valid: bool,
    /// Everything that is wrong with it.
    faults: Vec<PipelineFault>,
    /// Its newest run.
    last_run: Option<PipelineRun>,
    /// When it runs by itself; null when it is only asked for.
    schedule: Option<PipelineSchedule>,
}

/// When a pipeline runs by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineSchedule {
    /// In words.
    #[schema(example = "each day at 06:00 UTC")]
    text: String,
    /// When it is due next. It waits while its run before has not ended.
    next_at: Timestamp,
}

/// A definition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineDefinition {
    /// The SHA-256 of its text, in hex.
    sha256: String,
    /// Where rows come from.
    #[schema(example = "s3://example-pipelines/pipelines/in/*.csv")]
    source: String,
    /// How that is written: `csv` or `parquet`.
    source_format: String,
    /// Whether the source is many files, each a partition.
    is_partitioned: bool,
    /// The columns that are read.
    columns: Vec<PipelineColumn>,
    /// The columns of the source that name a row in rejects.
    key: Vec<String>,
    /// The steps, in order.
    steps: Vec<OutlinedStep>,
    /// The rules, in order.
    rules: Vec<PipelineRule>,
    /// The share of rows that must not be rejected, in percent.
    threshold_percent: f64,
    /// Where rows go.
    sink: String,
    /// Where rejects go.
    quarantine: Option<String>,
    /// Where the figures of the last good run are.
    baseline: Option<String>,
    /// Where each column of the sink comes from.
    lineage: Vec<OutlinedColumn>,
    /// The columns of the source that decide which rows are there.
    filtered_by: BTreeSet<String>,
    /// How many tests stand in it.
    n_tests: u64,
}

/// A column of a source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineColumn {
    /// What the pipeline calls it.
    name: String,
    /// What the file calls it.
    from: String,
    /// What it holds.
    #[serde(rename = "type")]
    #[schema(example = "decimal(18,2)")]
    kind: String,
    /// Whether each row must have a value.
    is_required: bool,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineRule {
    /// Its name.
    rule: String,
    /// What it checks.
    #[schema(example = "not_null")]
    check: String,
    /// The columns it looks at; of an expression only the engine knows them.
    columns: Vec<String>,
    /// What happens to rows that break it.
    action: Action,
    /// The share of rows that must keep it, in percent.
    threshold_percent: Option<f64>,
}

impl PipelineItem {
    /// Shows what is listed, and the definition beside it.
    pub(crate) fn of(listed: ListedPipeline) -> (Self, Option<PipelineDefinition>) {
        let ListedPipeline { name, found, last_run, next_at } = listed;
        let (definition, faults) = match found {
            Ok(definition) => (Some(definition), Vec::new()),
            Err(faults) => (None, faults),
        };
        let pipeline = definition.as_ref().map(|it| &it.pipeline);
        let about = pipeline.and_then(|it| it.about.clone());
        let text = pipeline.and_then(|it| it.schedule.as_ref()).map(ToString::to_string);
        let schedule = text.zip(next_at).map(|(text, next_at)| PipelineSchedule { text, next_at });
        let is_valid = definition.is_some();
        let item = Self { name, about, is_valid, faults, last_run, schedule };
        (item, definition.map(|it| PipelineDefinition::of(&it.pipeline, it.sha256)))
    }
}

impl PipelineDefinition {
    fn of(pipeline: &Pipeline, sha256: String) -> Self {
        let source = &pipeline.source.part;
        let outline = pipeline.outline();
        Self {
            sha256,
            source: source.at.to_string(),
            source_format: source.form.as_str().to_owned(),
            is_partitioned: pipeline.is_partitioned(),
            columns: source.columns.iter().map(PipelineColumn::of).collect(),
            key: pipeline.key.clone(),
            steps: outline.steps,
            rules: pipeline.rules().map(PipelineRule::of).collect(),
            threshold_percent: pipeline.threshold.get(),
            sink: pipeline.sink.part.at.to_string(),
            quarantine: pipeline.quarantine.as_ref().map(|it| it.at.to_string()),
            baseline: pipeline.baseline.as_ref().map(ToString::to_string),
            lineage: outline.columns,
            filtered_by: outline.filtered_by,
            n_tests: pipeline.tests.len() as u64,
        }
    }
}

impl PipelineColumn {
    fn of(column: &SourceColumn) -> Self {
        Self {
            name: column.name.clone(),
            from: column.from.clone(),
            kind: column.kind.to_string(),
            is_required: column.is_required,
        }
    }
}

impl PipelineRule {
    fn of(located: &Located<Rule>) -> Self {
        let Rule { name, check, action, threshold } = &located.part;
        Self {
            rule: name.clone(),
            check: check.as_str().to_owned(),
            columns: check.columns().into_iter().map(str::to_owned).collect(),
            action: *action,
            threshold_percent: threshold.map(shared::etl::Percent::get),
        }
    }
}

/// How many partitions of a run stand so.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartitionCount {
    /// How far they have come.
    state: PipelineRunState,
    /// How many they are.
    n_partitions: u32,
}

/// A run, and its rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineRunItem {
    #[serde(flatten)]
    run: PipelineRun,
    /// The rows of all partitions.
    counts: RunCounts,
    /// How many partitions stand how.
    partition_states: Vec<PartitionCount>,
}

/// One page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineRunPage {
    /// The runs, the newest first.
    pub(crate) items: Vec<PipelineRunItem>,
    /// Give it as `after` to read on; null on the last page.
    pub(crate) next_after: Option<String>,
}

/// All that is known of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineRunDetail {
    #[serde(flatten)]
    item: PipelineRunItem,
    /// What became of the rules, over all partitions.
    rules: Vec<RuleReport>,
    /// The partitions, in order.
    partitions: Vec<PartitionRun>,
}

impl PipelineRunItem {
    /// Shows a run.
    pub(crate) fn of(summary: RunSummary) -> Self {
        let RunSummary { run, counts, states } = summary;
        let states = states.into_iter();
        let partition_states =
            states.map(|(state, n_partitions)| PartitionCount { state, n_partitions }).collect();
        Self { run, counts, partition_states }
    }

    /// Returns the id of the run.
    pub(crate) fn id(&self) -> String {
        self.run.id.to_string()
    }
}

impl PipelineRunDetail {
    /// Shows all of a run.
    pub(crate) fn of(detail: RunDetail) -> Self {
        let RunDetail { summary, rules, partitions } = detail;
        Self { item: PipelineRunItem::of(summary), rules, partitions }
    }
}

/// How good the rows of one run were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineRunQuality {
    #[serde(flatten)]
    run: PipelineRun,
    /// The rows of all partitions.
    counts: RunCounts,
    /// The share of rows that were not rejected, in percent; null when none was read.
    passed_percent: Option<f64>,
    /// What became of the rules, over all partitions.
    rules: Vec<RuleReport>,
}

/// How good the rows of a pipeline were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineQuality {
    /// The runs that came to a verdict over their source, the newest first.
    items: Vec<PipelineRunQuality>,
    /// Their rules; the one that was broken most often comes first.
    rules: Vec<RuleQuality>,
    /// Whether there are more runs than could be read at once.
    is_cut: bool,
}

impl PipelineQuality {
    /// Shows how good rows were.
    pub(crate) fn of(quality: Quality) -> Self {
        let Quality { runs, rules, is_cut } = quality;
        let of = |it: RunQuality| {
            let passed_percent = it.passed_percent();
            let RunQuality { run, counts, rules } = it;
            PipelineRunQuality { run, counts, passed_percent, rules }
        };
        Self { items: runs.into_iter().map(of).collect(), rules, is_cut }
    }
}
