//! `moodbridge costs`: what calls to platforms cost, and what a cloud would.

mod estimate;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use shared::auth::Sight;
use shared::cost::estimate::CostModel;
use shared::cost::{BudgetState, Money, PriceList, day_of};
use shared::ports::{Clock, CostGrouping, CostQuery, CostSum, SystemClock};

use super::deploy::Cloud;
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do about costs.
#[derive(Debug, Subcommand)]
pub(crate) enum CostsCommand {
    /// Sums up the last days, and tells how far the budgets are spent.
    List {
        /// By what costs are summed up.
        #[arg(long, value_enum, default_value_t = By::Day)]
        by: By,
        /// How many days, today included.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
        days: u32,
    },
    /// Estimates what a month in a cloud costs, by how many changes come in.
    Estimate(estimate::EstimateArgs),
    /// Prints the built-in price list, to copy and change.
    Prices {
        /// The list of `estimate` instead of that of calls.
        #[arg(long, value_enum)]
        cloud: Option<Cloud>,
    },
}

/// By what costs are summed up.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    /// By day.
    Day,
    /// By platform.
    Platform,
    /// By case.
    Case,
    /// By connection.
    Connection,
    /// By run.
    Run,
}

impl From<By> for CostGrouping {
    fn from(by: By) -> Self {
        match by {
            By::Day => Self::Day,
            By::Platform => Self::Platform,
            By::Case => Self::Case,
            By::Connection => Self::Connection,
            By::Run => Self::Run,
        }
    }
}

#[derive(Serialize)]
struct Costs {
    currency: String,
    total: Money,
    items: Vec<Line>,
    budgets: Vec<BudgetState>,
}

#[derive(Serialize)]
struct Line {
    group: String,
    #[serde(flatten)]
    sum: CostSum,
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, total, items, budgets } = self;
        for Line { group, sum } in items {
            let CostSum { platform, operation, unit, quantity, cost, .. } = sum;
            let what = format!("{platform} {operation}");
            writeln!(f, "{group:<12} {what:<28} {quantity:>10} {unit:<20} {cost} {currency}")?;
        }
        write!(f, "total {total} {currency}")?;
        for BudgetState { name, spent, limit, percent, since_day, .. } in budgets {
            write!(f, "\nbudget `{name}`: {spent} of {limit} since {since_day} ({percent} %)")?;
        }
        Ok(())
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When the case store cannot be opened or read, or the price list cannot be used.
pub(crate) async fn run(
    command: CostsCommand,
    settings: impl FnOnce() -> Result<Settings, CommandError>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    match command {
        CostsCommand::List { by, days } => {
            let costs = list(&settings()?, by.into(), days).await?;
            output
                .answer(&costs)
                .map_err(|error| CommandError::failed("print the answer", error))?;
        }
        CostsCommand::Estimate(args) => estimate::run(args, output).await?,
        CostsCommand::Prices { cloud } => {
            let text = match cloud {
                Some(Cloud::Aws) => CostModel::aws_text(),
                None => PriceList::built_in_text(),
            };
            print_prices(text)
                .map_err(|error| CommandError::failed("print the price list", error))?;
        }
    }
    Ok(SUCCESS.into())
}

/// The list is JSON already, whatever form was asked for.
fn print_prices(text: &str) -> std::io::Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
}

async fn list(settings: &Settings, by: CostGrouping, n_days: u32) -> Result<Costs, CommandError> {
    let failed = |error| CommandError::failed("sum up costs", error);
    let prices = settings.price_list()?;
    let stores = settings.open_stores().await?;
    let now = SystemClock.now();
    let from = now.minus(Duration::from_hours(24) * n_days.saturating_sub(1));
    let query = CostQuery { from_day: Some(day_of(from)), by, limit: 1000, ..CostQuery::default() };
    let sums = stores.costs.costs(&Sight::Everything, &query).await.map_err(failed)?;
    let mut budgets = Vec::with_capacity(settings.costs.budgets.len());
    for budget in &settings.costs.budgets {
        budgets.push(budget.state(&*stores.costs, now).await.map_err(failed)?);
    }
    let total = sums.iter().map(|it| it.cost).sum();
    let items = sums.into_iter().map(|sum| Line { group: sum.group.clone(), sum }).collect();
    Ok(Costs { currency: prices.currency().to_owned(), total, items, budgets })
}
