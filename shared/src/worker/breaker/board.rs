//! What one process knows of the breakers of all, and tells them of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::state::{BreakerName, BreakerPhase, BreakerState, PREFIX, Stored};
use crate::error::{PortError, PortErrorKind, chain};
use crate::ports::{Clock, Ledger, LedgerEntry, Random};
use crate::time::Timestamp;

/// How old the view may grow before the ledger is asked again.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// The longest a call waits for the ledger: it goes on by what its own process knows.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often a write that meets another is tried.
const MAX_WRITES: u32 = 4;

/// What a process reads and writes of the breakers of all processes.
///
/// Calls read a copy in memory. The copy is renewed by one call at most every two seconds, which
/// waits at most 250 ms for the ledger, so an opened breaker is seen everywhere within 2.25 s. The
/// ledger is written at transitions alone. When it cannot be used, each process goes by itself.
pub struct BreakerBoard {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    holder: String,
    view: Mutex<View>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct View {
    renewed_at: Option<Instant>,
    entries: HashMap<String, (Stored, u64)>,
}

/// A state that the ledger holds, as this process last saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the breaker does with calls.
    pub phase: BreakerPhase,
    /// When the next call may be tried.
    pub until: Option<Timestamp>,
    /// Grows with each transition.
    pub revision: u64,
    /// Whether the probe that is under way is of this process.
    pub is_own_probe: bool,
}

/// Whether this process may try the one call that finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It may: no other process does so until then.
    Taken,
    /// Another process does, or the breaker opened anew; try again then.
    Held {
        /// When to try again.
        until: Timestamp,
    },
    /// Another process found the platform well again.
    Recovered,
    /// The ledger cannot be asked: each process probes for itself.
    Unknown,
}

impl BreakerBoard {
    /// Shares breakers through `ledger`. Nothing is called yet.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, random: &dyn Random) -> Self {
        let holder = format!("{:032x}", random.bits());
        let (view, renewing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { ledger, clock, holder, view, renewing }
    }

    /// Returns what is known of `name`, at most two seconds old unless the ledger cannot be asked.
    pub async fn seen(&self, name: &BreakerName) -> Option<Seen> {
        if self.is_stale() {
            self.renew().await;
        }
        let key = name.to_string();
        self.view().entries.get(&key).map(|(stored, revision)| self.seen_of(stored, *revision))
    }

    /// Tells all that calls stop until then; returns the revision, when the ledger took it.
    pub async fn open(&self, name: &BreakerName, until: Timestamp) -> Option<u64> {
        self.change(name, |stored, now| {
            // Many processes find out at once: the first has said it.
            let is_said = stored.is_some_and(|Stored { state, .. }| {
                state.phase == BreakerPhase::Open && state.until.is_some_and(|until| now < until)
            });
            (!is_said).then(|| self.entry(name, BreakerPhase::Open, now, Some(until)))
        })
        .await
    }

    /// Tells all that calls go through again; returns the revision, when the ledger took it.
    pub async fn close(&self, name: &BreakerName) -> Option<u64> {
        self.change(name, |stored, now| {
            let is_open = stored.is_some_and(|it| it.state.phase != BreakerPhase::Closed);
            is_open.then(|| self.entry(name, BreakerPhase::Closed, now, None))
        })
        .await
    }

    /// Takes the one probe, for at most `lasting`.
    pub async fn probe(&self, name: &BreakerName, lasting: Duration) -> Probe {
        let mut found = Probe::Unknown;
        let written = self.change(name, |stored, now| {
            let state = stored.map(|it| &it.state);
            found = match state {
                Some(BreakerState { phase: BreakerPhase::Closed, .. }) => Probe::Recovered,
                Some(BreakerState { until: Some(until), .. }) if now < *until => {
                    Probe::Held { until: *until }
                }
                _ => Probe::Taken,
            };
            let until = now.plus(lasting);
            (found == Probe::Taken)
                .then(|| self.entry(name, BreakerPhase::HalfOpen, now, Some(until)))
        });
        match (written.await, found) {
            // It was to be written and was not.
            (None, Probe::Taken) => Probe::Unknown,
            (_, found) => found,
        }
    }

    /// Writes what `decide` makes of the stored entry, again when another wrote meanwhile. Returns
    /// the revision of what then stands there, `None` when the ledger cannot be used.
    async fn change(
        &self,
        name: &BreakerName,
        mut decide: impl FnMut(Option<&Stored>, Timestamp) -> Option<Stored>,
    ) -> Option<u64> {
        let key = name.to_string();
        let work = async {
            for _ in 0..MAX_WRITES {
                let entry = self.ledger.get(&key).await?;
                let revision = entry.as_ref().map_or(0, |it| it.revision);
                let stored = entry.as_ref().and_then(|it| Stored::read(&it.value));
                let Some(wanted) = decide(stored.as_ref(), self.clock.now()) else {
                    if let Some(stored) = stored {
                        self.note(&key, stored, revision);
                    }
                    return Ok(Some(revision));
                };
                match self.ledger.put(&key, &wanted.write(), revision).await {
                    Ok(revision) => {
                        self.note(&key, wanted, revision);
                        return Ok(Some(revision));
                    }
                    Err(error) if error.kind() == PortErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(None)
        };
        self.patiently("write", work).await.flatten()
    }

    fn entry(
        &self,
        name: &BreakerName,
        phase: BreakerPhase,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Stored {
        let prober = (phase == BreakerPhase::HalfOpen).then(|| self.holder.clone());
        Stored { state: BreakerState { name: name.clone(), phase, since, until }, prober }
    }

    fn is_stale(&self) -> bool {
        self.view().renewed_at.is_none_or(|at| at.elapsed() >= FRESH_FOR)
    }

    /// Reads every breaker. One call does so; the others go on with what is known.
    async fn renew(&self) {
        let Ok(_renewing) = self.renewing.try_lock() else { return };
        if !self.is_stale() {
            return;
        }
        let listed = self.patiently("read", self.ledger.list(PREFIX)).await;
        let mut view = self.view();
        // A ledger that is down is not asked by every call either.
        view.renewed_at = Some(Instant::now());
        for (key, LedgerEntry { value, revision }) in listed.unwrap_or_default() {
            let is_newer = view.entries.get(&key).is_none_or(|(_, known)| *known < revision);
            if let Some(stored) = Stored::read(&value).filter(|_| is_newer) {
                view.entries.insert(key, (stored, revision));
            }
        }
    }

    /// Waits for the ledger a moment; logs why it cannot be used.
    async fn patiently<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Option<T> {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(done)) => Some(done),
            Ok(Err(error)) => {
                warn!(error = %chain(&error), "shared breakers: {what} failed, going by our own");
                None
            }
            Err(_) => {
                warn!("shared breakers: {what} took too long, going by our own");
                None
            }
        }
    }

    fn note(&self, key: &str, stored: Stored, revision: u64) {
        self.view().entries.insert(key.to_owned(), (stored, revision));
    }

    fn seen_of(&self, stored: &Stored, revision: u64) -> Seen {
        Seen {
            phase: stored.state.phase,
            until: stored.state.until,
            revision,
            is_own_probe: stored.prober.as_deref() == Some(&self.holder),
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BreakerBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerBoard").field("holder", &self.holder).finish_non_exhaustive()
    }
}
