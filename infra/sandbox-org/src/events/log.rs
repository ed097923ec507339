//! The log of change events: 72 hours by the org's clock, read from a replay id on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::build::{Draft, drafts, transaction};
use super::event::{ChangeEvent, ChangeKind, Records, Transaction};
use crate::clock::Clock;
use crate::org::Commit;
use crate::schema::{ObjectType, Schema};

/// How long events are kept, in milliseconds. Source: Change Data Capture guide, "Event retention".
const RETENTION_MS: i64 = 72 * 60 * 60 * 1000;

/// Most events kept, so that a long life does not fill the memory; older ones count as expired.
const MAX_EVENTS: usize = 500_000;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayFrom {
    /// With the oldest event that is kept.
    Earliest,
    /// With the next event.
    Latest,
    /// Behind the event with this replay id.
    After(u64),
}

/// Why a replay id is not read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplayRefused {
    /// Events behind it are no longer kept.
    #[error("replay id {replay_id} is older than the oldest event that is kept")]
    Expired {
        /// The id.
        replay_id: u64,
    },
    /// No event was ever given it.
    #[error("replay id {replay_id} was never given to an event")]
    Unknown {
        /// The id.
        replay_id: u64,
    },
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Arc<ChangeEvent>>,
    /// Newest replay id that was given.
    newest: u64,
    /// Newest replay id whose event is gone.
    gone: u64,
}

impl Kept {
    /// Drops what is too old at `now_ms`.
    fn expire(&mut self, now_ms: i64) {
        while let Some(oldest) = self.events.front() {
            let is_old = now_ms - oldest.transaction.at_ms >= RETENTION_MS;
            if !is_old && self.events.len() <= MAX_EVENTS {
                return;
            }
            self.gone = oldest.replay_id;
            self.events.pop_front();
        }
    }

    /// Returns the next replay id: ids grow, but not by one.
    fn next_id(&mut self) -> u64 {
        self.newest += 1 + self.newest % 3;
        self.newest
    }

    fn check(&self, replay_id: u64) -> Result<(), ReplayRefused> {
        if replay_id > self.newest {
            return Err(ReplayRefused::Unknown { replay_id });
        }
        if replay_id < self.gone {
            return Err(ReplayRefused::Expired { replay_id });
        }
        Ok(())
    }
}

/// The events of the last 72 hours.
#[derive(Debug)]
pub(crate) struct EventLog {
    kept: Mutex<Kept>,
    clock: Clock,
    newest: watch::Sender<u64>,
}

impl EventLog {
    /// Makes an empty log. Ids go on above those of an earlier log of the same org, whose events are gone.
    #[must_use]
    pub(crate) fn new(clock: Clock) -> Self {
        let start = u64::try_from(clock.now_ms()).unwrap_or(0);
        let kept = Kept { events: VecDeque::new(), newest: start, gone: start };
        Self { kept: Mutex::new(kept), clock, newest: watch::Sender::new(start) }
    }

    /// Turns a commit into events and keeps them; commits must come in their order.
    pub(crate) fn append(&self, schema: &Schema, commit: &Commit) -> Vec<Arc<ChangeEvent>> {
        self.keep(transaction(commit), drafts(schema, commit))
    }

    /// Keeps an event that tells no values, in a transaction of its own.
    pub(crate) fn announce(
        &self,
        object: &Arc<ObjectType>,
        kind: ChangeKind,
        records: Records,
        commit: &Commit,
    ) -> Vec<Arc<ChangeEvent>> {
        let object = Arc::clone(object);
        let gap = Draft { object, kind: kind.gap(), records, sequence: 1, fields: Vec::new() };
        self.keep(transaction(commit), vec![gap])
    }

    fn keep(&self, transaction: Transaction, drafts: Vec<Draft>) -> Vec<Arc<ChangeEvent>> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let transaction = Arc::new(transaction);
        let mut kept = self.kept();
        let mut made = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let event = Arc::new(ChangeEvent {
                replay_id: kept.next_id(),
                object: draft.object,
                kind: draft.kind,
                records: draft.records,
                transaction: Arc::clone(&transaction),
                sequence: draft.sequence,
                fields: draft.fields,
            });
            kept.events.push_back(Arc::clone(&event));
            made.push(event);
        }
        kept.expire(self.clock.now_ms());
        let newest = kept.newest;
        drop(kept);
        self.newest.send_replace(newest);
        made
    }

    /// Returns the newest replay id that was given.
    #[must_use]
    pub(crate) fn newest(&self) -> u64 {
        self.kept().newest
    }

    /// Returns how many events are kept.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.kept().events.len()
    }

    /// Returns up to `max` events behind `replay_id`, oldest first.
    ///
    /// # Errors
    /// The id is too old or unknown.
    pub(crate) fn read(
        &self,
        replay_id: u64,
        max: usize,
    ) -> Result<Vec<Arc<ChangeEvent>>, ReplayRefused> {
        let mut kept = self.kept();
        kept.expire(self.clock.now_ms());
        kept.check(replay_id)?;
        let from = kept.events.partition_point(|event| event.replay_id <= replay_id);
        Ok(kept.events.range(from..).take(max).cloned().collect())
    }

    /// Begins to read.
    ///
    /// # Errors
    /// The id to read from is too old or unknown.
    pub(crate) fn open(self: &Arc<Self>, from: ReplayFrom) -> Result<EventReader, ReplayRefused> {
        let arrived = self.newest.subscribe();
        let mut kept = self.kept();
        kept.expire(self.clock.now_ms());
        let position = match from {
            ReplayFrom::Earliest => kept.gone,
            ReplayFrom::Latest => kept.newest,
            ReplayFrom::After(replay_id) => {
                kept.check(replay_id)?;
                replay_id
            }
        };
        drop(kept);
        Ok(EventReader { log: Arc::clone(self), position, arrived })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the log that moves on as events are read.
///
/// A reader holds no events of its own: one that is slow finds them in the log until they expire, and is
/// told so when they did.
#[derive(Debug)]
pub(crate) struct EventReader {
    log: Arc<EventLog>,
    position: u64,
    arrived: watch::Receiver<u64>,
}

impl EventReader {
    /// Returns the replay id behind which reading goes on.
    #[must_use]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Returns up to `max` events that are there already.
    ///
    /// # Errors
    /// Events behind the position expired before they were read.
    pub(crate) fn take(&mut self, max: usize) -> Result<Vec<Arc<ChangeEvent>>, ReplayRefused> {
        self.arrived.mark_unchanged();
        let events = self.log.read(self.position, max)?;
        if let Some(last) = events.last() {
            self.position = last.replay_id;
        }
        Ok(events)
    }

    /// Waits for events, at least one and at most `max`; may be dropped while it waits.
    ///
    /// # Errors
    /// Events behind the position expired before they were read.
    pub(crate) async fn next(
        &mut self,
        max: usize,
    ) -> Result<Vec<Arc<ChangeEvent>>, ReplayRefused> {
        loop {
            let events = self.take(max)?;
            if !events.is_empty() {
                return Ok(events);
            }
            // The log holds the sender and is held by `self`: waiting cannot fail.
            let _ = self.arrived.changed().await;
        }
    }
}
