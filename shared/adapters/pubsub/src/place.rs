//! The place in a topic, in the ledger: everything up to it is durable on our side.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::ids::{ConnectionId, TopicName};
use shared::ports::Ledger;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use crate::fault::PLATFORM;

/// How long events are kept. Source: Change Data Capture guide, "Event Retention".
const RETENTION: Duration = Duration::from_hours(72);

/// A platform's own name for a place; eight bytes today, and not ours to understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplayId(Vec<u8>);

impl ReplayId {
    /// Wraps what came over the stream; `None` when nothing did.
    pub(crate) fn of(bytes: Vec<u8>) -> Option<Self> {
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// Returns it as it was sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes it in hexadecimal digits.
    pub(crate) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn from_hex(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        let pair = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
        };
        Self::of(digits.chunks(2).map(pair).collect::<Option<Vec<_>>>()?)
    }
}

/// A place as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    /// The last event that was handed on, in hexadecimal digits; absent at the oldest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay_id: Option<String>,
    /// Every earlier change was handed on.
    at: Timestamp,
}

/// The place of one topic with the revision it was read at: two processes never move one place.
pub(crate) struct Place<'a> {
    ledger: &'a dyn Ledger,
    name: String,
    revision: u64,
    replay_id: Option<ReplayId>,
    at: Option<Timestamp>,
    is_lost: bool,
}

impl<'a> Place<'a> {
    /// Returns the ledger name of the place of `topic` behind `connection`.
    pub(crate) fn ledger_name(connection: &ConnectionId, topic: &TopicName) -> String {
        format!("replay/{connection}{topic}")
    }

    /// Reads the place of `topic`.
    ///
    /// # Errors
    ///
    /// As the ledger answers.
    pub(crate) async fn open(
        ledger: &'a dyn Ledger,
        connection: &ConnectionId,
        topic: &TopicName,
    ) -> Result<Self, PortError> {
        let name = Self::ledger_name(connection, topic);
        let none = Self { ledger, name, revision: 0, replay_id: None, at: None, is_lost: false };
        let Some(entry) = ledger.get(&none.name).await? else { return Ok(none) };
        let none = Self { revision: entry.revision, ..none };
        let written: Option<Written> = serde_json::from_str(&entry.value).ok();
        Ok(match written {
            Some(Written { replay_id: None, at }) => Self { at: Some(at), ..none },
            Some(Written { replay_id: Some(digits), at }) => {
                let replay_id = ReplayId::from_hex(&digits);
                Self { is_lost: replay_id.is_none(), replay_id, at: Some(at), ..none }
            }
            None => Self { is_lost: true, ..none },
        })
    }

    /// Tells whether the ledger holds something that is no place: nobody knows what was handed on.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Returns the last event that was handed on; `None` at the oldest one.
    pub(crate) fn replay_id(&self) -> Option<&ReplayId> {
        self.replay_id.as_ref()
    }

    /// Returns the instant before which every change was handed on; `None` when none was yet.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Returns how long the platform keeps what comes behind this place.
    pub(crate) fn replayable_until(&self) -> Option<Timestamp> {
        self.replay_id.as_ref().and(self.at).map(|it| it.plus(RETENTION))
    }

    /// Moves the place, durably: everything up to `replay_id`, and every change before `at`, was
    /// handed on. The instant never goes back.
    ///
    /// # Errors
    ///
    /// `Conflict` when another process moved it, else as the ledger answers.
    pub(crate) async fn save(
        &mut self,
        replay_id: ReplayId,
        at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        if self.replay_id.as_ref() == Some(&replay_id) {
            return Ok(());
        }
        let at = at.max(self.at).unwrap_or(Timestamp::EPOCH);
        self.write(Some(replay_id), at).await
    }

