//! Stops calling a platform that fails again and again, and lets one call try after a while.
//!
//! Each process has its own breakers. With a board, one that opens in another process opens here
//! too, and of all processes one probes at a time; without it, or while the ledger behind it is
//! down, this process goes by what it saw itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tracing::warn;

use super::board::{BreakerBoard, Probe, Seen};
use super::state::{BreakerName, BreakerPhase};
use crate::ports::Clock;
use crate::time::Timestamp;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// It opens after this many failures in a row.
    pub n_failures: u32,
    /// It stays open this long, then lets one call through.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { n_failures: 5, open_for: Duration::from_secs(10) }
    }
}

/// The breaker of one host and operation.
#[derive(Debug)]
pub struct Breaker {
    name: BreakerName,
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The last transition of the shared breaker that this one followed or made.
    revision: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Calls go through; so many have failed in a row.
    Closed { n_failures: u32 },
    /// No call goes through until then.
    Open { until: Timestamp },
    /// One call is under way to find out; the state falls back to open when it is abandoned.
    HalfOpen { since: Timestamp },
}

/// The permission for one attempt. Dropped without a verdict, the attempt counts as abandoned.
#[must_use]
pub struct Permit {
    breaker: Arc<Breaker>,
    clock: Arc<dyn Clock>,
    is_probe: bool,
    is_settled: bool,
}

/// What a verdict changed, for the other processes to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that others need to know.
    Nothing,
    /// Calls stop.
    Opened {
        /// When one call is tried.
        until: Timestamp,
    },
    /// Calls go through again.
    Closed,
}

impl Breaker {
    /// Stands before the calls that `name` names; closed at first.
    pub fn new(name: BreakerName, settings: BreakerSettings) -> Self {
        let state = State { phase: Phase::Closed { n_failures: 0 }, revision: 0 };
        let breaker = Self { name, settings, state: Mutex::new(state) };
        breaker.show(&breaker.state());
        breaker
    }

    /// Allows an attempt.
    ///
    /// # Errors
    ///
    /// How long to stay away.
    pub async fn admit(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        board: Option<&BreakerBoard>,
    ) -> Result<Permit, Duration> {
        let Some(board) = board else { return self.admit_alone(clock) };
        if let Some(seen) = board.seen(&self.name).await {
            self.follow(&seen, clock.now());
        }
        let mut permit = self.admit_alone(clock)?;
        if !permit.is_probe {
            return Ok(permit);
        }
        match board.probe(&self.name, self.settings.open_for).await {
            Probe::Taken | Probe::Unknown => Ok(permit),
            Probe::Held { until } => {
                permit.is_settled = true;
                self.enter(Phase::Open { until });
                Err(until.since(clock.now()))
            }
            Probe::Recovered => {
                permit.is_settled = true;
                self.enter(Phase::Closed { n_failures: 0 });
                self.admit_alone(clock)
            }
        }
    }

    /// Tells the other processes of `change`.
    pub async fn share(&self, change: Change, board: Option<&BreakerBoard>) {
        let Some(board) = board else { return };
        let revision = match change {
            Change::Nothing => return,
            Change::Opened { until } => board.open(&self.name, until).await,
            Change::Closed => board.close(&self.name).await,
        };
        if let Some(revision) = revision {
            self.state().revision = revision;
        }
    }

    /// Tells whether calls go through.
    pub fn is_closed(&self) -> bool {
        matches!(self.state().phase, Phase::Closed { .. })
    }

    fn admit_alone(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Result<Permit, Duration> {
        let now = clock.now();
        let mut state = self.state();
        let is_probe = match state.phase {
            Phase::Closed { .. } => false,
            Phase::Open { until } if now < until => return Err(until.since(now)),
            Phase::Open { .. } => true,
            // A probe that never reports back must not keep the breaker shut for ever.
            Phase::HalfOpen { since } if now.since(since) < self.settings.open_for => {
                return Err(self.settings.open_for);
            }
            Phase::HalfOpen { .. } => true,
        };
        if is_probe {
            state.phase = Phase::HalfOpen { since: now };
            self.show(&state);
        }
        drop(state);
        Ok(Permit { breaker: self.clone(), clock: clock.clone(), is_probe, is_settled: false })
    }

    /// Takes over what another process found out.
    fn follow(&self, seen: &Seen, now: Timestamp) {
        let mut state = self.state();
        if seen.revision <= state.revision {
            return;
        }
        state.revision = seen.revision;
        state.phase = match (seen.phase, seen.until) {
            (BreakerPhase::HalfOpen, _) if seen.is_own_probe => return,
            (BreakerPhase::Closed, _) => match state.phase {
                Phase::Closed { .. } => return,
                Phase::Open { .. } | Phase::HalfOpen { .. } => Phase::Closed { n_failures: 0 },
            },
            (BreakerPhase::Open | BreakerPhase::HalfOpen, until) => {
                Phase::Open { until: until.unwrap_or(now) }
            }
        };
        self.show(&state);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = phase;
        self.show(&state);
    }

    /// Shows the state as a metric: 0 closed, 1 half open, 2 open.
    fn show(&self, state: &State) {
        let level = match state.phase {
            Phase::Closed { .. } => 0.0,
            Phase::HalfOpen { .. } => 1.0,
            Phase::Open { .. } => 2.0,
        };
        let BreakerName { platform, host, operation } = self.name.clone();
        gauge!("platform_breaker_state", "platform" => platform, "host" => host,
            "operation" => operation)
        .set(level);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Reports that the platform answered.
    pub fn succeeded(mut self) -> Change {
        self.is_settled = true;
        let mut state = self.breaker.state();
        match state.phase {
            // An attempt from before it opened says nothing of now: the probe does.
            Phase::Open { .. } | Phase::HalfOpen { .. } if !self.is_probe => Change::Nothing,
            Phase::Closed { .. } => {
                state.phase = Phase::Closed { n_failures: 0 };
                Change::Nothing
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => {
                state.phase = Phase::Closed { n_failures: 0 };
                self.breaker.show(&state);
                Change::Closed
            }
        }
    }

    /// Reports that the platform failed.
    pub fn failed(mut self) -> Change {
        self.is_settled = true;
        let breaker = &self.breaker;
        let mut state = breaker.state();
        let n_failures = match state.phase {
            Phase::Closed { n_failures } => n_failures.saturating_add(1),
            _ if self.is_probe => breaker.settings.n_failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => return Change::Nothing,
        };
        if n_failures < breaker.settings.n_failures {
            state.phase = Phase::Closed { n_failures };
            return Change::Nothing;
        }
        let until = self.clock.now().plus(breaker.settings.open_for);
        state.phase = Phase::Open { until };
        breaker.show(&state);
        drop(state);
        let BreakerName { platform, host, operation } = &breaker.name;
        warn!(platform, operation, "calls of `{operation}` at `{host}` are paused");
        Change::Opened { until }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe && !self.is_settled {
            self.breaker.enter(Phase::Open { until: self.clock.now() });
        }
    }
}

#[cfg(test)]
mod tests;
