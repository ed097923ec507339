//! How long to wait before the next attempt.

use std::time::Duration;

use crate::ports::Random;

/// Waits from `first` to `cap`, random so that many workers do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The shortest wait, and about the one after the first attempt.
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
    /// Returns the wait after the attempt number `attempt` (from 1), at least `asked` for: it doubles
    /// from `first` to `cap`, shortened by a random part of up to half.
    ///
    /// For whoever knows the number of the attempt and no more, as from a queue's delivery; whoever
    /// remembers the last wait takes [`next`](Self::next).
    pub fn delay(&self, attempt: u32, asked: Option<Duration>, random: &dyn Random) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.cap);
        let thousandths = u32::try_from(random.bits() % 501).unwrap_or(0);
        let shortened = full - full.mul_f64(f64::from(thousandths) / 1000.0);
        asked.map_or(shortened, |asked| asked.max(shortened))
    }

    /// Returns the wait after the one called `previous`, at least `asked` for: between `first` and
    /// three times the previous one, and never beyond `cap` (decorrelated jitter).
    ///
    /// Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    pub fn next(
        &self,
        previous: Option<Duration>,
        asked: Option<Duration>,
        random: &dyn Random,
    ) -> Duration {
        let most = previous.unwrap_or(self.first).saturating_mul(3).max(self.first);
        let spread = most.saturating_sub(self.first);
        // A millionth of the spread is far finer than any timer.
        let millionths = u32::try_from(random.bits() % 1_000_001).unwrap_or(0);
        let drawn = self.first + spread.mul_f64(f64::from(millionths) / 1_000_000.0);
        let wait = drawn.min(self.cap);
        asked.map_or(wait, |asked| asked.max(wait))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::CorrelationId;
    use crate::ports::SystemRandom;

    struct Drawn(u128);

    impl Random for Drawn {
        fn bits(&self) -> u128 {
            self.0
        }

        fn correlation_id(&self) -> CorrelationId {
            CorrelationId::from_random(self.0)
        }
    }

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(10) };

    #[test]
    fn waits_double_within_bounds_and_stop_at_the_cap() {
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (90, 10)] {
            let delay = BACKOFF.delay(attempt, None, &SystemRandom);
            assert!(delay <= Duration::from_secs(full), "{attempt}: {delay:?}");
            assert!(delay >= Duration::from_millis(full * 500), "{attempt}: {delay:?}");
        }
    }

    #[test]
    fn a_longer_wait_that_the_platform_asked_for_holds() {
        let asked = Duration::from_secs(120);
        assert_eq!(BACKOFF.delay(1, Some(asked), &SystemRandom), asked);
        assert_eq!(BACKOFF.next(None, Some(asked), &SystemRandom), asked);
    }

    #[test]
    fn same_random_source_gives_the_same_waits() {
        let waits = |random: &dyn Random| {
            let mut waits = vec![BACKOFF.next(None, None, random)];
            while waits.len() < 5 {
                waits.push(BACKOFF.next(waits.last().copied(), None, random));
            }
            waits.iter().map(Duration::as_millis).collect::<Vec<_>>()
        };
        assert_eq!(waits(&Drawn(0)), [1000; 5]);
        assert_eq!(waits(&Drawn(500_000)), [2000, 3500, 5750, 9125, 10_000]);
        assert_eq!(waits(&Drawn(1_000_000)), [3000, 9000, 10_000, 10_000, 10_000]);
    }

    proptest! {
        #[test]
        fn wait_lies_between_the_first_and_three_times_the_last_and_below_the_cap(
            bits: u128,
            previous_ms in 0_u64..20_000,
        ) {
            let previous = Duration::from_millis(previous_ms);
            let wait = BACKOFF.next(Some(previous), None, &Drawn(bits));
            prop_assert!(wait >= BACKOFF.first && wait <= BACKOFF.cap);
            prop_assert!(wait <= (previous * 3).max(BACKOFF.first));
        }
    }
}