    /// Moves the place to the oldest event that the platform keeps: what was lost before it is
    /// taken care of.
    ///
    /// # Errors
    ///
    /// As [`save`](Place::save).
    pub(crate) async fn start_over(&mut self) -> Result<(), PortError> {
        let at = self.at.unwrap_or(Timestamp::EPOCH);
        self.write(None, at).await
    }

    async fn write(&mut self, replay_id: Option<ReplayId>, at: Timestamp) -> Result<(), PortError> {
        let written = Written { replay_id: replay_id.as_ref().map(ReplayId::to_hex), at };
        let value = serde_json::to_string(&written).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, PLATFORM, "write place", &self.name)
                .with_source(error)
        })?;
        self.revision = self.ledger.put(&self.name, &value, self.revision).await?;
        (self.replay_id, self.at, self.is_lost) = (replay_id, Some(at), false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::MemoryLedger;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn names() -> (ConnectionId, TopicName) {
        (ConnectionId::parse("main").unwrap(), TopicName::parse("/data/ChangeEvents").unwrap())
    }

    fn id(byte: u8) -> ReplayId {
        ReplayId::of(vec![0, 0, byte]).unwrap()
    }

    #[tokio::test]
    async fn place_is_found_again_and_its_instant_never_goes_back() {
        let (ledger, (connection, topic)) = (MemoryLedger::default(), names());
        let mut place = Place::open(&ledger, &connection, &topic).await.unwrap();
        assert_eq!((place.replay_id(), place.at(), place.replayable_until()), (None, None, None));

        place.save(id(7), Some(NOON)).await.unwrap();
        place.save(id(255), Some(NOON.minus(RETENTION))).await.unwrap();

        let again = Place::open(&ledger, &connection, &topic).await.unwrap();
        assert_eq!((again.replay_id(), again.at()), (Some(&id(255)), Some(NOON)));
        assert_eq!(again.replayable_until(), Some(NOON.plus(RETENTION)));
        let entry = ledger.get("replay/main/data/ChangeEvents").await.unwrap().unwrap();
        assert!(entry.value.contains(r#""replay_id":"0000ff""#), "{}", entry.value);
    }

    #[tokio::test]
    async fn starting_over_forgets_the_event_and_keeps_the_instant() {
        let (ledger, (connection, topic)) = (MemoryLedger::default(), names());
        let mut place = Place::open(&ledger, &connection, &topic).await.unwrap();
        place.save(id(7), Some(NOON)).await.unwrap();

        place.start_over().await.unwrap();

        let again = Place::open(&ledger, &connection, &topic).await.unwrap();
        assert_eq!((again.replay_id(), again.at()), (None, Some(NOON)));
        assert_eq!(again.replayable_until(), None);
    }

    #[tokio::test]
    async fn of_two_processes_one_moves_the_place() {
        let (ledger, (connection, topic)) = (MemoryLedger::default(), names());
        let mut first = Place::open(&ledger, &connection, &topic).await.unwrap();
        let mut second = Place::open(&ledger, &connection, &topic).await.unwrap();
        first.save(id(1), Some(NOON)).await.unwrap();
        let error = second.save(id(2), Some(NOON)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Conflict);
    }

    #[tokio::test]
    async fn entry_that_is_no_place_is_lost_until_it_is_written_anew() {
        let (ledger, (connection, topic)) = (MemoryLedger::default(), names());
        let name = Place::ledger_name(&connection, &topic);
        let mut revision = 0;
        for value in ["{", r#"{"replay_id":"0g","at":"2026-01-01T00:00:00Z"}"#, r#"{"at":7}"#] {
            ledger.put(&name, value, revision).await.unwrap();
            let mut place = Place::open(&ledger, &connection, &topic).await.unwrap();
            assert!(place.is_lost(), "{value}");
            place.start_over().await.unwrap();
            let again = Place::open(&ledger, &connection, &topic).await.unwrap();
            assert!(!again.is_lost() && again.replay_id().is_none());
            revision += 2;
        }
    }
}
