//! Pipelines, run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use shared::etl::{
    Action, OutputFile, Pipeline, PipelineError, PipelineFault, PipelinePlan, PipelineTest, Reject,
    ReplayRow, RunReport, Tally, TestedRows,
};
use shared::ports::{Clock, PipelineEngine, PipelineProgress, RunOptions};
use shared::time::Timestamp;

use super::baseline;
use super::compiled::{Compiled, compile};
use super::flow::{Flow, FlowError, TakeReject};
use super::language::Language;
use super::origins::Origins;
use super::output::Output;
use super::replayed::ReplayedRows;
use super::source::{OpenStore, Portion, open};
use super::text::text_of;
use super::typed::TypedRows;

/// 2026-01-01T00:00:00Z: the time of a test that names none.
const TEST_TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Runs pipelines over blob stores, with the expressions of `DataFusion`.
pub struct Pipelines {
    open: OpenStore,
    clock: Arc<dyn Clock>,
}

impl Pipelines {
    /// Opens stores by `open`, and takes the time of runs from `clock`.
    pub fn new(open: OpenStore, clock: Arc<dyn Clock>) -> Self {
        Self { open, clock }
    }

    /// Runs `pipeline` over `rows`, or over its source.
    async fn run_over(
        &self,
        pipeline: &Pipeline,
        rows: Option<Vec<ReplayRow>>,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        let started_at = self.clock.now();
        let now = options.now.unwrap_or(started_at);
        let compiled = compile(pipeline, &Language::new(now)).map_err(PipelineError::Invalid)?;
        let base = baseline::read(&self.open, pipeline, now).await?;
        let mut run = Run::begin(&self.open, pipeline, compiled, rows, options).await?;
        let passed = run.pass_all(progress).await;
        if let Err(error) = passed {
            run.abandon().await;
            return Err(error);
        }
        if !run.tally.is_stopped() {
            for rule in run.flow.rules() {
                let Some(gathered) = &rule.gathered else { continue };
                let finding = gathered.conclude(&rule.work.rule.check, now, base.as_ref());
                run.tally.conclude(&rule.work.rule.name, finding.holds, &finding.found);
            }
        }
        let mut report = run.report(pipeline, started_at);
        let next = baseline::of(pipeline, &run.flow, now, report.n_out).in_place_of(base);
        if !options.is_dry_run && !progress.may_be_seen().await {
            run.abandon().await;
            return Err(PipelineError::Stopped);
        }
        let (output, quarantine) = run.end(report.is_passed()).await?;
        report.output = output;
        report.quarantine = quarantine;
        if report.is_passed() && !options.is_dry_run {
            baseline::write(&self.open, pipeline, &next).await?;
        }
        let took = self.clock.now().since(started_at);
        report.duration_ms = took.as_millis().try_into().unwrap_or(u64::MAX);
        Ok(report)
    }
}

#[async_trait]
impl PipelineEngine for Pipelines {
    fn plan(&self, pipeline: &Pipeline) -> Result<PipelinePlan, Vec<PipelineFault>> {
        compile(pipeline, &Language::new(self.clock.now())).map(|it| it.plan)
    }

    async fn run(
        &self,
        pipeline: &Pipeline,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        self.run_over(pipeline, None, options, progress).await
    }

    async fn replay(
        &self,
        pipeline: &Pipeline,
        rows: Vec<ReplayRow>,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        self.run_over(pipeline, Some(rows), options, progress).await
    }

    async fn try_rows(
        &self,
        pipeline: &Pipeline,
        test: &PipelineTest,
    ) -> Result<TestedRows, PipelineError> {
        let language = Language::new(test.now.unwrap_or(TEST_TIME));
        let compiled = compile(pipeline, &language).map_err(PipelineError::Invalid)?;
        let portion = given(&compiled, test)?;
        let mut flow = Flow::new(compiled.work, pipeline.reject_action());
        flow.without_surroundings();
        let mut found = TestedRows::default();
        portion.rejects.into_iter().for_each(|it| found.take(it, pipeline.reject_action()));
        let mut tally = Tally::of(pipeline);
        let passed = flow.pass(portion.rows, &mut tally, &mut found);
        let rows = passed.map_err(|error| unfit(&compiled.source.at.to_string(), &error))?;
        for row in 0..rows.len() {
            let names = compiled.schema.fields().iter().map(|it| it.name().clone());
            let values = rows.batch.columns().iter().map(|it| text_of(it, row));
            found.rows.push(names.zip(values).collect::<BTreeMap<_, _>>());
        }
        Ok(found)
    }
}

