//! The arithmetic of the first page.

use std::collections::BTreeMap;

use chrono::DateTime;
use shared::ports::{DayCount, LagSummary, StatusCount};
use shared::time::Timestamp;

use super::decode::count;

const MILLIS_PER_DAY: i64 = 86_400_000;
/// Days shown at most: ten years.
const MAX_DAYS: u32 = 3_660;

/// The days of a chart, counted since 1970.
pub(super) struct Days {
    /// The first one.
    pub(super) first: i64,
    /// The last one.
    pub(super) last: i64,
}

impl Days {
    /// Returns the last `n_days` days, that of `now` included.
    pub(super) fn until(now: Timestamp, n_days: u32) -> Self {
        let last = now.as_millis().div_euclid(MILLIS_PER_DAY);
        Self { first: last + 1 - i64::from(n_days.min(MAX_DAYS)), last }
    }

    /// Returns one line a day, from rows of day, opened and closed; days without a row have none.
    pub(super) fn fill(&self, rows: Vec<(i64, i64, i64)>) -> Vec<DayCount> {
        let counted: BTreeMap<i64, (i64, i64)> =
            rows.into_iter().map(|(day, opened, closed)| (day, (opened, closed))).collect();
        (self.first..=self.last)
            .map(|day| {
                let (opened, closed) = counted.get(&day).copied().unwrap_or_default();
                DayCount { day: date(day), n_opened: count(opened), n_closed: count(closed) }
            })
            .collect()
    }
}

/// Counts of cases that can be taken off other counts.
#[derive(Default)]
pub(super) struct CaseFigures {
    /// Cases that are not deleted.
    pub(super) n_cases: i64,
    /// Of those, the open ones.
    pub(super) n_open_cases: i64,
    by_status: BTreeMap<String, i64>,
    by_day: BTreeMap<i64, (i64, i64)>,
}

impl CaseFigures {
    /// Gathers rows of status and number, and of day, opened and closed; a day may come twice.
    pub(super) fn new(
        n_cases: i64,
        n_open_cases: i64,
        by_status: Vec<(String, i64)>,
        by_day: Vec<(i64, i64, i64)>,
    ) -> Self {
        let mut figures = Self { n_cases, n_open_cases, ..Self::default() };
        figures.by_status.extend(by_status);
        for (day, n_opened, n_closed) in by_day {
            let (opened, closed) = figures.by_day.entry(day).or_default();
            *opened += n_opened;
            *closed += n_closed;
        }
        figures
    }

    /// Takes `others` off, which were counted in.
    pub(super) fn take_off(&mut self, others: Self) {
        self.n_cases -= others.n_cases;
        self.n_open_cases -= others.n_open_cases;
        for (status, n_cases) in others.by_status {
            *self.by_status.entry(status).or_default() -= n_cases;
        }
        for (day, (n_opened, n_closed)) in others.by_day {
            let (opened, closed) = self.by_day.entry(day).or_default();
            *opened -= n_opened;
            *closed -= n_closed;
        }
    }

    /// Returns the statuses that cases have, the most frequent first.
    pub(super) fn statuses(&self) -> Vec<(String, i64)> {
        let mut statuses: Vec<_> = self.by_status.clone().into_iter().collect();
        statuses.retain(|(_, n_cases)| *n_cases > 0);
        statuses.sort_by(|(a, n_a), (b, n_b)| n_b.cmp(n_a).then_with(|| a.cmp(b)));
        statuses
    }

    /// Returns rows of day, opened and closed.
    pub(super) fn days(&self) -> Vec<(i64, i64, i64)> {
        self.by_day.iter().map(|(day, (opened, closed))| (*day, *opened, *closed)).collect()
    }
}

/// Reads a status and how many cases have it; the empty one stands for none.
pub(super) fn status_count((status, n_cases): (String, i64)) -> StatusCount {
    StatusCount { status: (!status.is_empty()).then_some(status), n_cases: count(n_cases) }
}

/// Sums `lags` up.
pub(super) fn lag_summary(mut lags: Vec<u64>) -> LagSummary {
    lags.sort_unstable();
    LagSummary {
        n_samples: lags.len() as u64,
        p50_ms: percentile(&lags, 50),
        p99_ms: percentile(&lags, 99),
    }
}

/// Writes a day since 1970 as a date.
fn date(day: i64) -> String {
    DateTime::from_timestamp_millis(day.saturating_mul(MILLIS_PER_DAY))
        .map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

/// Returns the smallest value that `percent` of 100 do not exceed (nearest rank).
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_follow_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50), Some(99)));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (Some(7), Some(7)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn days_before_1970_have_dates_too() {
        assert_eq!((date(-1), date(0)), ("1969-12-31".to_owned(), "1970-01-01".to_owned()));
    }
}
