//! What is noted of a load that is under way.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{LoadOrder, Loader};
use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, ObjectName};
use crate::ports::{BulkJournal, BulkReadTotals, Ledger};
use crate::time::Timestamp;

/// What is noted of a load that is under way.
///
/// Kept in the ledger under `load/CONNECTION/OBJECT`; an empty text there means that none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadNote {
    /// The time over there when it began.
    pub begun_at: Timestamp,
    /// The time here when it began.
    pub started_at: Timestamp,
    /// Sums up the mapping that it reads by.
    pub mapping: String,
    /// Whether records in the recycle bin are read.
    pub reads_deleted: bool,
    /// Records read so far.
    pub n_read: u64,
    /// Records there are to read, once that is known.
    pub n_total: Option<u64>,
    /// Where it stands, for whoever reads.
    pub state: Option<String>,
}

/// Keeps the note of one load.
pub(super) struct NoteKeeper<'a> {
    ledger: &'a dyn Ledger,
    name: String,
    kept: Mutex<(u64, LoadNote)>,
    heard: std::sync::Mutex<BulkReadTotals>,
}

fn name(connection: &ConnectionId, object: &ObjectName) -> String {
    format!("load/{connection}/{object}")
}

/// Reads the note of a load with its revision.
pub(super) async fn read(
    ledger: &dyn Ledger,
    connection: &ConnectionId,
    object: &ObjectName,
) -> Result<Option<(u64, Option<LoadNote>)>, PortError> {
    let name = name(connection, object);
    let Some(entry) = ledger.get(&name).await? else { return Ok(None) };
    if entry.value.is_empty() {
        return Ok(Some((entry.revision, None)));
    }
    let note = serde_json::from_str(&entry.value).map_err(|error| broken(&name, error))?;
    Ok(Some((entry.revision, Some(note))))
}

fn broken(name: &str, error: serde_json::Error) -> PortError {
    PortError::new(PortErrorKind::Rejected, "ledger", "note load", name).with_source(error)
}

impl<'a> NoteKeeper<'a> {
    /// Finds the note of the load that was begun by the same mapping, or begins one.
    pub(super) async fn open(
        loader: &Loader<'a>,
        order: &LoadOrder<'_>,
    ) -> Result<Self, PortError> {
        let object = &order.mapping.object;
        let found = read(loader.ledger, loader.connection, object).await?;
        let (revision, note) = found.unwrap_or((0, None));
        let mapping = order.mapping.fingerprint();
        let note = note.filter(|it| it.mapping == mapping).unwrap_or_else(|| LoadNote {
            begun_at: order.remote_now,
            started_at: loader.clock.now(),
            mapping,
            reads_deleted: order.reads_deleted,
            n_read: 0,
            n_total: None,
            state: None,
        });
        let keeper = Self {
            ledger: loader.ledger,
            name: name(loader.connection, object),
            heard: std::sync::Mutex::new(BulkReadTotals {
                n_read: note.n_read,
                n_total: note.n_total,
            }),
            kept: Mutex::new((revision, note)),
        };
        keeper.put().await?;
        Ok(keeper)
    }

    pub(super) async fn note(&self) -> LoadNote {
        self.kept.lock().await.1.clone()
    }

    /// Hears how far the reading has come; it is written with the next state.
    pub(super) fn hear(&self, totals: BulkReadTotals) {
        *self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = totals;
    }

    /// Says that no load is under way any more.
    pub(super) async fn end(&self) -> Result<(), PortError> {
        let mut kept = self.kept.lock().await;
        kept.0 = self.ledger.put(&self.name, "", kept.0).await?;
        Ok(())
    }

    async fn put(&self) -> Result<(), PortError> {
        let mut kept = self.kept.lock().await;
        let BulkReadTotals { n_read, n_total } =
            *self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (kept.1.n_read, kept.1.n_total) = (n_read, n_total);
        let json = serde_json::to_string(&kept.1).map_err(|error| broken(&self.name, error))?;
        kept.0 = self.ledger.put(&self.name, &json, kept.0).await?;
        Ok(())
    }
}

#[async_trait]
impl BulkJournal for NoteKeeper<'_> {
    async fn save(&self, state: &str) -> Result<(), PortError> {
        self.kept.lock().await.1.state = Some(state.to_owned());
        self.put().await
    }
}
