//! Makes and changes records by single calls, and reads what was written in the same call.

use std::collections::HashMap;

use shared::ids::{EntityId, ObjectName, RecordId, SalesforceId};
use shared::ports::{RemoteRecord, RemoteWrite, Target, WriteResult};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tracing::warn;

use super::lookup::{with_ids, with_own_ids};
use super::readable::{Readable, fault_of};
use super::refusal::{NoExternalId, Seen, refused_known, refused_new};
use super::{Purpose, SalesforceCrm, parse_id, rejected};
use crate::client::WriteOptions;
use crate::error::ErrorClass;
use crate::rest::{
    CollectionWrite, GuardedAnswer, GuardedUpdate, MAX_COLLECTION, MAX_COMPOSITE, Page,
    RecordResult, RecordUpdate, Wanted,
};
use crate::setup::EXTERNAL_ID;
use crate::soql::{self, Condition};

/// The most updates with a guard in one call: one part of it reads them back.
pub(super) const MAX_GUARDED: usize = MAX_COMPOSITE - 1;

/// The most records in one call without.
pub(super) const MAX_RECORDS: usize = MAX_COLLECTION;

/// A call that no org takes.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadSave {
    #[error("{n_records} records in one call: write at most {max}")]
    Size { n_records: usize, max: usize },
    #[error("a record that is new has a guard: only one that is there can have been changed")]
    GuardedNew,
}

/// The writes of one call by the way they go, each with its place.
#[derive(Default)]
struct Sorted<'a> {
    guarded: Vec<(usize, GuardedUpdate)>,
    known: Vec<(usize, RecordUpdate)>,
    new: Vec<(usize, &'a EntityId, &'a RemoteWrite)>,
}

/// What a call is about, and what is read back in it.
#[derive(Clone, Copy)]
struct Lane<'a> {
    purpose: Purpose<'a>,
    object: &'a ObjectName,
    readable: &'a Readable,
}

/// Records that were read back; `None` when that failed.
type States = Option<HashMap<RecordId, RemoteRecord>>;

impl SalesforceCrm {
    /// Makes or changes records; the results stand in the order of the writes.
    pub(super) async fn save_records(
        &self,
        object: &ObjectName,
        writes: &[RemoteWrite],
        fields: &[String],
    ) -> Result<Vec<WriteResult>, PortError> {
        let purpose = Purpose { operation: "save", subject: object.as_str() };
        let sorted = sort(purpose, object, writes)?;
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let readable = self.readable(object, fields).await?;
        let lane = Lane { purpose, object, readable: &readable };
        let is_one = writes.len() == 1;
        let mut results: Vec<Option<WriteResult>> = writes.iter().map(|_| None).collect();
        let mut put = |(place, result): (usize, WriteResult)| {
            if let Some(slot) = results.get_mut(place) {
                *slot = Some(result);
            }
        };
        let Sorted { guarded, known, new } = sorted;
        if !new.is_empty() {
            let made = self.save_new(lane, &new).await;
            let made = of_one(purpose, made, new.len(), is_one, refused_new)?;
            new.iter().map(|it| it.0).zip(made).for_each(&mut put);
        }
        if !known.is_empty() {
            let saved = self.save_known(lane, &known).await;
            let saved =
                of_one(purpose, saved, known.len(), is_one, |it| refused_known(it, Seen::Unknown))?;
            known.iter().map(|it| it.0).zip(saved).for_each(&mut put);
        }
        if !guarded.is_empty() {
            let saved = self.save_guarded(lane, &guarded).await;
            let saved = of_one(purpose, saved, guarded.len(), is_one, |it| {
                refused_known(it, Seen::Unknown)
            })?;
            guarded.iter().map(|it| it.0).zip(saved).for_each(&mut put);
        }
        let n_records = writes.len();
        let results: Vec<_> = results.into_iter().flatten().collect();
        match results.len() {
            n if n == n_records => Ok(results),
            _ => Err(rejected(purpose, BadSave::Size { n_records, max: MAX_RECORDS })),
        }
    }

