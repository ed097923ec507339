//! Describes of objects, kept and asked for again only when they may have changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapter_http::Response;
use bytes::Bytes;
use http::header::{IF_MODIFIED_SINCE, LAST_MODIFIED};
use http::{HeaderValue, StatusCode};
use metrics::counter;
use serde::de::DeserializeOwned;
use shared::PortError;
use shared::ids::ObjectName;
use shared::time::Timestamp;
use tracing::warn;

use super::drift::SchemaDrift;
use super::shape::{DescribeAnswer, ObjectShape};
use crate::client::{RestCall, SalesforceClient};
use crate::error;

/// How long a describe is taken for the present one.
const DESCRIBE_LIFE: Duration = Duration::from_secs(60 * 60);

/// How many drifts are kept until somebody asks.
const MAX_DRIFTS: usize = 1000;

/// The global describe's name in the cache; no object is called so.
const GLOBAL: &str = "";

/// The answer to a describe.
#[derive(Clone, Debug)]
pub struct Described {
    answer: Response,
    last_modified: Option<HeaderValue>,
    asked_at: Timestamp,
    /// Of one object; the global describe has none.
    shape: Option<ObjectShape>,
}

impl Described {
    /// Returns the answer as it came, in JSON.
    pub fn json(&self) -> &Bytes {
        self.answer.body()
    }

    /// Reads the answer as a type of the caller's.
    ///
    /// # Errors
    ///
    /// `Rejected` when it has another shape than `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, PortError> {
        self.answer.json()
    }

    /// Returns what of the object matters for reading and writing it; `None` for the global describe.
    pub fn shape(&self) -> Option<&ObjectShape> {
        self.shape.as_ref()
    }
}

/// Keeps describes, and what changed between them.
#[derive(Debug, Default)]
pub(crate) struct DescribeCache {
    known: Mutex<HashMap<String, Arc<Described>>>,
    drifts: Mutex<Vec<SchemaDrift>>,
}

impl DescribeCache {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Described>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Arc<Described>> {
        self.known().get(&name.to_ascii_lowercase()).cloned()
    }

    fn put(&self, name: &str, described: Described) -> Arc<Described> {
        let described = Arc::new(described);
        let before = self.known().insert(name.to_ascii_lowercase(), described.clone());
        let shapes = before.as_ref().and_then(|it| Some((it.shape()?, described.shape()?)));
        if let Some(drift) = shapes.and_then(|(before, now)| SchemaDrift::between(before, now)) {
            let SchemaDrift { object, new_fields, gone_fields, changed_fields } = &drift;
            counter!("salesforce_schema_drifts_total", "object" => object.clone()).increment(1);
            warn!(object = %object, ?new_fields, ?gone_fields, n_changed = changed_fields.len(),
                "`{object}` is not what it was in the org");
            let mut drifts = self.drifts.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody asks for them, the oldest go.
            if drifts.len() >= MAX_DRIFTS {
                drifts.remove(0);
            }
            drifts.push(drift);
        }
        described
    }
}

impl SalesforceClient {
    /// Describes every object that the user may see, as of the last hour.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn describe_global(&self) -> Result<Arc<Described>, PortError> {
        self.describe_as_of_late(GLOBAL).await
    }

    /// Describes `object` as of the last hour; what an older describe said is asked again only when
    /// the org says that it changed.
    ///
    /// # Errors
    ///
    /// `NotFound` when the object is not there or hidden from the user, else as the org answers.
    pub async fn describe(&self, object: &ObjectName) -> Result<Arc<Described>, PortError> {
        self.describe_as_of_late(object.as_str()).await
    }

    /// Tells whether `object` was described within the last hour.
    pub(crate) fn knows(&self, object: &ObjectName) -> bool {
        let now = self.clock().now();
        let known = self.describes().get(object.as_str());
        known.is_some_and(|it| now.since(it.asked_at) < DESCRIBE_LIFE)
    }

    /// Describes `object` as it is now, as after an error that names a field.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub async fn describe_anew(&self, object: &ObjectName) -> Result<Arc<Described>, PortError> {
        let response = self.call(&describe_call(object.as_str())).await?;
        self.keep_describe(object.as_str(), response)
    }

    /// Takes what was seen to change in described objects since this was asked last.
    pub fn take_drifts(&self) -> Vec<SchemaDrift> {
        let drifts = &self.describes().drifts;
        std::mem::take(&mut *drifts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn describe_as_of_late(&self, name: &str) -> Result<Arc<Described>, PortError> {
        let now = self.clock().now();
        let known = self.describes().get(name);
        if let Some(known) = &known
            && now.since(known.asked_at) < DESCRIBE_LIFE
        {
            return Ok(known.clone());
        }
        let mut call = describe_call(name);
        if let Some(at) = known.as_ref().and_then(|it| it.last_modified.clone()) {
            call = call.with_header(IF_MODIFIED_SINCE, at);
        }
        let response = self.ask(&call).await?;
        match (response.status(), known) {
            (StatusCode::NOT_MODIFIED, Some(known)) => {
                let described = Described { asked_at: now, ..Described::clone(&known) };
                Ok(self.describes().put(name, described))
            }
            (status, _) if status.is_success() => self.keep_describe(name, response),
            _ => Err(error::error_of(&response)),
        }
    }

    fn keep_describe(&self, name: &str, answer: Response) -> Result<Arc<Described>, PortError> {
        let shape = match name {
            GLOBAL => None,
            _ => Some(answer.json::<DescribeAnswer>()?.into()),
        };
        let last_modified =
            answer.header(&LAST_MODIFIED).and_then(|it| HeaderValue::from_str(it).ok());
        let asked_at = self.clock().now();
        Ok(self.describes().put(name, Described { answer, last_modified, asked_at, shape }))
    }
}

fn describe_call(name: &str) -> RestCall {
    match name {
        GLOBAL => RestCall::get("describe global", "sobjects", &["sobjects"]),
        _ => RestCall::get("describe", name, &["sobjects", name, "describe"]),
    }
}
