//! Keeps what calls to platforms cost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::auth::Sight;
use crate::cost::Money;
use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, CorrelationId, EntityId};
use crate::time::Timestamp;

/// What one kind of work cost on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostLine {
    /// The day in UTC, such as `2026-11-22`.
    pub day: String,
    /// The platform, such as `textract`.
    pub platform: String,
    /// The operation.
    pub operation: String,
    /// What is billed, such as `call` or `page`.
    pub unit: String,
    /// The connection it was made through.
    pub connection: Option<ConnectionId>,
    /// The case it was made for.
    pub case_id: Option<EntityId>,
    /// The run it belongs to.
    pub run_id: Option<CorrelationId>,
    /// The price list it was priced by.
    pub price_list: String,
    /// How many units.
    pub quantity: u64,
    /// What they cost together.
    pub cost: Money,
}

/// Lines that are written together, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostBatch {
    /// Its own id: a second batch with this id changes nothing.
    pub id: CorrelationId,
    /// When it was made.
    pub at: Timestamp,
    /// The lines; a line that was there before is added to.
    pub lines: Vec<CostLine>,
}

/// By what costs are summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CostGrouping {
    /// By day, the earliest first.
    #[default]
    Day,
    /// By platform, the dearest first.
    Platform,
    /// By case, the dearest first; what belongs to no case is left out.
    Case,
    /// By connection, the dearest first; what belongs to none is left out.
    Connection,
    /// By run, the dearest first; what belongs to none is left out.
    Run,
}

/// Which costs to sum up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostQuery {
    /// From this day on, such as `2026-11-01`.
    pub from_day: Option<String>,
    /// Up to this day, itself included.
    pub until_day: Option<String>,
    /// Only this platform.
    pub platform: Option<String>,
    /// Only this case.
    pub case_id: Option<EntityId>,
    /// By what they are summed up.
    pub by: CostGrouping,
    /// How many groups to return, 1 to 1,000.
    pub limit: u32,
}

/// What one group used of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CostSum {
    /// The group: a day, platform, case id, connection or run id.
    #[serde(skip)]
    pub group: String,
    /// The platform.
    pub platform: String,
    /// The operation.
    pub operation: String,
    /// What is billed.
    pub unit: String,
    /// How many units.
    pub quantity: u64,
    /// What they cost.
    pub cost: Money,
}

/// Keeps costs.
///
/// # Contract
///
/// - [`record_costs`](CostLedger::record_costs) is durable when it returns, and a batch counts once
///   however often it is given (within a day).
/// - [`costs`](CostLedger::costs) leaves out what was spent on cases that the person is screened
///   from. By case, or narrowed to one, it tells only of cases that `sight` shows.
/// - The lines of one group stand together, ordered by platform, operation and unit; groups as
///   [`CostGrouping`] says, ties by name.
#[async_trait]
pub trait CostLedger: Send + Sync {
    /// Adds `batch`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn record_costs(&self, batch: &CostBatch) -> Result<(), PortError>;

    /// Sums costs up.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn costs(&self, sight: &Sight, query: &CostQuery) -> Result<Vec<CostSum>, PortError>;
}

/// A cost ledger in the memory of this process, for tests. It knows no walls.
#[derive(Debug, Default)]
pub struct MemoryCostLedger {
    state: Mutex<MemoryState>,
}

#[derive(Debug, Default)]
struct MemoryState {
    seen: BTreeSet<CorrelationId>,
    lines: Vec<CostLine>,
    loses_answer: bool,
}

impl MemoryCostLedger {
    /// Returns every line.
    pub fn lines(&self) -> Vec<CostLine> {
        self.state().lines.clone()
    }

    /// Has the next batch written and its answer lost.
    pub fn lose_next_answer(&self) {
        self.state().loses_answer = true;
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CostLine {
    fn group(&self, by: CostGrouping) -> Option<String> {
        match by {
            CostGrouping::Day => Some(self.day.clone()),
            CostGrouping::Platform => Some(self.platform.clone()),
            CostGrouping::Case => self.case_id.as_ref().map(ToString::to_string),
            CostGrouping::Connection => self.connection.as_ref().map(ToString::to_string),
            CostGrouping::Run => self.run_id.as_ref().map(ToString::to_string),
        }
    }
}

fn matches(line: &CostLine, query: &CostQuery) -> bool {
    query.from_day.as_ref().is_none_or(|day| line.day >= *day)
        && query.until_day.as_ref().is_none_or(|day| line.day <= *day)
        && query.platform.as_ref().is_none_or(|it| line.platform == *it)
        && (query.case_id.is_none() || line.case_id == query.case_id)
}

#[async_trait]
impl CostLedger for MemoryCostLedger {
    async fn record_costs(&self, batch: &CostBatch) -> Result<(), PortError> {
        let mut state = self.state();
        if state.seen.insert(batch.id.clone()) {
            state.lines.extend(batch.lines.iter().cloned());
        }
        if std::mem::take(&mut state.loses_answer) {
            return Err(PortError::new(PortErrorKind::Unavailable, "memory", "record", "costs"));
        }
        Ok(())
    }

    async fn costs(&self, sight: &Sight, query: &CostQuery) -> Result<Vec<CostSum>, PortError> {
        let asks_for_cases = query.by == CostGrouping::Case || query.case_id.is_some();
        let sees_nothing = asks_for_cases && matches!(sight, Sight::Only(_));
        let state = self.state();
        let mut sums: BTreeMap<(String, String, String, String), (u64, Money)> = BTreeMap::new();
        for line in state.lines.iter().filter(|line| !sees_nothing && matches(line, query)) {
            let Some(group) = line.group(query.by) else { continue };
            let CostLine { platform, operation, unit, .. } = line.clone();
            let sum = sums.entry((group, platform, operation, unit)).or_default();
            *sum = (sum.0.saturating_add(line.quantity), sum.1 + line.cost);
        }
        let mut totals: BTreeMap<&str, Money> = BTreeMap::new();
        for ((group, ..), (_, cost)) in &sums {
            let total = totals.entry(group).or_default();
            *total = *total + *cost;
        }
        let mut groups: Vec<(&str, Money)> = totals.into_iter().collect();
        if query.by != CostGrouping::Day {
            groups.sort_by_key(|(name, cost)| (std::cmp::Reverse(*cost), *name));
        }
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for (wanted, _) in groups.into_iter().take(limit) {
            for ((group, platform, operation, unit), (quantity, cost)) in &sums {
                if group == wanted {
                    found.push(CostSum {
                        group: group.clone(),
                        platform: platform.clone(),
                        operation: operation.clone(),
                        unit: unit.clone(),
                        quantity: *quantity,
                        cost: *cost,
                    });
                }
            }
        }
        Ok(found)
    }
}
