//! All subscribers, and what every commit means for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use super::lane::{Lane, Parcel};
use super::outbound::Notification;
use super::subscription::{Subscription, SubscriptionKind};
use crate::events::ChangeEvent;
use crate::ids::RecordId;
use crate::org::{Commit, EntryKind};
use crate::sandbox::State;

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

/// A commit and the events it made.
type Happened = (Commit, Vec<Arc<ChangeEvent>>);

/// All subscribers.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    lanes: Mutex<BTreeMap<RecordId, Running>>,
    held: Mutex<Vec<Happened>>,
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
    pub(crate) fn switch(&self, enabled: bool, deferred: bool) {
        self.switch.off.store(!enabled, Ordering::Relaxed);
        self.switch.deferred.store(deferred, Ordering::Relaxed);
        if enabled {
            let held =
                std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
            for (commit, events) in held {
                self.post(&commit, &events);
            }
        }
    }

    /// Takes a commit and its events; returns at once.
    pub(crate) fn take(&self, commit: &Commit, events: &[Arc<ChangeEvent>]) {
        if self.is_enabled() {
            self.post(commit, events);
        } else if self.switch.deferred.load(Ordering::Relaxed) {
            let happened = (commit.clone(), events.to_vec());
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(happened);
        }
    }

    fn post(&self, commit: &Commit, events: &[Arc<ChangeEvent>]) {
        for lane in self.lanes() {
            match lane.subscription.kind {
                // Outbound messages hang on saves: deletes and undeletes send none.
                SubscriptionKind::OutboundMessage => {
                    let saves = commit.entries.iter().filter(|entry| {
                        matches!(entry.kind, EntryKind::Create | EntryKind::Update)
                            && lane.takes(&entry.object)
                    });
                    for entry in saves {
                        let id = self.notification_id();
                        let record = entry.after.id;
                        lane.push(Parcel::Notification(Notification { id, record }));
                    }
                }
                SubscriptionKind::ChangeEvents => {
                    for event in events.iter().filter(|event| lane.takes(&event.object.name)) {
                        lane.push(Parcel::Event(Arc::clone(event)));
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
