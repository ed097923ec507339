//! Reads both sides once and digests them by ranges of ids.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Findings, Reconciler, comparable, difference};
use crate::error::{PortError, PortErrorKind, Retry};
use crate::ids::{CorrelationId, RecordId};
use crate::model::RecordKey;
use crate::ports::{
    BulkJournal, BulkRead, BulkReadTotals, DifferenceKind, RecordSink, RemoteRecord, ScanRange,
    ScannedRecord,
};
use crate::sync::DigestSum;
use crate::sync::mapping::ObjectMapping;
use crate::worker::Failure;

/// More ranges than this are never kept.
const MAX_RANGES: u64 = 4096;

/// Records read here at once.
const PAGE: u32 = 1000;

/// A range of ids: behind one, up to and including another.
#[derive(Clone, Debug, Default)]
pub(super) struct IdRange {
    pub(super) after: Option<RecordId>,
    pub(super) until: Option<RecordId>,
}

/// A range with what both sides hold in it.
#[derive(Clone, Debug, Default)]
struct Range {
    ids: IdRange,
    here: DigestSum,
    there: DigestSum,
}

/// Both sides, by ranges.
pub(super) struct Survey<'a> {
    reconciler: Reconciler<'a>,
    mapping: &'a ObjectMapping,
    run: &'a CorrelationId,
    ranges: Vec<Range>,
    unread: Vec<String>,
    findings: Findings,
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        reconciler: Reconciler<'a>,
        mapping: &'a ObjectMapping,
        run: &'a CorrelationId,
    ) -> Self {
        let (ranges, unread, findings) = (Vec::new(), Vec::new(), Findings::default());
        Self { reconciler, mapping, run, ranges, unread, findings }
    }

    pub(super) fn n_ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Returns the fields that the platform did not tell, and what is certain already: the records of
    /// ranges that are equal, and rows that were not what is known of their records.
    pub(super) fn finish(self) -> (Vec<String>, Findings) {
        let equal = self.ranges.iter().filter(|it| is_equal(it));
        let n_equal = equal.map(|it| it.here.n_records()).sum();
        (self.unread, Findings { n_here: n_equal, n_there: n_equal, ..self.findings })
    }

    /// Returns the ranges that differ.
    pub(super) fn differing(&self) -> Vec<IdRange> {
        self.ranges.iter().filter(|it| !is_equal(it)).map(|it| it.ids.clone()).collect()
    }

    /// Reads all records here: finds the ranges, digests them, and checks each row against its record.
    pub(super) async fn read_here(&mut self) -> Result<(), Failure> {
        let Reconciler { connection, scan, settings, .. } = self.reconciler;
        let n_records = scan.n_records(connection, &self.mapping.object).await?;
        let n_a_range = u64::from(settings.range_size).max(n_records / MAX_RANGES + 1);
        let mut range = Range::default();
        let mut n_in_range = 0;
        let mut after = None;
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.last().map(|it| it.shadow.key.record_id.clone()) else { break };
            for scanned in page {
                if scanned.shadow.key.record_id.as_local().is_some() {
                    continue;
                }
                let id = scanned.shadow.key.record_id.clone();
                add_here(&mut range.here, self.mapping, &self.unread, &scanned);
                self.check_row(&scanned).await?;
                n_in_range += 1;
                if n_in_range >= n_a_range {
                    range.ids.until = Some(id.clone());
                    self.ranges.push(std::mem::take(&mut range));
                    range.ids.after = Some(id);
                    n_in_range = 0;
                }
            }
            after = Some(last);
        }
        self.ranges.push(range);
        Ok(())
    }

    async fn page(&self, after: Option<RecordId>) -> Result<Vec<ScannedRecord>, PortError> {
        let (connection, object) =
            (self.reconciler.connection.clone(), self.mapping.object.clone());
        let range = ScanRange { connection, object, after, until: None, limit: PAGE };
        self.reconciler.scan.scan(&range).await
    }

    /// Checks that the row is what its record and what was changed here make of it.
    async fn check_row(&mut self, scanned: &ScannedRecord) -> Result<(), Failure> {
        let fields = self.reconciler.row_differences(self.mapping, scanned)?;
        let Some(fields) = fields else { return Ok(()) };
        let id = &scanned.shadow.key.record_id;
        let is_repaired = self.reconciler.settings.repairs
            && self.reconciler.mend_row(self.mapping, scanned, self.run).await?;
        let found = difference(id, DifferenceKind::Row, fields);
        self.findings.note(found, is_repaired, self.reconciler.settings.max_samples);
        Ok(())
    }

    /// Reads all records there into the same ranges.
    pub(super) async fn read_there(&mut self) -> Result<(), Failure> {
        let query = BulkRead {
            object: self.mapping.object.clone(),
            fields: self.mapping.remote_fields(),
            from: None,
            after: None,
            until: None,
            reads_deleted: false,
        };
        let ranges = std::mem::take(&mut self.ranges);
        let sink =
            Sink { survey: self, state: Mutex::new(SinkState { ranges, unread: Vec::new() }) };
        self.reconciler.reader.read_all(&query, None, &sink, &Forgetful).await?;
        let SinkState { ranges, unread } =
            sink.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.ranges = ranges;
        if !unread.is_empty() {
            self.unread = unread;
            self.digest_again().await?;
        }
        Ok(())
    }

    /// Digests what is here once more, without the fields that the platform did not tell.
    async fn digest_again(&mut self) -> Result<(), Failure> {
        for range in &mut self.ranges {
            range.here = DigestSum::default();
        }
        let mut after = None;
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.last().map(|it| it.shadow.key.record_id.clone()) else { break };
            for scanned in &page {
                let id = &scanned.shadow.key.record_id;
                if id.as_local().is_none()
                    && let Some(range) = range_of(&mut self.ranges, id)
                {
                    add_here(&mut range.here, self.mapping, &self.unread, scanned);
                }
            }
            after = Some(last);
        }
        Ok(())
    }

    fn key(&self, record_id: &RecordId) -> RecordKey {
        RecordKey {
            connection: self.reconciler.connection.clone(),
            object: self.mapping.object.clone(),
            record_id: record_id.clone(),
        }
    }
}

