//! Writes costs out, and tells when a budget is spent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::gauge;
use shared::cost::{Budget, BudgetState, CostMeter, check_budgets};
use shared::ports::{Clock, CostLedger, Ledger};
use shared::time::Timestamp;
use shared::{PortError, chain};
use tokio::sync::Mutex;
use tracing::warn;

use crate::flush::Flush;

/// How often budgets are checked.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// Writes what a meter has counted, and checks the budgets now and then.
pub struct CostKeeper {
    meter: Arc<CostMeter>,
    costs: Arc<dyn CostLedger>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    budgets: Vec<Budget>,
    checked_at: Mutex<Option<Timestamp>>,
}

impl CostKeeper {
    /// Keeps what `meter` counts in `costs`, within `budgets`.
    pub fn new(
        meter: Arc<CostMeter>,
        costs: Arc<dyn CostLedger>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        budgets: Vec<Budget>,
    ) -> Self {
        Self { meter, costs, ledger, clock, budgets, checked_at: Mutex::default() }
    }

    async fn check_budgets(&self) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut checked_at = self.checked_at.lock().await;
        if checked_at.is_some_and(|at| now.since(at) < CHECK_EVERY) || self.budgets.is_empty() {
            return Ok(());
        }
        *checked_at = Some(now);
        drop(checked_at);
        for state in check_budgets(&self.budgets, &*self.costs, &*self.ledger, now).await? {
            tell(&state);
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn tell(state: &BudgetState) {
    let BudgetState { name, limit, spent, since_day, .. } = state;
    let share = spent.as_nanos() as f64 / (limit.as_nanos() as f64).max(1.0);
    gauge!("cost_budget_used_ratio", "budget" => name.clone()).set(share);
    if let Some(percent) = state.reached {
        warn!(
            budget = name,
            percent,
            "budget `{name}` has reached {percent} % of {limit}: {spent} spent since {since_day}"
        );
    }
}

#[async_trait]
impl Flush for CostKeeper {
    fn name(&self) -> &'static str {
        "costs"
    }

    async fn flush(&self) -> Result<(), String> {
        self.meter.flush(&*self.costs).await.map_err(|error| chain(&error).to_string())?;
        self.check_budgets().await.map_err(|error| chain(&error).to_string())
    }
}
