//! The refusal of a call that no quota is left for.

use std::time::Duration;

/// The quota is spent, or all that is left is kept for interactive work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of {limit} calls of connection `{connection}` is spent")]
pub struct QuotaSpent {
    /// The connection.
    pub connection: String,
    /// Calls in the window.
    pub limit: u64,
    /// When calls come free again.
    pub retry_after: Duration,
}
