//! Changes that a platform sends over a stream which we hold open, and the place we keep in it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::{ConnectionId, ObjectName, TopicName};
use crate::model::ChangeEvent;
use crate::sync::ConnectionStatus;
use crate::time::Timestamp;

/// A change that came over a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamedChange {
    /// What changed.
    pub event: ChangeEvent,
    /// The same for every arrival of the same change, by whichever stream, and for no other.
    pub dedupe_key: String,
}

/// An event that came over a stream and could not be read. It is set aside, not passed over.
#[derive(Clone, PartialEq, Eq)]
pub struct UnreadableEvent {
    /// The platform's own id of the event.
    pub event_id: String,
    /// The schema that it is written by.
    pub schema_id: String,
    /// Its place in the topic, in hexadecimal digits.
    pub replay_id: String,
    /// Why it could not be read, without anything that stands in it.
    pub why: String,
    /// The event as it was sent. It may hold people: never for a log.
    pub payload: Vec<u8>,
}

impl fmt::Debug for UnreadableEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnreadableEvent")
            .field("event_id", &self.event_id)
            .field("schema_id", &self.schema_id)
            .field("replay_id", &self.replay_id)
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

/// What came over a stream at once, in the order of the commits over there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeBatch {
    /// The topic.
    pub topic: TopicName,
    /// The place of the last event, in hexadecimal digits.
    pub replay_id: String,
    /// The changes.
    pub changes: Vec<StreamedChange>,
    /// Events among them that could not be read.
    pub unreadable: Vec<UnreadableEvent>,
}

/// Changes that the stream can no longer bring: they must be read from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The topic.
    pub topic: TopicName,
    /// The object whose changes are missing; `None` for all that the topic carries.
    pub object: Option<ObjectName>,
    /// Every earlier change was handed on.
    pub since: Timestamp,
    /// Why they are missing.
    pub why: &'static str,
}

/// Takes what comes over a stream.
///
/// # Contract
///
/// - What was taken, or noted as lost, is durable when the method returns `Ok`: the place in the
///   stream is kept only then, so that a crash repeats changes and loses none.
/// - The same change may come again.
#[async_trait]
pub trait ChangeSink: Send + Sync {
    /// Takes changes and sets unreadable events aside.
    ///
    /// # Errors
    ///
    /// When not all of `batch` is durable; the same batch is offered again.
    async fn take(&self, batch: &ChangeBatch) -> Result<(), PortError>;

    /// Sees to it that the records of `gap` are read from their source.
    ///
    /// # Errors
    ///
    /// When that is not durable; the same gap is reported again.
    async fn lost(&self, gap: &Gap) -> Result<(), PortError>;
}

/// How long streams are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Until the future is dropped.
    Endless,
    /// Until everything that is there has come.
    UntilQuiet {
        /// Nothing came for so long: everything is there.
        quiet: Duration,
        /// The longest it may take.
        at_most: Duration,
    },
}

/// What a stream is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It has not been opened yet, or was closed because all was there.
    Idle,
    /// It is open.
    Following,
    /// It is opened again after a wait; says why it ended.
    Waiting(String),
    /// The platform will not let us follow it until somebody changes something; says what.
    Refused(String),
}

/// How one stream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHealth {
    /// The topic.
    pub topic: TopicName,
    /// What it is doing.
    pub state: StreamState,
    /// When it was first followed by this process.
    pub since: Timestamp,
    /// When anything came last, a sign of life included.
    pub last_message_at: Option<Timestamp>,
    /// When an event came last.
    pub last_event_at: Option<Timestamp>,
    /// How long the platform still keeps what we have not had: later, changes are lost to the
    /// stream. `None` while no place is kept.
    pub replayable_until: Option<Timestamp>,
    /// When changes were last found to be lost to the stream, and had to be read otherwise.
    pub last_gap_at: Option<Timestamp>,
    /// After how long without an event something must be wrong; `None` for a quiet source.
    pub no_event_after: Option<Duration>,
}

