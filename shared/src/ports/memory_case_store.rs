//! A case store in the memory of this process, for tests.

mod audit;
mod conflicts;
mod documents;
mod feed;
mod history;
mod imports;
mod outbox;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::audit_log::AuditRow;
use super::case_store::{
    AuditDraft, CaseStore, Committed, Shadow, TimelineDraft, Write, WriteKind,
};
use super::case_view::StoreDigest;
use super::clock::{Clock, SystemClock};
use super::conflicts::Conflict;
use super::documents::FiledDocument;
use super::matter_import::MatterItem;
use super::walls::{ShownCases, Stance, Wall, Walls, wall_audit};
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::{EntityId, PersonId};
use crate::model::{Entity, FieldValue, Fields, RecordKey};
use crate::sync::{CUSTOM_PREFIX, DigestSum};
use crate::time::Timestamp;

/// A case store in the memory of this process, for tests.
///
/// A write is committed at the instant its event was received; the clock is for leases alone.
pub struct MemoryCaseStore {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

impl Default for MemoryCaseStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl fmt::Debug for MemoryCaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCaseStore").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    shadows: BTreeMap<RecordKey, Shadow>,
    rows: BTreeMap<(Entity, EntityId), Fields>,
    timeline: Vec<(EntityId, TimelineDraft)>,
    audit: Vec<AuditRow>,
    writes: Vec<Write>,
    walls: BTreeMap<(EntityId, PersonId), Wall>,
    walls_revision: u64,
    items: BTreeMap<EntityId, (EntityId, MatterItem)>,
    documents: BTreeMap<EntityId, FiledDocument>,
    aliases: BTreeMap<EntityId, EntityId>,
    deleted: BTreeSet<(Entity, EntityId)>,
    created: BTreeMap<(Entity, EntityId), Timestamp>,
    outbox: BTreeMap<RecordKey, outbox::Waiting>,
    conflicts: Vec<Conflict>,
    n_conflicts_to_come: u32,
}

impl MemoryCaseStore {
    /// Makes an empty store; `clock` is asked when leases end.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { state: Mutex::default(), clock }
    }

    /// Returns the rows that count as deleted.
    pub fn deleted_rows(&self) -> BTreeSet<(Entity, EntityId)> {
        self.state().deleted.clone()
    }

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

    async fn shadows(&self, keys: &[RecordKey]) -> Result<Vec<Option<Shadow>>, PortError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.shadows.get(key).cloned()).collect())
    }

    async fn locate(&self, entity: Entity, id: &EntityId) -> Result<Option<RecordKey>, PortError> {
        let state = self.state();
        let id = state.resolve(id);
        let is_there = state.rows.contains_key(&(entity, id.clone()));
        let found = state.shadows.values().find(|it| is_there && it.entity_id == id);
        Ok(found.map(|it| it.key.clone()))
    }

    async fn apply(&self, write: Write) -> Result<Committed, PortError> {
        let refused = |kind, subject: &str| PortError::new(kind, "memory", "apply", subject);
        let mut state = self.state();
        if let Some(unknown) = write.row.keys().find(|name| {
            !write.entity.columns().contains(&name.as_str()) && !name.starts_with(CUSTOM_PREFIX)
        }) {
            return Err(refused(PortErrorKind::Rejected, &format!("{}.{unknown}", write.entity)));
        }
        let key = write.shadow.key.clone();
        let kept_as = RecordKey {
            record_id: write.marks.was_named.clone().unwrap_or_else(|| key.record_id.clone()),
            ..key.clone()
        };
        let stored = state.shadows.get(&kept_as).map_or(0, |it| it.revision);
        let is_taken = kept_as != key && state.shadows.contains_key(&key);
        if stored != write.shadow.revision || is_taken || state.n_conflicts_to_come > 0 {
            state.n_conflicts_to_come = state.n_conflicts_to_come.saturating_sub(1);
            return Err(refused(PortErrorKind::Conflict, &key.to_string()));
        }
        let at = write.audit.as_ref().map_or(write.shadow.version, |it| it.received_at);
        let change_seq = write
            .audit
            .clone()
            .map(|draft| state.add_audit(write.entity, &write.entity_id, write.kind, draft, at));
        state.writes.push(write.clone());
        state.mark(&write, &kept_as, at);
        let shadow = Shadow { revision: stored + 1, ..write.shadow };
        state.shadows.remove(&kept_as);
        state.shadows.insert(key, shadow);
        let row_key = (write.entity, write.entity_id.clone());
        match write.is_deleted {
            true => state.deleted.insert(row_key.clone()),
            false => state.deleted.remove(&row_key),
        };
        state.created.entry(row_key.clone()).or_insert(at);
        let row = state.resolved(write.row);
        state.rows.insert(row_key, row);
        let events = write.timeline.into_iter().map(|event| (write.entity_id.clone(), event));
        state.timeline.extend(events);
        Ok(Committed { change_seq, at })
    }
}

