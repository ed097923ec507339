//! Reads certain records: by their ids, or by ours.

use std::collections::HashMap;
use std::time::Duration;

use shared::ids::{EntityId, ObjectName, RecordId, SalesforceId};
use shared::ports::{ReadBack, RemoteRecord};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use super::readable::{Readable, is_about_a_field};
use super::{NoDate, Purpose, SalesforceCrm, parse_id, rejected};
use crate::client::PLATFORM;
use crate::rest::{Described, FieldShape, Page, QueryScope, Wanted, read_page};
use crate::setup::EXTERNAL_ID;
use crate::soql::{self, Condition, FieldPath};

/// The most ids in one query: what fits into an address with room for the fields.
pub(super) const MAX_READ: usize = 200;

/// Records that a condition held for.
struct Rows {
    records: Vec<RemoteRecord>,
    read_at: Timestamp,
}

/// Says which records are meant by their ids.
pub(super) fn with_ids(ids: &[SalesforceId]) -> Result<Condition, soql::InvalidName> {
    Ok(Condition::is_in(FieldPath::parse("Id")?, ids.iter()))
}

/// Says which records are meant by our ids.
pub(super) fn with_own_ids<'a>(
    ids: impl IntoIterator<Item = &'a EntityId>,
) -> Result<Condition, soql::InvalidName> {
    Ok(Condition::is_in(FieldPath::parse(EXTERNAL_ID)?, ids.into_iter().map(EntityId::as_str)))
}

impl SalesforceCrm {
    /// Reads records in the order of `ids`, from the recycle bin too.
    pub(super) async fn read_ids(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
        fields: &[String],
    ) -> Result<ReadBack, PortError> {
        let purpose = Purpose { operation: "read many", subject: object.as_str() };
        let wanted =
            ids.iter().map(|id| parse_id(purpose, id)).collect::<Result<Vec<_>, PortError>>()?;
        let mut found = HashMap::with_capacity(ids.len());
        let mut read_at: Option<Timestamp> = None;
        for chunk in wanted.chunks(MAX_READ) {
            let condition = with_ids(chunk).map_err(|error| rejected(purpose, error))?;
            let rows = self.read_where(purpose, object, fields, condition).await?;
            read_at = Some(read_at.map_or(rows.read_at, |it| it.min(rows.read_at)));
            found.extend(rows.records.into_iter().map(|it| (it.record_id.clone(), it)));
        }
        let records = wanted.iter().map(|id| found.get(&id.to_record_id()).cloned()).collect();
        // Nothing was asked for: nothing is known of the time over there.
        Ok(ReadBack { records, read_at: read_at.unwrap_or(Timestamp::EPOCH) })
    }

    /// Finds the record that was made for our row: one that is not deleted before any other.
    pub(super) async fn find_own(
        &self,
        object: &ObjectName,
        id: &EntityId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        let purpose = Purpose { operation: "find", subject: object.as_str() };
        if !self.has_own_id(object, |_| true).await? {
            // No record can have been made for any row of ours.
            return Ok(None);
        }
        let condition = with_own_ids([id]).map_err(|error| rejected(purpose, error))?;
        let rows = self.read_where(purpose, object, fields, condition).await?;
        Ok(rows.records.into_iter().max_by_key(|it| (!it.is_deleted, it.version)))
    }

    /// Tells whether the org has the field by which new records are known again, and the user may
    /// write it.
    pub(super) async fn takes_own_id(&self, object: &ObjectName) -> Result<bool, PortError> {
        self.has_own_id(object, |it| it.external_id && it.createable).await
    }

    /// Tells whether the org has that field and it is `fit`; one that is not in a describe of the last
    /// hour may have become so since.
    async fn has_own_id(
        &self,
        object: &ObjectName,
        fit: impl Fn(&FieldShape) -> bool,
    ) -> Result<bool, PortError> {
        let is_there = |described: &Described| {
            described.shape().and_then(|it| it.field(EXTERNAL_ID)).is_some_and(&fit)
        };
        if is_there(&*self.client.describe(object).await?) {
            return Ok(true);
        }
        Ok(is_there(&*self.client.describe_anew(object).await?))
    }

    /// Reads all records that `condition` holds for; a field that was hidden since the last describe
    /// does not keep the others from being read.
    async fn read_where(
        &self,
        purpose: Purpose<'_>,
        object: &ObjectName,
        fields: &[String],
        condition: Condition,
    ) -> Result<Rows, PortError> {
        let readable = self.readable(object, fields).await?;
        match self.read_shown(purpose, object, &readable, condition.clone()).await {
            Err(error) if is_about_a_field(&error) => {
                let readable = self.readable_now(object, fields).await?;
                self.read_shown(purpose, object, &readable, condition).await
            }
            read => read,
        }
    }

    async fn read_shown(
        &self,
        purpose: Purpose<'_>,
        object: &ObjectName,
        readable: &Readable,
        condition: Condition,
    ) -> Result<Rows, PortError> {
        let Purpose { operation, subject } = purpose;
        let names = readable.names();
        let soql = soql::select_where(object, &names, Some(condition))
            .map_err(|error| rejected(purpose, error))?;
        let (asked_at, clock) = (self.client.clock().now(), self.client.clock());
        let answer = self.client.query_json(operation, subject, &soql, QueryScope::All).await?;
        let took = clock.now().since(asked_at);
        let read_at = began(answer.date(), took).ok_or_else(|| {
            PortError::new(PortErrorKind::Rejected, PLATFORM, operation, subject)
                .with_source(NoDate)
        })?;
        let shape = Wanted::new(&names);
        let page = answer.read(|json| read_page(json, &shape))?;
        let records = self.all_rows(purpose, page, &shape).await?;
        Ok(Rows { records: records.into_iter().map(|it| readable.mark(it)).collect(), read_at })
    }

    /// Reads the pages behind `page`: the org may cut any answer short.
    pub(super) async fn all_rows(
        &self,
        purpose: Purpose<'_>,
        page: Page<RemoteRecord>,
        shape: &Wanted,
    ) -> Result<Vec<RemoteRecord>, PortError> {
        let Page { mut rows, mut next, .. } = page;
        while let Some(mark) = next {
            let Purpose { operation, subject } = purpose;
            let page = self.client.more_rows(operation, subject, &mark, shape).await?;
            rows.extend(page.rows);
            next = page.next;
        }
        Ok(rows)
    }
}

/// Returns the earliest time over there at which a record of an answer can have been read: the answer
/// tells when it was finished, and a change after the reading may still be of the same second.
fn began(date: Option<Timestamp>, took: Duration) -> Option<Timestamp> {
    date.map(|it| it.minus(took))
}