/// Brings changes over streams: one for each topic of one connection.
///
/// # Contract
///
/// - Events of one topic are handed on in their order, and the place behind them is kept once the
///   sink has made them durable: never ahead of it.
/// - An end of the stream, a refused token, and silence are mended by opening the stream again at
///   the place that is kept. A place that the platform no longer knows is reported as a [`Gap`],
///   and the topic is read from the oldest event that is kept: never from the newest.
/// - Dropping the future of [`follow`](ChangeStream::follow) at any point loses nothing.
#[async_trait]
pub trait ChangeStream: Send + Sync {
    /// Returns the connection.
    fn connection(&self) -> &ConnectionId;

    /// Follows every topic and hands what comes to `sink`.
    ///
    /// # Errors
    ///
    /// Only for an [`Extent`] with an end: what kept a topic from being read to it. The other
    /// topics were read nevertheless.
    async fn follow(&self, sink: &dyn ChangeSink, extent: Extent) -> Result<(), PortError>;

    /// Tells how each stream does.
    fn health(&self) -> Vec<StreamHealth>;
}

/// How one stream did when it was last looked at, for people.
///
/// Kept in the ledger under [`StreamStatus::ledger_name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// The connection.
    pub connection: ConnectionId,
    /// The topic.
    pub topic: TopicName,
    /// How well it works.
    pub status: ConnectionStatus,
    /// What is wrong, in words that lead to the fix.
    pub detail: Option<String>,
    /// When it was looked at.
    pub checked_at: Timestamp,
    /// When an event came last.
    pub last_event_at: Option<Timestamp>,
    /// How long the platform still keeps what we have not had.
    pub replayable_until: Option<Timestamp>,
}

/// A stream sends a sign of life within 270 s; so much more must be wrong.
/// Source: Pub/Sub API guide, "Event Message Durability and Keepalive".
const LONGEST_SILENCE: Duration = Duration::from_mins(10);

/// With less time left until changes are lost somebody should look.
const LITTLE_TIME_LEFT: Duration = Duration::from_hours(12);

/// A gap is told of for so long.
const GAP_IS_TOLD_FOR: Duration = Duration::from_hours(1);

impl StreamStatus {
    /// The prefix of every stream's ledger name.
    pub const LEDGER_PREFIX: &'static str = "stream/";

    /// Returns the ledger name of the status of `topic` behind `connection`.
    pub fn ledger_name(connection: &ConnectionId, topic: &TopicName) -> String {
        format!("{}{connection}{topic}", Self::LEDGER_PREFIX)
    }

    /// Judges `health` at `now`.
    pub fn of(connection: &ConnectionId, health: &StreamHealth, now: Timestamp) -> Self {
        let (status, detail) = match fault(health, now) {
            Some((status, what)) => (status, Some(format!("events of `{}`: {what}", health.topic))),
            None => (ConnectionStatus::Healthy, None),
        };
        Self {
            connection: connection.clone(),
            topic: health.topic.clone(),
            status,
            detail,
            checked_at: now,
            last_event_at: health.last_event_at,
            replayable_until: health.replayable_until,
        }
    }
}

