//! Keeps retries a small share of calls, so that a sick platform is not called harder than a well one.

use std::sync::{Mutex, PoisonError};

/// One call earns `percent` of a hundred; one retry costs a hundred.
const COST: u64 = 100;

/// Retries that may be spent before any call has earned them, and the most that can be saved.
const RESERVE: u64 = 10 * COST;

/// The retry budget of one host.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    percent: u64,
    saved: Mutex<u64>,
}

impl RetryBudget {
    pub(crate) fn new(percent: u32) -> Self {
        Self { percent: percent.into(), saved: Mutex::new(RESERVE) }
    }

    /// Notes a call that is not a retry.
    pub(crate) fn earn(&self) {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = saved.saturating_add(self.percent).min(RESERVE);
    }

    /// Takes one retry, when there is one left.
    pub(crate) fn spend(&self) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        match saved.checked_sub(COST) {
            Some(rest) => {
                *saved = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_at_most_a_fifth_of_calls_beyond_the_reserve() {
        let budget = RetryBudget::new(20);
        let mut n_retries = 0;
        for _ in 0..1000 {
            budget.earn();
            while budget.spend() {
                n_retries += 1;
            }
        }
        assert_eq!(n_retries, 10 + 200 - 1, "the first call finds the reserve full");
    }
}