    /// Makes records, each known again by our id of it.
    async fn save_new(
        &self,
        lane: Lane<'_>,
        writes: &[(usize, &EntityId, &RemoteWrite)],
    ) -> Result<Vec<WriteResult>, PortError> {
        let Lane { purpose, object, .. } = lane;
        if !self.takes_own_id(object).await? {
            let missing = NoExternalId { object: object.clone() };
            return Ok(writes.iter().map(|_| missing.refused()).collect());
        }
        let records: Vec<_> = writes
            .iter()
            .map(|(_, id, write)| {
                let mut fields = write.fields.clone();
                fields.retain(|name, _| !name.eq_ignore_ascii_case(EXTERNAL_ID));
                fields.insert(EXTERNAL_ID.to_owned(), shared::model::FieldValue::text(id.as_str()));
                fields
            })
            .collect();
        let write = CollectionWrite::Upsert { object, external_id: EXTERNAL_ID, records: &records };
        let condition = with_own_ids(writes.iter().map(|it| it.1));
        let condition = condition.map_err(|error| rejected(purpose, error))?;
        let (results, mut states) = self.write_and_look(lane, &write, condition).await?;
        Ok(results.into_iter().map(|it| settle_new(it, &mut states)).collect())
    }

    /// Changes records, whatever stands there.
    async fn save_known(
        &self,
        lane: Lane<'_>,
        writes: &[(usize, RecordUpdate)],
    ) -> Result<Vec<WriteResult>, PortError> {
        let records: Vec<_> = writes.iter().map(|(_, it)| it.clone()).collect();
        let ids: Vec<_> = records.iter().map(|it| it.id.clone()).collect();
        let condition = with_ids(&ids).map_err(|error| rejected(lane.purpose, error))?;
        let write = CollectionWrite::Update(&records);
        let (results, states) = self.write_and_look(lane, &write, condition).await?;
        Ok(ids.iter().zip(results).map(|(id, it)| settle_known(id, it, &states)).collect())
    }

    async fn write_and_look(
        &self,
        lane: Lane<'_>,
        write: &CollectionWrite<'_>,
        condition: Condition,
    ) -> Result<(Vec<RecordResult>, States), PortError> {
        let names = lane.readable.names();
        let soql = lane.soql(&names, condition)?;
        let (shape, options) = (Wanted::new(&names), WriteOptions::default());
        let (results, page) = self.client.write_and_read(write, &soql, &shape, &options).await?;
        Ok((results, self.states(lane, page, &shape).await))
    }

    /// Changes records that nobody has changed since.
    async fn save_guarded(
        &self,
        lane: Lane<'_>,
        writes: &[(usize, GuardedUpdate)],
    ) -> Result<Vec<WriteResult>, PortError> {
        let names = lane.readable.names();
        let ids: Vec<SalesforceId> = writes.iter().map(|(_, it)| it.id.clone()).collect();
        let condition = with_ids(&ids).map_err(|error| rejected(lane.purpose, error))?;
        let soql = lane.soql(&names, condition)?;
        let updates = writes.iter().map(|(idx, it)| self.client.update_part(*idx, it));
        let parts = updates.chain([self.client.query_part(&soql, crate::rest::QueryScope::All)]);
        let subject = lane.object.as_str();
        let options = WriteOptions::default();
        let mut answers = self.client.composite(subject, parts.collect(), false, &options).await?;
        let shape = Wanted::new(&names);
        let page = answers.pop().and_then(|it| it.page_after_write(&shape));
        let states = self.states(lane, page, &shape).await;
        let settle =
            |(id, part): (&SalesforceId, &crate::rest::PartAnswer)| match GuardedAnswer::of(part) {
                GuardedAnswer::Written => done(id, &states),
                GuardedAnswer::Changed => WriteResult::Changed,
                GuardedAnswer::Failed(fault) => refused_known(&fault, seen(id, &states)),
            };
        Ok(ids.iter().zip(&answers).map(settle).collect())
    }

    /// Gathers what was read back; when a later page of it fails, nothing was.
    async fn states(
        &self,
        lane: Lane<'_>,
        page: Option<Page<RemoteRecord>>,
        shape: &Wanted,
    ) -> States {
        let rows = match self.all_rows(lane.purpose, page?, shape).await {
            Ok(rows) => rows,
            Err(error) => {
                warn!(error = %shared::chain(&error), "what was written was not read back");
                return None;
            }
        };
        let marked = rows.into_iter().map(|it| lane.readable.mark(it));
        Some(marked.map(|it| (it.record_id.clone(), it)).collect())
    }
}