impl TakeReject for TestedRows {
    fn take(&mut self, reject: Reject, _action: Action) {
        self.rejects.push(reject);
    }
}

fn unfit(at: &str, error: &FlowError) -> PipelineError {
    PipelineError::Unfit { at: at.to_owned(), text: shared::chain(error).to_string() }
}

/// Reads the rows of a test as those of a text file are read.
fn given(compiled: &Compiled, test: &PipelineTest) -> Result<Portion, PipelineError> {
    let at = format!("test `{}`", test.name);
    let fault = |text: String| PipelineError::Unfit { at: at.clone(), text };
    let source = &compiled.source;
    let rows = TypedRows::new(source.columns.clone(), source.key.clone());
    let mut rows = rows.map_err(|error| fault(error.to_string()))?;
    for (idx, row) in test.given.iter().enumerate() {
        let known: Vec<&str> = source.columns.iter().map(|it| it.from.as_str()).collect();
        if let Some(name) = row.keys().find(|it| !known.contains(&it.as_str())) {
            let text = shared::etl::no_such_name("column of the source", name, &known);
            return Err(fault(format!("given row {}: {text}", idx + 1)));
        }
        let texts: Vec<Option<String>> = known
            .iter()
            .map(|it| row.get(*it).and_then(Option::as_ref).map(ToString::to_string))
            .collect();
        let value = |place: usize| texts.get(place)?.as_deref().filter(|it| !it.is_empty());
        rows.push(idx as u64 + 1, value);
    }
    rows.finish().map_err(|error| fault(error.to_string()))
}

/// A run that is under way.
struct Run {
    source: Box<dyn super::source::RowSource>,
    at: String,
    flow: Flow,
    tally: Tally,
    rejects: Rejects,
    sink: Option<Output>,
    quarantine: Option<Output>,
    options: RunOptions,
    n_out: u64,
    reject_action: Action,
}

/// Rejects until they are written.
struct Rejects {
    waiting: Vec<Reject>,
    samples: Vec<Reject>,
    n_samples: usize,
}

impl TakeReject for Rejects {
    fn take(&mut self, reject: Reject, action: Action) {
        if self.samples.len() < self.n_samples {
            self.samples.push(reject.clone());
        }
        if matches!(action, Action::Quarantine | Action::Stop) {
            self.waiting.push(reject);
        }
    }
}

impl Run {
    async fn begin(
        open_store: &OpenStore,
        pipeline: &Pipeline,
        compiled: Compiled,
        rows: Option<Vec<ReplayRow>>,
        options: RunOptions,
    ) -> Result<Self, PipelineError> {
        let Compiled { source: wanted, work, schema, .. } = compiled;
        let mut flow = Flow::new(work, pipeline.reject_action());
        for rule in flow.rules_mut() {
            let Some(reference) = rule.work.reference.clone() else { continue };
            let at = reference.at.to_string();
            let mut source = open(open_store, reference).await?;
            while let Some(portion) = source.next().await? {
                let columns = portion.rows.batch.columns();
                rule.remember(columns).map_err(|error| unfit(&at, &error))?;
            }
        }
        let at = wanted.at.to_string();
        let mut source: Box<dyn super::source::RowSource> = match rows {
            Some(rows) => Box::new(ReplayedRows::new(wanted, rows)?),
            None => open(open_store, wanted).await?,
        };
        let (mut sink, mut quarantine) = (None, None);
        if !options.is_dry_run {
            if let Some(place) = &pipeline.quarantine {
                source.keep_rows();
                let schema = reject_schema();
                quarantine = Some(Output::begin(open_store, "quarantine", place, &schema).await?);
            }
            sink = Some(Output::begin(open_store, "sink", &pipeline.sink.part, &schema).await?);
        }
        let n_samples = options.n_samples;
        Ok(Self {
            source,
            at,
            flow,
            tally: Tally::of(pipeline),
            rejects: Rejects { waiting: Vec::new(), samples: Vec::new(), n_samples },
            sink,
            quarantine,
            options,
            n_out: 0,
            reject_action: pipeline.reject_action(),
        })
    }

