//! A platform for tests whose objects are read as a whole: it breaks off when it is told to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::testing::salesforce_mappings;
use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, ObjectName, RecordId};
use crate::model::{FieldValue, Fields, RecordKey};
use crate::ports::{
    BulkJournal, BulkRead, BulkReadTotals, BulkReader, Crm, DeltaPage, DeltaQuery, Health,
    RecordSink, RemoteRecord,
};
use crate::time::Timestamp;

/// Records of one piece.
const PIECE: usize = 3;

/// Accounts, and how many pieces are told until the connection breaks.
pub(super) struct WholeOrg {
    pub(super) records: Mutex<BTreeMap<RecordId, RemoteRecord>>,
    pub(super) n_pieces_left: AtomicUsize,
    pub(super) n_pieces_told: AtomicUsize,
}

impl Default for WholeOrg {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            n_pieces_left: AtomicUsize::new(usize::MAX),
            n_pieces_told: AtomicUsize::new(0),
        }
    }
}

pub(super) fn main() -> ConnectionId {
    ConnectionId::parse("main").unwrap()
}

pub(super) fn account() -> ObjectName {
    ObjectName::parse("Account").unwrap()
}

pub(super) fn id(number: usize) -> RecordId {
    RecordId::parse(format!("001{number:015}")).unwrap()
}

pub(super) fn key(number: usize) -> RecordKey {
    RecordKey { connection: main(), object: account(), record_id: id(number) }
}

impl WholeOrg {
    /// Gives account `number` a name, at `version`.
    pub(super) fn put(&self, number: usize, name: &str, version: Timestamp) {
        let mapping = salesforce_mappings();
        let fields = mapping.get(&account()).unwrap().remote_fields();
        let mut fields: Fields = fields.into_iter().map(|it| (it, FieldValue::Null)).collect();
        fields.insert("Name".to_owned(), FieldValue::text(name));
        let record = RemoteRecord {
            record_id: id(number),
            version,
            is_deleted: false,
            fields,
            unread: Vec::new(),
        };
        self.records.lock().unwrap().insert(id(number), record);
    }

    pub(super) fn change(&self, number: usize, change: impl FnOnce(&mut RemoteRecord)) {
        change(self.records.lock().unwrap().get_mut(&id(number)).unwrap());
    }

    fn found(&self, query: &BulkRead) -> Vec<RemoteRecord> {
        let records = self.records.lock().unwrap();
        records
            .values()
            .filter(|it| query.reads_deleted || !it.is_deleted)
            .filter(|it| query.from.is_none_or(|from| it.version >= from))
            .filter(|it| query.after.as_ref().is_none_or(|after| &it.record_id > after))
            .filter(|it| query.until.as_ref().is_none_or(|until| &it.record_id <= until))
            .cloned()
            .collect()
    }
}

pub(super) fn broken() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "org", "read", "Account")
}

#[async_trait]
impl BulkReader for WholeOrg {
    async fn read_all(
        &self,
        query: &BulkRead,
        state: Option<&str>,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError> {
        let found = self.found(query);
        let n_total = found.len();
        let n_done: usize = state.map_or(0, |it| it.parse().unwrap());
        let mut totals = BulkReadTotals { n_read: n_done as u64, n_total: Some(n_total as u64) };
        for piece in found[n_done.min(n_total)..].chunks(PIECE) {
            let left = self.n_pieces_left.load(Ordering::SeqCst);
            if left == 0 {
                return Err(broken());
            }
            self.n_pieces_left.store(left.saturating_sub(1), Ordering::SeqCst);
            self.n_pieces_told.fetch_add(1, Ordering::SeqCst);
            sink.take(piece.to_vec()).await?;
            totals.n_read += piece.len() as u64;
            sink.progress(totals);
            journal.save(&totals.n_read.to_string()).await?;
        }
        Ok(totals)
    }

    async fn count(&self, _: &ObjectName) -> Result<u64, PortError> {
        Ok(self.records.lock().unwrap().values().filter(|it| !it.is_deleted).count() as u64)
    }
}

#[async_trait]
impl Crm for WholeOrg {
    async fn read(
        &self,
        _: &ObjectName,
        record_id: &RecordId,
        _: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        Ok(self.records.lock().unwrap().get(record_id).cloned())
    }

    async fn changes(&self, _: &DeltaQuery) -> Result<DeltaPage, PortError> {
        Err(broken())
    }

    async fn more_changes(&self, _: &DeltaQuery, _: &str) -> Result<DeltaPage, PortError> {
        Err(broken())
    }

    async fn health(&self) -> Result<Health, PortError> {
        Err(broken())
    }
}
