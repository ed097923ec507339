//! What the runner works with.

use std::sync::Arc;
use std::time::Duration;

use shared::etl::OpenBlobs;
use shared::etl::runs::Definitions;
use shared::ports::{Clock, PipelineEngine, PipelineJournal, Queue, Random};

/// The ports of the runner.
#[derive(Clone)]
pub struct RunnerPorts {
    /// Works on rows.
    pub engine: Arc<dyn PipelineEngine>,
    /// Where definitions are.
    pub definitions: Definitions,
    /// What is known of runs.
    pub journal: Arc<dyn PipelineJournal>,
    /// Where partitions are queued.
    pub queue: Arc<dyn Queue>,
    /// Opens the stores of sources, to list their files.
    pub open: OpenBlobs,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Tells one delivery from another.
    pub random: Arc<dyn Random>,
}

/// How the runner works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunnerSettings {
    /// How long a partition may take; without it, as long as it takes.
    pub within: Option<Duration>,
    /// How long a partition is its runner's without a word from it.
    pub lease: Duration,
    /// How often the runner says that it lives, and asks whether it is still wanted.
    pub renew_every: Duration,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self { within: None, lease: Duration::from_mins(2), renew_every: Duration::from_secs(20) }
    }
}
