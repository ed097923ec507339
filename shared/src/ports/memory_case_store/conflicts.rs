//! Conflicts in memory.

use async_trait::async_trait;

use super::{MemoryCaseStore, State};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ports::{Conflict, ConflictFilter, ConflictMark, Conflicts, Write};
use crate::time::Timestamp;

impl State {
    pub(super) fn mark_conflict(&mut self, write: &Write, mark: &ConflictMark, at: Timestamp) {
        let field = match mark {
            ConflictMark::Open(draft) => &draft.field,
            ConflictMark::Close { field, .. } => field,
        };
        let n_known = self.conflicts.len() as u64;
        let open = self.conflicts.iter_mut().find(|it| {
            it.entity_id == write.entity_id && it.field == *field && it.resolved_at.is_none()
        });
        match (mark, open) {
            (ConflictMark::Open(draft), Some(open)) => {
                open.local_value.clone_from(&draft.local_value);
                open.remote_value.clone_from(&draft.remote_value);
                open.remote_version = draft.remote_version;
            }
            (ConflictMark::Open(draft), None) => {
                let draft = draft.clone();
                self.conflicts.push(Conflict {
                    id: n_known + 1,
                    key: write.shadow.key.clone(),
                    entity: write.entity,
                    entity_id: write.entity_id.clone(),
                    label: None,
                    field: draft.field,
                    local_field: draft.local_field,
                    local_value: draft.local_value,
                    remote_value: draft.remote_value,
                    remote_version: draft.remote_version,
                    policy: draft.policy,
                    opened_at: at,
                    resolved_at: None,
                    resolution: None,
                    resolved_by: None,
                    correlation_id: draft.correlation_id,
                });
            }
            (ConflictMark::Close { resolution, by, .. }, Some(open)) => {
                open.resolved_at = Some(at);
                open.resolution = Some(*resolution);
                open.resolved_by = Some(by.clone());
            }
            (ConflictMark::Close { .. }, None) => {}
        }
    }
}

#[async_trait]
impl Conflicts for MemoryCaseStore {
    async fn conflicts(
        &self,
        sight: &Sight,
        filter: &ConflictFilter,
    ) -> Result<Vec<Conflict>, PortError> {
        let state = self.state();
        let wanted = state.conflicts.iter().rev().filter(|it| {
            it.resolved_at.is_some() == filter.is_resolved
                && filter.entity_id.as_ref().is_none_or(|id| it.entity_id == *id)
                && filter.connection.as_ref().is_none_or(|name| it.key.connection == *name)
                && filter.object.as_ref().is_none_or(|name| it.key.object == *name)
                && filter.before.is_none_or(|before| it.id < before)
                && state.shows_entity(sight, it.entity, &it.entity_id)
        });
        Ok(wanted.take(filter.limit.try_into().unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn conflict(&self, sight: &Sight, id: u64) -> Result<Option<Conflict>, PortError> {
        let state = self.state();
        let found = state.conflicts.iter().find(|it| it.id == id);
        Ok(found.filter(|it| state.shows_entity(sight, it.entity, &it.entity_id)).cloned())
    }

    async fn n_open_conflicts(&self) -> Result<u64, PortError> {
        Ok(self.state().conflicts.iter().filter(|it| it.resolved_at.is_none()).count() as u64)
    }
}
