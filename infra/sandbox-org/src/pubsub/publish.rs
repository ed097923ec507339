//! Platform events: published by callers, kept for three days, delivered like change events.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tonic::Status;

use super::messages::{
    ConsumerEvent, Error, ErrorCode, ProducerEvent, PublishRequest, PublishResponse, PublishResult,
};
use super::refusal::{denied, invalid};
use super::settings::PlatformEvent;
use crate::sandbox::State;

/// How long events are kept, in milliseconds. Source: Platform Events guide, "Event Retention".
const RETENTION_MS: i64 = 72 * 60 * 60 * 1000;

/// Longest event. Source: Pub/Sub API guide, "Publish RPC Method".
const MAX_EVENT_BYTES: usize = 1_048_576;

/// Most events of one request. Source: Pub/Sub API guide, "Publish RPC Method".
const MAX_EVENTS: usize = 200;

/// An event that was published.
#[derive(Debug)]
struct Kept {
    name: String,
    at_ms: i64,
    replay_id: u64,
    event: ProducerEvent,
}

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Kept>,
    newest: u64,
    /// Newest place whose event is gone.
    gone: u64,
}

/// The published events of the last three days.
#[derive(Debug, Default)]
pub(super) struct Published {
    log: Mutex<Log>,
    newest: watch::Sender<u64>,
}

/// A place that events are not read from any more.
pub(super) struct Expired;

impl Published {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, name: &str, event: ProducerEvent, now_ms: i64) -> u64 {
        let mut log = self.log();
        log.newest += 1;
        let replay_id = log.newest;
        log.events.push_back(Kept { name: name.to_owned(), at_ms: now_ms, replay_id, event });
        while let Some(oldest) = log.events.front().filter(|it| now_ms - it.at_ms >= RETENTION_MS) {
            log.gone = oldest.replay_id;
            log.events.pop_front();
        }
        drop(log);
        self.newest.send_replace(replay_id);
        replay_id
    }

    /// Returns what changes when an event is published.
    pub(super) fn arrivals(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns the places before the oldest and of the newest event.
    pub(super) fn ends(&self) -> (u64, u64) {
        let log = self.log();
        (log.gone, log.newest)
    }

    /// Returns up to `max` events of `name` behind `position`.
    pub(super) fn read(
        &self,
        name: &str,
        position: u64,
        max: usize,
    ) -> Result<Vec<(u64, ConsumerEvent)>, Expired> {
        let log = self.log();
        if position < log.gone || position > log.newest {
            return Err(Expired);
        }
        let behind = log.events.iter().filter(|it| it.replay_id > position && it.name == name);
        let event = |it: &Kept| {
            let replay_id = it.replay_id.to_be_bytes().to_vec();
            (it.replay_id, ConsumerEvent { event: Some(it.event.clone()), replay_id })
        };
        Ok(behind.take(max).map(event).collect())
    }
}

/// Returns id and JSON of the schema of a platform event.
pub(super) fn schema(event: &PlatformEvent) -> (String, String) {
    let text = |name: &String| json!({"name": name, "type": ["null", "string"], "default": null});
    let mut fields = vec![
        json!({"name": "CreatedDate", "type": "long"}),
        json!({"name": "CreatedById", "type": "string"}),
    ];
    fields.extend(event.fields.iter().map(text));
    let json = json!({
        "name": event.name, "namespace": "com.sforce.eventbus", "type": "record", "fields": fields,
    })
    .to_string();
    let digest = Sha256::digest(json.as_bytes());
    (URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default()), json)
}

/// Publishes the events of a request; each settles on its own.
pub(super) fn publish(state: &State, request: PublishRequest) -> Result<PublishResponse, Status> {
    let PublishRequest { topic_name, events, .. } = request;
    let known = topic_name
        .strip_prefix("/event/")
        .and_then(|name| state.settings.pub_sub.platform_events.iter().find(|it| it.name == name));
    let Some(event) = known else {
        // Nobody but the org itself publishes change events.
        let message = "The topic does not exist, or nobody may publish to it.";
        return Err(denied("publish.topic.cannot.publish", message));
    };
    if events.is_empty() || events.len() > MAX_EVENTS {
        return Err(invalid("publish.events.invalid", "A request has 1 to 200 events."));
    }
    let (schema_id, json) = schema(event);
    state.pub_sub.keep_schema(&schema_id, &json);
    let results = events.into_iter().map(|one| {
        let correlation_key = one.id.clone();
        let refused = |message: &str| {
            let error = Error { code: ErrorCode::Publish.into(), msg: message.to_owned() };
            PublishResult { error: Some(error), ..PublishResult::default() }
        };
        let result = if one.schema_id != schema_id {
            refused("The event is not written by the present schema.")
        } else if one.payload.len() > MAX_EVENT_BYTES {
            refused("The event is longer than 1 MB.")
        } else {
            let now_ms = state.clock().now_ms();
            let replay_id = state.pub_sub.published.keep(&event.name, one, now_ms);
            PublishResult {
                replay_id: replay_id.to_be_bytes().to_vec(),
                ..PublishResult::default()
            }
        };
        PublishResult { correlation_key, ..result }
    });
    let results = results.collect();
    Ok(PublishResponse { results, schema_id, rpc_id: super::service::rpc_id() })
}