/// Returns the worst that is wrong with a stream.
fn fault(health: &StreamHealth, now: Timestamp) -> Option<(ConnectionStatus, String)> {
    let age = |at: Option<Timestamp>| now.since(at.unwrap_or(health.since));
    if let StreamState::Refused(why) = &health.state {
        return Some((ConnectionStatus::Down, why.clone()));
    }
    let silence = age(health.last_message_at);
    if health.state != StreamState::Idle && silence > LONGEST_SILENCE {
        let n_minutes = silence.as_secs() / 60;
        let why = match &health.state {
            StreamState::Waiting(why) => why.as_str(),
            _ => "the stream is open and silent",
        };
        let what = format!("nothing came for {n_minutes} minutes: {why}");
        return Some((ConnectionStatus::Down, what));
    }
    if let Some(until) = health.replayable_until
        && until.since(now) < LITTLE_TIME_LEFT
    {
        let n_hours = until.since(now).as_secs() / 3600;
        let what = format!(
            "in {n_hours} hours the platform forgets what was not fetched; see that it is followed"
        );
        return Some((ConnectionStatus::Degraded, what));
    }
    if let Some(limit) = health.no_event_after
        && age(health.last_event_at) > limit
    {
        let n_minutes = age(health.last_event_at).as_secs() / 60;
        let what = format!(
            "no event for {n_minutes} minutes; see that change data capture is on for the objects, \
             or raise `events.no_event_after`"
        );
        return Some((ConnectionStatus::Degraded, what));
    }
    let is_told = |at: &Timestamp| now.since(*at) < GAP_IS_TOLD_FOR;
    health.last_gap_at.filter(is_told).map(|at| {
        let what = format!("events were lost at {at}: the records are read again instead");
        (ConnectionStatus::Degraded, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn healthy() -> StreamHealth {
        StreamHealth {
            topic: TopicName::parse("/data/ChangeEvents").unwrap(),
            state: StreamState::Following,
            since: NOW.minus(Duration::from_hours(100)),
            last_message_at: Some(NOW),
            last_event_at: Some(NOW.minus(Duration::from_hours(90))),
            replayable_until: Some(NOW.plus(Duration::from_hours(70))),
            last_gap_at: None,
            no_event_after: None,
        }
    }

    fn judged(health: &StreamHealth) -> (ConnectionStatus, String) {
        let connection = ConnectionId::parse("main").unwrap();
        let status = StreamStatus::of(&connection, health, NOW);
        (status.status, status.detail.unwrap_or_default())
    }

    #[test]
    fn quiet_stream_with_signs_of_life_is_healthy() {
        assert_eq!(judged(&healthy()), (ConnectionStatus::Healthy, String::new()));
    }

    #[test]
    fn silence_is_a_fault_and_counts_from_the_start_when_nothing_ever_came() {
        let silent =
            StreamHealth { last_message_at: Some(NOW.minus(Duration::from_mins(11))), ..healthy() };
        assert_eq!(judged(&silent).0, ConnectionStatus::Down);
        let never = StreamHealth { last_message_at: None, ..healthy() };
        assert_eq!(judged(&never).0, ConnectionStatus::Down);
        let just_begun = StreamHealth { since: NOW, last_message_at: None, ..healthy() };
        assert_eq!(judged(&just_begun).0, ConnectionStatus::Healthy);
        let between_runs = StreamHealth { state: StreamState::Idle, ..silent };
        assert_eq!(judged(&between_runs).0, ConnectionStatus::Healthy);
    }

    #[test]
    fn no_event_for_longer_than_the_setting_is_a_fault_that_names_it() {
        let limit =
            |hours| StreamHealth { no_event_after: Some(Duration::from_hours(hours)), ..healthy() };
        assert_eq!(judged(&limit(91)).0, ConnectionStatus::Healthy);
        let (status, detail) = judged(&limit(89));
        assert_eq!(status, ConnectionStatus::Degraded);
        assert!(detail.contains("no_event_after"), "{detail}");
    }

    #[test]
    fn place_that_is_nearly_forgotten_and_a_recent_gap_are_told() {
        let late =
            StreamHealth { replayable_until: Some(NOW.plus(Duration::from_hours(3))), ..healthy() };
        assert!(judged(&late).1.contains("in 3 hours"), "{:?}", judged(&late));
        let gap = |minutes| StreamHealth {
            last_gap_at: Some(NOW.minus(Duration::from_mins(minutes))),
            ..healthy()
        };
        assert_eq!(judged(&gap(59)).0, ConnectionStatus::Degraded);
        assert_eq!(judged(&gap(61)).0, ConnectionStatus::Healthy);
    }

    #[test]
    fn refusal_goes_before_all_else() {
        let state = StreamState::Refused("topic not found".into());
        let (status, detail) = judged(&StreamHealth { state, ..healthy() });
        assert_eq!(status, ConnectionStatus::Down);
        assert_eq!(detail, "events of `/data/ChangeEvents`: topic not found");
    }

    #[test]
    fn payload_of_an_unreadable_event_is_not_shown() {
        let event = UnreadableEvent {
            event_id: "e".into(),
            schema_id: "s".into(),
            replay_id: "00".into(),
            why: "it ends too early".into(),
            payload: b"Doe".to_vec(),
        };
        assert!(!format!("{event:?}").contains("68"), "{event:?}");
    }
}
