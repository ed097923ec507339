//! The change rows of the memory store, and many of its rows at once.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryCaseStore, State};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::model::{Entity, FieldValue};
use crate::ports::audit_log::AuditRow;
use crate::ports::case_store::Shadow;
use crate::ports::change_feed::{ChangeFeed, ChangeRow};
use crate::ports::current_rows::{CurrentRow, CurrentRows};

/// How often it is looked for what was committed meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl State {
    fn label(&self, entity: Entity, id: &EntityId) -> Option<String> {
        let row = self.rows.get(&(entity, id.clone()))?;
        let text = |column: &str| row.get(column).and_then(FieldValue::as_text);
        let (parts, between) = match entity {
            Entity::Account => ([text("name"), None], ""),
            Entity::Contact => ([text("first_name"), text("last_name")], " "),
            Entity::Case => ([text("docket_number").or(text("case_number")), text("title")], " · "),
        };
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(between))
    }

    fn shadows_by_id(&self) -> BTreeMap<&EntityId, &Shadow> {
        self.shadows.values().map(|it| (&it.entity_id, it)).collect()
    }

    fn current_row(
        &self,
        shadows: &BTreeMap<&EntityId, &Shadow>,
        entity: Entity,
        id: &EntityId,
    ) -> Option<CurrentRow> {
        let key = (entity, id.clone());
        let shadow = shadows.get(id)?;
        Some(CurrentRow {
            fields: self.rows.get(&key)?.clone(),
            is_deleted: self.deleted.contains(&key),
            key: shadow.key.clone(),
            version: shadow.version,
            merged_into: self.aliases.get(id).cloned(),
        })
    }

    fn change(&self, row: &AuditRow) -> ChangeRow {
        ChangeRow {
            seq: row.seq,
            at: row.at,
            entity: row.entity,
            entity_id: row.entity_id.clone(),
            kind: row.kind,
            label: self.label(row.entity, &row.entity_id),
            fields: row.changes.iter().map(|it| it.field.clone()).collect(),
            lag_ms: u64::try_from(row.at.since(row.received_at).as_millis()).ok(),
            correlation_id: row.correlation_id.clone(),
        }
    }
}

#[async_trait]
impl ChangeFeed for MemoryCaseStore {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError> {
        let state = self.state();
        let rows = state.audit.iter().filter(|it| it.seq > after);
        let rows = rows.take(limit.try_into().unwrap_or(usize::MAX));
        Ok(rows.map(|row| state.change(row)).collect())
    }

    async fn newest_change(&self) -> Result<u64, PortError> {
        Ok(self.state().audit.last().map_or(0, |it| it.seq))
    }

    async fn wait_for_change(&self, after: u64, wait: Duration) -> Result<(), PortError> {
        let deadline = tokio::time::Instant::now() + wait;
        while self.newest_change().await? <= after && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY.min(wait)).await;
        }
        Ok(())
    }
}

#[async_trait]
impl CurrentRows for MemoryCaseStore {
    async fn current_rows(
        &self,
        entity: Entity,
        ids: &[EntityId],
    ) -> Result<Vec<Option<CurrentRow>>, PortError> {
        let state = self.state();
        let shadows = state.shadows_by_id();
        Ok(ids.iter().map(|id| state.current_row(&shadows, entity, id)).collect())
    }

    async fn rows_after(
        &self,
        sight: &Sight,
        entity: Entity,
        after: Option<&EntityId>,
        limit: u32,
    ) -> Result<Vec<(EntityId, CurrentRow)>, PortError> {
        let state = self.state();
        let shadows = state.shadows_by_id();
        let ids = state.rows.keys().filter(|(of, id)| {
            *of == entity && after.is_none_or(|it| id > it) && state.shows_entity(sight, entity, id)
        });
        let rows = ids.filter_map(|(_, id)| {
            let row = state.current_row(&shadows, entity, id)?;
            (!row.is_deleted).then(|| (id.clone(), row))
        });
        Ok(rows.take(limit.try_into().unwrap_or(usize::MAX)).collect())
    }
}
