//! The cursor of one object, in the ledger.

use shared::PortError;
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{Ledger, Random};
use shared::sync::Cursor;
use shared::time::Timestamp;
use shared::worker::Failure;

/// Why an object was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    /// The source, the queue or the ledger failed.
    #[error("`{object}` was not read to its end")]
    Port { object: ObjectName, source: PortError },
    /// The ledger holds something that is not a cursor: somebody must look.
    #[error("`{name}` in the ledger is not a cursor")]
    BadCursor { name: String, source: serde_json::Error },
    /// An event could not be written as JSON.
    #[error("a record of `{object}` cannot be written as an event")]
    BadEvent { object: ObjectName, source: serde_json::Error },
    /// The object was not loaded as a whole.
    #[error("`{object}` was not loaded to its end: {failure}")]
    Load { object: ObjectName, failure: Failure },
    /// The source says there are more pages and gives none.
    #[error("the source lost the pages of `{object}` again and again")]
    LostPages { object: ObjectName },
}

/// The cursor of one object with the revision it was read at: two pollers never move one cursor.
pub(crate) struct Bookmark<'a> {
    ledger: &'a dyn Ledger,
    object: &'a ObjectName,
    name: String,
    revision: u64,
    cursor: Option<Cursor>,
    generation: String,
}

impl<'a> Bookmark<'a> {
    /// Reads the cursor of `object`, and begins a new generation when that stands at the beginning.
    pub(crate) async fn open(
        ledger: &'a dyn Ledger,
        random: &dyn Random,
        connection: &ConnectionId,
        object: &'a ObjectName,
    ) -> Result<Self, SweepError> {
        let name = Cursor::ledger_name(connection, object);
        let port_error = |source| SweepError::Port { object: object.clone(), source };
        let entry = ledger.get(&name).await.map_err(port_error)?;
        let (revision, cursor) = match entry {
            None => (0, None),
            Some(entry) => match serde_json::from_str(&entry.value) {
                Ok(cursor) => (entry.revision, Some(cursor)),
                Err(source) => return Err(SweepError::BadCursor { name, source }),
            },
        };
        let generation = generation(ledger, random, connection, object, cursor.as_ref())
            .await
            .map_err(port_error)?;
        Ok(Self { ledger, object, name, revision, cursor, generation })
    }

    /// Returns the name of the reading that began at the beginning.
    ///
    /// It is part of every dedupe key: what a queue remembers of an earlier reading must not keep a
    /// reading for a new case store from being queued.
    pub(crate) fn generation(&self) -> &str {
        &self.generation
    }

    /// Returns the cursor; `None` before the first page.
    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Tells whether the next reader would begin a new generation.
    pub(crate) fn is_at_the_beginning(&self) -> bool {
        is_beginning(self.cursor())
    }

    /// Moves the cursor, durably.
    pub(crate) async fn save(&mut self, cursor: Cursor) -> Result<(), SweepError> {
        let value = serde_json::to_string(&cursor)
            .map_err(|source| SweepError::BadCursor { name: self.name.clone(), source })?;
        self.revision = self
            .ledger
            .put(&self.name, &value, self.revision)
            .await
            .map_err(|source| SweepError::Port { object: self.object.clone(), source })?;
        self.cursor = Some(cursor);
        Ok(())
    }
}

fn is_beginning(cursor: Option<&Cursor>) -> bool {
    cursor.is_none_or(|it| it.at == Timestamp::EPOCH && it.until.is_none())
}

async fn generation(
    ledger: &dyn Ledger,
    random: &dyn Random,
    connection: &ConnectionId,
    object: &ObjectName,
    cursor: Option<&Cursor>,
) -> Result<String, PortError> {
    let name = format!("generation/{connection}/{object}");
    let entry = ledger.get(&name).await?;
    match entry {
        Some(entry) if !is_beginning(cursor) => Ok(entry.value),
        entry => {
            let fresh = format!("{:08x}", random.bits() & 0xffff_ffff);
            ledger.put(&name, &fresh, entry.map_or(0, |it| it.revision)).await?;
            Ok(fresh)
        }
    }
}
