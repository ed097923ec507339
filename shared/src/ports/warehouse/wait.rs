//! Waits for statements, as long as a short-lived process may.

use std::time::Duration;

use super::{
    Load, LoadReport, Merge, MergeReport, Progress, Rows, Statement, StatementHandle, Step,
    Summary, Warehouse,
};
use crate::error::PortError;

/// The wait before the first look; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How long a statement is waited for. Then its handle is handed on, and nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Default for Patience {
    /// Three looks, within a quarter of a second.
    fn default() -> Self {
        Self(Duration::from_millis(200))
    }
}

/// The waits of one call.
struct Waits {
    left: Duration,
    next: Duration,
}

impl Waits {
    fn new(patience: Patience) -> Self {
        Self { left: patience.0, next: FIRST_WAIT }
    }

    /// Waits for the next look; tells whether there is one.
    async fn wait(&mut self) -> bool {
        if self.left.is_zero() {
            return false;
        }
        let wait = self.next.min(self.left);
        tokio::time::sleep(wait).await;
        self.left = self.left.saturating_sub(wait);
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }
}

/// Runs `statement` and waits for its end.
///
/// # Errors
///
/// As [`Warehouse::submit`] and [`Warehouse::poll`].
pub async fn execute(
    warehouse: &dyn Warehouse,
    statement: &Statement,
    patience: Patience,
) -> Result<Step<Summary>, PortError> {
    let handle = warehouse.submit(statement).await?;
    Ok(match poll_within(warehouse, &handle, patience).await? {
        Progress::Done(summary) => Step::Done(summary),
        Progress::Running => Step::Running(handle),
    })
}

/// Waits for the end of a statement that was begun.
///
/// # Errors
///
/// As [`Warehouse::poll`].
pub async fn poll_within(
    warehouse: &dyn Warehouse,
    handle: &StatementHandle,
    patience: Patience,
) -> Result<Progress, PortError> {
    let mut waits = Waits::new(patience);
    while waits.wait().await {
        if let done @ Progress::Done(_) = warehouse.poll(handle).await? {
            return Ok(done);
        }
    }
    Ok(Progress::Running)
}

/// Runs `statement`, waits for its end and returns its rows.
///
/// # Errors
///
/// As [`execute`].
pub async fn query(
    warehouse: &dyn Warehouse,
    statement: &Statement,
    patience: Patience,
) -> Result<Step<Rows>, PortError> {
    let handle = warehouse.submit(statement).await?;
    let mut waits = Waits::new(patience);
    while waits.wait().await {
        if let Progress::Done(_) = warehouse.poll(&handle).await? {
            return warehouse.rows(&handle).await.map(Step::Done);
        }
    }
    Ok(Step::Running(handle))
}

/// Loads and waits for the end; goes on with what was `begun`.
///
/// # Errors
///
/// As [`Warehouse::load`].
pub async fn load_within(
    warehouse: &dyn Warehouse,
    load: &Load,
    begun: Option<StatementHandle>,
    patience: Patience,
) -> Result<Step<LoadReport>, PortError> {
    let mut step = warehouse.load(load, begun.as_ref()).await?;
    let mut waits = Waits::new(patience);
    while let Step::Running(handle) = &step {
        if !waits.wait().await {
            break;
        }
        step = warehouse.load(load, Some(handle)).await?;
    }
    Ok(step)
}

/// Merges and waits for the end; goes on with what was `begun`.
///
/// # Errors
///
/// As [`Warehouse::merge`].
pub async fn merge_within(
    warehouse: &dyn Warehouse,
    merge: &Merge,
    begun: Option<StatementHandle>,
    patience: Patience,
) -> Result<Step<MergeReport>, PortError> {
    let mut step = warehouse.merge(merge, begun.as_ref()).await?;
    let mut waits = Waits::new(patience);
    while let Step::Running(handle) = &step {
        if !waits.wait().await {
            break;
        }
        step = warehouse.merge(merge, Some(handle)).await?;
    }
    Ok(step)
}
