//! What is asked of the desk, and what it answers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::definitions::Definition;
use crate::error::PortError;
use crate::etl::{Action, PipelineFault, ReplayRow, RuleReport};
use crate::ids::CorrelationId;
use crate::ports::{PartitionRun, PipelineRun, PipelineRunState, RunCounts};
use crate::time::Timestamp;

/// Why an order was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PipelineDeskError {
    /// There is no such pipeline.
    #[error("there is no pipeline `{name}`{}", or_meant(.meant.as_deref()))]
    NoPipeline {
        /// The name.
        name: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    /// Its definition cannot be used.
    #[error("the definition of `{name}` has {} faults", .faults.len())]
    Faulty {
        /// The name.
        name: String,
        /// Everything that is wrong.
        faults: Vec<PipelineFault>,
    },
    /// There is no such run.
    #[error("there is no run `{id}`")]
    NoRun {
        /// Its id.
        id: CorrelationId,
    },
    /// All of the run succeeded.
    #[error("run `{id}` succeeded: there is nothing to do again")]
    Succeeded {
        /// Its id.
        id: CorrelationId,
    },
    /// The run has ended.
    #[error("run `{id}` has ended: it is {}", .state.as_str())]
    Ended {
        /// Its id.
        id: CorrelationId,
        /// How.
        state: PipelineRunState,
    },
    /// What was asked for cannot be: each part that is wrong, and the way out.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// The journal, the queue or the folder failed.
    #[error("the order was not taken")]
    Failed(#[source] PortError),
}

fn or_meant(name: Option<&str>) -> String {
    name.map_or_else(String::new, |it| format!(": did you mean `{it}`?"))
}

/// Asks for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// The pipeline.
    pub pipeline: String,
    /// These partitions; none for all.
    pub only: Vec<String>,
    /// Who asks, such as `person:ann@firm.example`.
    pub started_by: String,
    /// Names the order: asking again under it starts no second run.
    pub idempotency_key: Option<String>,
    /// Follows it through logs; without one, the run's own id does.
    pub correlation_id: Option<CorrelationId>,
}

/// Asks for a run over rows that were put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// The run; `only` names the one partition that the rows are of.
    pub run: RunRequest,
    /// The rows.
    pub rows: Vec<ReplayRow>,
}

/// A run that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The run.
    pub run: PipelineRun,
    /// Whether it is of this order, and not of one under the same key before.
    pub is_new: bool,
}

/// A pipeline as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedPipeline {
    /// Its name.
    pub name: String,
    /// The definition, or everything that is wrong with it.
    pub found: Result<Definition, Vec<PipelineFault>>,
    /// Its newest run.
    pub last_run: Option<PipelineRun>,
    /// When it is due next by its schedule.
    pub next_at: Option<Timestamp>,
}

/// A run, and its rows counted.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// The run.
    pub run: PipelineRun,
    /// The rows of all partitions.
    pub counts: RunCounts,
    /// How many partitions stand so.
    pub states: BTreeMap<PipelineRunState, u32>,
}

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetail {
    /// The run, and its rows.
    pub summary: RunSummary,
    /// What became of the rules, over all partitions.
    pub rules: Vec<RuleReport>,
    /// The partitions, in order.
    pub partitions: Vec<PartitionRun>,
}

/// How good the rows of one run were.
#[derive(Clone, Debug, PartialEq)]
pub struct RunQuality {
    /// The run.
    pub run: PipelineRun,
    /// The rows of all partitions.
    pub counts: RunCounts,
    /// What became of the rules, over all partitions.
    pub rules: Vec<RuleReport>,
}

impl RunQuality {
    /// Returns the share of rows that were not rejected, in percent; `None` when none was read.
    pub fn passed_percent(&self) -> Option<f64> {
        let RunCounts { n_read, n_rejected, .. } = self.counts;
        (n_read > 0).then(|| percent(n_read.saturating_sub(n_rejected), n_read))
    }
}

/// Returns `part` of `whole`, in percent; the eighth digit does not matter to anybody.
#[expect(clippy::cast_precision_loss, reason = "a share is shown with two digits")]
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// What became of one rule, over several runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleQuality {
    /// Its name.
    pub rule: String,
    /// What happens to rows that break it, as the newest of the runs knew it.
    pub action: Action,
    /// How many rows were checked.
    pub n_checked: u64,
    /// How many of them broke it; of a rule of all rows, how many partitions did.
    pub n_failed: u64,
    /// How many runs had it.
    pub n_runs: u32,
    /// In how many of them it was broken.
    pub n_runs_broken: u32,
}

impl RuleQuality {
    /// Begins with the rule of `report`, and nothing counted.
    pub fn new(report: &RuleReport) -> Self {
        let rule = report.rule.clone();
        Self { rule, action: report.action, n_checked: 0, n_failed: 0, n_runs: 0, n_runs_broken: 0 }
    }
}

/// How good the rows of a pipeline were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// The runs, the newest first.
    pub runs: Vec<RunQuality>,
    /// Their rules; the one that was broken most often comes first.
    pub rules: Vec<RuleQuality>,
    /// Whether there are more runs than could be read at once.
    pub is_cut: bool,
}
