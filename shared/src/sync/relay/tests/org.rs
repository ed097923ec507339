//! A platform in the memory of this process, which does what it is told and fails when it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::error::{PortError, PortErrorKind};
use crate::ids::{EntityId, ObjectName, RecordId};
use crate::model::Fields;
use crate::ports::two_way_contract::HandClock;
use crate::ports::{
    BulkAction, BulkJournal, BulkResults, BulkWriter, Clock, Crm, CrmWriter, DeltaPage, DeltaQuery,
    Health, ReadBack, Refusal, RefusalClass, RemoteRecord, RemoteWrite, Setback, Target,
    WriteResult, WriterLimits,
};

/// Where a process dies in the middle of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    BeforeStart,
    AfterStart,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) records: BTreeMap<RecordId, RemoteRecord>,
    pub(super) external: BTreeMap<EntityId, RecordId>,
    /// Refusals of the next writes to a record, by its id or that of its row.
    pub(super) refusals: BTreeMap<String, VecDeque<Refusal>>,
    /// Changes that somebody makes just before our next write.
    pub(super) meanwhile: Vec<(RecordId, Fields)>,
    /// The answer to the next write is lost, although it was done.
    pub(super) loses_answer: bool,
    pub(super) dies: Option<Death>,
    /// Each write that was done, in order.
    pub(super) writes: Vec<(RecordId, Fields)>,
    pub(super) calls: Vec<String>,
    jobs: Vec<Vec<(Target, WriteResult)>>,
}

pub(super) struct Org {
    state: Mutex<State>,
    clock: Arc<HandClock>,
}

pub(super) fn refusal(class: RefusalClass, code: &str) -> Refusal {
    let setback = Setback { code: code.into(), words: "no".into(), fields: vec!["Name".into()] };
    Refusal { class, setback }
}

fn lost() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "org", "call", "answer lost")
}

impl Org {
    pub(super) fn new(clock: Arc<HandClock>) -> Self {
        Self { state: Mutex::default(), clock }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn put(&self, id: &str, fields: &Fields) -> RecordId {
        let id = RecordId::parse(id).unwrap();
        self.state().set(&id, fields, self.clock.now());
        id
    }

    pub(super) fn field(&self, id: &RecordId, field: &str) -> Option<String> {
        Some(self.state().records.get(id)?.fields.get(field)?.as_text()?.to_owned())
    }

    fn answer<T>(&self, value: T) -> Result<T, PortError> {
        if std::mem::take(&mut self.state().loses_answer) { Err(lost()) } else { Ok(value) }
    }

    fn write(&self, write: &RemoteWrite) -> WriteResult {
        let now = self.clock.now();
        let mut state = self.state();
        let name = match &write.target {
            Target::New(id) => id.to_string(),
            Target::Known(id) => id.to_string(),
        };
        if let Some(refusal) = state.refusals.get_mut(&name).and_then(VecDeque::pop_front) {
            return WriteResult::Refused(refusal);
        }
        let id = match &write.target {
            Target::Known(id) => id.clone(),
            Target::New(own) => match state.external.get(own) {
                Some(id) => id.clone(),
                None => {
                    let id = RecordId::parse(format!("new-{}", state.external.len())).unwrap();
                    state.external.insert(own.clone(), id.clone());
                    id
                }
            },
        };
        if let Some(record) = state.records.get(&id) {
            let since = write.unmodified_since.map(crate::time::Timestamp::to_second);
            if since.is_some_and(|since| record.version.to_second() > since) {
                return WriteResult::Changed;
            }
            if record.is_deleted {
                return WriteResult::Refused(refusal(RefusalClass::Gone, "ENTITY_IS_DELETED"));
            }
        }
        state.set(&id, &write.fields, now);
        state.writes.push((id.clone(), write.fields.clone()));
        let record = state.records.get(&id).cloned();
        WriteResult::Done { record_id: id, state: record }
    }

    fn presence(&self, ids: &[RecordId], is_deleted: bool) -> Vec<WriteResult> {
        let now = self.clock.now();
        let mut state = self.state();
        ids.iter()
            .map(|id| {
                let record = state.records.get_mut(id).unwrap();
                (record.is_deleted, record.version) = (is_deleted, now.to_second());
                WriteResult::Done { record_id: id.clone(), state: None }
            })
            .collect()
    }
}

impl State {
    fn set(&mut self, id: &RecordId, fields: &Fields, now: crate::time::Timestamp) {
        let record = self.records.entry(id.clone()).or_insert_with(|| RemoteRecord {
            record_id: id.clone(),
            version: now,
            is_deleted: false,
            fields: Fields::new(),
            unread: Vec::new(),
        });
        record.version = now.to_second();
        record.fields.extend(fields.clone());
    }

