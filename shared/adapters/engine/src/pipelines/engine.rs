//! Pipelines, run.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::future::poll_fn;
use shared::etl::pushdown::{InWarehouse, PushedDown};
use shared::etl::{
    CaseRows, Pipeline, PipelineError, PipelineFault, PipelinePlan, PipelineTest, ReplayRow,
    RunReport, Tally, TestedRows,
};
use shared::ports::{Clock, LoadId, PipelineEngine, PipelineProgress, RunOptions, Tables};
use shared::time::Timestamp;

use super::baseline;
use super::chain::{Chain, Links, Rejects};
use super::compiled::{Compiled, compile};
use super::given::GivenFiles;
use super::language::Language;
use super::output::Output;
use super::pushdown;
use super::rejects::reject_schema;
use super::sink::RunSink;
use super::source::{Files, OpenStore, Stores};
use super::text::text_of;

/// 2026-01-01T00:00:00Z: the time of a test that names none.
const TEST_TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Runs pipelines over blob stores, with the expressions of `DataFusion`.
pub struct Pipelines {
    stores: Stores,
    warehouse: Option<InWarehouse>,
    clock: Arc<dyn Clock>,
    scratch: PathBuf,
}

impl Pipelines {
    /// Opens stores by `open`, and takes the time of runs from `clock`.
    pub fn new(open: OpenStore, clock: Arc<dyn Clock>) -> Self {
        let (stores, scratch) = (Stores { open, cases: None, tables: None }, std::env::temp_dir());
        Self { stores, warehouse: None, clock, scratch }
    }

    /// Reads rows of the case store, too.
    #[must_use]
    pub fn with_case_store(mut self, cases: CaseRows) -> Self {
        self.stores.cases = Some(cases);
        self
    }

    /// Reads and writes tables of databases, too.
    #[must_use]
    pub fn with_tables(mut self, tables: Arc<dyn Tables>) -> Self {
        self.stores.tables = Some(tables);
        self
    }

    /// Runs pipelines from tables into tables in `warehouse`.
    #[must_use]
    pub fn with_warehouse(self, warehouse: InWarehouse) -> Self {
        Self { warehouse: Some(warehouse), ..self }
    }

    /// Puts what memory cannot hold into a folder within `scratch`, which goes with the run. Without it
    /// that is where the operating system keeps temporary files (`TMPDIR`).
    #[must_use]
    pub fn with_scratch(self, scratch: impl Into<PathBuf>) -> Self {
        Self { scratch: scratch.into(), ..self }
    }

