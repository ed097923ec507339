//! One topic, and how its stream does.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::ids::{ObjectName, TopicName};
use shared::ports::{StreamHealth, StreamState};
use shared::time::Timestamp;

use crate::place::Place;
use crate::settings::object_of;

/// One topic that is followed.
pub(crate) struct Topic {
    pub(crate) name: TopicName,
    /// The object whose changes it carries; `None` for several.
    pub(crate) object: Option<ObjectName>,
    health: Mutex<StreamHealth>,
}

impl Topic {
    pub(crate) fn new(name: TopicName, no_event_after: Option<Duration>, now: Timestamp) -> Self {
        let health = StreamHealth {
            topic: name.clone(),
            state: StreamState::Idle,
            since: now,
            last_message_at: None,
            last_event_at: None,
            replayable_until: None,
            last_gap_at: None,
            no_event_after,
        };
        Self { object: object_of(&name), name, health: Mutex::new(health) }
    }

    /// Tells how the stream does.
    pub(crate) fn health(&self) -> StreamHealth {
        self.locked().clone()
    }

    /// Notes what the stream does now.
    pub(crate) fn note_state(&self, state: StreamState) {
        self.locked().state = state;
    }

    /// Notes that something came.
    pub(crate) fn note_message(&self, now: Timestamp, is_event: bool) {
        let mut health = self.locked();
        health.last_message_at = Some(now);
        if is_event {
            health.last_event_at = Some(now);
        }
    }

    /// Notes that changes were lost to the stream.
    pub(crate) fn note_gap(&self, now: Timestamp) {
        self.locked().last_gap_at = Some(now);
    }

    /// Notes the place that is kept.
    pub(crate) fn note_place(&self, place: &Place<'_>) {
        self.locked().replayable_until = place.replayable_until();
    }

    fn locked(&self) -> MutexGuard<'_, StreamHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
