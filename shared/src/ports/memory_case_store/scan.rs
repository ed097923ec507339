//! Walks along the records of the memory store.

use async_trait::async_trait;

use super::MemoryCaseStore;
use crate::error::PortError;
use crate::ids::{ConnectionId, ObjectName};
use crate::model::Entity;
use crate::ports::record_scan::{RecordScan, ScanRange, ScannedRecord};

#[async_trait]
impl RecordScan for MemoryCaseStore {
    async fn n_records(
        &self,
        connection: &ConnectionId,
        object: &ObjectName,
    ) -> Result<u64, PortError> {
        let state = self.state();
        let is_counted = |it: &&crate::ports::Shadow| {
            !it.is_deleted && it.key.connection == *connection && it.key.object == *object
        };
        Ok(state.shadows.values().filter(is_counted).count() as u64)
    }

    async fn scan(&self, range: &ScanRange) -> Result<Vec<ScannedRecord>, PortError> {
        let state = self.state();
        let is_in_range = |it: &&crate::ports::Shadow| {
            let id = &it.key.record_id;
            it.key.connection == range.connection
                && it.key.object == range.object
                && range.after.as_ref().is_none_or(|after| id > after)
                && range.until.as_ref().is_none_or(|until| id <= until)
        };
        let found = state.shadows.values().filter(is_in_range);
        let scanned = found.map(|shadow| {
            let of = |entity: Entity| (entity, shadow.entity_id.clone());
            let key = Entity::ALL.map(of).into_iter().find(|key| state.rows.contains_key(key));
            ScannedRecord {
                shadow: shadow.clone(),
                row: key.as_ref().and_then(|key| state.rows.get(key).cloned()),
                is_row_deleted: key.is_some_and(|key| state.deleted.contains(&key)),
            }
        });
        Ok(scanned.take(range.limit.try_into().unwrap_or(usize::MAX)).collect())
    }
}