    fn links(
        &self,
        pipeline: &Pipeline,
        compiled: Compiled,
        rejects: Rejects,
        is_test: bool,
    ) -> Links {
        let Compiled { source, stretches, sets, .. } = compiled;
        let (reject_action, memory_mb) = (pipeline.reject_action(), pipeline.memory_mb);
        let (tally, scratch) = (Tally::of(pipeline), self.scratch.clone());
        Links {
            source,
            stretches,
            sets,
            tally,
            rejects,
            reject_action,
            memory_mb,
            scratch,
            is_test,
            rows: None,
            keeps_rows: false,
        }
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
        let base = baseline::read(&self.stores.open, pipeline, options.now).await?;
        let mut run = Run::begin(self, pipeline, compiled, rows, options, now).await?;
        let passed = run.pass_all(progress).await;
        if let Err(error) = passed {
            run.abandon().await;
            return Err(error);
        }
        run.conclude(now, base.as_ref());
        let mut report = run.report(pipeline, started_at);
        let next = baseline::of(pipeline, run.chain.common.flows(), now, report.n_out);
        let next = next.in_place_of(base);
        if !options.is_dry_run && !progress.may_be_seen().await {
            run.abandon().await;
            return Err(PipelineError::Stopped);
        }
        run.end(&mut report).await?;
        if report.is_passed() && !options.is_dry_run {
            baseline::write(&self.stores.open, pipeline, &next).await?;
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

    fn push_down(
        &self,
        pipeline: &Pipeline,
        now: Option<Timestamp>,
    ) -> Result<PushedDown, Vec<PipelineFault>> {
        pushdown::push_down(pipeline, now)
    }

    async fn run(
        &self,
        pipeline: &Pipeline,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        if pipeline.is_in_warehouse() {
            let now = options.now.unwrap_or_else(|| self.clock.now());
            let pushed =
                pushdown::push_down(pipeline, Some(now)).map_err(PipelineError::Invalid)?;
            let warehouse = self.warehouse.as_ref().ok_or_else(|| PipelineError::Unfit {
                at: pipeline.source.part.at.to_string(),
                text: "no warehouse is named in the settings (`warehouse.address`)".to_owned(),
            })?;
            return warehouse.run(pipeline, &pushed, options, progress).await;
        }
        self.run_over(pipeline, None, options, progress).await
    }

    async fn replay(
        &self,
        pipeline: &Pipeline,
        rows: Vec<ReplayRow>,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        if pipeline.is_in_warehouse() {
            let text = "rows of a table are put right in the table, and run again".to_owned();
            return Err(PipelineError::Unfit { at: pipeline.source.part.at.to_string(), text });
        }
        self.run_over(pipeline, Some(rows), options, progress).await
    }

    async fn try_rows(
        &self,
        pipeline: &Pipeline,
        test: &PipelineTest,
    ) -> Result<TestedRows, PipelineError> {
        let language = Language::new(test.now.unwrap_or(TEST_TIME));
        let compiled = compile(pipeline, &language).map_err(PipelineError::Invalid)?;
        let files = Files::Given(Arc::new(GivenFiles::of(pipeline, test)?));
        let names: Vec<String> =
            compiled.schema.fields().iter().map(|it| it.name().clone()).collect();
        // Rejects of rules that only warn are shown, too.
        let rejects = Rejects { samples: Vec::new(), n_samples: usize::MAX, quarantine: None };
        let mut chain = Chain::begin(&files, self.links(pipeline, compiled, rejects, true)).await?;
        let mut found = TestedRows::default();
        while let Some(rows) = chain.last.next().await? {
            for row in 0..rows.len() {
                let values = rows.batch.columns().iter().map(|it| text_of(it, row));
                found.rows.push(names.iter().cloned().zip(values).collect::<BTreeMap<_, _>>());
            }
        }
        found.rejects = chain.common.take_rejects().await.0;
        Ok(found)
    }
}

/// Returns what tells the rows of a run from those of every other.
fn load_id(pipeline: &Pipeline, is_replay: bool, run_at: Timestamp) -> LoadId {
    let source = &pipeline.source.part.at;
    let source = if is_replay { format!("replay of {source}") } else { source.to_string() };
    LoadId { pipeline: pipeline.name.clone(), source, run_at }
}

/// A run that is under way.
struct Run {
    chain: Chain,
    sink: Option<RunSink>,
    options: RunOptions,
    n_out: u64,
}

impl Run {
    async fn begin(
        engine: &Pipelines,
        pipeline: &Pipeline,
        compiled: Compiled,
        rows: Option<Vec<ReplayRow>>,
        options: RunOptions,
        now: Timestamp,
    ) -> Result<Self, PipelineError> {
        let open_store = &engine.stores.open;
        let id = load_id(pipeline, rows.is_some(), now);
        let schema = Arc::clone(&compiled.schema);
        let samples = Vec::new();
        let rejects = Rejects { samples, n_samples: options.n_samples, quarantine: None };
        let keeps_rows = pipeline.quarantine.is_some() && !options.is_dry_run;
        let links = engine.links(pipeline, compiled, rejects, false);
        let links = Links { rows, keeps_rows, ..links };
        let chain = Chain::begin(&Files::Stores(engine.stores.clone()), links).await?;
        let mut sink = None;
        if !options.is_dry_run {
            if let Some(place) = &pipeline.quarantine {
                let schema = reject_schema();
                let quarantine = Output::begin(open_store, "quarantine", place, &schema).await?;
                chain.common.write_rejects(quarantine).await;
            }
            let at = &pipeline.sink.part;
            sink = Some(RunSink::begin(&engine.stores, at, &schema, id).await?);
        }
        Ok(Self { chain, sink, options, n_out: 0 })
    }

    async fn pass_all(&mut self, progress: &dyn PipelineProgress) -> Result<(), PipelineError> {
        let common = Arc::clone(&self.chain.common);
        let mut passing = pin!(self.pass(progress));
        // A step over many rows may read for long before it gives the first.
        poll_fn(|context: &mut Context<'_>| {
            if !progress.is_wanted() {
                return Poll::Ready(Err(PipelineError::Stopped));
            }
            let polled: Poll<_> = passing.as_mut().poll(context);
            common.tell(progress);
            polled
        })
        .await
    }

    async fn pass(&mut self, progress: &dyn PipelineProgress) -> Result<(), PipelineError> {
        while let Some(rows) = self.chain.last.next().await? {
            self.n_out += rows.len() as u64;
            if let Some(sink) = &mut self.sink {
                sink.write(&rows.batch).await?;
            }
            // A store that never waits gives all of a run in one poll.
            self.chain.common.tell(progress);
            if !progress.is_wanted() {
                return Err(PipelineError::Stopped);
            }
        }
        Ok(())
    }

    /// Asks the rules of all rows.
    fn conclude(&self, now: Timestamp, base: Option<&shared::etl::Baseline>) {
        let mut tally = self.chain.common.tally();
        if tally.is_stopped() {
            return;
        }
        for flow in self.chain.common.flows() {
            for rule in flow.rules() {
                let Some(gathered) = &rule.gathered else { continue };
                let finding = gathered.conclude(&rule.work.rule.check, now, base);
                tally.conclude(&rule.work.rule.name, finding.holds, &finding.found);
            }
        }
    }

    fn report(&self, pipeline: &Pipeline, started_at: Timestamp) -> RunReport {
        let tally = self.chain.common.tally();
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
            sets: self.chain.set_reports(),
            unread_columns: self.chain.unread_columns.clone(),
            output: None,
            table: None,
            quarantine: None,
            samples: Vec::new(),
        }
    }

    /// The quarantine is seen whatever the verdict is, and before the sink.
    async fn end(self, report: &mut RunReport) -> Result<(), PipelineError> {
        let (samples, quarantine) = self.chain.common.take_rejects().await;
        report.samples = samples;
        if let Some(it) = quarantine {
            report.quarantine = Some(it.finish().await?);
        }
        match self.sink {
            Some(it) if report.is_passed() => it.finish(report).await?,
            Some(it) => it.abandon().await?,
            None => {}
        }
        Ok(())
    }

    async fn abandon(self) {
        let (_, quarantine) = self.chain.common.take_rejects().await;
        // The run has failed already; parts that stay are swept by the store.
        if let Some(output) = self.sink {
            let _ = output.abandon().await;
        }
        if let Some(output) = quarantine {
            let _ = output.abandon().await;
        }
    }
}
