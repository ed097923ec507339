//! Reads one object up to now, page by page, and leaves the cursor behind each page.

use shared::PortErrorKind;
use shared::ids::ObjectName;
use shared::ports::{DeltaPage, DeltaQuery, PageOrder, RemoteRecord, SendOutcome};
use shared::sync::Cursor;
use shared::time::Timestamp;

use crate::bookmark::{Bookmark, SweepError};
use crate::event::{self, Context};
use crate::poller::Poller;
use crate::window::Window;

/// Messages sent to the queue in one commit.
const BATCH: usize = 500;

/// How often a source may lose its pages without a record read in between.
const MAX_LOSSES: u32 = 3;

/// What a sweep has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) n_read: u64,
    pub(crate) n_queued: u64,
}

/// How a sweep ended, when nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SweepEnd {
    /// Everything is queued.
    UpToDate,
    /// The queue is full; the next sweep goes on.
    QueueFull { n_waiting: u64 },
    /// The time of the run is over; the next sweep goes on.
    OutOfTime,
}

/// One sweep of one object.
pub(crate) struct Sweep<'a> {
    pub(crate) poller: &'a Poller,
    pub(crate) object: &'a ObjectName,
    pub(crate) fields: &'a [String],
    /// When the time of the run is over.
    pub(crate) until: Option<Timestamp>,
    pub(crate) tally: Tally,
}

impl Sweep<'_> {
    /// Reads the window that was begun, if any, and then the one that ends at `end`.
    pub(crate) async fn run(&mut self, end: Timestamp) -> Result<SweepEnd, SweepError> {
        let Poller { source, ports, settings, .. } = self.poller;
        let mut bookmark =
            Bookmark::open(&*ports.ledger, &*ports.random, &source.connection, self.object).await?;
        loop {
            let was_begun = bookmark.cursor().is_some_and(|it| it.until.is_some());
            let Some(window) = Window::next(bookmark.cursor(), end, settings.overlap) else {
                return Ok(SweepEnd::UpToDate);
            };
            let ended = self.read_window(window, &mut bookmark).await?;
            if ended != SweepEnd::UpToDate || !was_begun {
                return Ok(ended);
            }
        }
    }

    async fn read_window(
        &mut self,
        window: Window,
        bookmark: &mut Bookmark<'_>,
    ) -> Result<SweepEnd, SweepError> {
        if let Some(full) = self.full_queue().await? {
            return Ok(full);
        }
        let Window { until, is_backfill, .. } = window;
        let mut query = DeltaQuery {
            object: self.object.clone(),
            fields: self.fields.to_vec(),
            from: window.from,
            after_id: window.after_id.clone(),
            until,
        };
        let mut position = query.clone();
        let mut n_losses = 0;
        let mut page = self.first_page(&query).await?;
        loop {
            let DeltaPage { records, next, order } = page;
            // Pages in another order say nothing about what was read: a crash reads the window again.
            let last = records.last().filter(|_| order == PageOrder::ByVersion);
            let is_progress = last.is_some();
            if let Some(last) = last {
                (position.from, position.after_id) = (last.version, Some(last.record_id.clone()));
                n_losses = 0;
            }
            if order == PageOrder::Other && bookmark.is_at_the_beginning() {
                // So that a crash goes on in this generation, and queues nothing a second time.
                let Window { from: at, until, is_backfill, .. } = window;
                let begun = Cursor { at, after_id: None, until: Some(until), is_backfill };
                bookmark.save(begun).await?;
            }
            self.queue(records, bookmark.generation(), is_backfill).await?;
            let Some(next) = next else {
                bookmark.save(Cursor::resting(until)).await?;
                return Ok(SweepEnd::UpToDate);
            };
            if is_progress {
                let DeltaQuery { from, after_id, .. } = position.clone();
                let until = Some(until);
                bookmark.save(Cursor { at: from, after_id, until, is_backfill }).await?;
            }
            if self.poller.is_over(self.until) {
                return Ok(SweepEnd::OutOfTime);
            }
            if let Some(full) = self.full_queue().await? {
                return Ok(full);
            }
            page = match self.poller.source.crm.more_changes(&query, &next).await {
                Ok(page) => page,
                // The mark has expired: ask again, from the last record that was read.
                Err(error) if error.kind() == PortErrorKind::NotFound => {
                    n_losses += 1;
                    if n_losses > MAX_LOSSES {
                        return Err(SweepError::LostPages { object: self.object.clone() });
                    }
                    query = position.clone();
                    self.first_page(&query).await?
                }
                Err(source) => return Err(self.port_error(source)),
            };
        }
    }

    async fn first_page(&self, query: &DeltaQuery) -> Result<DeltaPage, SweepError> {
        self.poller.source.crm.changes(query).await.map_err(|it| self.port_error(it))
    }

    /// Queues `records`, durably when it returns.
    async fn queue(
        &mut self,
        records: Vec<RemoteRecord>,
        generation: &str,
        is_backfill: bool,
    ) -> Result<(), SweepError> {
        let Poller { source, ports, .. } = self.poller;
        let context = Context {
            connection: &source.connection,
            object: self.object,
            generation,
            is_backfill,
            received_at: ports.clock.now(),
            random: &*ports.random,
            max_body_bytes: ports.queue.max_body_bytes(),
        };
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let batch = records
                .by_ref()
                .take(BATCH)
                .map(|record| event::message(&context, record))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|source| SweepError::BadEvent { object: self.object.clone(), source })?;
            let n_read = batch.len();
            let outcomes = ports.queue.send(batch).await.map_err(|it| self.port_error(it))?;
            let n_queued = outcomes.iter().filter(|it| **it == SendOutcome::Queued).count();
            self.tally.n_read += u64::try_from(n_read).unwrap_or(u64::MAX);
            self.tally.n_queued += u64::try_from(n_queued).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    async fn full_queue(&self) -> Result<Option<SweepEnd>, SweepError> {
        let Poller { ports, settings, .. } = self.poller;
        let depth = ports.queue.depth().await.map_err(|it| self.port_error(it))?;
        let n_waiting = depth.n_ready + depth.n_delayed;
        Ok((n_waiting > settings.max_queue_depth).then_some(SweepEnd::QueueFull { n_waiting }))
    }

    fn port_error(&self, source: shared::PortError) -> SweepError {
        SweepError::Port { object: self.object.clone(), source }
    }
}
