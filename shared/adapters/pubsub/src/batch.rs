//! From one answer of the stream to a batch for the sink.

use std::collections::BTreeSet;

use metrics::counter;
use shared::ids::{ConnectionId, TopicName};
use shared::model::Change;
use shared::ports::{ChangeBatch, Random, RemoteSession, UnreadableEvent};
use shared::time::Timestamp;
use tracing::warn;

use crate::event::{Context, EventFault, ReadEvent, read};
use crate::fault::Fault;
use crate::messages::{ConsumerEvent, ProducerEvent};
use crate::place::ReplayId;
use crate::schemas::Schemas;
use crate::wire::Wire;

/// What reading an answer needs.
pub(crate) struct Reading<'a> {
    pub(crate) wire: &'a dyn Wire,
    pub(crate) session: &'a RemoteSession,
    pub(crate) schemas: &'a Schemas,
    pub(crate) connection: &'a ConnectionId,
    pub(crate) topic: &'a TopicName,
    pub(crate) received_at: Timestamp,
    pub(crate) random: &'a dyn Random,
}

/// A batch, and the places behind its events.
pub(crate) struct Batch {
    pub(crate) changes: ChangeBatch,
    /// The place of the last event.
    pub(crate) last: ReplayId,
    /// The last place that differs from `last`; `None` when all events share one.
    pub(crate) before_last: Option<ReplayId>,
    /// The place of the first event.
    pub(crate) first: ReplayId,
    /// When the last transaction among them ended.
    pub(crate) committed_at: Option<Timestamp>,
}

/// Reads `events`; `None` when they have no place, so that nothing could be kept behind them.
///
/// # Errors
///
/// [`Fault`] when a schema could not be fetched and another try can help.
pub(crate) async fn batch(
    reading: &Reading<'_>,
    events: Vec<ConsumerEvent>,
) -> Result<Option<Batch>, Fault> {
    let mut places: Vec<ReplayId> = Vec::with_capacity(events.len());
    let mut committed_at = None;
    let (mut changes, mut unreadable) = (Vec::new(), Vec::new());
    let mut fetched_anew = BTreeSet::new();
    for ConsumerEvent { event, replay_id } in events {
        let event = event.unwrap_or_default();
        let replay_id = ReplayId::of(replay_id);
        let outcome = match reading.event(&event, &mut fetched_anew).await? {
            Ok(read) => {
                committed_at = committed_at.max(Some(read.committed_at));
                let is_reread = read.changes.iter().any(|it| it.event.change == Change::Unknown);
                changes.extend(read.changes);
                if is_reread { "reread" } else { "read" }
            }
            Err(why) => {
                unreadable.push(reading.unreadable(event, replay_id.as_ref(), why));
                "unreadable"
            }
        };
        reading.count(outcome);
        places.extend(replay_id);
    }
    let (Some(first), Some(last)) = (places.first().cloned(), places.last().cloned()) else {
        return Ok(None);
    };
    let before_last = places.iter().rev().find(|it| **it != last).cloned();
    let topic = reading.topic.clone();
    let changes = ChangeBatch { topic, replay_id: last.to_hex(), changes, unreadable };
    Ok(Some(Batch { changes, last, before_last, first, committed_at }))
}

impl Reading<'_> {
    /// Reads one event; says why when it cannot be read.
    ///
    /// An event that does not fit its schema is read once more by a schema that was fetched anew, once
    /// a batch. One that still does not fit, but names its records, makes them be read from their
    /// source.
    async fn event(
        &self,
        event: &ProducerEvent,
        fetched_anew: &mut BTreeSet<String>,
    ) -> Result<Result<ReadEvent, String>, Fault> {
        let context = Context {
            connection: self.connection.clone(),
            received_at: self.received_at,
            correlation_id: self.random.correlation_id(),
        };
        let id = event.schema_id.as_str();
        let known = match self.schemas.get(self.wire, self.session, id).await? {
            Ok(schema) => schema,
            Err(why) => return Ok(Err(why)),
        };
        let mut fault = match read(&known, &event.payload, &context) {
            Ok(read) => return Ok(Ok(read)),
            Err(fault) => fault,
        };
        if fetched_anew.insert(id.to_owned())
            && let Ok(fresh) = self.schemas.fetch(self.wire, self.session, id).await?
            && fresh != known
        {
            fault = match read(&fresh, &event.payload, &context) {
                Ok(read) => return Ok(Ok(read)),
                Err(fault) => fault,
            };
        }
        let EventFault { why, instead } = fault;
        warn!(connection = %self.connection, event.id = %event.id, schema_id = %id,
            is_named = instead.is_some(), error = %why,
            "event `{}` of `{}` does not fit its schema", event.id, self.topic);
        Ok(instead.ok_or(why))
    }

    fn unreadable(
        &self,
        event: ProducerEvent,
        replay_id: Option<&ReplayId>,
        why: String,
    ) -> UnreadableEvent {
        let replay_id = replay_id.map(ReplayId::to_hex).unwrap_or_default();
        warn!(connection = %self.connection, event.id = %event.id, schema_id = %event.schema_id,
            replay_id = %replay_id, error = %why,
            "event `{}` of `{}` is set aside", event.id, self.topic);
        let ProducerEvent { id, schema_id, payload, .. } = event;
        UnreadableEvent { event_id: id, schema_id, replay_id, why, payload }
    }

    fn count(&self, outcome: &'static str) {
        counter!("pubsub_events_total", "connection" => self.connection.to_string(),
            "topic" => self.topic.to_string(), "outcome" => outcome)
        .increment(1);
    }
}
