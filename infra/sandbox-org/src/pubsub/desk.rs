//! What the service keeps between calls: schemas, published events, places, faults.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::Status;

use super::orders::Orders;
use super::publish::Published;
use super::refusal::by_code;
use super::schema::EventSchema;
use crate::sandbox::State;
use crate::schema::ObjectType;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Schemas by their ids, and the one of each state of an object.
#[derive(Debug, Default)]
struct Schemas {
    by_id: HashMap<String, String>,
    /// The object is kept: as long as it is, no other has its address.
    by_object: HashMap<usize, (Arc<ObjectType>, Arc<EventSchema>)>,
}

/// Events delivered in a day.
#[derive(Debug, Default)]
struct Delivered {
    since_ms: i64,
    n: u64,
}

/// What the service keeps between calls.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// The faults that were ordered.
    pub(crate) orders: Orders,
    pub(super) published: Published,
    schemas: Mutex<Schemas>,
    /// Where managed subscriptions stand, by their ids.
    places: Mutex<HashMap<String, Vec<u8>>>,
    delivered: Mutex<Delivered>,
    address: Mutex<Option<SocketAddr>>,
}

impl Desk {
    /// Notes where the service listens.
    pub(super) fn note_address(&self, address: SocketAddr) {
        *lock(&self.address) = Some(address);
    }

    /// Returns the URL of the service, when it is on.
    pub(crate) fn url(&self) -> Option<String> {
        lock(&self.address).map(|address| format!("http://{address}"))
    }

    /// Returns the schema of the events of `object` as it is.
    pub(super) fn schema_of(&self, object: &Arc<ObjectType>) -> Arc<EventSchema> {
        let mut schemas = lock(&self.schemas);
        let address = Arc::as_ptr(object) as usize;
        if let Some((_, known)) = schemas.by_object.get(&address) {
            return Arc::clone(known);
        }
        let made = Arc::new(EventSchema::of(object));
        schemas.by_id.insert(made.id.clone(), made.json.clone());
        schemas.by_object.insert(address, (Arc::clone(object), Arc::clone(&made)));
        made
    }

    /// Keeps a schema of published events; returns its id.
    pub(super) fn keep_schema(&self, id: &str, json: &str) {
        lock(&self.schemas).by_id.insert(id.to_owned(), json.to_owned());
    }

    /// Returns a schema by its id.
    pub(super) fn schema(&self, id: &str) -> Option<String> {
        lock(&self.schemas).by_id.get(id).cloned()
    }

    /// Returns where a managed subscription stands.
    pub(super) fn place(&self, subscription: &str) -> Option<Vec<u8>> {
        lock(&self.places).get(subscription).cloned()
    }

    /// Keeps where a managed subscription stands.
    pub(super) fn keep_place(&self, subscription: &str, replay_id: Vec<u8>) {
        lock(&self.places).insert(subscription.to_owned(), replay_id);
    }

    /// Counts deliveries against the day's allowance; with 0 it only asks whether some is left.
    ///
    /// Source: Change Data Capture guide, "Allocations": what was delivered in the last 24 hours.
    pub(super) fn spend(&self, state: &State, n: usize) -> Result<(), Status> {
        let Some(limit) = state.settings.pub_sub.daily_deliveries else { return Ok(()) };
        let mut delivered = lock(&self.delivered);
        let now_ms = state.clock().now_ms();
        if now_ms - delivered.since_ms >= DAY_MS {
            *delivered = Delivered { since_ms: now_ms, n: 0 };
        }
        if delivered.n >= limit {
            return Err(by_code("subscription.limit.exceeded"));
        }
        delivered.n += n as u64;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