    async fn pass_all(&mut self, progress: &dyn PipelineProgress) -> Result<(), PipelineError> {
        while !self.tally.is_stopped() {
            if !progress.is_wanted() {
                return Err(PipelineError::Stopped);
            }
            let Some(portion) = self.source.next().await? else { break };
            self.pass(portion).await?;
            progress.passed(self.tally.n_read, self.tally.n_rejected);
        }
        Ok(())
    }

    async fn pass(&mut self, portion: Portion) -> Result<(), PipelineError> {
        self.tally.n_read += portion.n_read;
        self.tally.n_rejected += portion.n_unread;
        for reject in portion.rejects {
            self.tally.count(&reject.rule, 0, 1);
            self.rejects.take(reject, self.reject_action);
        }
        let passed = self.flow.pass(portion.rows, &mut self.tally, &mut self.rejects);
        let rows = passed.map_err(|error| unfit(&self.at, &error))?;
        self.n_out += rows.len() as u64;
        if let Some(sink) = &mut self.sink {
            sink.write(&rows.batch).await?;
        }
        let waiting = std::mem::take(&mut self.rejects.waiting);
        if let Some(quarantine) = &mut self.quarantine
            && !waiting.is_empty()
        {
            quarantine.write(&reject_batch(&waiting, &portion.origins)?).await?;
        }
        Ok(())
    }

    fn report(&self, pipeline: &Pipeline, started_at: Timestamp) -> RunReport {
        let tally = &self.tally;
        RunReport {
            pipeline: pipeline.name.clone(),
            verdict: tally.verdict(pipeline.threshold),
            is_dry_run: self.options.is_dry_run,
            started_at,
            duration_ms: 0,
            n_read: tally.n_read,
            n_filtered: tally.n_filtered,
            n_rejected: tally.n_rejected,
            n_out: self.n_out,
            passed_percent: tally.passed_percent(),
            threshold_percent: pipeline.threshold.get(),
            rules: tally.reports(),
            unread_columns: self.source.unread_columns().to_vec(),
            output: None,
            quarantine: None,
            samples: self.rejects.samples.clone(),
        }
    }

    /// The quarantine is seen whatever the verdict is, and before the sink.
    async fn end(
        self,
        is_passed: bool,
    ) -> Result<(Option<OutputFile>, Option<OutputFile>), PipelineError> {
        let Self { sink, quarantine, .. } = self;
        let quarantine = match quarantine {
            Some(it) => Some(it.finish().await?),
            None => None,
        };
        let sink = match sink {
            Some(it) if is_passed => Some(it.finish().await?),
            Some(it) => {
                it.abandon().await?;
                None
            }
            None => None,
        };
        Ok((sink, quarantine))
    }

    async fn abandon(self) {
        for output in [self.sink, self.quarantine].into_iter().flatten() {
            // The run has failed already; parts that stay are swept by the store.
            let _ = output.abandon().await;
        }
    }
}

fn reject_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("key"),
        Field::new("line", DataType::UInt64, false),
        text("rule"),
        text("column"),
        text("value"),
        text("reason"),
        text("row"),
    ]))
}

fn reject_batch(rejects: &[Reject], origins: &Origins) -> Result<RecordBatch, PipelineError> {
    let text = |of: fn(&Reject) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejects.iter().map(of)))
    };
    let columns: Vec<ArrayRef> = vec![
        text(|it| &it.key),
        Arc::new(UInt64Array::from_iter_values(rejects.iter().map(|it| it.line))),
        text(|it| &it.rule),
        text(|it| &it.column),
        text(|it| &it.value),
        text(|it| &it.reason),
        Arc::new(rejects.iter().map(|it| origins.row(it.line)).collect::<StringArray>()),
    ];
    RecordBatch::try_new(reject_schema(), columns).map_err(|error| PipelineError::Unfit {
        at: "the quarantine".to_owned(),
        text: error.to_string(),
    })
}
