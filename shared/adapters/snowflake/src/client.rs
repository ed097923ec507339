//! The SQL API v2 of one account: statements begun, looked at, read and cancelled.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, Request, Response};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::ids::CorrelationId;
use shared::ports::warehouse::{Identifier, Sending, Statement, StatementHandle};
use shared::ports::{Clock, Secrets};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::PLATFORM;
use crate::answer::{Ended, Partition, Refused, Taken};
use crate::bind::{Binding, bindings};
use crate::credentials::{Credentials, Signed, TOKEN_TYPE};
use crate::fault::{error_of, refusal_of};
use crate::settings::SnowflakeSettings;

/// The longest part of a result that is taken, unpacked. Snowflake packs about 10 MB a part.
const MAX_PART_BYTES: usize = 256 * 1024 * 1024;

/// How long one call may take: what runs longer is looked at again.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What Snowflake takes as the longest time of a statement, and of its wait: a week.
const MAX_SECONDS: u64 = 604_800;

/// Calls the SQL API of one account.
pub struct SnowflakeClient {
    settings: SnowflakeSettings,
    http: HttpClient,
    credentials: Credentials,
}

/// Where a statement stands.
pub(crate) enum Look {
    Running,
    Ended(Ended),
}

#[derive(Serialize)]
struct Body<'a> {
    statement: &'a str,
    timeout: u64,
    database: &'a str,
    schema: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bindings: BTreeMap<String, Binding>,
    parameters: Parameters,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Parameters {
    /// A second statement in the text is refused.
    multi_statement_count: &'static str,
    query_tag: String,
    statement_queued_timeout_in_seconds: String,
    /// Instants of files and of columns without a zone are both in UTC.
    timezone: &'static str,
}

impl SnowflakeClient {
    /// Calls the account of `settings` through `http`; nothing is called yet.
    pub fn new(
        settings: SnowflakeSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let credentials = Credentials::new(&settings, secrets, clock);
        Self { settings, http, credentials }
    }

    pub(crate) fn settings(&self) -> &SnowflakeSettings {
        &self.settings
    }

    /// Sends `statement`, tagged with `purpose`, and returns its handle.
    pub(crate) async fn submit(
        &self,
        statement: &Statement,
        purpose: &str,
    ) -> Result<StatementHandle, PortError> {
        let id = statement.id.as_str();
        let settings = &self.settings;
        let body = Body {
            statement: &statement.text,
            timeout: seconds(statement.timeout),
            database: settings.database.as_str(),
            schema: settings.schema.as_str(),
            warehouse: settings.warehouse.as_ref().map(Identifier::as_str),
            role: settings.role.as_ref().map(Identifier::as_str),
            bindings: bindings(&statement.binds),
            parameters: Parameters {
                multi_statement_count: "1",
                query_tag: format!("{};{purpose};id={id}", settings.query_tag),
                statement_queued_timeout_in_seconds: seconds(settings.queue_timeout).to_string(),
                timezone: "UTC",
            },
        };
        let url = |is_repeat: bool| {
            let mut url = self.url("submit", id, &[])?;
            url.query_pairs_mut().append_pair("requestId", id).append_pair("async", "true");
            if is_repeat {
                url.query_pairs_mut().append_pair("retry", "true");
            }
            Ok::<_, PortError>(url)
        };
        let again = url(true)?;
        let first = if statement.sending == Sending::Again { again.clone() } else { url(false)? };
        let request = Request::post(PLATFORM, "submit", first)
            .repeatable_at(again)
            .with_subject(id)
            .with_json(&body)?;
        let request = match CorrelationId::parse(id) {
            Ok(correlation) => request.with_correlation(&correlation),
            Err(_) => request,
        };
        let response = self.call(request).await?;
        if !response.status().is_success() {
            return Err(refuse(&response));
        }
        let taken: Taken = response.json()?;
        StatementHandle::parse(taken.statement_handle).map_err(|error| {
            PortError::new(PortErrorKind::Unavailable, PLATFORM, "submit", id).with_source(error)
        })
    }

