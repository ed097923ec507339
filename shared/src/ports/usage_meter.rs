//! What functions took, as their platform counted it.

use async_trait::async_trait;
use serde::Serialize;

use crate::error::PortError;

/// What was counted over some days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MeasuredUsage {
    /// Over how many days.
    pub n_days: u32,
    /// How many changes came in.
    pub n_changes: u64,
    /// Each function by name.
    pub functions: Vec<FunctionUsage>,
}

/// What one function took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionUsage {
    /// Its name without the deployment's, such as `sync-worker`.
    pub function: String,
    /// Its memory, in MiB.
    pub memory_mb: u64,
    /// How often it was called.
    pub n_calls: u64,
    /// How long all its calls took together, in milliseconds.
    pub total_ms: u64,
}

/// Counts what the functions of one deployment took.
///
/// # Contract
///
/// A function that was not called is told with zeros.
#[async_trait]
pub trait UsageMeter: Send + Sync {
    /// Counts over the last `n_days` days.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn usage(&self, n_days: u32) -> Result<MeasuredUsage, PortError>;
}
