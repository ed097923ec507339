//! The journal of runs of pipelines.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::etl::RuleReport;
use crate::ids::CorrelationId;
use crate::time::Timestamp;

/// How far a run of a pipeline, or a partition of one, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PipelineRunState {
    /// It waits in the queue.
    Queued,
    /// It is under way, or its process died.
    Running,
    /// Its output is seen.
    Succeeded,
    /// The gate is shut: no output is seen.
    Refused,
    /// It came to no verdict.
    Failed,
    /// A person ended it.
    Cancelled,
}

impl PipelineRunState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Returns the name used in tables, metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Tells whether nothing more happens by itself.
    pub const fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// What a run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PipelineRunKind {
    /// The source.
    Source,
    /// Rows that a person put right, by themselves.
    Replay,
}

impl PipelineRunKind {
    /// Returns the name used in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Replay => "replay",
        }
    }
}

/// One run of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PipelineRun {
    /// Its id.
    pub id: CorrelationId,
    /// The pipeline.
    pub pipeline: String,
    /// What it reads.
    pub kind: PipelineRunKind,
    /// How far it has come.
    pub state: PipelineRunState,
    /// Which try it is, from 1: each retry is another one.
    pub round: u32,
    /// The SHA-256 of the definition that this round works by; null until its partitions are known.
    pub definition: Option<String>,
    /// The partitions that were asked for; none for all.
    pub only: Vec<String>,
    /// How many partitions it has; null until they are known.
    pub n_partitions: Option<u32>,
    /// What a person should know of its end: the reason of the gate, or why it failed.
    pub message: Option<String>,
    /// Who or what started it, such as `person:ann@firm.example`.
    pub started_by: String,
    /// Follows it through logs.
    pub correlation_id: CorrelationId,
    /// What the one who started it named it by, so that asking again starts no second one.
    pub idempotency_key: Option<String>,
    /// When it was asked for. This is what `now()` says in all of its partitions.
    pub requested_at: Timestamp,
    /// When its first partition began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Rows of a run, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunCounts {
    /// Rows that were read.
    pub n_read: u64,
    /// Rows that a filter took out.
    pub n_filtered: u64,
    /// Rows that broke a rule and were taken out; each counts once.
    pub n_rejected: u64,
    /// Rows for the sink.
    pub n_out: u64,
}

/// One partition of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartitionRun {
    /// The run.
    pub run: CorrelationId,
    /// Its place, from 1, in the order of names.
    pub number: u32,
    /// What the `*` of the source stands for; empty for a source that is one file.
    pub name: String,
    /// How far it has come.
    pub state: PipelineRunState,
    /// The round of the run in which it came so far.
    pub round: u32,
    /// How often it was begun in that round.
    pub n_attempts: u32,
    /// How often it was handed back in that round because it did not end in time.
    pub n_overruns: u32,
    /// Who has it in hand.
    pub owner: Option<String>,
    /// Until when nobody else takes it.
    pub leased_until: Option<Timestamp>,
    /// Its rows.
    pub counts: RunCounts,
    /// What became of the rules.
    pub rules: Vec<RuleReport>,
    /// The reason of the gate, or why it failed the last time.
    pub message: Option<String>,
    /// The file that it wrote.
    pub output: Option<String>,
    /// The rejects that it wrote.
    pub quarantine: Option<String>,
    /// When it was begun the last time.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A value with the revision that guards it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    /// The value.
    pub value: T,
    /// Grows by one with each write, from 1.
    pub revision: u64,
}

/// How many partitions of a run stand so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionTally {
    /// How far they have come.
    pub state: PipelineRunState,
    /// The round in which they did.
    pub round: u32,
    /// How many they are.
    pub n_partitions: u32,
    /// Their rows.
    pub counts: RunCounts,
}

/// Which runs to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineRunFilter {
    /// Those of one pipeline.
    pub pipeline: Option<String>,
    /// Those that stand so.
    pub state: Option<PipelineRunState>,
    /// Those that come behind this one: when it was asked for, and its id.
    pub before: Option<(Timestamp, CorrelationId)>,
    /// So many of them.
    pub limit: u32,
}

/// Keeps runs of pipelines and their partitions.
///
/// # Contract
///
/// - [`open_run`](PipelineJournal::open_run) writes a run once: of runs of one pipeline under one
///   idempotency key, and of runs of one id, exactly one stands, and everybody gets that one.
/// - [`put_run`](PipelineJournal::put_run) and [`put_partition`](PipelineJournal::put_partition) write
///   only in place of the revision that was read; of concurrent ones exactly one succeeds. Partitions
///   that come with a run are written with it or not at all.
/// - A run that is older than the newest `keep` of its pipeline is forgotten with its partitions when
///   another is opened, unless it has not ended.
///
/// `shared::ports::pipeline_journal_contract` checks these for every adapter.
#[async_trait]
pub trait PipelineJournal: Send + Sync {
    /// Writes `run`, and the rows it replays as JSON; returns the run that stands: this one, or the one
    /// that was opened under its id or its key before.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn open_run(
        &self,
        run: &PipelineRun,
        replayed: Option<&str>,
        keep: u32,
    ) -> Result<PipelineRun, PortError>;

    /// Returns a run.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn pipeline_run(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<Kept<PipelineRun>>, PortError>;

    /// Returns the rows that a run replays.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn replayed_rows(&self, id: &CorrelationId) -> Result<Option<String>, PortError>;

    /// Writes `run` in place of `revision`, and with it a queued partition of each of `names`, in
    /// order; says whether it did.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn put_run(
        &self,
        run: &PipelineRun,
        revision: u64,
        names: &[String],
    ) -> Result<bool, PortError>;

    /// Lists runs, the newest first.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn pipeline_runs(
        &self,
        filter: &PipelineRunFilter,
    ) -> Result<Vec<PipelineRun>, PortError>;

    /// Returns a partition.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn partition(
        &self,
        run: &CorrelationId,
        number: u32,
    ) -> Result<Option<Kept<PartitionRun>>, PortError>;

    /// Writes `partition` in place of `revision`; says whether it did.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn put_partition(
        &self,
        partition: &PartitionRun,
        revision: u64,
    ) -> Result<bool, PortError>;

    /// Lists all partitions of a run, in order.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn partitions(&self, run: &CorrelationId) -> Result<Vec<PartitionRun>, PortError>;

    /// Counts the partitions of a run by how they stand.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn tally_partitions(&self, run: &CorrelationId)
    -> Result<Vec<PartitionTally>, PortError>;
}

impl PartitionRun {
    /// A partition that nobody has begun.
    pub fn queued(run: CorrelationId, number: u32, name: String) -> Self {
        Self {
            run,
            number,
            name,
            state: PipelineRunState::Queued,
            round: 1,
            n_attempts: 0,
            n_overruns: 0,
            owner: None,
            leased_until: None,
            counts: RunCounts::default(),
            rules: Vec::new(),
            message: None,
            output: None,
            quarantine: None,
            started_at: None,
            finished_at: None,
        }
    }
}

impl std::ops::AddAssign for RunCounts {
    fn add_assign(&mut self, other: Self) {
        self.n_read += other.n_read;
        self.n_filtered += other.n_filtered;
        self.n_rejected += other.n_rejected;
        self.n_out += other.n_out;
    }
}
