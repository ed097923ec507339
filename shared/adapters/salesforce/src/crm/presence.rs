//! Deletes, restores and merges records.

use std::collections::HashMap;

use shared::PortError;
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::model::Fields;
use shared::ports::{RefusalClass, WriteResult};

use super::readable::fault_of;
use super::refusal::{class_of, is_unclear, refused};
use super::save::{BadSave, MAX_RECORDS, is_about_records};
use super::{Purpose, SalesforceCrm, parse_id, rejected};
use crate::client::WriteOptions;
use crate::error::SalesforceFault;
use crate::rest::CollectionWrite;
use crate::soap::MergeRequest;

/// The field of a record that was merged which names the one it became part of.
const MERGED_INTO: &str = "MasterRecordId";

impl SalesforceCrm {
    /// Deletes records; one that is deleted stays so.
    pub(super) async fn delete_records(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        let purpose = Purpose { operation: "delete", subject: object.as_str() };
        let ids = parse_ids(purpose, ids)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let write = CollectionWrite::Delete(&ids);
        let results = self.client.write_collection(&write, false, &WriteOptions::default()).await?;
        let told = ids.iter().zip(results).map(|(id, result)| match result {
            Ok(_) => done(id),
            Err(fault) if is_deleted(&fault) => done(id),
            // Nothing is written but the deletion: only the record itself can be missing.
            Err(fault) if is_unclear(&fault) => refused(RefusalClass::Gone, &fault),
            Err(fault) => refused(class_of(&fault), &fault),
        });
        Ok(told.collect())
    }

    /// Takes records out of the recycle bin; one that is not there stays as it is.
    pub(super) async fn undelete_records(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        let purpose = Purpose { operation: "undelete", subject: object.as_str() };
        let ids = parse_ids(purpose, ids)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let results = self.client.undelete(&ids).await?;
        let left: Vec<_> = ids
            .iter()
            .zip(&results)
            .filter(|(_, it)| it.is_err())
            .map(|(id, _)| id.to_record_id())
            .collect();
        // A record that is there already, and one that is gone for good, are refused alike.
        let is_deleted = self.deletions(object, &left).await?;
        let told = ids.iter().zip(results).map(|(id, result)| match result {
            Ok(_) => done(id),
            Err(fault) => match is_deleted.get(&id.to_record_id()) {
                Some(Some(false)) => done(id),
                Some(Some(true)) if !is_unclear(&fault) => refused(class_of(&fault), &fault),
                // It, or what it belongs to, can no longer be brought back.
                _ => refused(RefusalClass::Permanent, &fault),
            },
        });
        Ok(told.collect())
    }

    /// Tells of records whether they are deleted; `None` for one that is gone for good.
    async fn deletions(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<HashMap<RecordId, Option<bool>>, PortError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let read = self.read_ids(object, ids, &[]).await?;
        let states = read.records.into_iter().map(|it| it.map(|record| record.is_deleted));
        Ok(ids.iter().cloned().zip(states).collect())
    }

    /// Merges `loser` into `winner`; one that is merged already stays so.
    pub(super) async fn merge_records(
        &self,
        object: &ObjectName,
        winner: &RecordId,
        loser: &RecordId,
    ) -> Result<WriteResult, PortError> {
        let purpose = Purpose { operation: "merge", subject: object.as_str() };
        let (winner, loser) = (parse_id(purpose, winner)?, parse_id(purpose, loser)?);
        let request = MergeRequest {
            object: object.clone(),
            winner: winner.clone(),
            losers: vec![loser.clone()],
            fields: Fields::new(),
        };
        let fault = match self.client.merge(&request, &WriteOptions::default()).await {
            Ok(Ok(_)) => return Ok(done(&winner)),
            Ok(Err(fault)) => fault,
            // The org refuses these records, not the call: others of the object may go.
            Err(error) if is_about_records(&error) => match fault_of(&error) {
                Some(fault) => fault.clone(),
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        // The answer to an earlier try may have been lost.
        let fields = [MERGED_INTO.to_owned()];
        let read = self.read_ids(object, &[loser.to_record_id()], &fields).await?;
        let merged_into = read.records.into_iter().flatten().find_map(|it| {
            let into = it.fields.get(MERGED_INTO)?.as_text()?;
            SalesforceId::parse(into).ok()
        });
        Ok(match merged_into {
            Some(into) if into == winner => done(&winner),
            _ if is_unclear(&fault) => refused(RefusalClass::Gone, &fault),
            _ => refused(class_of(&fault), &fault),
        })
    }
}

fn parse_ids(purpose: Purpose<'_>, ids: &[RecordId]) -> Result<Vec<SalesforceId>, PortError> {
    let n_records = ids.len();
    if n_records > MAX_RECORDS {
        return Err(rejected(purpose, BadSave::Size { n_records, max: MAX_RECORDS }));
    }
    ids.iter().map(|id| parse_id(purpose, id)).collect()
}

fn done(id: &SalesforceId) -> WriteResult {
    WriteResult::Done { record_id: id.to_record_id(), state: None }
}

fn is_deleted(fault: &SalesforceFault) -> bool {
    fault.known().is_some_and(|it| it.code == "ENTITY_IS_DELETED")
}
