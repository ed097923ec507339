//! The outbox in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryCaseStore, State};
use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId};
use crate::model::RecordKey;
use crate::ports::{
    Claim, Outbox, OutboxDepth, OutboxEntry, OutboxKind, OutboxMark, OutboxStatus, Setback, Write,
};
use crate::time::Timestamp;

/// One record that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    entry: OutboxEntry,
    status: OutboxStatus,
    not_before: Timestamp,
    leased_until: Timestamp,
}

impl Waiting {
    /// Gives the record its new key.
    pub(super) fn named(mut self, key: &RecordKey) -> Self {
        self.entry.key = key.clone();
        self
    }
}

impl State {
    pub(super) fn mark_outbox(&mut self, write: &Write, at: Timestamp) {
        let key = &write.shadow.key;
        match write.marks.outbox {
            OutboxMark::Keep => {}
            OutboxMark::Clear => drop(self.outbox.remove(key)),
            OutboxMark::Send(kind) => {
                let changed_at = self.outbox.get(key).map_or(at, |it| it.entry.changed_at);
                let waiting = Waiting {
                    entry: entry(write, kind, changed_at),
                    status: OutboxStatus::Waiting,
                    not_before: Timestamp::EPOCH,
                    leased_until: Timestamp::EPOCH,
                };
                self.outbox.insert(key.clone(), waiting);
            }
        }
    }
}

fn entry(write: &Write, kind: OutboxKind, changed_at: Timestamp) -> OutboxEntry {
    let audit = write.audit.as_ref();
    OutboxEntry {
        key: write.shadow.key.clone(),
        entity: write.entity,
        entity_id: write.entity_id.clone(),
        kind,
        n_attempts: 0,
        last: None,
        changed_at,
        correlation_id: audit
            .map_or_else(|| CorrelationId::from_random(0), |it| it.correlation_id.clone()),
    }
}

#[async_trait]
impl Outbox for MemoryCaseStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<OutboxEntry>, PortError> {
        let now = self.clock.now();
        let mut state = self.state();
        let mut ready: Vec<_> = state
            .outbox
            .values_mut()
            .filter(|it| {
                let key = &it.entry.key;
                it.status == OutboxStatus::Waiting
                    && (&key.connection, &key.object) == (&claim.connection, &claim.object)
                    && it.not_before <= now
                    && it.leased_until <= now
            })
            .collect();
        ready.sort_by_key(|it| (it.entry.changed_at, it.entry.key.clone()));
        ready.truncate(claim.limit.try_into().unwrap_or(usize::MAX));
        Ok(ready
            .into_iter()
            .map(|it| {
                it.leased_until = now.plus(claim.lease);
                it.entry.clone()
            })
            .collect())
    }

    async fn postpone(
        &self,
        keys: &[(RecordKey, Option<Setback>)],
        delay: Duration,
    ) -> Result<(), PortError> {
        let not_before = self.clock.now().plus(delay);
        let mut state = self.state();
        for (key, setback) in keys {
            if let Some(waiting) = state.outbox.get_mut(key) {
                waiting.not_before = not_before;
                waiting.leased_until = Timestamp::EPOCH;
                if setback.is_some() {
                    waiting.entry.n_attempts += 1;
                    waiting.entry.last.clone_from(setback);
                }
            }
        }
        Ok(())
    }

    async fn hold(&self, key: &RecordKey, setback: &Setback) -> Result<(), PortError> {
        if let Some(waiting) = self.state().outbox.get_mut(key) {
            waiting.status = OutboxStatus::Failed;
            waiting.leased_until = Timestamp::EPOCH;
            waiting.entry.n_attempts += 1;
            waiting.entry.last = Some(setback.clone());
        }
        Ok(())
    }

    async fn resend(
        &self,
        connection: &ConnectionId,
        key: Option<&RecordKey>,
    ) -> Result<u64, PortError> {
        let mut n_resent = 0;
        for waiting in self.state().outbox.values_mut() {
            let is_meant = key.is_none_or(|key| waiting.entry.key == *key)
                && waiting.entry.key.connection == *connection;
            if is_meant && waiting.status == OutboxStatus::Failed {
                waiting.status = OutboxStatus::Waiting;
                waiting.not_before = Timestamp::EPOCH;
                n_resent += 1;
            }
        }
        Ok(n_resent)
    }

    async fn depths(&self) -> Result<Vec<OutboxDepth>, PortError> {
        let mut depths: Vec<OutboxDepth> = Vec::new();
        for Waiting { entry, status, .. } in self.state().outbox.values() {
            let RecordKey { connection, object, .. } = &entry.key;
            let place = depths
                .iter()
                .position(|it| (&it.connection, &it.object) == (connection, object))
                .unwrap_or_else(|| {
                    depths.push(OutboxDepth {
                        connection: connection.clone(),
                        object: object.clone(),
                        n_waiting: 0,
                        n_deletes: 0,
                        n_failed: 0,
                        oldest: None,
                    });
                    depths.len() - 1
                });
            let Some(depth) = depths.get_mut(place) else { continue };
            match status {
                OutboxStatus::Waiting => {
                    depth.n_waiting += 1;
                    depth.n_deletes += u64::from(entry.kind == OutboxKind::Delete);
                    let oldest = depth.oldest.unwrap_or(entry.changed_at);
                    depth.oldest = Some(oldest.min(entry.changed_at));
                }
                OutboxStatus::Failed => depth.n_failed += 1,
            }
        }
        Ok(depths)
    }

    async fn waiting(
        &self,
        status: OutboxStatus,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<OutboxEntry>, PortError> {
        let state = self.state();
        let mut all: Vec<_> =
            state.outbox.values().filter(|it| it.status == status).map(|it| &it.entry).collect();
        all.sort_by_key(|it| (it.changed_at, it.key.clone()));
        let start = after
            .and_then(|after| all.iter().position(|it| it.key == *after))
            .map_or(0, |place| place + 1);
        let limit = limit.try_into().unwrap_or(usize::MAX);
        Ok(all.into_iter().skip(start).take(limit).cloned().collect())
    }

    async fn standing(
        &self,
        key: &RecordKey,
    ) -> Result<Option<(OutboxStatus, OutboxEntry)>, PortError> {
        Ok(self.state().outbox.get(key).map(|it| (it.status, it.entry.clone())))
    }
}
