//! Puts what was counted in the place of what was assumed.

use super::model::{Basis, CostModel, FunctionModel, Thousandths};
use crate::ports::{FunctionUsage, MeasuredUsage};

/// Fewer calls than these say nothing about the next ones.
const ENOUGH_CALLS: u64 = 100;

/// Days of a month, in hundredths.
const DAYS_OF_A_MONTH: u64 = 3_042;

impl CostModel {
    /// Takes the calls and times of each function from `usage`, where it was called often enough.
    ///
    /// A function that changes start keeps its calls a change, others their calls a month. What a
    /// change takes beside a call is in the measured time of the call already.
    #[must_use]
    pub fn with_usage(mut self, usage: &MeasuredUsage) -> Self {
        for measured in usage.functions.iter().filter(|it| it.n_calls >= ENOUGH_CALLS) {
            let is_its = |it: &FunctionModel| it.function == measured.function;
            let by_changes =
                self.functions.iter().any(|it| is_its(it) && it.calls_per_change.0 > 0);
            if by_changes && usage.n_changes == 0 {
                continue;
            }
            let Some(at) = self.functions.iter().position(is_its) else { continue };
            self.functions.retain(|it| !is_its(it));
            let model = model_of(measured, usage, by_changes);
            self.functions.insert(at.min(self.functions.len()), model);
        }
        self
    }
}

fn model_of(measured: &FunctionUsage, usage: &MeasuredUsage, by_changes: bool) -> FunctionModel {
    let FunctionUsage { function, n_calls, total_ms, .. } = measured;
    let n_days = u64::from(usage.n_days).max(1);
    let (calls_per_month, calls_per_change) = if by_changes {
        (0, n_calls.saturating_mul(1000) / usage.n_changes.max(1))
    } else {
        (n_calls.saturating_mul(10 * DAYS_OF_A_MONTH) / n_days, 0)
    };
    FunctionModel {
        function: function.clone(),
        what: None,
        calls_per_month: Thousandths(calls_per_month),
        calls_per_change: Thousandths(calls_per_change),
        ms_per_call: total_ms.div_ceil((*n_calls).max(1)),
        ms_per_change: Thousandths(0),
        basis: Basis::Measured,
        why: format!("{n_calls} calls in {n_days} days, {} changes", usage.n_changes),
    }
}
