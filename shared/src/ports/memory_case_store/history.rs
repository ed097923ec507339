//! How rows of the memory store once stood.

use async_trait::async_trait;

use super::MemoryCaseStore;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::model::Entity;
use crate::ports::history::{History, PastRow};
use crate::sync::Replay;
use crate::time::Timestamp;

#[async_trait]
impl History for MemoryCaseStore {
    async fn as_of(
        &self,
        sight: &Sight,
        entity: Entity,
        id: &EntityId,
        at: Timestamp,
    ) -> Result<Option<PastRow>, PortError> {
        let state = self.state();
        let mut key = (entity, id.clone());
        if !state.rows.contains_key(&key) {
            key.1 = state.resolve(id);
        }
        let (Some(row), Some(created_at)) = (state.rows.get(&key), state.created.get(&key)) else {
            return Ok(None);
        };
        if *created_at > at || !state.shows_entity(sight, entity, &key.1) {
            return Ok(None);
        }
        let audit =
            || state.audit.iter().filter(|it| (it.entity, &it.entity_id) == (entity, &key.1));
        let last = audit().filter(|it| it.at <= at).map(|it| it.seq).max().unwrap_or(0);
        let mut replay = Replay::new(entity, key.1.clone(), at, *created_at);
        for row in audit() {
            replay.take(row, row.seq > last);
        }
        Ok(Some(replay.finish(row.clone(), state.deleted.contains(&key))))
    }
}
