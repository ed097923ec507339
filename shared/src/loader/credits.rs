//! Counts the credits that our statements used, day after day, each once.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::info;

use crate::cost::PriceList;
use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::ports::warehouse::{Spending, SpendingView, StatementId};
use crate::ports::{Clock, CostBatch, CostLedger, CostLine, Ledger, Random};
use crate::time::Timestamp;

const PLATFORM: &str = "snowflake";
/// What is counted: a credit has too few digits for a statement.
const UNIT: &str = "microcredit";
const DAY: Duration = Duration::from_hours(24);
const HOUR_MS: i64 = 3_600_000;
/// How far back is counted the first time.
const AT_FIRST: Duration = Duration::from_hours(7 * 24);

/// What counting works with.
#[derive(Clone)]
pub struct CreditPorts {
    /// Tells what was used.
    pub view: Arc<dyn SpendingView>,
    /// Where it is kept up to when was counted.
    pub ledger: Arc<dyn Ledger>,
    /// Where costs are kept.
    pub costs: Arc<dyn CostLedger>,
    /// What a credit costs.
    pub prices: PriceList,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names what is counted together.
    pub random: Arc<dyn Random>,
}

/// Why credits were not counted. Nothing is lost: they are counted the next time.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// The role may not read the view.
    #[error(
        "the role may not read what statements used: grant it the database role SNOWFLAKE.USAGE_VIEWER"
    )]
    Denied(#[source] PortError),
    /// The warehouse or a store failed.
    #[error("credits are not counted now")]
    Port(#[from] PortError),
    /// What is kept in the ledger is not ours.
    #[error("`{name}` in the ledger is not what this build wrote: run the newer build")]
    State {
        /// The entry.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Up to when was counted, and what is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    until: Timestamp,
    #[serde(default)]
    under_way: Option<Count>,
}

/// Days that are counted together. Its id is saved before anything is written, so that the batch of costs
/// counts once however often it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    id: CorrelationId,
    until: Timestamp,
}

/// Counts credits of one warehouse.
pub struct Credits {
    ports: CreditPorts,
    name: String,
}

impl Credits {
    /// Counts through `ports`; `name` is that of the [`LoadSettings`](super::LoadSettings).
    pub fn new(ports: CreditPorts, name: &str) -> Self {
        Self { ports, name: format!("warehouse-credits:{name}") }
    }

    /// Counts the whole days that are told for sure and were not counted yet. The warehouse, which asking
    /// wakes, is asked once a day at most, and only when something was loaded since: `last_load`.
    ///
    /// # Errors
    ///
    /// [`CreditError`].
    pub async fn run(&self, last_load: Option<Timestamp>) -> Result<(), CreditError> {
        let CreditPorts { view, clock, costs, .. } = &self.ports;
        let sure = begin_of_day(clock.now().minus(view.lag()));
        let (mut counted, mut revision) = self.read(sure).await?;
        let count = match counted.under_way.clone() {
            Some(count) => count,
            None if counted.until >= sure || last_load.is_none_or(|it| it < counted.until) => {
                return Ok(());
            }
            None => {
                let count = Count { id: self.ports.random.correlation_id(), until: sure };
                counted.under_way = Some(count.clone());
                let Some(next) = self.save(&counted, revision).await? else { return Ok(()) };
                revision = next;
                count
            }
        };
        // Within an hour an answer that was slow is picked up; behind it a failure is forgotten, which the
        // warehouse would repeat under the same id, also when the right was granted meanwhile.
        let hour = clock.now().as_millis().div_euclid(HOUR_MS);
        let id = StatementId::of(&format!("credits {} {hour}", count.id));
        let found = view.spending(&id, counted.until, count.until).await.map_err(told)?;
        let lines: Vec<_> = found.into_iter().map(|it| self.line(it)).collect();
        let n_microcredits: u64 = lines.iter().map(|it| it.quantity).sum();
        if !lines.is_empty() {
            let batch = CostBatch { id: count.id, at: clock.now(), lines };
            costs.record_costs(&batch).await?;
        }
        info!(n_microcredits, "credits used up to {} are counted", count.until);
        let counted = Counted { until: count.until, under_way: None };
        // Who was faster counted the same.
        self.save(&counted, revision).await?;
        Ok(())
    }

    async fn read(&self, sure: Timestamp) -> Result<(Counted, u64), CreditError> {
        match self.ports.ledger.get(&self.name).await? {
            None => Ok((Counted { until: sure.minus(AT_FIRST), under_way: None }, 0)),
            Some(found) => {
                let counted = serde_json::from_str(&found.value)
                    .map_err(|source| CreditError::State { name: self.name.clone(), source })?;
                Ok((counted, found.revision))
            }
        }
    }

    /// Saves what is counted; `None` when somebody else did.
    async fn save(&self, counted: &Counted, revision: u64) -> Result<Option<u64>, CreditError> {
        let value = serde_json::to_string(counted)
            .map_err(|source| CreditError::State { name: self.name.clone(), source })?;
        match self.ports.ledger.put(&self.name, &value, revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == PortErrorKind::Conflict => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn line(&self, spending: Spending) -> CostLine {
        let Spending { day, operation, microcredits, .. } = spending;
        let prices = &self.ports.prices;
        CostLine {
            day,
            platform: PLATFORM.to_owned(),
            unit: UNIT.to_owned(),
            connection: None,
            case_id: None,
            run_id: None,
            price_list: prices.version().to_owned(),
            quantity: microcredits,
            cost: prices.price(PLATFORM, &operation, UNIT).times(microcredits),
            operation,
        }
    }
}

fn told(error: PortError) -> CreditError {
    match error.kind() {
        PortErrorKind::Denied | PortErrorKind::NotFound => CreditError::Denied(error),
        _ => CreditError::Port(error),
    }
}

fn begin_of_day(at: Timestamp) -> Timestamp {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().div_euclid(day).saturating_mul(day))
}

#[cfg(test)]
mod tests;
