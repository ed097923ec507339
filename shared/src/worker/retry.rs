//! How long to wait before the next attempt.

use std::time::Duration;

use crate::ports::Random;

/// Waits that double from `first` to `cap`, each shortened by a random part of up to half, so that
/// many workers do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first attempt.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), cap: Duration::from_secs(300) }
    }
}

impl Backoff {
    /// Returns the wait after the attempt number `attempt` (from 1), at least `asked` for.
    pub fn delay(&self, attempt: u32, asked: Option<Duration>, random: &dyn Random) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.cap);
        let thousandths = u32::try_from(random.bits() % 501).unwrap_or(0);
        let shortened = full - full.mul_f64(f64::from(thousandths) / 1000.0);
        asked.map_or(shortened, |asked| asked.max(shortened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemRandom;

    #[test]
    fn waits_double_within_bounds_and_stop_at_the_cap() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(10) };
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (90, 10)] {
            let delay = backoff.delay(attempt, None, &SystemRandom);
            assert!(delay <= Duration::from_secs(full), "{attempt}: {delay:?}");
            assert!(delay >= Duration::from_millis(full * 500), "{attempt}: {delay:?}");
        }
    }

    #[test]
    fn a_longer_wait_that_the_platform_asked_for_holds() {
        let asked = Duration::from_secs(120);
        assert_eq!(Backoff::default().delay(1, Some(asked), &SystemRandom), asked);
    }
}
