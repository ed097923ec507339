//! A step over many rows as the source of the steps behind it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use async_trait::async_trait;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::{ExecutionPlan, execute_stream};
use futures_util::StreamExt as _;
use shared::etl::{PipelineError, SetReport};

use super::feed::{Feed, input, packed_schema, unpacked};
use super::first::FirstOfKey;
use super::gathered::Gathered;
use super::operators::sorted;
use super::space::Space;
use super::work::{SetKind, SetWork, Sorting};
use super::{aggregate, history, join};
use crate::pipelines::chain::{Stretch, locked};
use crate::pipelines::origins::Origins;
use crate::pipelines::source::{Files, Portion, RowSource};

/// What a step took and gave, counted while it runs.
pub(in crate::pipelines) struct SetFigures {
    path: String,
    does: &'static str,
    n_in: AtomicU64,
    n_out: AtomicU64,
    spilled_bytes: AtomicU64,
    note: Mutex<Option<String>>,
}

impl SetFigures {
    /// Counts rows that came.
    pub(super) fn came(&self, n_rows: usize) {
        self.n_in.fetch_add(n_rows as u64, Ordering::Relaxed);
    }

    /// Notes what else there is to say.
    pub(super) fn note(&self, text: String) {
        *locked(&self.note) = Some(text);
    }

    /// Says what became of the step.
    pub(in crate::pipelines) fn report(&self) -> SetReport {
        SetReport {
            step: self.path.clone(),
            does: self.does.to_owned(),
            n_in: self.n_in.load(Ordering::Relaxed),
            n_out: self.n_out.load(Ordering::Relaxed),
            spilled_bytes: self.spilled_bytes.load(Ordering::Relaxed),
            note: locked(&self.note).clone(),
        }
    }
}

/// What makes of the batches of an operator rows of the pipeline.
pub(super) trait Turn: Send {
    /// Takes the next batch.
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError>;

    /// Gives what was kept back.
    fn end(&mut self) -> Result<Option<Portion>, ArrowError>;
}

/// An operator that runs.
pub(super) struct Running {
    plan: Arc<dyn ExecutionPlan>,
    batches: SendableRecordBatchStream,
    turn: Box<dyn Turn>,
}

impl Running {
    /// Begins to run `plan`.
    ///
    /// # Errors
    ///
    /// Why it cannot run.
    pub(super) fn begin(
        plan: Arc<dyn ExecutionPlan>,
        turn: Box<dyn Turn>,
        space: &Space,
    ) -> Result<Self> {
        let batches = execute_stream(Arc::clone(&plan), Arc::clone(&space.context))?;
        Ok(Self { plan, batches, turn })
    }
}

/// Rows as an operator gives them, but for what stands behind their columns.
pub(super) struct Plain {
    pub(super) schema: SchemaRef,
}

impl Turn for Plain {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        let n_columns = self.schema.fields().len();
        Ok(whole(unpacked(&batch, 0..n_columns, n_columns, &self.schema)?))
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        Ok(None)
    }
}

/// Gives rows of which none is rejected.
pub(super) fn whole(rows: crate::pipelines::rows::Rows) -> Portion {
    Portion {
        n_read: rows.len() as u64,
        n_unread: 0,
        rejects: Vec::new(),
        rows,
        origins: Origins::default(),
    }
}

/// Makes sources of steps over many rows, which share memory and disk.
pub(in crate::pipelines) struct SetSteps {
    files: Files,
    memory_mb: u32,
    scratch: PathBuf,
    space: Option<Arc<Space>>,
}

impl SetSteps {
    /// Takes room when the first step asks for it.
    pub(in crate::pipelines) fn new(files: Files, memory_mb: u32, scratch: PathBuf) -> Self {
        Self { files, memory_mb, scratch, space: None }
    }

    /// Makes a source of a step that takes `rows`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when there is no disk.
    pub(in crate::pipelines) fn source(
        &mut self,
        work: SetWork,
        rows: Stretch,
    ) -> Result<(Box<dyn RowSource>, Arc<SetFigures>), PipelineError> {
        let space = match &self.space {
            Some(space) => Arc::clone(space),
            None => Arc::new(Space::open(self.memory_mb, &self.scratch)?),
        };
        self.space = Some(Arc::clone(&space));
        let figures = Arc::new(SetFigures {
            path: work.path.clone(),
            does: work.kind.as_str(),
            n_in: AtomicU64::new(0),
            n_out: AtomicU64::new(0),
            spilled_bytes: AtomicU64::new(0),
            note: Mutex::new(None),
        });
        let first = match work.kind {
            SetKind::History(_) => history::FIRST_NEW_ROW,
            _ => 0,
        };
        let counted = Arc::clone(&figures);
        let feed = Feed::new(rows, &work.before, first, counted, space.batch_bytes());
        let (counted, files) = (Arc::clone(&figures), self.files.clone());
        let step = SetStep { work, feed, files, space, figures };
        let source = SetSource { step, state: State::Waiting, gathered: Gathered::default() };
        Ok((Box::new(source), counted))
    }
}

