//! The note of a job that is under way: what it is at, and who follows it.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::Lane;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{BulkJournal, Clock, Ledger};
use crate::time::Timestamp;

/// The note as it stands in the ledger; an empty text there means that no job is under way.
#[derive(Serialize, Deserialize)]
struct JobNote {
    /// Who follows the job.
    owner: String,
    /// Until when, unless it says so again.
    until: Timestamp,
    /// What the job is at, for its writer; `None` before it has begun.
    state: Option<String>,
}

/// Whether jobs of an object may be begun.
pub(super) enum JobPlace<'a> {
    /// Nobody has one.
    Free(JobHold<'a>),
    /// A process that is gone has left one, with this state.
    Left(JobHold<'a>, String),
    /// Somebody else follows one.
    Taken,
}

/// The right to run a job of an object.
pub(super) struct JobHold<'a> {
    ledger: &'a dyn Ledger,
    clock: &'a dyn Clock,
    name: String,
    owner: &'a str,
    lease: Duration,
    /// The revision of the note, and what it says of the job.
    note: Mutex<(u64, Option<String>)>,
}

impl Lane<'_> {
    /// Finds out whether a job may be begun.
    pub(super) async fn job_place(&self) -> Result<JobPlace<'_>, PortError> {
        let name = format!("relay-job/{}/{}", self.remote.connection, self.mapping.object);
        let entry = self.ports.ledger.get(&name).await?;
        let revision = entry.as_ref().map_or(0, |it| it.revision);
        let note = entry.filter(|it| !it.value.is_empty());
        let note: Option<JobNote> =
            note.map(|it| serde_json::from_str(&it.value)).transpose().map_err(|error| {
                PortError::new(PortErrorKind::Rejected, "ledger", "get", name.as_str())
                    .with_source(error)
            })?;
        let hold = |state: Option<String>| JobHold {
            ledger: &*self.ports.ledger,
            clock: &*self.ports.clock,
            name: name.clone(),
            owner: self.owner,
            lease: self.settings.lease,
            note: Mutex::new((revision, state)),
        };
        Ok(match note {
            Some(note) if note.owner != self.owner && self.ports.clock.now() < note.until => {
                JobPlace::Taken
            }
            Some(JobNote { state: Some(state), .. }) => {
                JobPlace::Left(hold(Some(state.clone())), state)
            }
            _ => JobPlace::Free(hold(None)),
        })
    }
}

impl JobHold<'_> {
    /// Takes the place, or says that it still is ours.
    pub(super) async fn renew(&self) -> Result<(), PortError> {
        let mut note = self.note.lock().await;
        let until = self.clock.now().plus(self.lease);
        let json = JobNote { owner: self.owner.to_owned(), until, state: note.1.clone() };
        note.0 = self.put(note.0, &json).await?;
        Ok(())
    }

    /// Says so again and again; ends only when it is no longer true.
    pub(super) async fn keep(&self) -> PortError {
        loop {
            sleep(self.lease / 4).await;
            if let Err(error) = self.renew().await {
                return error;
            }
        }
    }

    /// Leaves a job that is under way to whoever comes next.
    pub(super) async fn leave(&self) -> Result<(), PortError> {
        let note = self.note.lock().await;
        let (owner, until) = (self.owner.to_owned(), self.clock.now());
        self.put(note.0, &JobNote { owner, until, state: note.1.clone() }).await?;
        Ok(())
    }

    /// Says that no job is under way any more.
    pub(super) async fn end(&self) -> Result<(), PortError> {
        let mut note = self.note.lock().await;
        *note = (self.ledger.put(&self.name, "", note.0).await?, None);
        Ok(())
    }

    async fn put(&self, revision: u64, note: &JobNote) -> Result<u64, PortError> {
        let json = serde_json::to_string(note).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "ledger", "put", self.name.as_str())
                .with_source(error)
        })?;
        self.ledger.put(&self.name, &json, revision).await
    }
}

#[async_trait]
impl BulkJournal for JobHold<'_> {
    async fn save(&self, state: &str) -> Result<(), PortError> {
        self.note.lock().await.1 = Some(state.to_owned());
        self.renew().await
    }
}