    /// Looks where the statement stands.
    pub(crate) async fn look(&self, handle: &StatementHandle) -> Result<Look, PortError> {
        match self.look_or_refusal(handle).await? {
            Ok(look) => Ok(look),
            Err((error, _)) => Err(error),
        }
    }

    /// Does the same, with the words of a refusal beside its error.
    pub(crate) async fn look_or_refusal(
        &self,
        handle: &StatementHandle,
    ) -> Result<Result<Look, (PortError, Refused)>, PortError> {
        let response = self.get("poll", handle, None).await?;
        match response.status() {
            StatusCode::ACCEPTED => Ok(Ok(Look::Running)),
            status if status.is_success() => Ok(Ok(Look::Ended(response.json()?))),
            _ => {
                let refused = refusal_of(&response);
                Ok(Err((error_of(&response, &refused), refused)))
            }
        }
    }

    /// Reads the part `number` of the rows, from 1: the first one comes with the end.
    pub(crate) async fn partition(
        &self,
        handle: &StatementHandle,
        number: usize,
    ) -> Result<Partition, PortError> {
        let response = self.get("read rows", handle, Some(number)).await?;
        if response.status().is_success() { json(&response) } else { Err(refuse(&response)) }
    }

    /// Stops the statement.
    pub(crate) async fn cancel(&self, handle: &StatementHandle) -> Result<(), PortError> {
        let url = self.url("cancel", handle.as_str(), &[handle.as_str(), "cancel"])?;
        // Stopping it twice is stopping it.
        let request = Request::post(PLATFORM, "cancel", url)
            .repeatable()
            .with_subject(handle.as_str())
            .with_json(&serde_json::json!({}))?;
        let response = self.call(request).await?;
        if response.status().is_success() { Ok(()) } else { Err(refuse(&response)) }
    }

    async fn get(
        &self,
        operation: &'static str,
        handle: &StatementHandle,
        partition: Option<usize>,
    ) -> Result<Response, PortError> {
        let mut url = self.url(operation, handle.as_str(), &[handle.as_str()])?;
        if let Some(number) = partition {
            url.query_pairs_mut().append_pair("partition", &number.to_string());
        }
        let request = Request::new(PLATFORM, operation, Method::GET, url)
            .with_subject(handle.as_str())
            .with_header(http::header::CONTENT_TYPE, JSON)
            .with_max_response_bytes(MAX_PART_BYTES);
        self.call(request).await
    }

    /// Sends `request` with a token, and once more with another when that one is refused.
    async fn call(&self, request: Request) -> Result<Response, PortError> {
        let request = request
            .with_attempt_timeout(CALL_TIMEOUT)
            // A statement that ran out of time was cancelled: asking again brings the same.
            .final_at(StatusCode::REQUEST_TIMEOUT)
            .with_header(TOKEN_TYPE, self.credentials.token_type());
        let signed = self.credentials.token().await?;
        let response = self.send(&request, &signed).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let Some(other) = self.credentials.another(&signed, response.date()).await? else {
            return Ok(response);
        };
        let response = self.send(&request, &other).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.credentials.forget();
        }
        Ok(response)
    }

    async fn send(&self, request: &Request, signed: &Signed) -> Result<Response, PortError> {
        self.http.send(request.clone().with_bearer(&signed.token)?).await
    }

    fn url(
        &self,
        operation: &'static str,
        subject: &str,
        segments: &[&str],
    ) -> Result<Url, PortError> {
        let mut url = self.settings.base_url.clone();
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(["api", "v2", "statements"]).extend(segments);
            }
            Err(()) => {
                return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, operation, subject)
                    .with_source("`base_url` is no address of a host"));
            }
        }
        Ok(url)
    }
}

const JSON: http::HeaderValue = http::HeaderValue::from_static("application/json");

fn json<T: DeserializeOwned>(response: &Response) -> Result<T, PortError> {
    response.json()
}

fn refuse(response: &Response) -> PortError {
    error_of(response, &refusal_of(response))
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs().clamp(1, MAX_SECONDS)
}

impl fmt::Debug for SnowflakeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnowflakeClient")
            .field("connection", &self.settings.connection)
            .finish_non_exhaustive()
    }
}