struct SetSource {
    step: SetStep,
    state: State,
    gathered: Gathered,
}

/// A step, with what it works on.
struct SetStep {
    work: SetWork,
    feed: Feed,
    files: Files,
    space: Arc<Space>,
    figures: Arc<SetFigures>,
}

enum State {
    Waiting,
    Running(Box<Running>),
    Ended,
}

impl SetStep {
    async fn begin(&self) -> Result<Running, PipelineError> {
        let SetWork { path, before, behind, kind } = &self.work;
        let Self { feed, space, .. } = self;
        let unfit = |error| space.unfit(path, &error);
        let packed = packed_schema(before);
        let row = Sorting::ascending(before.fields().len() + 2);
        let schema = Arc::clone(behind);
        match kind {
            SetKind::Sort(order) => {
                let plan = input(&packed, feed.stream());
                let plan = plan.and_then(|it| sorted(it, order.iter().copied().chain([row])));
                plan.and_then(|it| Running::begin(it, Box::new(Plain { schema }), space))
                    .map_err(unfit)
            }
            SetKind::Deduplicate { by, order, keeps_last } => {
                // The first is kept, so that the last must come first.
                let turned = |it: &Sorting| Sorting {
                    is_descending: it.is_descending != *keeps_last,
                    ..*it
                };
                let row = Sorting { is_descending: *keeps_last, ..row };
                let key = by.iter().map(|it| Sorting::ascending(*it));
                let order = key.chain(order.iter().map(turned)).chain([row]);
                let turn = FirstOfKey::new(by.clone(), schema);
                let plan = input(&packed, feed.stream()).and_then(|it| sorted(it, order));
                let turn = turn.map_err(|error| unfit(error.into()))?;
                plan.and_then(|it| Running::begin(it, Box::new(turn), space)).map_err(unfit)
            }
            SetKind::Aggregate { by, calls } => {
                let plan = input(&packed, feed.stream());
                plan.and_then(|it| aggregate::begin(it, by, calls, &schema, space)).map_err(unfit)
            }
            SetKind::Join(work) => {
                let (files, figures) = (&self.files, &self.figures);
                join::Beginning { path, before, behind, work, feed, files, space, figures }
                    .begin()
                    .await
            }
            SetKind::History(work) => {
                let (files, figures) = (&self.files, &self.figures);
                history::Beginning { path, before, behind, work, feed, files, space, figures }
                    .begin()
                    .await
            }
        }
    }

    fn failed(&self, error: &DataFusionError) -> PipelineError {
        let before = self.feed.common.failure();
        before.unwrap_or_else(|| self.space.unfit(&self.work.path, error))
    }
}

impl SetSource {
    async fn go_on(&mut self, mut running: Box<Running>) -> Result<Option<Portion>, PipelineError> {
        let step = &self.step;
        let portion = match running.batches.next().await {
            Some(Ok(batch)) => running.turn.take(batch),
            Some(Err(error)) => return Err(step.failed(&error)),
            None => {
                step.feed.drain().await.map_err(|error| step.failed(&error))?;
                let spilled = spilled_bytes(&*running.plan);
                step.figures.spilled_bytes.store(spilled, Ordering::Relaxed);
                return running.turn.end().map_err(|error| step.failed(&error.into()));
            }
        };
        let portion = portion.map_err(|error| step.failed(&error.into()))?;
        self.state = State::Running(running);
        Ok(Some(portion))
    }
}

/// Counts what an operator and those below it put on disk.
fn spilled_bytes(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|it| it.spilled_bytes()).unwrap_or(0);
    let below = plan.children().into_iter().map(|it| spilled_bytes(&**it));
    own as u64 + below.sum::<u64>()
}

#[async_trait]
impl RowSource for SetSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        loop {
            let enough = self.gathered.enough().map_err(|error| self.step.failed(&error.into()))?;
            if enough.is_some() {
                return Ok(enough);
            }
            let portion = match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => {
                    let rest = self.gathered.rest();
                    return rest.map_err(|error| self.step.failed(&error.into()));
                }
                State::Waiting => {
                    self.state = State::Running(Box::new(self.step.begin().await?));
                    continue;
                }
                State::Running(running) => self.go_on(running).await?,
            };
            if let Some(portion) = portion {
                let n_rows = portion.rows.len() as u64;
                self.step.figures.n_out.fetch_add(n_rows, Ordering::Relaxed);
                self.gathered.add(portion);
            }
        }
    }

    fn unread_columns(&self) -> &[String] {
        &[]
    }
}
