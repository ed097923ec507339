//! What a deployment will cost a month, by how many changes come in.
//!
//! It is arithmetic over a list of prices and a list of quantities; each figure says where it comes
//! from. What the deployment itself has counted takes the place of what was assumed.

mod measured;
mod model;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cost::Money;
use model::{FunctionModel, GB_SECONDS, ListPrice, REQUESTS, Thousandths};

pub use model::{Basis, CostModel, InvalidCostModel};

/// What a month costs at some sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The day of the prices.
    pub prices: String,
    /// The region whose prices they are.
    pub region: String,
    /// The currency.
    pub currency: String,
    /// The sizes, in changes a month.
    pub changes: Vec<u64>,
    /// Each function, or each kind of its calls.
    pub functions: Vec<FunctionEstimate>,
    /// Everything that is billed but functions, and they as one.
    pub services: Vec<ServiceEstimate>,
    /// The sum at each size.
    pub total: Vec<Money>,
    /// The part of it that is the same at each size and can be done without: database, network,
    /// firewall.
    pub fixed: Money,
}

/// What one function costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionEstimate {
    /// Its name.
    pub function: String,
    /// Which of its calls.
    pub what: Option<String>,
    /// Its memory, in MiB.
    pub memory_mb: u64,
    /// Calls a month that do not depend on changes.
    pub calls_per_month: u64,
    /// Calls for a million changes.
    pub calls_per_million: u64,
    /// GB-seconds for a million changes.
    pub gb_seconds_per_million: u64,
    /// What a million changes cost.
    pub per_million: Money,
    /// What a month costs at each size.
    pub a_month: Vec<Money>,
    /// Where the figures come from.
    pub basis: Basis,
    /// Why they were assumed.
    pub why: String,
}

/// What one service costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceEstimate {
    /// The service.
    pub service: String,
    /// What of it.
    pub what: String,
    /// What a month costs at each size.
    pub a_month: Vec<Money>,
    /// Where the figures come from.
    pub basis: Basis,
    /// Why they were assumed.
    pub why: String,
}

impl CostModel {
    /// Estimates a month at each of `changes`, with the memory of each function in MiB.
    ///
    /// A function without a memory is left out: the deployment has none of that name.
    pub fn estimate(&self, memory_mb: &BTreeMap<String, u64>, changes: &[u64]) -> Estimate {
        let functions: Vec<_> = self
            .functions
            .iter()
            .filter_map(|it| Some(self.of_function(it, *memory_mb.get(&it.function)?, changes)))
            .collect();
        let mut services = vec![sum_of_functions(&functions, changes.len())];
        services.extend(self.services.iter().map(|it| {
            let price = self.price(&it.price);
            let cost = |n_changes: &u64| {
                price.map_or(Money::ZERO, |price| {
                    price.of(quantity(it.per_month, it.per_change, *n_changes))
                })
            };
            ServiceEstimate {
                service: price.map(|it| it.service.clone()).unwrap_or_default(),
                what: it.what.clone(),
                a_month: changes.iter().map(cost).collect(),
                basis: it.basis,
                why: it.why.clone(),
            }
        }));
        let at = |idx: usize| services.iter().filter_map(|it| it.a_month.get(idx)).copied().sum();
        let total = (0..changes.len()).map(at).collect();
        let fixed = self.services.iter().filter(|it| it.is_fixed);
        let fixed =
            fixed.filter_map(|it| Some(self.price(&it.price)?.of(u128::from(it.per_month.0))));
        Estimate {
            prices: self.version.clone(),
            region: self.region.clone(),
            currency: self.currency.clone(),
            changes: changes.to_vec(),
            total,
            fixed: fixed.sum(),
            functions,
            services,
        }
    }

    fn price(&self, name: &str) -> Option<&ListPrice> {
        self.prices.iter().find(|it| it.name == name)
    }

    fn of_function(&self, it: &FunctionModel, memory_mb: u64, changes: &[u64]) -> FunctionEstimate {
        let cost = |load: &Load| {
            let requests = self.price(REQUESTS).map(|price| price.of(load.calls));
            let time = self.price(GB_SECONDS).map(|price| price.of_memory(memory_mb, load.time_us));
            requests.into_iter().chain(time).sum::<Money>()
        };
        let by_changes = FunctionModel { calls_per_month: Thousandths(0), ..it.clone() };
        let million = load(&by_changes, 1_000_000);
        FunctionEstimate {
            function: it.function.clone(),
            what: it.what.clone(),
            memory_mb,
            calls_per_month: it.calls_per_month.0.div_ceil(1000),
            calls_per_million: whole(million.calls / 1000),
            gb_seconds_per_million: whole(
                u128::from(memory_mb) * million.time_us / 1024 / 1_000_000,
            ),
            per_million: cost(&million),
            a_month: changes.iter().map(|n_changes| cost(&load(it, *n_changes))).collect(),
            basis: it.basis,
            why: it.why.clone(),
        }
    }
}

/// How often and how long a function runs.
struct Load {
    /// In thousandths of a call.
    calls: u128,
    time_us: u128,
}

fn load(it: &FunctionModel, n_changes: u64) -> Load {
    let calls = quantity(it.calls_per_month, it.calls_per_change, n_changes);
    // A thousandth of a call, times milliseconds, is microseconds.
    let time_us =
        calls * u128::from(it.ms_per_call) + u128::from(it.ms_per_change.0) * u128::from(n_changes);
    Load { calls, time_us }
}

/// In thousandths.
fn quantity(per_month: Thousandths, per_change: Thousandths, n_changes: u64) -> u128 {
    u128::from(per_month.0) + u128::from(per_change.0) * u128::from(n_changes)
}

impl ListPrice {
    /// The price of so many thousandths of a unit.
    fn of(&self, thousandths: u128) -> Money {
        self.part(thousandths, u128::from(self.per) * 1000)
    }

    /// The price of so much memory over so long a time, as GB-seconds.
    fn of_memory(&self, memory_mb: u64, time_us: u128) -> Money {
        let mb_us = u128::from(memory_mb) * time_us;
        self.part(mb_us, u128::from(self.per) * 1024 * 1_000_000)
    }

    fn part(&self, quantity: u128, per: u128) -> Money {
        let nanos = u128::try_from(self.price.as_nanos()).unwrap_or(0);
        let cost = (nanos.saturating_mul(quantity) + per / 2) / per;
        Money::from_nanos(i64::try_from(cost).unwrap_or(i64::MAX))
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn sum_of_functions(functions: &[FunctionEstimate], n_sizes: usize) -> ServiceEstimate {
    let at = |idx: usize| functions.iter().filter_map(|it| it.a_month.get(idx)).copied().sum();
    let is_measured = functions.iter().all(|it| it.basis == Basis::Measured);
    ServiceEstimate {
        service: "Lambda".to_owned(),
        what: "all functions, see above".to_owned(),
        a_month: (0..n_sizes).map(at).collect(),
        basis: if is_measured { Basis::Measured } else { Basis::Assumed },
        why: "the sum of the table above".to_owned(),
    }
}
