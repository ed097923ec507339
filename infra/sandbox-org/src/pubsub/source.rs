//! Where the events of a stream come from: the log of changes, or what was published.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::Status;

use super::channel::Channel;
use super::messages::{ConsumerEvent, ProducerEvent, ReplayPreset};
use super::payload::payload;
use super::refusal::invalid;
use crate::events::{ChangeEvent, EventReader, Records, ReplayFrom};
use crate::ids::RecordId;
use crate::sandbox::State;

/// Events read at once, whatever the channel takes of them.
const MAX_READ: usize = 500;

#[derive(Debug)]
enum Log {
    Changes(EventReader),
    Published { name: String, position: u64, arrivals: watch::Receiver<u64> },
}

/// A place in a log, as one channel sees it.
#[derive(Debug)]
pub(super) struct Source {
    state: Arc<State>,
    channel: Channel,
    log: Log,
}

fn expired() -> Status {
    let message = "The Replay ID validation failed. Ensure that the Replay ID is valid.";
    invalid("subscription.fetch.replayid.validation.failed", message)
}

impl Source {
    /// Begins to read where the caller says.
    pub(super) fn open(
        state: &Arc<State>,
        channel: Channel,
        preset: ReplayPreset,
        replay_id: &[u8],
    ) -> Result<Self, Status> {
        let from = match preset {
            ReplayPreset::Latest => ReplayFrom::Latest,
            ReplayPreset::Earliest => ReplayFrom::Earliest,
            ReplayPreset::Custom => {
                let bytes = replay_id.try_into().map_err(|_| {
                    let message = "The Replay ID is corrupted.";
                    invalid("subscription.fetch.replayid.corrupted", message)
                })?;
                ReplayFrom::After(u64::from_be_bytes(bytes))
            }
        };
        let log = match &channel {
            Channel::Platform(name) => {
                let (oldest, newest) = state.pub_sub.published.ends();
                let position = match from {
                    ReplayFrom::Latest => newest,
                    ReplayFrom::Earliest => oldest,
                    ReplayFrom::After(position) if (oldest..=newest).contains(&position) => {
                        position
                    }
                    ReplayFrom::After(_) => return Err(expired()),
                };
                let arrivals = state.pub_sub.published.arrivals();
                Log::Published { name: name.clone(), position, arrivals }
            }
            _ => Log::Changes(state.events.open(from).map_err(|_| expired())?),
        };
        Ok(Self { state: Arc::clone(state), channel, log })
    }

    /// Returns the place behind which reading goes on.
    pub(super) fn position(&self) -> Vec<u8> {
        let position = match &self.log {
            Log::Changes(reader) => reader.position(),
            Log::Published { position, .. } => *position,
        };
        position.to_be_bytes().to_vec()
    }

    /// Waits for events, about `max` of them; none when none of those read is for this channel. May be
    /// dropped while it waits.
    pub(super) async fn next(&mut self, max: usize) -> Result<Vec<ConsumerEvent>, Status> {
        match &mut self.log {
            Log::Changes(reader) => {
                let read = reader.next(max.min(MAX_READ)).await.map_err(|_| expired())?;
                Ok(read.iter().flat_map(|event| self.made(event)).collect())
            }
            Log::Published { name, position, arrivals } => loop {
                arrivals.mark_unchanged();
                let read = self.state.pub_sub.published.read(name, *position, max);
                let read = read.map_err(|_| expired())?;
                if let Some((last, _)) = read.last() {
                    *position = *last;
                    return Ok(read.into_iter().map(|(_, event)| event).collect());
                }
                // The desk holds the sender and is held by `self`: waiting cannot fail.
                let _ = arrivals.changed().await;
            },
        }
    }

    /// Makes what the channel delivers of an event: nothing, itself, or one event for each row.
    fn made(&self, event: &ChangeEvent) -> Vec<ConsumerEvent> {
        let is_lost = self.state.pub_sub.orders.is_lost(event.replay_id);
        if is_lost || !self.channel.takes(&event.object) {
            return Vec::new();
        }
        let schema = self.state.pub_sub.schema_of(&event.object);
        let consumer_event = |records: &[String], enriched: &[_]| ConsumerEvent {
            event: Some(ProducerEvent {
                id: event.uuid(),
                schema_id: schema.id.clone(),
                payload: payload(&schema, event, records, enriched),
                headers: Vec::new(),
            }),
            replay_id: event.replay_id.to_be_bytes().to_vec(),
        };
        match &event.records {
            Records::Some(ids) if self.channel.is_enriched(&event.object) => {
                let one = |id: &RecordId| {
                    let enriched = self.channel.enriched(&self.state, &event.object, *id);
                    consumer_event(&[id.to_string()], &enriched)
                };
                ids.iter().map(one).collect()
            }
            records => vec![consumer_event(&records.names(), &[])],
        }
    }
}
