//! The queue in front of one subscriber.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::outbound::{MAX_NOTIFICATIONS, Notification, is_acknowledged, message};
use super::subscription::{Subscription, SubscriptionKind, Wrapper};
use crate::events::{ChangeEvent, enrich, payload, relayed};
use crate::ids::RecordId;
use crate::org::Entry;
use crate::sandbox::State;
use crate::setup::Rule;

/// First wait after a refusal; it doubles up to [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait between two tries. Shorter than the platform's two hours, for people who wait.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Most entries that wait for one subscriber; older ones are dropped as the platform does after a day.
const MAX_PENDING: usize = 200_000;

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) enum Parcel {
    Notification(Notification),
    /// An event, and the fields that it is enriched with when it is delivered.
    Event(Arc<ChangeEvent>, Vec<String>),
}

/// Counters of one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) acked: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// The queue in front of one subscriber.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: RecordId,
    pub(crate) subscription: Subscription,
    pub(crate) counters: Counters,
    rules: Vec<Rule>,
    pending: Mutex<VecDeque<Parcel>>,
    /// What goes out behind the next parcel.
    held_back: Mutex<Vec<Parcel>>,
    arrived: Notify,
}

impl Lane {
    pub(super) fn new(id: RecordId, subscription: Subscription, rules: Vec<Rule>) -> Self {
        Self {
            id,
            subscription,
            rules,
            counters: Counters::default(),
            pending: Mutex::new(VecDeque::new()),
            held_back: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Tells whether changes of `object` are sent here.
    pub(super) fn takes(&self, object: &str) -> bool {
        self.subscription.objects.iter().any(|name| name.eq_ignore_ascii_case(object))
    }

    /// Tells whether a save is sent here.
    pub(super) fn fires(&self, entry: &Entry) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.fires(entry))
    }

    /// Sends a parcel, and what was held back behind it.
    pub(super) fn push(&self, parcel: Parcel) {
        self.queue(parcel);
        let held =
            std::mem::take(&mut *self.held_back.lock().unwrap_or_else(PoisonError::into_inner));
        for parcel in held {
            self.queue(parcel);
        }
        self.arrived.notify_one();
    }

    /// Sends a parcel twice.
    pub(super) fn push_twice(&self, parcel: Parcel) {
        // Behind what is queued, as the queue itself takes no record twice.
        self.push(parcel.clone());
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).push_back(parcel);
    }

    /// Sends a parcel behind the next one.
    pub(super) fn hold_back(&self, parcel: Parcel) {
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner).push(parcel);
    }

    fn queue(&self, parcel: Parcel) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Parcel::Notification(new) = &parcel {
            // A record that waits already is sent with its then current values anyhow.
            let recent = pending.iter().rev().take(MAX_NOTIFICATIONS);
            let waits = recent
                .filter_map(
                    |known| if let Parcel::Notification(n) = known { Some(n) } else { None },
                )
                .any(|known| known.record == new.record);
            if waits {
                return;
            }
        }
        pending.push_back(parcel);
        if pending.len() > MAX_PENDING {
            pending.pop_front();
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many entries wait.
    pub(crate) fn n_pending(&self) -> usize {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<Parcel> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let n = match self.subscription.kind {
            SubscriptionKind::OutboundMessage => MAX_NOTIFICATIONS,
            SubscriptionKind::ChangeEvents => 1,
        };
        let n = n.min(pending.len());
        pending.drain(..n).collect()
    }

    /// Sends what arrives until the task is dropped.
    pub(super) async fn run(&self, state: &State, client: &reqwest::Client) {
        loop {
            let parcels = self.take();
            if parcels.is_empty() {
                self.arrived.notified().await;
                continue;
            }
            let mut wait = FIRST_WAIT;
            while !self.send(state, client, &parcels).await {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MAX_WAIT);
            }
        }
    }

    /// Sends once; true when the receiver took it.
    async fn send(&self, state: &State, client: &reqwest::Client, parcels: &[Parcel]) -> bool {
        let (body, content_type) = self.body(state, parcels);
        let mut request =
            client.post(&self.subscription.url).header("content-type", content_type).body(body);
        if self.subscription.kind == SubscriptionKind::OutboundMessage {
            request = request.header("soapaction", "\"\"");
        }
        for (name, value) in &self.subscription.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let taken = match request.send().await {
            Ok(answer) => {
                let success = answer.status().is_success();
                let text = answer.text().await.unwrap_or_default();
                let needs_ack = self.subscription.kind == SubscriptionKind::OutboundMessage;
                success && (!needs_ack || is_acknowledged(&text))
            }
            Err(error) => {
                // The URL may carry a secret.
                let error = error.without_url();
                tracing::debug!(error = %error, "delivery `{}` was not taken", self.id);
                false
            }
        };
        let counter = if taken { &self.counters.acked } else { &self.counters.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        taken
    }

    fn body(&self, state: &State, parcels: &[Parcel]) -> (String, &'static str) {
        if let [Parcel::Event(event, enriched)] = parcels {
            let mut body = payload(event);
            enrich(&mut body, event, enriched, &state.org());
            let json = match self.subscription.wrapper {
                Wrapper::None => body,
                Wrapper::EventBridge => relayed(event, &body, state.org_id),
            };
            return (json.to_string(), "application/json");
        }
        let notifications: Vec<Notification> = parcels
            .iter()
            .filter_map(|parcel| if let Parcel::Notification(n) = parcel { Some(*n) } else { None })
            .collect();
        let fields = &self.subscription.fields;
        let base = state.base_url("localhost");
        let xml = message(&state.org(), state.org_id, self.id, &base, fields, &notifications);
        (xml, "text/xml; charset=utf-8")
    }
}
