//! The calls that one process may make: leased by the chunk, given out one by one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tracing::warn;

use super::settings::{QuotaSettings, Urgency};
use super::spent::QuotaSpent;
use super::state::QuotaState;
use super::tally::{GRACE, Report, Settlement, Tally};
use crate::error::{PortError, PortErrorKind, chain};
use crate::ports::{Clock, Ledger, Random};
use crate::time::Timestamp;

/// The longest a call waits for the ledger before it goes on without.
const PATIENCE: Duration = Duration::from_secs(2);

/// A refusal holds this long at most: calls may come free by a report or another's leavings.
const REFUSED_FOR: Duration = Duration::from_secs(15);

/// How often a lease that meets another is tried.
const MAX_WRITES: u32 = 50;

/// A quota as one process uses it. Clones share it.
#[derive(Clone)]
pub struct Quota {
    inner: Arc<Inner>,
}

struct Inner {
    settings: QuotaSettings,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    holder: String,
    local: Mutex<Local>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Local {
    /// For background work, then for interactive work.
    held: [Held; 2],
    n_leases: u64,
    report: Option<Report>,
    /// How the quota stood when the ledger was last asked.
    limit: u64,
    n_left: u64,
}

/// What is held for one urgency.
#[derive(Default)]
struct Held {
    /// The lease in use; a new one gets a new number.
    number: u64,
    n_granted: u64,
    n_left: u64,
    until: Timestamp,
    n_in_flight: u64,
    last_done_at: Timestamp,
    /// Granted by ourselves while the ledger could not be used.
    is_unleased: bool,
    refused_until: Option<Timestamp>,
}

/// One call out of a quota; drop it when the platform has answered.
#[must_use]
#[derive(Debug)]
pub struct QuotaCall {
    inner: Weak<Inner>,
    slot: usize,
    number: u64,
}

impl Quota {
    /// Shares the quota through `ledger`. Nothing is called yet.
    pub fn new(
        settings: QuotaSettings,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let holder = format!("{:032x}", random.bits());
        let (limit, n_left) = (settings.limit, settings.limit);
        let local = Mutex::new(Local { limit, n_left, ..Local::default() });
        let renewing = tokio::sync::Mutex::default();
        Self { inner: Arc::new(Inner { settings, ledger, clock, random, holder, local, renewing }) }
    }

    /// Takes one call, leasing a chunk from the ledger when this process holds none.
    ///
    /// When the ledger cannot be used, the process allows itself one chunk at a time and reports
    /// it later: an unreachable ledger stops no call.
    ///
    /// # Errors
    ///
    /// [`QuotaSpent`] when no call is left for this urgency.
    pub async fn take(&self, urgency: Urgency) -> Result<QuotaCall, QuotaSpent> {
        if let Some(taken) = self.inner.take_held(urgency) {
            return taken;
        }
        let _renewing = self.inner.renewing.lock().await;
        loop {
            // Another call may have renewed the lease meanwhile.
            if let Some(taken) = self.inner.take_held(urgency) {
                return taken;
            }
            self.inner.renew(urgency).await;
        }
    }

    /// Hears what the platform says of its own count, in its answer to a call that was begun at
    /// `asked_at`: calls used in the window, and its limit.
    ///
    /// It is written with the next lease, not now; a limit or a use far from ours ends the lease in
    /// hand early.
    pub fn report(&self, n_used: u64, limit: u64, asked_at: Timestamp) {
        let now = self.inner.clock.now();
        let mut local = self.inner.local();
        if local.report.is_some_and(|it| asked_at < it.at) {
            return;
        }
        // The platform counted at some moment after it was asked: what came since counts apart.
        local.report = Some(Report { n_used, limit, at: asked_at });
        let (ours, theirs) = (local.n_left, limit.saturating_sub(n_used));
        let is_far = local.limit != limit || theirs.saturating_add(limit / 100) < ours;
        if is_far {
            (local.limit, local.n_left) = (limit, theirs);
            for held in &mut local.held {
                held.until = held.until.min(now);
                held.refused_until = None;
            }
        }
    }

    /// Gives back what this process holds, as at its end.
    pub async fn release(&self) {
        let _renewing = self.inner.renewing.lock().await;
        self.inner.give_back(None).await;
    }