    fn meddle(&mut self, now: crate::time::Timestamp) {
        for (id, fields) in std::mem::take(&mut self.meanwhile) {
            self.set(&id, &fields, now);
        }
    }

    fn read(&self, id: &RecordId, fields: &[String]) -> Option<RemoteRecord> {
        let mut record = self.records.get(id)?.clone();
        record.fields.retain(|field, _| fields.iter().any(|it| it == field.as_str()));
        for field in fields {
            record.fields.insert_missing(field);
        }
        Some(record)
    }
}

#[async_trait]
impl Crm for Org {
    async fn read(
        &self,
        _: &ObjectName,
        record_id: &RecordId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        Ok(self.state().read(record_id, fields))
    }

    async fn changes(&self, _: &DeltaQuery) -> Result<DeltaPage, PortError> {
        Ok(DeltaPage::default())
    }

    async fn more_changes(&self, _: &DeltaQuery, _: &str) -> Result<DeltaPage, PortError> {
        Ok(DeltaPage::default())
    }

    async fn health(&self) -> Result<Health, PortError> {
        Ok(Health { remote_now: self.clock.now(), calls_left: None })
    }
}

#[async_trait]
impl CrmWriter for Org {
    fn limits(&self) -> WriterLimits {
        WriterLimits { max_guarded: 3, max_records: 8, max_read: 20 }
    }

    async fn read_many(
        &self,
        _: &ObjectName,
        ids: &[RecordId],
        fields: &[String],
    ) -> Result<ReadBack, PortError> {
        assert!(ids.len() <= self.limits().max_read);
        let state = self.state();
        let records = ids.iter().map(|id| state.read(id, fields)).collect();
        Ok(ReadBack { records, read_at: self.clock.now() })
    }

    async fn save(
        &self,
        object: &ObjectName,
        writes: &[RemoteWrite],
        fields: &[String],
    ) -> Result<Vec<WriteResult>, PortError> {
        assert!(writes.len() <= self.limits().max_records);
        self.state().calls.push(format!("save {} {object}", writes.len()));
        self.state().meddle(self.clock.now());
        let results = writes.iter().map(|it| self.write(it));
        let results = results.map(|result| match result {
            WriteResult::Done { record_id, .. } => {
                let state = self.state().read(&record_id, fields);
                WriteResult::Done { record_id, state }
            }
            other => other,
        });
        let results = results.collect();
        self.answer(results)
    }

    async fn delete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        self.state().calls.push(format!("delete {} {object}", ids.len()));
        let results = self.presence(ids, true);
        self.answer(results)
    }

    async fn undelete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError> {
        self.state().calls.push(format!("undelete {} {object}", ids.len()));
        let results = self.presence(ids, false);
        self.answer(results)
    }

    async fn merge(
        &self,
        object: &ObjectName,
        winner: &RecordId,
        loser: &RecordId,
    ) -> Result<WriteResult, PortError> {
        self.state().calls.push(format!("merge {object} {loser} into {winner}"));
        self.presence(std::slice::from_ref(loser), true);
        self.answer(WriteResult::Done { record_id: winner.clone(), state: None })
    }

    async fn find(
        &self,
        _: &ObjectName,
        id: &EntityId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        let state = self.state();
        Ok(state.external.get(id).and_then(|id| state.read(id, fields)))
    }
}

#[async_trait]
impl BulkWriter for Org {
    async fn run(
        &self,
        object: &ObjectName,
        action: BulkAction,
        writes: &[RemoteWrite],
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> Result<(), PortError> {
        self.state().calls.push(format!("job {action:?} {} {object}", writes.len()));
        let number = self.state().jobs.len();
        self.state().jobs.push(Vec::new());
        journal.save(&format!("{number}")).await?;
        let death = self.state().dies.take();
        if death == Some(Death::BeforeStart) {
            return Err(lost());
        }
        self.state().meddle(self.clock.now());
        let done: Vec<_> = writes.iter().map(|it| (it.target.clone(), self.write(it))).collect();
        if let Some(job) = self.state().jobs.get_mut(number) {
            job.clone_from(&done);
        }
        if death == Some(Death::AfterStart) {
            return Err(lost());
        }
        for piece in done.chunks(10) {
            results.take(piece.to_vec()).await?;
        }
        Ok(())
    }

    async fn resume(
        &self,
        state: &str,
        results: &dyn BulkResults,
        _: &dyn BulkJournal,
    ) -> Result<(), PortError> {
        self.state().calls.push("resume".to_owned());
        let number: usize = state.parse().unwrap();
        let done = self.state().jobs[number].clone();
        results.take(done).await
    }
}
