//! How the jobs of the Bulk API behave.

use std::time::Duration;

/// What moves a job from state to state, and from batch to batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkPace {
    /// The org's clock: one step each time this long passed.
    Ticks(Duration),
    /// Its owner: one step each time the state is asked for.
    Polls,
}

/// How the jobs of the Bulk API behave.
#[derive(Clone, Debug)]
pub struct BulkSettings {
    /// What moves a job on.
    pub pace: BulkPace,
    /// Rows of a batch: they are committed together. Source: Bulk API 2.0 guide, 10,000.
    pub batch_records: usize,
    /// Rows of a result page when `maxRecords` does not say.
    pub page_records: usize,
    /// Query jobs that may be made in 24 hours. Source: Bulk API 2.0 limits, 10,000.
    pub daily_query_jobs: usize,
    /// Batches of uploads that are worked off in 24 hours; rows above that are in no result file.
    /// Source: Bulk API 2.0 limits, 15,000.
    pub daily_batches: usize,
    /// Whether the user has the permission "Bulk API Hard Delete".
    pub allows_hard_delete: bool,
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self {
            pace: BulkPace::Ticks(Duration::from_millis(50)),
            batch_records: 10_000,
            page_records: 100_000,
            daily_query_jobs: 10_000,
            daily_batches: 15_000,
            allows_hard_delete: true,
        }
    }
}
