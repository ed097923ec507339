//! Budgets: how much may be spent, and who hears of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meter::day_of;
use super::money::Money;
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{CostGrouping, CostLedger, CostQuery, Ledger};
use crate::time::Timestamp;

/// How long a budget lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// A day in UTC.
    Day,
    /// A calendar month in UTC.
    Month,
}

/// How much may be spent before somebody is told. Nothing is stopped by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Its name, such as `ocr`.
    pub name: String,
    /// Only what this platform costs; none for everything.
    #[serde(default)]
    pub platform: Option<String>,
    /// How long it lasts.
    pub period: BudgetPeriod,
    /// How much may be spent in that time.
    pub limit: Money,
    /// At which shares, in percent, somebody is told: 80 and 100 when not said.
    #[serde(default = "usual_alerts")]
    pub alert_at: Vec<u64>,
}

fn usual_alerts() -> Vec<u64> {
    vec![80, 100]
}

/// How far a budget is spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BudgetState {
    /// Its name.
    pub name: String,
    /// The platform, when it is one platform's.
    pub platform: Option<String>,
    /// How long it lasts.
    pub period: BudgetPeriod,
    /// The first day of the present period.
    #[cfg_attr(feature = "openapi", schema(example = "2026-11-01"))]
    pub since_day: String,
    /// How much may be spent.
    pub limit: Money,
    /// How much was spent.
    pub spent: Money,
    /// The share that was spent, in whole percent.
    pub percent: u64,
    /// The share that was reached since the last check, for whoever is to be told.
    #[serde(skip)]
    pub reached: Option<u64>,
}

impl Budget {
    fn since_day(&self, now: Timestamp) -> String {
        let today = day_of(now);
        match self.period {
            BudgetPeriod::Day => today,
            BudgetPeriod::Month => today.chars().take(8).chain("01".chars()).collect(),
        }
    }

    /// Sums up what was spent in the present period.
    ///
    /// # Errors
    ///
    /// As the cost ledger answers.
    pub async fn state(
        &self,
        costs: &dyn CostLedger,
        now: Timestamp,
    ) -> Result<BudgetState, PortError> {
        let since_day = self.since_day(now);
        let query = CostQuery {
            from_day: Some(since_day.clone()),
            until_day: Some(day_of(now)),
            platform: self.platform.clone(),
            case_id: None,
            by: CostGrouping::Day,
            limit: 31,
        };
        let sums = costs.costs(&Sight::Everything, &query).await?;
        let spent: Money = sums.iter().map(|it| it.cost).sum();
        Ok(BudgetState {
            name: self.name.clone(),
            platform: self.platform.clone(),
            period: self.period,
            since_day,
            limit: self.limit,
            spent,
            percent: spent.percent_of(self.limit),
            reached: None,
        })
    }
}

/// Checks `budgets`, and says once for each share of each period that it was reached, however many
/// processes check.
///
/// # Errors
///
/// As the ledgers answer.
pub async fn check_budgets(
    budgets: &[Budget],
    costs: &dyn CostLedger,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Vec<BudgetState>, PortError> {
    let mut states = Vec::with_capacity(budgets.len());
    for budget in budgets {
        let mut state = budget.state(costs, now).await?;
        let reached = budget.alert_at.iter().copied().filter(|at| *at <= state.percent).max();
        if let Some(share) = reached
            && is_news(ledger, &state, share).await?
        {
            state.reached = Some(share);
        }
        states.push(state);
    }
    Ok(states)
}

/// Notes that `share` was reached, unless that or a higher one was noted before.
async fn is_news(ledger: &dyn Ledger, state: &BudgetState, share: u64) -> Result<bool, PortError> {
    let name = format!("budget/{}/{}", state.name, state.since_day);
    let entry = ledger.get(&name).await?;
    let noted = entry.as_ref().and_then(|it| it.value.parse::<u64>().ok());
    if noted.is_some_and(|noted| noted >= share) {
        return Ok(false);
    }
    let revision = entry.map_or(0, |it| it.revision);
    match ledger.put(&name, &share.to_string(), revision).await {
        Ok(_) => Ok(true),
        // Somebody else has just said so.
        Err(error) if error.kind() == PortErrorKind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CorrelationId;
    use crate::ports::{CostBatch, CostLine, MemoryCostLedger, MemoryLedger};

    async fn spend(costs: &MemoryCostLedger, id: &str, day: &str, amount: &str) {
        let line = CostLine {
            day: day.into(),
            platform: "textract".into(),
            operation: "read".into(),
            unit: "page".into(),
            connection: None,
            case_id: None,
            run_id: None,
            price_list: "1".into(),
            quantity: 1,
            cost: amount.parse().unwrap(),
        };
        let id = CorrelationId::parse(id).unwrap();
        let batch = CostBatch { id, at: Timestamp::EPOCH, lines: vec![line] };
        costs.record_costs(&batch).await.unwrap();
    }

    #[tokio::test]
    async fn each_share_of_a_month_is_told_once() {
        let (costs, ledger) = (MemoryCostLedger::default(), MemoryLedger::default());
        let json = r#"{"name": "ocr", "platform": "textract", "period": "month", "limit": "10"}"#;
        let budgets = [serde_json::from_str::<Budget>(json).unwrap()];
        let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        let check = || check_budgets(&budgets, &costs, &ledger, now);

        spend(&costs, "a", "2026-10-31", "50").await;
        spend(&costs, "b", "2026-11-01", "7.9").await;
        assert_eq!(check().await.unwrap()[0].reached, None);
        spend(&costs, "c", "2026-11-22", "0.2").await;
        assert_eq!(check().await.unwrap()[0].reached, Some(80));
        assert_eq!(check().await.unwrap()[0].reached, None);
        spend(&costs, "d", "2026-11-22", "5").await;

        let state = check().await.unwrap().remove(0);
        assert_eq!((state.reached, state.percent), (Some(100), 131));
        assert_eq!(state.since_day, "2026-11-01");
    }
}
