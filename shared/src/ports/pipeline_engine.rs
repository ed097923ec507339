//! What works on the rows of pipelines.

use async_trait::async_trait;

use crate::etl::pushdown::PushedDown;
use crate::etl::{
    Pipeline, PipelineError, PipelineFault, PipelinePlan, PipelineTest, ReplayRow, RunReport,
    TestedRows,
};
use crate::time::Timestamp;

/// How a pipeline is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Reads and checks every row, and writes nothing.
    pub is_dry_run: bool,
    /// How many rejects the report shows. They hold values of rows.
    pub n_samples: usize,
    /// The instant that `now()` stands for; without one, the begin of the run. A run that is made again
    /// under the same one gives the same output.
    pub now: Option<Timestamp>,
}

/// Learns how far a run has come, and may end it.
#[async_trait]
pub trait PipelineProgress: Send + Sync {
    /// `n_read` rows were read, `n_rejected` of them taken out.
    fn passed(&self, n_read: u64, n_rejected: u64);

    /// Tells whether the run is to go on; asked between batches.
    fn is_wanted(&self) -> bool;

    /// Tells whether files of the run may be seen; asked once, right before the first of them is.
    async fn may_be_seen(&self) -> bool;
}

#[async_trait]
impl PipelineProgress for () {
    fn passed(&self, _n_read: u64, _n_rejected: u64) {}

    fn is_wanted(&self) -> bool {
        true
    }

    async fn may_be_seen(&self) -> bool {
        true
    }
}

/// Runs pipelines.
///
/// # Contract
///
/// - A pipeline with a wrong name or type is never run: every fault is told, with its place.
/// - A row is written, taken out by a filter, or rejected with a reason; none is lost.
/// - The sink is seen whole, and only when the gate is open. The quarantine is seen whole when there is
///   a verdict, whatever it is: it tells why.
/// - No more rows are held than a constant number, and what `unique` and `reference` may remember.
/// - The time of a run is one instant, whatever an expression asks for it and when.
/// - A run whose caller ends it is [`PipelineError::Stopped`], and no file of it is seen.
#[async_trait]
pub trait PipelineEngine: Send + Sync {
    /// Works out every name and type. Nothing is read or written.
    ///
    /// # Errors
    ///
    /// Every fault.
    fn plan(&self, pipeline: &Pipeline) -> Result<PipelinePlan, Vec<PipelineFault>>;

    /// Compiles `pipeline` to statements of a warehouse, which give the same rows and the same rejects; for
    /// a run that begins at `now`, where its time matters. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Every fault, and every step that is not the same there, with the reason.
    fn push_down(
        &self,
        pipeline: &Pipeline,
        now: Option<Timestamp>,
    ) -> Result<PushedDown, Vec<PipelineFault>>;

    /// Runs `pipeline`.
    ///
    /// # Errors
    ///
    /// [`PipelineError`] when there is no verdict. A shut gate is none.
    async fn run(
        &self,
        pipeline: &Pipeline,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError>;

    /// Runs `pipeline` over `rows` in place of its source. Each keeps its line.
    ///
    /// # Errors
    ///
    /// As [`run`](PipelineEngine::run).
    async fn replay(
        &self,
        pipeline: &Pipeline,
        rows: Vec<ReplayRow>,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError>;

    /// Sends the rows of `test` through the steps and row rules of `pipeline`. Nothing is read or
    /// written: a rule that refers to another file is left out, and so are those of all rows.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Invalid`].
    async fn try_rows(
        &self,
        pipeline: &Pipeline,
        test: &PipelineTest,
    ) -> Result<TestedRows, PipelineError>;
}