impl State {
    /// Follows an alias to the row that it stands for.
    fn resolve(&self, id: &EntityId) -> EntityId {
        self.aliases.get(id).unwrap_or(id).clone()
    }

    /// Points references of a row at what aliases stand for.
    fn resolved(&self, mut row: Fields) -> Fields {
        for name in ["account_id", "contact_id"] {
            if let Some(FieldValue::Text(text)) = row.get_mut(name)
                && let Ok(id) = EntityId::parse(text.as_str())
            {
                *text = self.resolve(&id).into();
            }
        }
        row
    }

    /// Does what the marks of a write say.
    fn mark(&mut self, write: &Write, kept_as: &RecordKey, at: Timestamp) {
        let key = &write.shadow.key;
        if kept_as != key {
            self.aliases.insert(key.entity_id(), write.entity_id.clone());
            if let Some(waiting) = self.outbox.remove(kept_as) {
                self.outbox.insert(key.clone(), waiting.named(key));
            }
        }
        if let Some(into) = &write.marks.merged_into {
            let into = self.resolve(into);
            self.aliases.insert(write.entity_id.clone(), into.clone());
            for target in self.aliases.values_mut().filter(|it| **it == write.entity_id) {
                *target = into.clone();
            }
            let rows = std::mem::take(&mut self.rows);
            self.rows = rows.into_iter().map(|(key, row)| (key, self.resolved(row))).collect();
        }
        if write.kind == WriteKind::Restored {
            if let Some(survivor) = self.aliases.remove(&write.entity_id) {
                self.point_back(write, &survivor);
            }
            let derived = key.entity_id();
            if derived != write.entity_id {
                self.aliases.insert(derived, write.entity_id.clone());
            }
        }
        self.mark_outbox(write, at);
        for mark in &write.marks.conflicts {
            self.mark_conflict(write, mark, at);
        }
    }

    /// Points references that a merge has moved back to the row that is no longer merged, where the
    /// record over there still names it.
    fn point_back(&mut self, write: &Write, survivor: &EntityId) {
        let record = FieldValue::Text(write.shadow.key.record_id.as_str().to_owned());
        for shadow in self.shadows.values() {
            let named = shadow.fields.values().any(|it| *it == record);
            for entity in [Entity::Contact, Entity::Case].into_iter().filter(|_| named) {
                let row = self.rows.get_mut(&(entity, shadow.entity_id.clone()));
                for value in row.into_iter().flat_map(|it| it.values_mut()) {
                    if value.as_text() == Some(survivor.as_str()) {
                        *value = FieldValue::Text(write.entity_id.clone().into());
                    }
                }
            }
        }
    }

    fn add_audit(
        &mut self,
        entity: Entity,
        entity_id: &EntityId,
        kind: WriteKind,
        draft: AuditDraft,
        at: Timestamp,
    ) -> u64 {
        let previous = self.audit.last().map_or_else(String::new, |it| it.hash.clone());
        let mut row = AuditRow {
            seq: self.audit.len() as u64 + 1,
            at,
            actor: draft.actor,
            kind,
            entity,
            entity_id: entity_id.clone(),
            channel: draft.channel,
            event_id: draft.event_id,
            correlation_id: draft.correlation_id,
            source_version: draft.source_version,
            received_at: draft.received_at,
            changes: draft.changes,
            hash: String::new(),
        };
        row.hash = audit::columns(&row, &audit::changes_json(&row)).hash(&previous);
        self.audit.push(row);
        self.audit.len() as u64
    }

