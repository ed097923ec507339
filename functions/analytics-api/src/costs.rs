//! `GET /v1/costs`: what calls to platforms cost, and how far the budgets are spent.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures_util::future::try_join_all;
use serde::Serialize;
use shared::config::Fault;
use shared::cost::{Budget, BudgetState, CostSettings, Money, day_of};
use shared::ids::EntityId;
use shared::ports::{CostGrouping, CostQuery, CostSum};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::{DayOrInstant, Problems};
use crate::problem::Problem;
use crate::query::Query;

/// Without a first day the costs of this many days are summed up.
const USUAL_DAYS: Duration = Duration::from_hours(24 * 30);

/// What the answers say beside the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostTerms {
    /// The currency of the price list.
    pub currency: String,
    /// The date of the price list in use.
    pub price_list: String,
    /// The budgets.
    pub budgets: Vec<Budget>,
}

impl CostTerms {
    /// Reads the terms that `settings` give.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the price list cannot be used.
    pub fn of(settings: &CostSettings) -> Result<Self, Fault> {
        let prices = settings.prices()?;
        Ok(Self {
            currency: prices.currency().to_owned(),
            price_list: prices.version().to_owned(),
            budgets: settings.budgets.clone(),
        })
    }
}

/// What calls to platforms cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostPage {
    /// The currency of every amount.
    #[schema(example = "USD")]
    currency: String,
    /// The date of the price list in use. Earlier costs keep the prices of their day.
    #[schema(example = "2026-11-01")]
    price_list: String,
    /// The first day that is summed up, in UTC.
    #[schema(example = "2026-11-01")]
    from: String,
    /// The last day that is summed up, in UTC.
    #[schema(example = "2026-11-22")]
    until: String,
    /// What the listed groups cost together.
    total: Money,
    /// The groups.
    items: Vec<CostGroup>,
    /// The budgets and how far they are spent, of whoever spent it.
    budgets: Vec<BudgetState>,
}

/// What one group cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CostGroup {
    /// A day, a platform, a case's id, a connection or a run's id.
    #[schema(example = "salesforce")]
    group: String,
    /// What it cost.
    cost: Money,
    /// What was used.
    units: Vec<CostSum>,
}

/// Which costs to sum up.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct CostsQuery {
    /// By what they are summed up; by day when not said. By case, only cases that the caller sees
    /// are told of.
    by: Option<CostGrouping>,
    /// From this day on; 30 days ago when not said.
    #[param(value_type = Option<DayOrInstant>, example = "2026-11-01")]
    from: Option<String>,
    /// Up to this day, itself included; today when not said.
    #[param(value_type = Option<DayOrInstant>, example = "2026-11-22")]
    until: Option<String>,
    /// Only this platform.
    #[param(max_length = 200, example = "salesforce")]
    platform: Option<String>,
    /// Only this case, by our id.
    #[param(value_type = Option<EntityId>)]
    case_id: Option<EntityId>,
    /// How many groups to return, the dearest of them; 100 by default.
    #[param(minimum = 1, maximum = 1000, example = 100)]
    limit: Option<u32>,
}

const GROUPINGS: [(&str, CostGrouping); 5] = [
    ("day", CostGrouping::Day),
    ("platform", CostGrouping::Platform),
    ("case", CostGrouping::Case),
    ("connection", CostGrouping::Connection),
    ("run", CostGrouping::Run),
];

/// Sums up what calls to platforms cost.
///
/// What was spent on cases that the caller is screened from is left out.
#[utoipa::path(get, path = "/costs", tag = "costs", params(CostsQuery),
    responses((status = 200, description = "The costs", body = CostPage), Problems))]
pub(crate) async fn get_costs(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let ports = &api.ports;
    let now = ports.clock.now();
    let mut query = Query::new(raw.as_deref());
    let by = query.choice("by", &GROUPINGS).unwrap_or_default();
    let from = day_of(query.instant("from").unwrap_or_else(|| now.minus(USUAL_DAYS)));
    let until = day_of(query.instant("until").unwrap_or(now));
    let wanted = CostQuery {
        from_day: Some(from.clone()),
        until_day: Some(until.clone()),
        platform: query.text("platform"),
        case_id: query.parsed("case_id", "the id of a case: a UUID in lower case"),
        by,
        limit: query.number("limit", 1..=1000).unwrap_or(100),
    };
    let wanted = query.finish::<CostsQuery, _>(wanted)?;
    let budgets = ports.cost_terms.budgets.iter().map(|it| it.state(&*ports.costs, now));
    let (sums, budgets) =
        tokio::try_join!(ports.costs.costs(caller.sight(), &wanted), try_join_all(budgets))
            .map_err(Problem::of_port)?;
    let items = groups(sums);
    let CostTerms { currency, price_list, .. } = (*ports.cost_terms).clone();
    let total = items.iter().map(|it| it.cost).sum();
    Ok(json(render(&CostPage { currency, price_list, from, until, total, items, budgets })?))
}

/// Puts the sums of one group together; they come side by side.
fn groups(sums: Vec<CostSum>) -> Vec<CostGroup> {
    let mut groups: Vec<CostGroup> = Vec::new();
    for sum in sums {
        match groups.last_mut().filter(|it| it.group == sum.group) {
            Some(group) => {
                group.cost = group.cost + sum.cost;
                group.units.push(sum);
            }
            None => groups.push(CostGroup {
                group: sum.group.clone(),
                cost: sum.cost,
                units: vec![sum],
            }),
        }
    }
    groups
}
