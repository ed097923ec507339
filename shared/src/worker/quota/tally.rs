//! The count that all processes share: what was spent when, and who may still spend how much.
//!
//! It errs on the side of the quota. A lease counts as spent from its first moment; what its holder
//! gives back is taken off. What a dead holder leaves stays counted until the platform reports its
//! own number, which holds whatever the dead one really spent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::{QuotaSettings, QuotaWindow};
use crate::time::Timestamp;

/// Parts of a rolling window: calls fall out of it part by part.
const PARTS: u64 = 128;

/// A call begun within a lease may reach the platform this much after its end, and clocks differ.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// How long a report is of use, and how long ended leases are remembered for it.
const KEEP: Duration = Duration::from_secs(10 * 60);

/// Clocks of two processes differ by less.
const SKEW: Duration = Duration::from_secs(1);

/// Ended leases are remembered by slots of this length.
const SLOT_MS: i64 = 1000;

/// What the ledger keeps of one quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) platform: String,
    pub(super) connection: String,
    pub(super) limit: u64,
    pub(super) reserve_percent: u8,
    pub(super) window: QuotaWindow,
    /// Calls by the part of the window in which they were leased: its start, and how many.
    pub(super) parts: Vec<(i64, u64)>,
    /// Leases whose holder may still call.
    pub(super) leases: Vec<Lease>,
    /// Calls of ended leases by the time after which none of them can reach the platform.
    ended: Vec<(i64, u64)>,
    pub(super) report: Option<Report>,
}

/// So many calls for one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) holder: String,
    pub(super) n: u64,
    pub(super) until: Timestamp,
}

/// What the platform said of its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) n_used: u64,
    pub(super) limit: u64,
    pub(super) at: Timestamp,
}

/// What a holder says of a lease that it gives up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settlement {
    pub(super) n_used: u64,
    /// After this none of its calls can reach the platform.
    pub(super) ended_at: Timestamp,
}

impl Tally {
    pub(super) fn new(settings: &QuotaSettings) -> Self {
        Self {
            platform: settings.platform.clone(),
            connection: settings.connection.clone(),
            limit: settings.limit,
            reserve_percent: settings.reserve_percent,
            window: settings.window,
            parts: Vec::new(),
            leases: Vec::new(),
            ended: Vec::new(),
            report: None,
        }
    }