fn is_equal(range: &Range) -> bool {
    range.here.finish() == range.there.finish()
}

fn add_here(
    sum: &mut DigestSum,
    mapping: &ObjectMapping,
    unread: &[String],
    scanned: &ScannedRecord,
) {
    let shadow = &scanned.shadow;
    if !shadow.is_deleted && mapping.takes(&shadow.fields) {
        sum.add(&shadow.key, false, &comparable(mapping, &shadow.fields, unread));
    }
}

fn range_of<'r>(ranges: &'r mut [Range], id: &RecordId) -> Option<&'r mut Range> {
    let place = ranges.partition_point(|it| it.ids.until.as_ref().is_some_and(|until| until < id));
    ranges.get_mut(place)
}

struct SinkState {
    ranges: Vec<Range>,
    unread: Vec<String>,
}

struct Sink<'s, 'a> {
    survey: &'s Survey<'a>,
    state: Mutex<SinkState>,
}

impl Sink<'_, '_> {
    fn state(&self) -> MutexGuard<'_, SinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RecordSink for Sink<'_, '_> {
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError> {
        let mapping = self.survey.mapping;
        let mut state = self.state();
        for record in records {
            // A value that does not fit is found by the check of the range.
            let Ok(fields) = mapping.canonical(&record.fields) else { continue };
            for name in record.unread {
                if !state.unread.contains(&name) {
                    state.unread.push(name);
                }
            }
            if record.is_deleted || !mapping.takes(&fields) {
                continue;
            }
            let key = self.survey.key(&record.record_id);
            if let Some(range) = range_of(&mut state.ranges, &record.record_id) {
                range.there.add(&key, false, &fields);
            }
        }
        Ok(())
    }

    fn progress(&self, _: BulkReadTotals) {}
}

/// A comparison that is cut off begins anew.
pub(super) struct Forgetful;

#[async_trait]
impl BulkJournal for Forgetful {
    async fn save(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

pub(super) fn invalid(error: &crate::sync::InvalidField) -> Failure {
    Failure::of(error, Retry::Never)
}

pub(super) fn is_conflict(error: &PortError) -> bool {
    error.kind() == PortErrorKind::Conflict
}
