//! A case store in the memory of this process, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::audit_log::{AuditLog, AuditRow, AuditVerification};
use super::case_store::{CaseStore, Committed, Shadow, TimelineDraft, Write};
use super::case_view::StoreDigest;
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::EntityId;
use crate::model::{Entity, Fields, RecordKey};
use crate::sync::{AuditColumns, ChainWalk, DigestSum};
use crate::time::Timestamp;

/// A case store in the memory of this process, for tests.
///
/// A write is committed at the instant its event was received, so that no clock is needed.
#[derive(Debug, Default)]
pub struct MemoryCaseStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shadows: BTreeMap<RecordKey, Shadow>,
    rows: BTreeMap<(Entity, EntityId), Fields>,
    timeline: Vec<(EntityId, TimelineDraft)>,
    audit: Vec<AuditRow>,
    writes: Vec<Write>,
    n_conflicts_to_come: u32,
}

impl MemoryCaseStore {
    /// Returns every row by its kind and id.
    pub fn rows(&self) -> BTreeMap<(Entity, EntityId), Fields> {
        self.state().rows.clone()
    }

    /// Returns every shadow by its record.
    pub fn shadows(&self) -> BTreeMap<RecordKey, Shadow> {
        self.state().shadows.clone()
    }

    /// Returns every write that was committed, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.state().writes.clone()
    }

    /// Returns the timeline events with their cases, in order of commit.
    pub fn timeline(&self) -> Vec<(EntityId, TimelineDraft)> {
        self.state().timeline.clone()
    }

    /// Lets the next `n` writes answer `Conflict`, as if somebody else had been faster.
    pub fn refuse_next(&self, n: u32) {
        self.state().n_conflicts_to_come = n;
    }

    /// Digests every record.
    pub fn digest(&self) -> StoreDigest {
        let mut sum = DigestSum::default();
        for shadow in self.state().shadows.values() {
            sum.add(&shadow.key, shadow.is_deleted, &shadow.fields);
        }
        sum.finish()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CaseStore for MemoryCaseStore {
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError> {
        Ok(self.state().shadows.get(key).cloned())
    }

    async fn apply(&self, write: Write) -> Result<Committed, PortError> {
        let refused = |kind, subject: &str| PortError::new(kind, "memory", "apply", subject);
        let mut state = self.state();
        if let Some(unknown) =
            write.row.keys().find(|name| !write.entity.columns().contains(&name.as_str()))
        {
            return Err(refused(PortErrorKind::Rejected, &format!("{}.{unknown}", write.entity)));
        }
        let key = write.shadow.key.clone();
        let stored = state.shadows.get(&key).map_or(0, |it| it.revision);
        if stored != write.shadow.revision || state.n_conflicts_to_come > 0 {
            state.n_conflicts_to_come = state.n_conflicts_to_come.saturating_sub(1);
            return Err(refused(PortErrorKind::Conflict, &key.to_string()));
        }
        let at = write.audit.as_ref().map_or(write.shadow.version, |it| it.received_at);
        let change_seq = state.add_audit(&write, at);
        state.writes.push(write.clone());
        let shadow = Shadow { revision: stored + 1, ..write.shadow };
        state.shadows.insert(key, shadow);
        state.rows.insert((write.entity, write.entity_id.clone()), write.row);
        let events = write.timeline.into_iter().map(|event| (write.entity_id.clone(), event));
        state.timeline.extend(events);
        Ok(Committed { change_seq, at })
    }
}

impl State {
    fn add_audit(&mut self, write: &Write, at: Timestamp) -> Option<u64> {
        let draft = write.audit.clone()?;
        let previous = self.audit.last().map_or_else(String::new, |it| it.hash.clone());
        let mut row = AuditRow {
            seq: self.audit.len() as u64 + 1,
            at,
            actor: draft.actor,
            kind: write.kind,
            entity: write.entity,
            entity_id: write.entity_id.clone(),
            channel: draft.channel,
            event_id: draft.event_id,
            correlation_id: draft.correlation_id,
            source_version: draft.source_version,
            received_at: draft.received_at,
            changes: draft.changes,
            hash: String::new(),
        };
        row.hash = columns(&row, &changes_json(&row)).hash(&previous);
        self.audit.push(row);
        Some(self.audit.len() as u64)
    }
}

fn changes_json(row: &AuditRow) -> String {
    serde_json::to_string(&row.changes).unwrap_or_default()
}

fn columns<'a>(row: &'a AuditRow, changes: &'a str) -> AuditColumns<'a> {
    AuditColumns {
        seq: row.seq,
        at: row.at.as_millis(),
        actor: &row.actor,
        kind: row.kind.as_str(),
        entity: row.entity.as_str(),
        entity_id: row.entity_id.as_str(),
        channel: row.channel.as_str(),
        event_id: &row.event_id,
        correlation_id: row.correlation_id.as_str(),
        source_version: row.source_version.as_millis(),
        received_at: row.received_at.as_millis(),
        changes,
    }
}

#[async_trait]
impl AuditLog for MemoryCaseStore {
    async fn audit(
        &self,
        _sight: &Sight,
        entity_id: Option<&EntityId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, PortError> {
        let state = self.state();
        let newest_first = state.audit.iter().rev();
        let wanted = newest_first.filter(|row| {
            before.is_none_or(|before| row.seq < before)
                && entity_id.is_none_or(|id| row.entity_id == *id)
        });
        Ok(wanted.take(limit.try_into().unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn verify(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<AuditVerification, PortError> {
        let mut walk = ChainWalk::default();
        let mut previous = String::new();
        for row in &self.state().audit {
            walk.check(&columns(row, &changes_json(row)), &previous, &row.hash);
            previous.clone_from(&row.hash);
        }
        progress(walk.n_rows());
        Ok(walk.finish())
    }
}