    /// Returns the calls that count in the window, leased ones included.
    pub(super) fn n_used(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    pub(super) fn n_left(&self) -> u64 {
        self.limit.saturating_sub(self.n_used())
    }

    pub(super) fn reserve(&self) -> u64 {
        self.limit.saturating_mul(self.reserve_percent.into()) / 100
    }

    /// Lets go of what is past: parts that left the window, leases whose holder is gone.
    pub(super) fn roll(&mut self, now: Timestamp, lease_for: Duration) {
        let first = match self.window {
            // A call may be made as late as its lease allows after it was counted.
            QuotaWindow::Rolling { .. } => {
                now.minus(self.window.length() + self.part_length() + lease_for).as_millis() + 1
            }
            QuotaWindow::CalendarDay => self.part_of(now),
        };
        self.parts.retain(|(start, _)| *start >= first);
        let gone = self.leases.extract_if(.., |it| it.until.plus(GRACE) <= now);
        for Lease { n, until, .. } in gone.collect::<Vec<_>>() {
            self.note_ended(until.plus(GRACE), n);
        }
        let oldest = now.minus(KEEP).as_millis();
        self.ended.retain(|(at, _)| *at > oldest);
        self.report = self.report.filter(|it| it.at.as_millis() > oldest);
        self.correct(now);
    }

    /// Takes in what the platform said, when it is news.
    pub(super) fn hear(&mut self, report: Report, now: Timestamp) {
        let is_news = self.report.is_none_or(|known| known.at < report.at);
        if is_news && now.since(report.at) < KEEP && report.limit > 0 {
            self.limit = report.limit;
            self.report = Some(report);
            self.correct(now);
        }
    }

    /// Leases up to `wanted` calls beyond `kept` ones; returns how many and until when.
    pub(super) fn lease(
        &mut self,
        holder: &str,
        wanted: u64,
        kept: u64,
        now: Timestamp,
        lease_for: Duration,
    ) -> Option<Lease> {
        let left = self.n_left().saturating_sub(kept);
        if left == 0 {
            return None;
        }
        // The less is left, the smaller the share of one process: no one sits on the last calls.
        let n = wanted.min(left / 32).max(1);
        let until = now.plus(lease_for);
        let until = match self.window {
            QuotaWindow::Rolling { .. } => until,
            QuotaWindow::CalendarDay => until.min(self.next_opening(now)),
        };
        let lease = Lease { holder: holder.to_owned(), n, until };
        self.leases.push(lease.clone());
        self.add(n, now);
        Some(lease)
    }

    /// Ends the lease of `holder`: what it did not use comes back.
    pub(super) fn settle(&mut self, holder: &str, settlement: Settlement, now: Timestamp) {
        let Some(at) = self.leases.iter().position(|it| it.holder == holder) else { return };
        let lease = self.leases.swap_remove(at);
        let n_used = settlement.n_used.min(lease.n);
        self.take_off(lease.n - n_used, PartOrder::NewestFirst);
        self.note_ended(settlement.ended_at, n_used);
        self.correct(now);
    }

    /// Counts calls that were made without a lease, while the ledger could not be used.
    pub(super) fn add_unleased(&mut self, settlement: Settlement, now: Timestamp) {
        self.add(settlement.n_used, now);
        self.note_ended(settlement.ended_at, settlement.n_used);
    }

    /// Returns when calls come free next.
    pub(super) fn next_opening(&self, now: Timestamp) -> Timestamp {
        match self.window {
            QuotaWindow::Rolling { .. } => {
                let oldest = self.parts.first().map_or(now, |it| Timestamp::from_millis(it.0));
                oldest.plus(self.window.length() + self.part_length()).max(now)
            }
            QuotaWindow::CalendarDay => {
                Timestamp::from_millis(self.part_of(now)).plus(self.window.length())
            }
        }
    }

    /// Makes the sum what the platform said, and all that may have come after it on top.
    fn correct(&mut self, now: Timestamp) {
        let Some(report) = self.report else { return };
        let at = report.at.minus(SKEW).as_millis();
        let alive: u64 = self.leases.iter().map(|it| it.n).sum();
        let ended: u64 = self.ended.iter().filter(|it| it.0 > at).map(|it| it.1).sum();
        let wanted = report.n_used.saturating_add(alive).saturating_add(ended);
        let counted = self.n_used();
        if counted < wanted {
            self.add(wanted - counted, now);
        } else {
            // What is oldest leaves first: the rest counts for longer.
            self.take_off(counted - wanted, PartOrder::OldestFirst);
        }
    }

    fn add(&mut self, n: u64, now: Timestamp) {
        let start = self.part_of(now);
        match self.parts.last_mut() {
            Some((last, sum)) if *last >= start => *sum = sum.saturating_add(n),
            _ => self.parts.push((start, n)),
        }
    }

    fn take_off(&mut self, mut n: u64, order: PartOrder) {
        let mut parts: Vec<_> = self.parts.iter_mut().collect();
        if order == PartOrder::NewestFirst {
            parts.reverse();
        }
        for (_, sum) in parts {
            let part = n.min(*sum);
            *sum -= part;
            n -= part;
        }
        self.parts.retain(|(_, sum)| *sum > 0);
    }

    fn note_ended(&mut self, at: Timestamp, n: u64) {
        if n == 0 {
            return;
        }
        // Within a slot the latest time counts.
        let (at, slot) = (at.as_millis(), at.as_millis().div_euclid(SLOT_MS));
        match self.ended.iter_mut().find(|it| it.0.div_euclid(SLOT_MS) == slot) {
            Some((known, sum)) => {
                *known = at.max(*known);
                *sum += n;
            }
            None => self.ended.push((at, n)),
        }
    }

    fn part_length(&self) -> Duration {
        match self.window {
            QuotaWindow::Rolling { length_ms } => Duration::from_millis((length_ms / PARTS).max(1)),
            QuotaWindow::CalendarDay => self.window.length(),
        }
    }

    fn part_of(&self, at: Timestamp) -> i64 {
        let length = i64::try_from(self.part_length().as_millis()).unwrap_or(i64::MAX).max(1);
        at.as_millis().div_euclid(length) * length
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PartOrder {
    OldestFirst,
    NewestFirst,
}
