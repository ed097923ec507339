//! Takes the pages of bulk jobs, and counts what was taken over all of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::PortError;
use shared::ports::{BulkReadTotals, RecordSink, RemoteRecord};

use super::bulk_read_state::Head;
use crate::bulk::{BulkFault, PageReceipt, RecordReader, RecordShape, ResultPage};

/// Records that are handed on at a time.
pub(super) const PIECE: usize = 200;

/// Takes the pages of jobs.
pub(super) struct Taker<'a> {
    head: &'a Head,
    sink: &'a dyn RecordSink,
    shape: RecordShape,
    /// Records that were taken, those of pages that are under way among them.
    n_taken: AtomicU64,
}

/// Counts the records of one page, until the page is whole: one that breaks comes again.
struct PageCount<'a> {
    of: &'a AtomicU64,
    n_records: u64,
}

impl Drop for PageCount<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(self.n_records, Ordering::Relaxed);
    }
}

impl<'a> Taker<'a> {
    /// Takes what `head` asks for into `sink`; `n_taken` records were taken before.
    pub(super) fn new(head: &'a Head, sink: &'a dyn RecordSink, n_taken: u64) -> Self {
        let kinds: HashMap<&str, _> =
            head.shown.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let shape = RecordShape::new(&head.names(), |name| kinds.get(name).copied());
        Self { head, sink, shape, n_taken: AtomicU64::new(n_taken) }
    }

    /// Forgets so many records that will come again.
    pub(super) fn forget(&self, n_records: u64) {
        self.n_taken.fetch_sub(n_records, Ordering::Relaxed);
    }

    /// Tells that all is taken.
    pub(super) fn finish(&self, n_read: u64) -> BulkReadTotals {
        let totals = BulkReadTotals { n_read, n_total: Some(n_read) };
        self.sink.progress(totals);
        totals
    }

    /// Takes one page.
    pub(super) async fn take(&self, mut page: ResultPage) -> Result<PageReceipt, PortError> {
        let mut count = PageCount { of: &self.n_taken, n_records: 0 };
        let mut reader: Option<RecordReader> = None;
        let mut records = Vec::with_capacity(PIECE);
        while page.advance().await? {
            let reader = match &mut reader {
                Some(reader) => reader,
                None => {
                    let found = self.shape.reader(page.columns().unwrap_or_default());
                    reader.insert(found.map_err(|it| page.fault(BulkFault::from(it)))?)
                }
            };
            let record = reader.read(page.record()?).map_err(|it| page.fault(it.into()))?;
            records.push(self.head.mark(record));
            if records.len() == PIECE {
                self.hand_on(std::mem::take(&mut records), &mut count).await?;
            }
        }
        if !records.is_empty() {
            self.hand_on(records, &mut count).await?;
        }
        let receipt = page.finish()?;
        count.n_records = 0;
        Ok(receipt)
    }

    async fn hand_on(
        &self,
        records: Vec<RemoteRecord>,
        count: &mut PageCount<'_>,
    ) -> Result<(), PortError> {
        let n_records = u64::try_from(records.len()).unwrap_or(u64::MAX);
        self.sink.take(records).await?;
        count.n_records += n_records;
        let n_read = self.n_taken.fetch_add(n_records, Ordering::Relaxed) + n_records;
        self.sink.progress(self.head.totals(n_read));
        Ok(())
    }
}
