//! All subscribers, and what every commit means for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use super::change_event::{event, wrap};
use super::lane::{Lane, Parcel};
use super::outbound::Notification;
use super::subscription::{Subscription, SubscriptionKind};
use crate::ids::RecordId;
use crate::org::{Commit, EntryKind};
use crate::sandbox::State;
use crate::schema::Schema;

/// How long a receiver may think.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether changes are sent.
#[derive(Debug, Default)]
struct Switch {
    off: AtomicBool,
    deferred: AtomicBool,
}

/// A subscriber and the task that sends to it.
type Running = (Arc<Lane>, JoinHandle<()>);

/// All subscribers.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    lanes: Mutex<BTreeMap<RecordId, Running>>,
    held: Mutex<Vec<Commit>>,
    switch: Switch,
    n_made: AtomicU64,
}

impl Deliveries {
    /// Adds a subscriber and begins to send to it.
    ///
    /// # Errors
    /// The HTTP client could not be made.
    pub(crate) fn add(
        &self,
        state: &Arc<State>,
        subscription: Subscription,
    ) -> Result<RecordId, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let id = RecordId::new(*b"04k", self.n_made.fetch_add(1, Ordering::Relaxed) + 1);
        let lane = Arc::new(Lane::new(id, subscription));
        let (running, state) = (Arc::clone(&lane), Arc::downgrade(state));
        let task = tokio::spawn(async move {
            if let Some(state) = state.upgrade() {
                running.run(&state, &client).await;
            }
        });
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (lane, task));
        Ok(id)
    }

    /// Ends a subscriber; false when there is none with this id.
    pub(crate) fn remove(&self, id: RecordId) -> bool {
        let gone = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        gone.map(|(_, task)| task.abort()).is_some()
    }

    /// Ends all subscribers.
    pub(crate) fn stop(&self) {
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, task) in lanes.into_values() {
            task.abort();
        }
    }

    /// Returns the subscribers.
    pub(crate) fn lanes(&self) -> Vec<Arc<Lane>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.values().map(|(lane, _)| Arc::clone(lane)).collect()
    }

    /// Tells whether changes are sent.
    pub(crate) fn is_enabled(&self) -> bool {
        !self.switch.off.load(Ordering::Relaxed)
    }

    /// Switches sending; what happens while it is off is sent later only if `deferred`.
    pub(crate) fn switch(&self, state: &State, enabled: bool, deferred: bool) {
        self.switch.off.store(!enabled, Ordering::Relaxed);
        self.switch.deferred.store(deferred, Ordering::Relaxed);
        if enabled {
            let held =
                std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
            for commit in held {
                self.post(state.schema(), state.org_id, &commit);
            }
        }
    }

    /// Takes a commit; returns at once.
    pub(crate) fn take(&self, schema: &Schema, org: RecordId, commit: &Commit) {
        if self.is_enabled() {
            self.post(schema, org, commit);
        } else if self.switch.deferred.load(Ordering::Relaxed) {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(commit.clone());
        }
    }

    fn post(&self, schema: &Schema, org: RecordId, commit: &Commit) {
        for lane in self.lanes() {
            let entries = commit.entries.iter().enumerate();
            for (idx, entry) in entries.filter(|(_, entry)| lane.takes(&entry.object)) {
                match lane.subscription.kind {
                    SubscriptionKind::OutboundMessage => {
                        // Outbound messages hang on saves: deletes and undeletes send none.
                        if matches!(entry.kind, EntryKind::Create | EntryKind::Update) {
                            let id = self.notification_id();
                            let record = entry.after.id;
                            lane.push(Parcel::Notification(Notification { id, record }));
                        }
                    }
                    SubscriptionKind::ChangeEvents => {
                        if let Some(event) = event(schema, commit, entry, idx + 1) {
                            let replay_id = self.n_made.fetch_add(1, Ordering::Relaxed) + 1;
                            let text = wrap(&event, lane.subscription.wrapper, org, replay_id);
                            lane.push(Parcel::Event(text));
                        }
                    }
                }
            }
        }
    }

    fn notification_id(&self) -> RecordId {
        RecordId::new(*b"04l", self.n_made.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Tells about all subscribers; where they are is told without secrets in the path.
    pub(crate) fn stats(&self) -> Json {
        let all: Vec<Json> = self
            .lanes()
            .iter()
            .map(|lane| {
                let counters = &lane.counters;
                json!({
                    "id": lane.id.to_string(), "kind": lane.subscription.kind,
                    "objects": lane.subscription.objects,
                    "sent": counters.sent.load(Ordering::Relaxed),
                    "acked": counters.acked.load(Ordering::Relaxed),
                    "failed": counters.failed.load(Ordering::Relaxed),
                    "dropped": counters.dropped.load(Ordering::Relaxed),
                    "pending": lane.n_pending(),
                })
            })
            .collect();
        Json::Array(all)
    }
}
