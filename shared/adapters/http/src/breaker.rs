//! Stops calling a platform that fails again and again, and lets one call try after a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::ports::Clock;
use shared::time::Timestamp;

use crate::settings::BreakerSettings;

/// The breaker of one host and operation.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Calls go through; so many have failed in a row.
    Closed { n_failures: u32 },
    /// No call goes through until then.
    Open { until: Timestamp },
    /// One call is under way to find out; the state falls back to open when it is abandoned.
    HalfOpen { since: Timestamp },
}

/// The permission for one attempt. Dropped without a verdict, the attempt counts as abandoned.
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    clock: Arc<dyn Clock>,
    is_probe: bool,
    is_settled: bool,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::new(State::Closed { n_failures: 0 }) }
    }

    /// Allows an attempt, or says how long to stay away.
    pub(crate) fn admit(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Result<Permit, Duration> {
        let now = clock.now();
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now < until => return Err(until.since(now)),
            State::Open { .. } => true,
            // A probe that never reports back must not keep the breaker shut for ever.
            State::HalfOpen { since } if now.since(since) < self.settings.open_for => {
                return Err(self.settings.open_for);
            }
            State::HalfOpen { .. } => true,
        };
        if is_probe {
            *state = State::HalfOpen { since: now };
        }
        drop(state);
        Ok(Permit { breaker: self.clone(), clock: clock.clone(), is_probe, is_settled: false })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Reports that the platform answered.
    pub(crate) fn succeeded(mut self) {
        self.is_settled = true;
        *self.breaker.state() = State::Closed { n_failures: 0 };
    }

    /// Reports that the platform failed; returns whether the breaker is open now.
    pub(crate) fn failed(mut self) -> bool {
        self.is_settled = true;
        let breaker = &self.breaker;
        let mut state = breaker.state();
        let n_failures = match *state {
            State::Closed { n_failures } => n_failures.saturating_add(1),
            State::Open { .. } | State::HalfOpen { .. } => breaker.settings.n_failures,
        };
        let is_open = n_failures >= breaker.settings.n_failures;
        *state = if is_open {
            State::Open { until: self.clock.now().plus(breaker.settings.open_for) }
        } else {
            State::Closed { n_failures }
        };
        is_open
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe && !self.is_settled {
            *self.breaker.state() = State::Open { until: self.clock.now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Default)]
    struct HandClock(AtomicI64);

    impl HandClock {
        fn forward(&self, by: Duration) {
            self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
        }
    }

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    const OPEN_FOR: Duration = Duration::from_secs(10);

    fn breaker() -> (Arc<Breaker>, Arc<HandClock>, Arc<dyn Clock>) {
        let hand = Arc::new(HandClock::default());
        let settings = BreakerSettings { n_failures: 2, open_for: OPEN_FOR };
        (Arc::new(Breaker::new(settings)), hand.clone(), hand)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (breaker, _, clock) = breaker();
        assert!(!breaker.admit(&clock).ok().unwrap().failed());
        breaker.admit(&clock).ok().unwrap().succeeded();
        assert!(!breaker.admit(&clock).ok().unwrap().failed());
        assert!(breaker.admit(&clock).ok().unwrap().failed());
        assert_eq!(breaker.admit(&clock).err(), Some(OPEN_FOR));
    }

    #[test]
    fn after_a_while_exactly_one_call_probes_and_its_success_closes_it() {
        let (breaker, hand, clock) = breaker();
        breaker.admit(&clock).ok().unwrap().failed();
        breaker.admit(&clock).ok().unwrap().failed();
        hand.forward(OPEN_FOR);

        let probe = breaker.admit(&clock).ok().unwrap();
        assert!(breaker.admit(&clock).is_err());
        probe.succeeded();

        assert!(breaker.admit(&clock).is_ok());
    }

    #[test]
    fn failed_probe_opens_it_again() {
        let (breaker, hand, clock) = breaker();
        breaker.admit(&clock).ok().unwrap().failed();
        breaker.admit(&clock).ok().unwrap().failed();
        hand.forward(OPEN_FOR);
        assert!(breaker.admit(&clock).ok().unwrap().failed());
        assert_eq!(breaker.admit(&clock).err(), Some(OPEN_FOR));
    }

    #[test]
    fn abandoned_probe_lets_the_next_call_probe() {
        let (breaker, hand, clock) = breaker();
        breaker.admit(&clock).ok().unwrap().failed();
        breaker.admit(&clock).ok().unwrap().failed();
        hand.forward(OPEN_FOR);
        drop(breaker.admit(&clock).ok().unwrap());
        assert!(breaker.admit(&clock).is_ok());
    }
}