    /// Returns the calls in the window, as last known.
    pub fn limit(&self) -> u64 {
        self.inner.local().limit
    }

    /// Returns the calls left for all, as last known; those that this process holds count as left.
    pub fn n_left(&self) -> u64 {
        let local = self.inner.local();
        local.n_left.saturating_add(local.held.iter().map(|it| it.n_left).sum())
    }

    /// Returns the connection.
    pub fn connection(&self) -> &str {
        &self.inner.settings.connection
    }

    /// Asks the ledger how the quota stands; `None` before the first lease.
    ///
    /// # Errors
    ///
    /// As the ledger answers.
    pub async fn state(&self) -> Result<Option<QuotaState>, PortError> {
        let Inner { settings, ledger, clock, .. } = &*self.inner;
        let entry = ledger.get(&settings.name()).await?;
        let now = clock.now();
        let tally = entry.and_then(|it| serde_json::from_str::<Tally>(&it.value).ok());
        Ok(tally.map(|mut tally| {
            tally.roll(now, settings.lease_for);
            QuotaState::of(&tally, now)
        }))
    }
}

impl Inner {
    /// Takes from what is held, or answers a refusal that still holds; `None` asks for a new lease.
    fn take_held(self: &Arc<Self>, urgency: Urgency) -> Option<Result<QuotaCall, QuotaSpent>> {
        let now = self.clock.now();
        let mut local = self.local();
        let limit = local.limit;
        // Interactive work takes from either.
        let slots = if urgency == Urgency::Interactive { 0..2 } else { 0..1 };
        let own = slots.end - 1;
        for (slot, held) in local.held.iter_mut().enumerate().filter(|it| slots.contains(&it.0)) {
            if held.n_left > 0 && now < held.until {
                held.n_left -= 1;
                held.n_in_flight += 1;
                let (inner, number) = (Arc::downgrade(self), held.number);
                return Some(Ok(QuotaCall { inner, slot, number }));
            }
        }
        let until = local.held.get(own)?.refused_until.filter(|until| now < *until)?;
        let (connection, retry_after) = (self.settings.connection.clone(), until.since(now));
        Some(Err(QuotaSpent { connection, limit, retry_after }))
    }

