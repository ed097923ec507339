//! Spreads calls to one host over time: a token bucket, kept as the time at which it is full again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::Pace;

/// The pace of one host.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    full_at: Mutex<Option<Instant>>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, full_at: Mutex::new(None) }
    }

    /// Reserves the next call and returns how long to wait before it; `None`, reserving nothing,
    /// when that is longer than `longest`.
    pub(crate) fn reserve(&self, longest: Duration) -> Option<Duration> {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full = full_at.map_or(now, |at| at.max(now));
        let saved = self.pace.interval.saturating_mul(self.pace.burst.max(1) - 1);
        let wait = full.duration_since(now).saturating_sub(saved);
        if wait > longest {
            return None;
        }
        *full_at = Some(full + self.pace.interval);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn burst_goes_at_once_and_the_rest_at_the_pace() {
        let pacer = Pacer::new(Pace { interval: Duration::from_millis(100), burst: 3 });
        let waits: Vec<_> =
            (0..5).map(|_| pacer.reserve(Duration::MAX).unwrap().as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200]);

        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(pacer.reserve(Duration::MAX), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_reservation_takes_no_place() {
        let pacer = Pacer::new(Pace { interval: Duration::from_secs(1), burst: 1 });
        pacer.reserve(Duration::ZERO).unwrap();
        assert_eq!(pacer.reserve(Duration::from_millis(10)), None);
        assert_eq!(pacer.reserve(Duration::MAX), Some(Duration::from_secs(1)));
    }
}
