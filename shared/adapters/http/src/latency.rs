//! How long calls of one operation take just now, to know when one is late.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::settings::HedgeSettings;

/// Calls remembered.
const N_KEPT: usize = 64;

/// Calls that must be known before their times say anything.
const N_ENOUGH: usize = 10;

/// The times of the last calls that went well.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    kept: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    times: Vec<Duration>,
    next: usize,
}

impl Latency {
    pub(crate) fn note(&self, elapsed: Duration) {
        let mut ring = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ring.next;
        match ring.times.get_mut(at) {
            Some(old) => *old = elapsed,
            None => ring.times.push(elapsed),
        }
        ring.next = (at + 1) % N_KEPT;
    }

    /// Returns the time that 95 of a hundred calls stay below, within the bounds of `settings`.
    pub(crate) fn late_after(&self, settings: HedgeSettings) -> Duration {
        let mut times = {
            let ring = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            ring.times.clone()
        };
        if times.len() < N_ENOUGH {
            return settings.at_first;
        }
        let at = times.len() * 95 / 100;
        let (_, late, _) = times.select_nth_unstable(at);
        (*late).max(settings.soonest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_is_late_when_it_takes_longer_than_95_of_100_before_it() {
        let settings =
            HedgeSettings { soonest: Duration::from_millis(20), at_first: Duration::from_secs(1) };
        let latency = Latency::default();
        assert_eq!(latency.late_after(settings), Duration::from_secs(1));

        for ms in 1..=1000 {
            latency.note(Duration::from_millis(ms % 100));
        }
        let late = latency.late_after(settings);
        assert!((80..=99).contains(&late.as_millis()), "{late:?}");

        for _ in 0..N_KEPT {
            latency.note(Duration::from_millis(1));
        }
        assert_eq!(latency.late_after(settings), Duration::from_millis(20));
    }
}