    /// Settles the lease that ended and takes the next one, or notes that none is to be had.
    async fn renew(self: &Arc<Self>, urgency: Urgency) {
        let slot = usize::from(urgency == Urgency::Interactive);
        let work = self.change(|tally, now| {
            self.settle(tally, slot, now);
            let kept = if urgency == Urgency::Interactive { 0 } else { tally.reserve() };
            let key = self.key(slot);
            let lease = tally.lease(&key, self.chunk(tally), kept, now, self.settings.lease_for);
            (lease, tally.next_opening(now), tally.limit, tally.n_left())
        });
        let outcome = match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(outcome)) => Some(outcome),
            Ok(Err(error)) => {
                warn!(error = %chain(&error), "quota of `{}` is not shared just now",
                    self.settings.connection);
                None
            }
            Err(_) => {
                warn!("quota of `{}` is not shared just now", self.settings.connection);
                None
            }
        };
        let now = self.clock.now();
        let mut local = self.local();
        local.n_leases += 1;
        let number = local.n_leases;
        if let Some((_, _, limit, n_left)) = outcome {
            (local.limit, local.n_left) = (limit, n_left);
        }
        let Some(held) = local.held.get_mut(slot) else { return };
        match outcome {
            Some((Some(lease), ..)) => {
                let (n, until) = (lease.n, lease.until);
                *held = Held { number, n_granted: n, n_left: n, until, ..Held::default() };
                drop(local);
                self.give_back_later(slot, number, until.since(now));
            }
            Some((None, opens_at, ..)) => {
                let until =
                    opens_at.min(now.plus(REFUSED_FOR)).max(now.plus(Duration::from_millis(1)));
                *held = Held { refused_until: Some(until), ..Held::default() };
            }
            None => {
                // What was made on our own before is still to be told: it stays in the count.
                let n_told = if held.is_unleased { held.n_granted } else { 0 };
                let n = self.settings.chunk.max(1);
                let until = now.plus(self.settings.lease_for);
                let n_granted = n_told + n;
                *held = Held {
                    number,
                    n_granted,
                    n_left: n,
                    until,
                    is_unleased: true,
                    ..Held::default()
                };
            }
        }
    }

    /// Gives back every lease, or the one numbered so.
    async fn give_back(self: &Arc<Self>, only: Option<(usize, u64)>) {
        let is_meant = |slot: usize, held: &Held| {
            held.number > 0 && only.is_none_or(|it| it == (slot, held.number))
        };
        let now = self.clock.now();
        let mut is_any = false;
        for (slot, held) in self.local().held.iter_mut().enumerate() {
            if is_meant(slot, held) {
                // Nothing is taken from it any more: what is left now is what goes back.
                held.until = held.until.min(now);
                is_any = true;
            }
        }
        if !is_any {
            return;
        }
        let work = self.change(|tally, now| {
            for slot in 0..2 {
                let is_it = self.local().held.get(slot).is_some_and(|it| is_meant(slot, it));
                if is_it {
                    self.settle(tally, slot, now);
                }
            }
        });
        if matches!(tokio::time::timeout(PATIENCE, work).await, Ok(Ok(()))) {
            for (slot, held) in self.local().held.iter_mut().enumerate() {
                if is_meant(slot, held) {
                    *held = Held::default();
                }
            }
        }
    }

    /// An idle process gives its lease back when it ends, without waiting for the next call.
    fn give_back_later(self: &Arc<Self>, slot: usize, number: u64, after: Duration) {
        let inner = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some(inner) = inner.upgrade() else { return };
            let _renewing = inner.renewing.lock().await;
            inner.give_back(Some((slot, number))).await;
        });
    }

    /// Tells the tally what became of the lease in `slot`, and what the platform reported.
    fn settle(&self, tally: &mut Tally, slot: usize, now: Timestamp) {
        let local = self.local();
        let Some(held) = local.held.get(slot) else { return };
        if held.number > 0 {
            let is_done = held.n_in_flight == 0;
            let ended_at = if is_done { held.last_done_at } else { now.plus(GRACE) };
            let n_used = held.n_granted.saturating_sub(held.n_left);
            let settlement = Settlement { n_used, ended_at };
            if held.is_unleased {
                tally.add_unleased(settlement, now);
            } else {
                tally.settle(&self.key(slot), settlement, now);
            }
        }
        if let Some(report) = local.report {
            tally.hear(report, now);
        }
    }

    /// Changes the stored tally, again when another did meanwhile.
    async fn change<T>(
        &self,
        mut act: impl FnMut(&mut Tally, Timestamp) -> T,
    ) -> Result<T, PortError> {
        let name = self.settings.name();
        let mut n_tried = 0;
        loop {
            let entry = self.ledger.get(&name).await?;
            let revision = entry.as_ref().map_or(0, |it| it.revision);
            let stored: Option<Tally> =
                entry.as_ref().and_then(|it| serde_json::from_str(&it.value).ok());
            let mut tally = stored.clone().unwrap_or_else(|| Tally::new(&self.settings));
            (tally.window, tally.reserve_percent) =
                (self.settings.window, self.settings.reserve_percent);
            let now = self.clock.now();
            tally.roll(now, self.settings.lease_for);
            let before = tally.clone();
            let done = act(&mut tally, now);
            if tally == before && stored.is_some() {
                return Ok(done);
            }
            let text = serde_json::to_string(&tally).unwrap_or_default();
            match self.ledger.put(&name, &text, revision).await {
                Ok(_) => return Ok(done),
                Err(error) if error.kind() == PortErrorKind::Conflict && n_tried < MAX_WRITES => {
                    n_tried += 1;
                    let wait_ms = u64::try_from(self.random.bits() % 20).unwrap_or(0);
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn chunk(&self, tally: &Tally) -> u64 {
        // A platform that allows more than was thought is leased from in larger chunks.
        self.settings.chunk.max(tally.limit / 200)
    }

    fn key(&self, slot: usize) -> String {
        format!("{}/{slot}", self.holder)
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QuotaCall {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let now = inner.clock.now();
        if let Some(held) = inner.local().held.get_mut(self.slot)
            && held.number == self.number
        {
            held.n_in_flight = held.n_in_flight.saturating_sub(1);
            held.last_done_at = held.last_done_at.max(now);
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
