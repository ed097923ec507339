//! Reads a whole object into the store: for the first time, or again.
//!
//! What is read goes into the store at once, not by way of the queue: in pieces, each of them durable
//! before the next one is asked for. A process that dies leaves a note behind, and the next one goes
//! on at the part where it stood. Changes that arrive meanwhile win by their versions.

mod note;
mod piece;

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tracing::info;

use super::mapping::ObjectMapping;
use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, ObjectName};
use crate::model::ChangeEvent;
use crate::ports::{
    BulkRead, BulkReadTotals, BulkReader, CaseStore, Clock, Crm, Ledger, RecordSink, RemoteRecord,
};
use crate::time::Timestamp;
use crate::worker::Failure;
use note::NoteKeeper;

pub use note::LoadNote;

/// Takes records that cannot be taken in, so that a person can look at them.
#[async_trait]
pub trait Aside: Send + Sync {
    /// Sets a record aside, durably.
    ///
    /// # Errors
    ///
    /// As the platform answers; the load stops then, to be gone on with.
    async fn set_aside(&self, event: ChangeEvent) -> Result<(), PortError>;
}

/// Reads objects of one connection into the store.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// Who is named in the audit log, such as `salesforce:main`.
    pub actor: &'a str,
    /// How whole objects are read.
    pub reader: &'a dyn BulkReader,
    /// How one record is read.
    pub crm: &'a dyn Crm,
    /// Where rows are kept.
    pub store: &'a dyn CaseStore,
    /// Where it is noted how far a load has come.
    pub ledger: &'a dyn Ledger,
    /// Where records go that cannot be taken in.
    pub aside: &'a dyn Aside,
    /// The time here.
    pub clock: &'a dyn Clock,
}

/// What is to be loaded.
#[derive(Clone, Copy)]
pub struct LoadOrder<'a> {
    /// The mapping of the object.
    pub mapping: &'a ObjectMapping,
    /// The time over there: whatever changes after it is for the poller.
    pub remote_now: Timestamp,
    /// Whether records in the recycle bin matter: they do when some are here already.
    pub reads_deleted: bool,
    /// Names the load in audit rows.
    pub run: &'a CorrelationId,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadProgress {
    /// Records read, by processes before this one too.
    pub n_read: u64,
    /// Records there are to read, once that is known.
    pub n_total: Option<u64>,
    /// Records that this process wrote.
    pub n_applied: u64,
    /// Records that were known already.
    pub n_known: u64,
    /// Records that were set aside.
    pub n_aside: u64,
    /// How long this process has been reading.
    pub took: Duration,
    /// How long the rest takes at this pace.
    pub left: Option<Duration>,
}

/// A load that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The time over there when it began: what changed since is for the poller.
    pub begun_at: Timestamp,
    /// What it did.
    pub progress: LoadProgress,
}

/// How often it is told how far a load has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Loader<'_> {
    /// Loads an object, or goes on with the load that was begun. It may be dropped at any moment.
    ///
    /// # Errors
    ///
    /// [`Failure`] as the platform, the store or the ledger answer: the next call goes on.
    pub async fn load(
        &self,
        order: LoadOrder<'_>,
        watch: &(dyn Fn(LoadProgress) + Send + Sync),
    ) -> Result<Loaded, Failure> {
        let keeper = NoteKeeper::open(self, &order).await?;
        let note = keeper.note().await;
        let object = &order.mapping.object;
        info!(connection = %self.connection, object = %object, n_read = note.n_read,
            "loading `{object}`{}", if note.state.is_some() { ", going on where it stood" } else { "" });
        let query = BulkRead {
            object: object.clone(),
            fields: order.mapping.remote_fields(),
            from: None,
            after: None,
            until: None,
            reads_deleted: note.reads_deleted,
        };
        let begun = self.clock.now();
        let sink = Sink {
            loader: *self,
            order,
            begun,
            n_read_before: note.n_read,
            tally: Mutex::new(Tally { told_at: begun, ..Tally::default() }),
            watch,
            keeper: &keeper,
        };
        self.reader.read_all(&query, note.state.as_deref(), &sink, &keeper).await?;
        let progress = sink.tell();
        keeper.end().await?;
        let LoadProgress { n_read, n_applied, n_known, n_aside, took, .. } = progress;
        info!(connection = %self.connection, object = %object, n_read, n_applied, n_known, n_aside,
            took.ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "loaded {n_read} records of `{object}`");
        Ok(Loaded { begun_at: note.begun_at, progress })
    }

    /// Tells how far a load that was begun had come when it was last noted; `None` when none is.
    ///
    /// # Errors
    ///
    /// As the ledger answers.
    pub async fn noted(
        ledger: &dyn Ledger,
        connection: &ConnectionId,
        object: &ObjectName,
    ) -> Result<Option<LoadNote>, PortError> {
        Ok(note::read(ledger, connection, object).await?.and_then(|(_, note)| note))
    }
}

/// What became of the records so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    totals: BulkReadTotals,
    n_applied: u64,
    n_known: u64,
    n_aside: u64,
    told_at: Timestamp,
}

/// Takes the pieces of a load.
struct Sink<'a> {
    loader: Loader<'a>,
    order: LoadOrder<'a>,
    begun: Timestamp,
    n_read_before: u64,
    tally: Mutex<Tally>,
    watch: &'a (dyn Fn(LoadProgress) + Send + Sync),
    keeper: &'a NoteKeeper<'a>,
}

impl Sink<'_> {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn tell(&self) -> LoadProgress {
        let Tally { totals, n_applied, n_known, n_aside, .. } = *self.tally();
        let took = self.loader.clock.now().since(self.begun);
        let BulkReadTotals { n_read, n_total } = totals;
        let left = n_total.and_then(|n_total| {
            let n_new = n_read.saturating_sub(self.n_read_before);
            let n_left = n_total.saturating_sub(n_read);
            (n_new > 0).then(|| took.mul_f64(ratio(n_left, n_new)))
        });
        let progress = LoadProgress { n_read, n_total, n_applied, n_known, n_aside, took, left };
        (self.watch)(progress);
        progress
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to.max(1) as f64
}

#[async_trait]
impl RecordSink for Sink<'_> {
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError> {
        let taken = self.take_piece(records).await?;
        let mut tally = self.tally();
        tally.n_applied += taken.n_applied;
        tally.n_known += taken.n_known;
        tally.n_aside += taken.n_aside;
        Ok(())
    }

    fn progress(&self, totals: BulkReadTotals) {
        let now = self.loader.clock.now();
        self.keeper.hear(totals);
        let mut tally = self.tally();
        tally.totals = totals;
        let is_due = now.since(tally.told_at) >= TELL_EVERY;
        if is_due {
            tally.told_at = now;
            drop(tally);
            let LoadProgress { n_read, n_total, left, .. } = self.tell();
            let object = &self.order.mapping.object;
            info!(connection = %self.loader.connection, object = %object, n_read, n_total,
                left.s = left.map(|it| it.as_secs()), "loaded {n_read} records of `{object}` so far");
        }
    }
}

#[cfg(test)]
mod tests;
