//! Flow files by the processor `ListenHTTP`: one body with many of them, taken as a whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, Request, Response};
use async_trait::async_trait;
use http::HeaderValue;
use shared::ids::CorrelationId;
use shared::platform::{OpenError, Surroundings};
use shared::ports::Secrets;
use shared::ports::flow_files::{FlowFileSink, FlowFileSource, OutcomeUnknown, Receipt};
use shared::{PortError, PortErrorKind};

use crate::PLATFORM;
use crate::client::http_within;
use crate::encode::Batch;
use crate::fault::{error_of, told};
use crate::packet::Format;
use crate::settings::ListenSettings;
use crate::transaction::{UPLOAD_LIMIT, is_answer_lost};

/// How long a full flow is given when it does not say.
const PAUSE: Duration = Duration::from_secs(10);

/// One `ListenHTTP`.
#[derive(Clone)]
pub struct ListenSink {
    settings: ListenSettings,
    http: HttpClient,
    secrets: Arc<dyn Secrets>,
}

impl ListenSink {
    /// Sends to the processor of `settings` through `http`; nothing is called yet.
    pub fn new(settings: ListenSettings, http: HttpClient, secrets: Arc<dyn Secrets>) -> Self {
        Self { settings, http, secrets }
    }

    /// Opens what `settings` describe, as its surroundings say. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when this machine's TLS set-up is not usable.
    pub fn open(settings: ListenSettings, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let http = http_within(&settings.connection, surroundings)?;
        Ok(Self::new(settings, http, surroundings.secrets.clone()))
    }

    async fn post(
        &self,
        batch: &Batch,
        correlation: &CorrelationId,
    ) -> Result<Response, PortError> {
        // Taking a batch twice is what the port allows, and losing it is not.
        let mut request = Request::post(PLATFORM, "send flow files", self.settings.url.clone())
            .with_stream(
                HeaderValue::from_static("application/flowfile-v3"),
                Arc::new(batch.clone()),
            )
            .with_correlation(correlation)
            .with_attempt_timeout(UPLOAD_LIMIT)
            .with_deadline(UPLOAD_LIMIT)
            .repeatable();
        if self.settings.is_packed {
            request = request.gzipped();
        }
        if let Some(token) = &self.settings.token {
            request = request.with_bearer(&self.secrets.read(token).await?)?;
        }
        self.http.send(request).await
    }
}

#[async_trait]
impl FlowFileSink for ListenSink {
    async fn send(
        &self,
        source: Arc<dyn FlowFileSource>,
        correlation: &CorrelationId,
    ) -> Result<Receipt, PortError> {
        let Some(batch) = Batch::open(source, Format::V3, correlation).await? else {
            return Ok(Receipt { n_files: 0, n_bytes: 0, pause: None });
        };
        let response = self
            .post(&batch, correlation)
            .await
            .map_err(|error| if is_answer_lost(&error) { unknown(error) } else { error })?;
        match response.status().as_u16() {
            200..=299 => {
                let tally = batch.tally();
                Ok(Receipt { n_files: tally.n_files, n_bytes: tally.n_bytes, pause: None })
            }
            // Asked before anything is read, or in the middle of it: the session is rolled back.
            503 => Err(full(&response)),
            _ => Err(error_of(&response)),
        }
    }
}

/// The queue behind the processor holds as much as it may.
fn full(response: &Response) -> PortError {
    let wait = response.retry_after().unwrap_or(PAUSE);
    told(response, PortErrorKind::RateLimited).with_retry_after(wait)
}

/// Reports that a batch may have been taken.
pub(crate) fn unknown(cause: PortError) -> PortError {
    PortError::new(PortErrorKind::Unavailable, PLATFORM, "send flow files", "batch")
        .with_source(OutcomeUnknown { cause })
}

impl fmt::Debug for ListenSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenSink")
            .field("connection", &self.settings.connection)
            .finish_non_exhaustive()
    }
}
