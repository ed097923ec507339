//! Schemas by their ids: one never changes, so it is fetched once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use shared::ports::RemoteSession;

use crate::avro::Schema;
use crate::fault::{Fault, Remedy};
use crate::wire::Wire;

/// Schemas kept at once: an org has one for each object, and one more for each change of a field.
const MAX_SCHEMAS: usize = 64;

/// A schema, or why there is none.
pub(crate) type Found = Result<Arc<Schema>, String>;

/// The schemas in use, the last used first.
#[derive(Default)]
pub(crate) struct Schemas(Mutex<VecDeque<(String, Arc<Schema>)>>);

impl Schemas {
    /// Returns the schema `id`, fetching it when it is not known.
    ///
    /// # Errors
    ///
    /// [`Fault`] when another try can help. A schema that the service does not give, or that cannot
    /// be used, is an answer and no fault.
    pub(crate) async fn get(
        &self,
        wire: &dyn Wire,
        session: &RemoteSession,
        id: &str,
    ) -> Result<Found, Fault> {
        match self.known(id) {
            Some(schema) => Ok(Ok(schema)),
            None => self.fetch(wire, session, id).await,
        }
    }

    /// Fetches the schema `id`, whether it is known or not.
    ///
    /// # Errors
    ///
    /// As [`get`](Schemas::get).
    pub(crate) async fn fetch(
        &self,
        wire: &dyn Wire,
        session: &RemoteSession,
        id: &str,
    ) -> Result<Found, Fault> {
        let found = match wire.schema(session, id).await {
            Ok(found) => found,
            Err(fault) if fault.remedy == Remedy::Tell => {
                return Ok(Err(format!("its schema cannot be had: {fault}")));
            }
            Err(fault) => return Err(fault),
        };
        match Schema::parse(&found.schema_json) {
            Ok(schema) => {
                let schema = Arc::new(schema);
                self.keep(id, Arc::clone(&schema));
                Ok(Ok(schema))
            }
            Err(fault) => Ok(Err(format!("its schema cannot be used: {fault}"))),
        }
    }

    fn known(&self, id: &str) -> Option<Arc<Schema>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|it| it.0 == id)?;
        let found = kept.remove(place)?;
        let schema = Arc::clone(&found.1);
        kept.push_front(found);
        Some(schema)
    }

    fn keep(&self, id: &str, schema: Arc<Schema>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| it.0 != id);
        kept.push_front((id.to_owned(), schema));
        kept.truncate(MAX_SCHEMAS);
    }
}
