//! Costs, as both engines sum them up.

use shared::auth::Sight;
use shared::cost::Money;
use shared::ports::{CostGrouping, CostQuery, CostSum};

use super::decode::count;
use super::sight::shown_cases;

/// One group's sum of one unit.
#[derive(sqlx::FromRow)]
pub(super) struct StoredCost {
    grouping: String,
    platform: String,
    operation: String,
    unit: String,
    quantity: i64,
    cost: i64,
}

impl StoredCost {
    /// Turns the row into what the port answers.
    pub(super) fn read(self) -> CostSum {
        CostSum {
            group: self.grouping,
            platform: self.platform,
            operation: self.operation,
            unit: self.unit,
            quantity: count(self.quantity),
            cost: Money::from_nanos(self.cost),
        }
    }
}

/// Writes the query: $1 first day, $2 last day, $3 platform, $4 case, $5 person, $6 groups at most;
/// an empty text narrows nothing. It is made of the words below alone.
pub(super) fn summary(sight: &Sight, query: &CostQuery) -> String {
    let group = match query.by {
        CostGrouping::Day => "day",
        CostGrouping::Platform => "platform",
        CostGrouping::Case => "case_id",
        CostGrouping::Connection => "connection",
        CostGrouping::Run => "run_id",
    };
    let order = match query.by {
        CostGrouping::Day => "grouping",
        _ => "total DESC, grouping",
    };
    let walls = walls(sight, query);
    format!(
        "WITH seen AS ( \
             SELECT {group} AS grouping, platform, operation, unit, quantity, cost FROM costs \
             WHERE day >= $1 AND day <= $2 AND ($3 = '' OR platform = $3) \
             AND ($4 = '' OR case_id = $4) AND {group} <> '' AND $5 = $5 {walls}), \
         largest AS ( \
             SELECT grouping, sum(cost) AS total FROM seen GROUP BY grouping \
             ORDER BY {order} LIMIT $6) \
         SELECT seen.grouping, platform, operation, unit, \
             CAST(sum(quantity) AS BIGINT) AS quantity, CAST(sum(cost) AS BIGINT) AS cost \
         FROM seen JOIN largest ON largest.grouping = seen.grouping \
         GROUP BY seen.grouping, total, platform, operation, unit \
         ORDER BY {outer}, platform, operation, unit",
        outer = match query.by {
            CostGrouping::Day => "seen.grouping",
            _ => "total DESC, seen.grouping",
        },
    )
}

/// Leaves out what was spent on cases that the person must not see. Somebody who sees no case by
/// their role still sees what the platforms cost, but of no case by itself.
fn walls(sight: &Sight, query: &CostQuery) -> String {
    let asks_for_cases = query.by == CostGrouping::Case || query.case_id.is_some();
    let sight = match sight {
        Sight::Only(person) if !asks_for_cases => Sight::AllBut(person.clone()),
        sight => sight.clone(),
    };
    shown_cases(&sight, "costs.case_id", "$5").map_or_else(String::new, |it| format!("AND {it}"))
}
