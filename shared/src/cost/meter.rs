//! Gathers costs in memory and writes them in batches: a call must not wait for its own bill.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::price_list::PriceList;
use super::work::{Work, current_work};
use crate::error::PortError;
use crate::ports::{CallObserver, Clock, CostBatch, CostLedger, CostLine, PlatformCall, Random};
use crate::time::Timestamp;

/// Different lines that are held at most; beyond them calls are no longer told apart by case and
/// run, so that memory stays bounded while the ledger is away.
const N_LINES: usize = 4_096;

/// What a platform bills by when nothing else is known.
const CALL: &str = "call";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    day: String,
    platform: String,
    operation: String,
    unit: String,
    work: Work,
}

/// Counts what is billed, and hands it to the cost ledger now and then.
pub struct CostMeter {
    prices: PriceList,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tallies: BTreeMap<Key, u64>,
    /// A batch whose writing failed, or is under way: it keeps its id, so that it counts once.
    pending: Option<CostBatch>,
}

impl CostMeter {
    /// Makes a meter that prices by `prices`.
    pub fn new(prices: PriceList, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { prices, clock, random, state: Mutex::default() }
    }

    /// Returns the prices.
    pub fn prices(&self) -> &PriceList {
        &self.prices
    }

    /// Counts `quantity` units of `operation`, for what the calling task works for.
    pub fn count(&self, platform: &str, operation: &str, unit: &str, quantity: u64) {
        let mut key = Key {
            day: day_of(self.clock.now()),
            platform: platform.to_owned(),
            operation: operation.to_owned(),
            unit: unit.to_owned(),
            work: current_work(),
        };
        let mut state = self.state();
        if state.tallies.len() >= N_LINES && !state.tallies.contains_key(&key) {
            key.work = Work::default();
        }
        let tally = state.tallies.entry(key).or_default();
        *tally = tally.saturating_add(quantity);
    }

    /// Writes what was counted since the last time.
    ///
    /// # Errors
    ///
    /// As the ledger answers; nothing is lost, and the next call writes it.
    pub async fn flush(&self, ledger: &dyn CostLedger) -> Result<(), PortError> {
        while let Some(batch) = self.next_batch() {
            ledger.record_costs(&batch).await?;
            let mut state = self.state();
            if state.pending.as_ref().is_some_and(|it| it.id == batch.id) {
                state.pending = None;
            }
        }
        Ok(())
    }

    fn next_batch(&self) -> Option<CostBatch> {
        let mut state = self.state();
        if state.pending.is_none() && !state.tallies.is_empty() {
            let tallies = mem::take(&mut state.tallies);
            let lines = tallies.into_iter().map(|(key, quantity)| self.line(key, quantity));
            let id = self.random.correlation_id();
            state.pending = Some(CostBatch { id, at: self.clock.now(), lines: lines.collect() });
        }
        state.pending.clone()
    }

    fn line(&self, key: Key, quantity: u64) -> CostLine {
        let Key { day, platform, operation, unit, work } = key;
        let cost = self.prices.price(&platform, &operation, &unit).times(quantity);
        let price_list = self.prices.version().to_owned();
        let Work { connection, case_id, run_id } = work;
        CostLine {
            day,
            platform,
            operation,
            unit,
            connection,
            case_id,
            run_id,
            price_list,
            quantity,
            cost,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallObserver for CostMeter {
    fn called(&self, call: &PlatformCall<'_>) {
        // What never reached the platform is not billed.
        if call.outcome != "connection" {
            self.count(call.platform, call.operation, CALL, call.n_billed);
        }
    }
}

/// Returns the day of `at` in UTC, such as `2026-11-22`.
pub fn day_of(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cost::attributed;
    use crate::error::PortErrorKind;
    use crate::ids::EntityId;
    use crate::ports::{MemoryCostLedger, SystemClock, SystemRandom};

    fn meter() -> CostMeter {
        let prices = PriceList::built_in().unwrap();
        CostMeter::new(prices, Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    fn call(outcome: &'static str) -> PlatformCall<'static> {
        PlatformCall {
            platform: "s3",
            operation: "put",
            host: "s3.test:443",
            outcome,
            n_bytes_out: 1,
            n_bytes_in: 1,
            n_billed: 1,
            elapsed: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn calls_are_priced_and_put_down_to_their_case() {
        let (meter, ledger) = (meter(), MemoryCostLedger::default());
        let case_id = EntityId::parse("00000000-0000-8000-8000-000000000001").unwrap();
        let work = Work { case_id: Some(case_id.clone()), ..Work::default() };

        attributed(work, async { meter.called(&call("ok")) }).await;
        meter.called(&call("refused"));
        meter.called(&call("connection"));
        meter.flush(&ledger).await.unwrap();

        let lines = ledger.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|it| it.quantity == 1 && it.cost.as_nanos() == 5_000));
        assert!(lines.iter().any(|it| it.case_id == Some(case_id.clone())));
    }

    #[tokio::test]
    async fn a_batch_whose_answer_was_lost_counts_once() {
        let (meter, ledger) = (meter(), MemoryCostLedger::default());
        meter.called(&call("ok"));
        ledger.lose_next_answer();
        let error = meter.flush(&ledger).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);

        meter.called(&call("ok"));
        meter.flush(&ledger).await.unwrap();

        assert_eq!(ledger.lines().iter().map(|it| it.quantity).sum::<u64>(), 2);
    }

    #[tokio::test]
    async fn memory_stays_bounded_while_nothing_is_written() {
        let meter = meter();
        for idx in 0..10_000_u32 {
            let case_id = EntityId::parse(format!("00000000-0000-8000-8000-{idx:012}")).unwrap();
            let work = Work { case_id: Some(case_id), ..Work::default() };
            attributed(work, async { meter.count("s3", "put", "call", 1) }).await;
        }
        let state = meter.state();
        assert_eq!(state.tallies.len(), N_LINES + 1);
        assert_eq!(state.tallies.values().sum::<u64>(), 10_000);
    }
}
