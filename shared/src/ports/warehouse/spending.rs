//! What our own statements used of the warehouse.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::StatementId;
use crate::error::PortError;
use crate::time::Timestamp;

/// What statements of one kind used on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spending {
    /// The day in UTC, such as `2026-11-22`.
    pub day: String,
    /// What they did, such as `load`, `merge` or `statement`.
    pub operation: String,
    /// The table it was done to, where one is known.
    pub table: Option<String>,
    /// How many there were.
    pub n_statements: u64,
    /// What they used, in millionths of a credit.
    pub microcredits: u64,
}

/// Tells what our own statements used. Others that share the warehouse, and the time in which it waits, are
/// not told.
#[async_trait]
pub trait SpendingView: Send + Sync {
    /// How long after a statement ended everything is told of it for sure.
    fn lag(&self) -> Duration;

    /// Tells what statements used that began in a time, its end not included. `id` names the question: asked
    /// again under it, it is not worked out twice.
    ///
    /// # Errors
    ///
    /// `Denied` when the role may not read it, `Unavailable` when there is no answer yet; else as
    /// [`Warehouse::submit`](super::Warehouse::submit).
    async fn spending(
        &self,
        id: &StatementId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Spending>, PortError>;
}