    /// Puts `wall` in place of the one that stands for `person` at `case_id`.
    fn replace_wall(
        &mut self,
        case_id: &EntityId,
        person: &PersonId,
        by: &PersonId,
        at: Timestamp,
        wall: Option<&Wall>,
    ) -> Option<Wall> {
        let key = (case_id.clone(), person.clone());
        let before = match wall {
            Some(wall) => self.walls.insert(key, wall.clone()),
            None => self.walls.remove(&key),
        };
        if before.is_some() || wall.is_some() {
            let draft = wall_audit(person, by, at, before.as_ref(), wall);
            self.add_audit(Entity::Case, case_id, WriteKind::Updated, draft, at);
            self.walls_revision += 1;
        }
        before
    }

    fn shows(&self, sight: &Sight, case_id: &EntityId) -> bool {
        let Some(person) = sight.person() else { return true };
        let wall = self.walls.get(&(case_id.clone(), person.clone()));
        match wall.map(|it| it.stance) {
            Some(Stance::Screened) => false,
            Some(Stance::Assigned) => true,
            None => !matches!(sight, Sight::Only(_)),
        }
    }

    fn shows_entity(&self, sight: &Sight, entity: Entity, id: &EntityId) -> bool {
        match entity {
            Entity::Case => self.shows(sight, id),
            Entity::Account | Entity::Contact => !matches!(sight, Sight::Only(_)),
        }
    }
}

#[async_trait]
impl Walls for MemoryCaseStore {
    async fn set_wall(&self, wall: &Wall) -> Result<(), PortError> {
        let Wall { case_id, person, set_by, set_at, .. } = wall;
        self.state().replace_wall(case_id, person, set_by, *set_at, Some(wall));
        Ok(())
    }

    async fn lift_wall(
        &self,
        case_id: &EntityId,
        person: &PersonId,
        by: &PersonId,
    ) -> Result<bool, PortError> {
        let mut state = self.state();
        let at = state.audit.last().map_or(Timestamp::EPOCH, |it| it.at);
        Ok(state.replace_wall(case_id, person, by, at, None).is_some())
    }

    async fn walls_of(&self, case_id: &EntityId) -> Result<Vec<Wall>, PortError> {
        let state = self.state();
        Ok(state.walls.values().filter(|it| it.case_id == *case_id).cloned().collect())
    }

    async fn shows_all(&self, sight: &Sight) -> Result<bool, PortError> {
        let is_screened = |person: &PersonId| {
            let walls = self.state().walls.clone();
            walls.values().any(|it| it.person == *person && it.stance == Stance::Screened)
        };
        Ok(match sight {
            Sight::Everything => true,
            Sight::AllBut(person) => !is_screened(person),
            Sight::Only(_) => false,
        })
    }

    async fn walls_revision(&self) -> Result<u64, PortError> {
        Ok(self.state().walls_revision)
    }

    async fn hidden(
        &self,
        sight: &Sight,
        cases: &[EntityId],
    ) -> Result<BTreeSet<EntityId>, PortError> {
        let state = self.state();
        Ok(cases.iter().filter(|it| !state.shows(sight, it)).cloned().collect())
    }

    async fn shown(&self, sight: &Sight) -> Result<ShownCases, PortError> {
        let state = self.state();
        let of = |person: &PersonId, stance| {
            let walls = state.walls.values();
            let walls = walls.filter(|it| it.person == *person && it.stance == stance);
            walls.map(|it| it.case_id.clone()).collect()
        };
        Ok(match sight {
            Sight::Everything => ShownCases::All,
            Sight::AllBut(person) => ShownCases::AllBut(of(person, Stance::Screened)),
            Sight::Only(person) => ShownCases::Only(of(person, Stance::Assigned)),
        })
    }
}