impl Lane<'_> {
    fn soql(&self, names: &[String], condition: Condition) -> Result<String, PortError> {
        soql::select_where(self.object, names, Some(condition))
            .map_err(|error| rejected(self.purpose, error))
    }
}

/// Sorts writes by the way they go.
fn sort<'a>(
    purpose: Purpose<'_>,
    object: &ObjectName,
    writes: &'a [RemoteWrite],
) -> Result<Sorted<'a>, PortError> {
    let mut sorted = Sorted::default();
    for (place, write) in writes.iter().enumerate() {
        let (object, fields) = (object.clone(), write.fields.clone());
        match (&write.target, write.unmodified_since) {
            (Target::New(id), None) => sorted.new.push((place, id, write)),
            (Target::New(_), Some(_)) => return Err(rejected(purpose, BadSave::GuardedNew)),
            (Target::Known(id), None) => {
                let id = parse_id(purpose, id)?;
                sorted.known.push((place, RecordUpdate { object, id, fields }));
            }
            (Target::Known(id), Some(since)) => {
                let id = parse_id(purpose, id)?;
                let unchanged_since = Timestamp::to_second(since);
                sorted.guarded.push((place, GuardedUpdate { object, id, fields, unchanged_since }));
            }
        }
    }
    let sizes = [(sorted.guarded.len(), MAX_GUARDED), (writes.len(), MAX_RECORDS)];
    match sizes.into_iter().find(|(n_records, max)| n_records > max) {
        Some((n_records, max)) => Err(rejected(purpose, BadSave::Size { n_records, max })),
        None => Ok(sorted),
    }
}

/// Tells the refusal of a call by its record, when there is only that one. One of many is for the
/// caller to split.
fn of_one(
    purpose: Purpose<'_>,
    saved: Result<Vec<WriteResult>, PortError>,
    n_records: usize,
    is_one: bool,
    refuse: impl Fn(&crate::error::SalesforceFault) -> WriteResult,
) -> Result<Vec<WriteResult>, PortError> {
    let error = match saved {
        Ok(results) => return Ok(results),
        Err(error) => error,
    };
    match fault_of(&error) {
        Some(fault) if is_about_records(&error) && is_one && n_records == 1 => {
            Ok(vec![refuse(fault)])
        }
        // What is a conflict or not found is so for one of the records.
        Some(_) if is_about_records(&error) => Err(rejected(purpose, error)),
        _ => Err(error),
    }
}

/// Tells whether the org refused what was sent, not the call.
pub(super) fn is_about_records(error: &PortError) -> bool {
    let is_refused = matches!(
        error.kind(),
        PortErrorKind::Rejected | PortErrorKind::Conflict | PortErrorKind::NotFound
    );
    is_refused && fault_of(error).is_some_and(|it| it.class != ErrorClass::Auth)
}

fn settle_new(result: RecordResult, states: &mut States) -> WriteResult {
    match result {
        Ok(written) => {
            let record_id = written.id.to_record_id();
            let state = states.as_mut().and_then(|it| it.remove(&record_id));
            WriteResult::Done { record_id, state }
        }
        Err(fault) => refused_new(&fault),
    }
}

fn settle_known(id: &SalesforceId, result: RecordResult, states: &States) -> WriteResult {
    match result {
        Ok(_) => done(id, states),
        Err(fault) => refused_known(&fault, seen(id, states)),
    }
}

fn done(id: &SalesforceId, states: &States) -> WriteResult {
    let record_id = id.to_record_id();
    let state = states.as_ref().and_then(|it| it.get(&record_id)).cloned();
    WriteResult::Done { record_id, state }
}

fn seen(id: &SalesforceId, states: &States) -> Seen {
    match states.as_ref().map(|it| it.get(&id.to_record_id())) {
        None => Seen::Unknown,
        Some(Some(record)) if !record.is_deleted => Seen::Live,
        Some(_) => Seen::Gone,
    }
}
