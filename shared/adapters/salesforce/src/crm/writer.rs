//! The org behind the port that writes records by calls.

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{EntityId, ObjectName, RecordId};
use shared::ports::{CrmWriter, ReadBack, RemoteRecord, RemoteWrite, WriteResult, WriterLimits};

use super::SalesforceCrm;
use super::lookup::MAX_READ;
use super::save::{MAX_GUARDED, MAX_RECORDS};

#[async_trait]
impl CrmWriter for SalesforceCrm {
    fn limits(&self) -> WriterLimits {
        WriterLimits { max_guarded: MAX_GUARDED, max_records: MAX_RECORDS, max_read: MAX_READ }
    }

    async fn read_many(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
        fields: &[String],
    ) -> Result<ReadBack, PortError> {
        self.read_ids(object, ids, fields).await
    }

    async fn save(
        &self,
        object: &ObjectName,
        writes: &[RemoteWrite],
        fields: &[String],
    ) -> Result<Vec<WriteResult>, PortError> {
        self.save_records(object, writes, fields).await
    }

    async fn delete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        self.delete_records(object, ids).await
    }

    async fn undelete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        self.undelete_records(object, ids).await
    }

    async fn merge(
        &self,
        object: &ObjectName,
        winner: &RecordId,
        loser: &RecordId,
    ) -> Result<WriteResult, PortError> {
        self.merge_records(object, winner, loser).await
    }

    async fn find(
        &self,
        object: &ObjectName,
        id: &EntityId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        self.find_own(object, id, fields).await
    }
}
