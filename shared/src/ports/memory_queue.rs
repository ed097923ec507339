//! The queue in memory: for tests, and for trying things out. It forgets everything at the end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::clock::Clock;
use super::queue::{
    DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};
use crate::error::{PortError, PortErrorKind};
use crate::time::Timestamp;

const PLATFORM: &str = "memory";
const MAX_BODY_BYTES: usize = 1_048_576;
const N_BATCH: usize = 10_000;
const DEDUPE_FOR: Duration = Duration::from_hours(7 * 24);
/// How often a waiting receiver looks at the clock, which a test may have moved.
const NAP: Duration = Duration::from_millis(20);

/// A queue that lives in this process.
pub struct MemoryQueue {
    name: String,
    max_attempts: NonZeroU32,
    clock: Arc<dyn Clock>,
    bell: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    messages: BTreeMap<u64, Message>,
    dead: BTreeMap<u64, DeadLetter>,
    keys: HashMap<String, Timestamp>,
    /// Counts hand-outs of all messages, so that no receipt is ever valid twice.
    last_receipt: u64,
}

struct Message {
    body: String,
    group: Option<String>,
    sent_at: Timestamp,
    visible_at: Timestamp,
    n_attempts: u32,
    reason: Option<String>,
    trace_parent: Option<String>,
    /// The receipt of the receiver who has it, or had it when its visibility ended.
    receipt: Option<u64>,
}

impl Message {
    fn is_held(&self, now: Timestamp) -> bool {
        self.receipt.is_some() && self.visible_at > now
    }
}

impl MemoryQueue {
    /// Makes an empty queue whose messages are handed out `max_attempts` times at most.
    pub fn new(name: impl Into<String>, max_attempts: NonZeroU32, clock: Arc<dyn Clock>) -> Self {
        let (bell, state) = (Notify::new(), Mutex::default());
        Self { name: name.into(), max_attempts, clock, bell, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, max: NonZeroU32, visibility: Duration) -> Vec<Delivery> {
        let now = self.clock.now();
        let mut state = self.state();
        let groups: HashSet<String> = state
            .messages
            .values()
            .filter(|it| it.is_held(now))
            .filter_map(|it| it.group.clone())
            .collect();
        let is_free = |it: &Message| it.group.as_ref().is_none_or(|it| !groups.contains(it));
        let mut turns: Vec<(Timestamp, u64)> = state
            .messages
            .iter()
            .filter(|(_, it)| it.visible_at <= now && is_free(it))
            .map(|(id, it)| (it.visible_at, *id))
            .collect();
        turns.sort_unstable();

        let mut deliveries = Vec::new();
        for (_, id) in turns {
            if deliveries.len() >= usize::try_from(max.get()).unwrap_or(usize::MAX) {
                break;
            }
            deliveries.extend(state.hand_out(id, now.plus(visibility), self.max_attempts, now));
        }
        deliveries.sort_by_key(|it| id_of(&it.id));
        deliveries
    }
}

impl State {
    /// Hands message `id` out, or sets it aside when that was done too often.
    fn hand_out(
        &mut self,
        id: u64,
        until: Timestamp,
        max_attempts: NonZeroU32,
        now: Timestamp,
    ) -> Option<Delivery> {
        let message = self.messages.get_mut(&id)?;
        if message.n_attempts >= max_attempts.get() {
            let last = format!("handed out {} times and never settled", message.n_attempts);
            let reason = match &message.reason {
                Some(reason) => format!("{reason} ({last})"),
                None => last,
            };
            self.bury(id, &reason, now);
            return None;
        }
        self.last_receipt += 1;
        message.receipt = Some(self.last_receipt);
        message.n_attempts += 1;
        message.visible_at = until;
        Some(Delivery {
            id: id.to_string(),
            body: message.body.clone(),
            group: message.group.clone(),
            attempt: message.n_attempts,
            sent_at: message.sent_at,
            trace_parent: message.trace_parent.clone(),
            receipt: self.last_receipt.to_string(),
        })
    }

    fn bury(&mut self, id: u64, reason: &str, now: Timestamp) {
        if let Some(Message { body, group, sent_at, n_attempts, .. }) = self.messages.remove(&id) {
            let (id_text, reason) = (id.to_string(), reason.to_owned());
            let letter =
                DeadLetter { id: id_text, body, group, n_attempts, reason, sent_at, died_at: now };
            self.dead.insert(id, letter);
        }
    }

    /// Returns the message of `delivery`, while its receipt is valid.
    fn held(&mut self, delivery: &Delivery, now: Timestamp) -> Option<(u64, &mut Message)> {
        let id = id_of(&delivery.id)?;
        let receipt = id_of(&delivery.receipt)?;
        let message = self.messages.get_mut(&id)?;
        (message.is_held(now) && message.receipt == Some(receipt)).then_some((id, message))
    }

