//! What the org allows in a day, by its clock, and how many long requests at once.
//!
//! Whatever uses up an allowance takes it here: [`Limits::take`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Parts of a window that are counted and forgotten together.
const N_PARTS: i64 = 144;

/// How long a request runs before it counts as long, in milliseconds. Source: REST API guide, limits.
const LONG_MS: i64 = 20_000;

/// Something that an org has so much of in a window of time. Source: REST API guide, limits resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Requests to any API.
    ApiRequests,
    /// Batches of Bulk ingest jobs.
    BulkBatches,
    /// Bulk query jobs.
    BulkQueryJobs,
    /// Results of Bulk queries, in MB.
    BulkQueryMegabytes,
    /// Events that were delivered to subscribers of the API.
    DeliveredEvents,
    /// Events of a month.
    MonthlyEvents,
    /// Platform events published in an hour.
    PublishedEvents,
}

/// All allowances, in the order in which they are told.
pub(crate) const ALLOWANCES: [Allowance; 7] = [
    Allowance::ApiRequests,
    Allowance::BulkBatches,
    Allowance::BulkQueryJobs,
    Allowance::BulkQueryMegabytes,
    Allowance::DeliveredEvents,
    Allowance::MonthlyEvents,
    Allowance::PublishedEvents,
];

impl Allowance {
    /// Returns its key in `/limits`.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ApiRequests => "DailyApiRequests",
            Self::BulkBatches => "DailyBulkApiBatches",
            Self::BulkQueryJobs => "DailyBulkV2QueryJobs",
            Self::BulkQueryMegabytes => "DailyBulkV2QueryFileStorageMB",
            Self::DeliveredEvents => "DailyDeliveredPlatformEvents",
            Self::MonthlyEvents => "MonthlyPlatformEvents",
            Self::PublishedEvents => "HourlyPublishedPlatformEvents",
        }
    }

    fn window_ms(self) -> i64 {
        match self {
            Self::PublishedEvents => HOUR_MS,
            Self::MonthlyEvents => 30 * DAY_MS,
            _ => DAY_MS,
        }
    }

    /// Returns how much a large org has of it.
    fn standard(self) -> u64 {
        match self {
            Self::ApiRequests => 15_000_000,
            Self::BulkBatches => 15_000,
            Self::BulkQueryJobs => 10_000,
            Self::BulkQueryMegabytes => 976_562,
            Self::DeliveredEvents => 50_000,
            Self::MonthlyEvents => 1_000_000,
            Self::PublishedEvents => 250_000,
        }
    }
}

/// An allowance that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// How much of it there is.
    pub(crate) max: u64,
    /// How much was used.
    pub(crate) used: u64,
}

/// What was used of an allowance in a window that moves with the clock.
#[derive(Debug)]
struct Counter {
    max: u64,
    parts: VecDeque<(i64, u64)>,
}

impl Counter {
    fn used(&mut self, now_ms: i64, window_ms: i64) -> u64 {
        while self.parts.front().is_some_and(|(begun, _)| now_ms - begun >= window_ms) {
            self.parts.pop_front();
        }
        self.parts.iter().map(|(_, n)| n).sum()
    }

    fn add(&mut self, n: u64, now_ms: i64, window_ms: i64) {
        let part_ms = window_ms / N_PARTS;
        match self.parts.back_mut() {
            Some((begun, count)) if now_ms - *begun < part_ms => *count += n,
            _ => self.parts.push_back((now_ms, n)),
        }
    }
}

#[derive(Debug)]
struct LongRequests {
    max: usize,
    /// Places that are taken by nobody who calls here.
    occupied: usize,
    last: u64,
    running: Vec<(u64, i64)>,
}

/// What the org allows.
#[derive(Debug)]
pub(crate) struct Limits {
    clock: Clock,
    counters: Vec<(Allowance, Mutex<Counter>)>,
    long: Mutex<LongRequests>,
    n_requests: AtomicU64,
}

impl Limits {
    /// Makes the limits of an org that answers so many requests a day.
    #[must_use]
    pub(crate) fn new(clock: Clock, daily_requests: u64) -> Self {
        let counters = ALLOWANCES.map(|allowance| {
            let max = match allowance {
                Allowance::ApiRequests => daily_requests,
                other => other.standard(),
            };
            (allowance, Mutex::new(Counter { max, parts: VecDeque::new() }))
        });
        let long = LongRequests { max: 25, occupied: 0, last: 0, running: Vec::new() };
        Self {
            clock,
            counters: counters.into(),
            long: Mutex::new(long),
            n_requests: AtomicU64::new(0),
        }
    }

    fn with<T>(&self, allowance: Allowance, then: impl FnOnce(&mut Counter) -> T) -> Option<T> {
        let (_, counter) = self.counters.iter().find(|(known, _)| *known == allowance)?;
        Some(then(&mut counter.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Uses `n` of an allowance; returns how much of it was used in the window so far.
    ///
    /// # Errors
    /// There is not so much left; nothing was used then.
    pub(crate) fn take(&self, allowance: Allowance, n: u64) -> Result<u64, Exhausted> {
        let now_ms = self.clock.now_ms();
        let taken = self.with(allowance, |counter| {
            let used = counter.used(now_ms, allowance.window_ms());
            if used.saturating_add(n) > counter.max {
                return Err(Exhausted { max: counter.max, used });
            }
            counter.add(n, now_ms, allowance.window_ms());
            Ok(used + n)
        });
        taken.unwrap_or(Ok(0))
    }

    /// Returns how much there is of an allowance, and how much was used of it.
    #[must_use]
    pub(crate) fn state(&self, allowance: Allowance) -> (u64, u64) {
        let now_ms = self.clock.now_ms();
        let state = self.with(allowance, |it| (it.max, it.used(now_ms, allowance.window_ms())));
        state.unwrap_or_default()
    }

    /// Sets how much there is of an allowance, and how much was used just now.
    pub(crate) fn set(&self, allowance: Allowance, max: Option<u64>, used: Option<u64>) {
        let now_ms = self.clock.now_ms();
        self.with(allowance, |counter| {
            counter.max = max.unwrap_or(counter.max);
            if let Some(used) = used {
                counter.parts = VecDeque::from([(now_ms, used)]);
            }
        });
    }

    /// Counts a request that the org was asked, whatever it answers.
    pub(crate) fn count_request(&self) {
        self.n_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests the org was asked since it started.
    #[must_use]
    pub(crate) fn n_requests(&self) -> u64 {
        self.n_requests.load(Ordering::Relaxed)
    }

    fn long(&self) -> MutexGuard<'_, LongRequests> {
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how many long requests may run at once, and how many places others take.
    pub(crate) fn set_long(&self, max: Option<usize>, occupied: Option<usize>) {
        let mut long = self.long();
        long.max = max.unwrap_or(long.max);
        long.occupied = occupied.unwrap_or(long.occupied);
    }

    /// Returns how many long requests may run at once, and how many do.
    #[must_use]
    pub(crate) fn long_requests(&self) -> (usize, usize) {
        let now_ms = self.clock.now_ms();
        let long = self.long();
        let is_long = |begun: &i64| now_ms - begun >= LONG_MS;
        let n = long.running.iter().filter(|(_, begun)| is_long(begun)).count();
        (long.max, n + long.occupied)
    }

    /// Begins a request, which runs until the returned value is dropped; nothing when too many run long.
    pub(crate) fn begin(&self) -> Option<RunningRequest<'_>> {
        let (max, n) = self.long_requests();
        if n >= max {
            return None;
        }
        let now_ms = self.clock.now_ms();
        let mut long = self.long();
        long.last += 1;
        let number = long.last;
        long.running.push((number, now_ms));
        Some(RunningRequest { limits: self, number })
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct RunningRequest<'a> {
    limits: &'a Limits,
    number: u64,
}

impl Drop for RunningRequest<'_> {
    fn drop(&mut self) {
        self.limits.long().running.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64;

    use super::*;

    fn limits(max: u64) -> (Limits, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(0));
        let ticking = Arc::clone(&now);
        (Limits::new(Clock::new(move || ticking.load(Ordering::Relaxed)), max), now)
    }

    #[test]
    fn allowance_comes_back_a_day_after_it_was_used() {
        let (limits, now) = limits(3);
        assert_eq!(limits.take(Allowance::ApiRequests, 2), Ok(2));
        now.store(12 * HOUR_MS, Ordering::Relaxed);
        assert_eq!(limits.take(Allowance::ApiRequests, 1), Ok(3));
        let exhausted = Err(Exhausted { max: 3, used: 3 });
        assert_eq!(limits.take(Allowance::ApiRequests, 1), exhausted);

        now.store(DAY_MS - 1, Ordering::Relaxed);
        assert_eq!(limits.take(Allowance::ApiRequests, 1), exhausted);
        now.store(DAY_MS, Ordering::Relaxed);

        assert_eq!(limits.take(Allowance::ApiRequests, 2), Ok(3));
        assert_eq!(limits.state(Allowance::ApiRequests), (3, 3));
        assert_eq!(limits.take(Allowance::BulkQueryJobs, 1), Ok(1), "the others go on");
    }

    #[test]
    fn too_many_long_requests_leave_no_room_for_another() {
        let (limits, now) = limits(3);
        limits.set_long(Some(2), Some(1));
        let running = limits.begin();
        assert!(limits.begin().is_some(), "a request is long after 20 seconds only");

        now.store(LONG_MS, Ordering::Relaxed);
        assert!(limits.begin().is_none());
        drop(running);

        assert!(limits.begin().is_some());
    }
}