    fn send(&mut self, message: NewMessage, now: Timestamp) -> SendOutcome {
        if let Some(key) = message.dedupe_key {
            if self.keys.get(&key).is_some_and(|expires_at| *expires_at > now) {
                return SendOutcome::Duplicate;
            }
            self.keys.insert(key, now.plus(DEDUPE_FOR));
        }
        self.last_id += 1;
        let message = Message {
            body: message.body,
            group: message.group,
            sent_at: now,
            visible_at: now.plus(message.delay),
            n_attempts: 0,
            reason: None,
            trace_parent: message.trace_parent,
            receipt: None,
        };
        self.messages.insert(self.last_id, message);
        SendOutcome::Queued
    }
}

fn id_of(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        if batch.len() > N_BATCH || batch.iter().any(|it| it.body.len() > MAX_BODY_BYTES) {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "send", &self.name));
        }
        let now = self.clock.now();
        let mut state = self.state();
        let outcomes = batch.into_iter().map(|it| state.send(it, now)).collect();
        drop(state);
        self.bell.notify_waiters();
        Ok(outcomes)
    }

    async fn receive(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        let until = Instant::now() + wait;
        loop {
            let mut rung = Box::pin(self.bell.notified());
            rung.as_mut().enable();
            let deliveries = self.take(max, visibility);
            let left = until.saturating_duration_since(Instant::now());
            if !deliveries.is_empty() || left.is_zero() {
                return Ok(deliveries);
            }
            let _ = timeout(left.min(NAP), rung).await;
        }
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        match self.state().held(delivery, now) {
            Some((_, message)) => {
                message.visible_at = now.plus(visibility);
                Ok(())
            }
            None => Err(PortError::new(PortErrorKind::NotFound, PLATFORM, "extend", &self.name)),
        }
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        for delivery in deliveries {
            if let Some((id, _)) = state.held(delivery, now) {
                state.messages.remove(&id);
            }
        }
        drop(state);
        self.bell.notify_waiters();
        Ok(())
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some((id, message)) = state.held(delivery, now) {
            message.receipt = None;
            message.visible_at = now.plus(delay);
            message.reason = Some(reason.to_owned());
            if message.n_attempts >= self.max_attempts.get() {
                state.bury(id, reason, now);
            }
        }
        drop(state);
        self.bell.notify_waiters();
        Ok(())
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some((_, message)) = state.held(delivery, now) {
            message.receipt = None;
            let old_place = message.sent_at.min(now);
            message.visible_at = if delay.is_zero() { old_place } else { now.plus(delay) };
            message.n_attempts = message.n_attempts.saturating_sub(1);
        }
        drop(state);
        self.bell.notify_waiters();
        Ok(())
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some((id, _)) = state.held(delivery, now) {
            state.bury(id, reason, now);
        }
        drop(state);
        self.bell.notify_waiters();
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        let now = self.clock.now();
        let state = self.state();
        let mut depth = QueueDepth { n_dead: state.dead.len() as u64, ..QueueDepth::default() };
        for message in state.messages.values() {
            match message {
                it if it.is_held(now) => depth.n_in_flight += 1,
                it if it.visible_at > now => depth.n_delayed += 1,
                _ => depth.n_ready += 1,
            }
        }
        depth.oldest_sent_at = state.messages.values().next().map(|it| it.sent_at);
        Ok(depth)
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let mut letters: Vec<DeadLetter> = self.state().dead.values().cloned().collect();
        letters.sort_by_key(|it| std::cmp::Reverse((it.died_at, id_of(&it.id))));
        let n_skipped = match after {
            Some(after) => letters.iter().position(|it| it.id == after).map(|at| at + 1),
            None => Some(0),
        };
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        Ok(letters.into_iter().skip(n_skipped.unwrap_or(usize::MAX)).take(limit).collect())
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        let ids: Vec<u64> = match selection {
            ReplaySelection::All => state.dead.keys().copied().collect(),
            ReplaySelection::Ids(ids) => ids.iter().filter_map(|it| id_of(it)).collect(),
        };
        let mut n_replayed = 0;
        for id in ids {
            if let Some(DeadLetter { body, group, sent_at, .. }) = state.dead.remove(&id) {
                let message = Message {
                    body,
                    group,
                    sent_at,
                    visible_at: now,
                    n_attempts: 0,
                    reason: None,
                    trace_parent: None,
                    receipt: None,
                };
                state.messages.insert(id, message);
                n_replayed += 1;
            }
        }
        drop(state);
        self.bell.notify_waiters();
        Ok(n_replayed)
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn max_body_bytes(&self) -> usize {
        MAX_BODY_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemClock;
    use crate::ports::queue_contract::{Lacks, Platform, contract};

    #[tokio::test]
    async fn memory_queue_keeps_the_contract() {
        let platform = Platform {
            max_attempts: NonZeroU32::new(3).unwrap(),
            visibility: Duration::from_millis(300),
            lacks: Lacks::default(),
        };
        contract(platform, || async move {
            let clock = Arc::new(SystemClock);
            Arc::new(MemoryQueue::new("events", platform.max_attempts, clock)) as Arc<dyn Queue>
        })
        .await;
    }
}
