//! Salesforce behind the [`Crm`] port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, Request, Response};
use async_trait::async_trait;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::ports::{
    Clock, Crm, DeltaPage, DeltaQuery, Health, RemoteRecord, RemoteSessions, SecretWriter, Secrets,
};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::api_usage::{ApiUsage, UsageMeter};
use crate::fault;
use crate::grant::Means;
use crate::page::read_page;
use crate::remote_sessions::SharedSessions;
use crate::session::SessionKeeper;
use crate::settings::SalesforceSettings;
use crate::soql;

/// The platform's name in errors, logs and metrics.
pub(crate) const PLATFORM: &str = "salesforce";

/// The longest request line and headers together. Source: REST API guide, "Request limits".
const MAX_URL_BYTES: usize = 15_000;

/// A query may run two minutes before Salesforce ends it. Source: "API request limits".
const QUERY_TIMEOUT: Duration = Duration::from_secs(130);

/// The longest page: 2,000 records of wide rows.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

const QUERY_OPTIONS: HeaderName = HeaderName::from_static("sforce-query-options");
const CALL_OPTIONS: HeaderName = HeaderName::from_static("sforce-call-options");

/// Reads one Salesforce org.
pub struct SalesforceCrm {
    settings: SalesforceSettings,
    http: HttpClient,
    sessions: SessionKeeper,
    usage: UsageMeter,
    clock: Arc<dyn Clock>,
}

/// What a request is for.
#[derive(Clone, Copy)]
struct Purpose<'a> {
    operation: &'static str,
    subject: &'a str,
}

#[derive(Deserialize)]
struct Limits {
    #[serde(rename = "DailyApiRequests")]
    daily_api_requests: Option<Limit>,
}

#[derive(Deserialize)]
struct Limit {
    #[serde(rename = "Remaining")]
    remaining: i64,
}

impl SalesforceCrm {
    /// Serves the connection that `settings` describe. Nothing is called yet.
    pub fn new(
        settings: SalesforceSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::open(settings, Means { http, secrets, writer: None, clock })
    }

    /// Serves the connection, writing the refresh tokens that the org gives with `writer`. An org
    /// that rotates them cannot be served without one.
    pub fn with_secret_writer(
        settings: SalesforceSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        writer: Arc<dyn SecretWriter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::open(settings, Means { http, secrets, writer: Some(writer), clock })
    }

    fn open(settings: SalesforceSettings, means: Means) -> Self {
        let sessions = SessionKeeper::new(&settings, &means);
        let usage = UsageMeter::new(settings.connection.clone());
        Self { settings, http: means.http, sessions, usage, clock: means.clock }
    }

    /// Returns the session that this client uses, for calls that it does not make.
    pub fn sessions(&self) -> Arc<dyn RemoteSessions> {
        let connection = &self.settings.connection;
        Arc::new(SharedSessions::new(connection, self.sessions.clone()))
    }

    /// Returns how much of the day's calls was used at the last answer.
    pub fn usage(&self) -> Option<ApiUsage> {
        self.usage.last()
    }

    /// Calls `path` with the session's token; with a new one, once, when the session has ended.
    async fn get(
        &self,
        purpose: Purpose<'_>,
        path: &str,
        query: Option<&str>,
    ) -> Result<Response, PortError> {
        let mut is_second_try = false;
        loop {
            let session = self.sessions.session().await?;
            let url = locate(&session.instance_url, path, query)
                .map_err(|error| rejected(purpose, error))?;
            let request = Request::get(PLATFORM, purpose.operation, url)
                .with_subject(purpose.subject)
                .with_attempt_timeout(QUERY_TIMEOUT)
                .with_deadline(QUERY_TIMEOUT * 2)
                .with_max_response_bytes(MAX_PAGE_BYTES)
                .with_header(CALL_OPTIONS, HeaderValue::from_static("client=moodbridge"))
                .with_header(QUERY_OPTIONS, self.query_options(purpose)?)
                .with_bearer(session.token())?;
            let asked_at = self.clock.now();
            let response = self.http.send(request).await?;
            if let Some(ApiUsage { n_used, n_allowed }) = self.usage.observe(&response) {
                self.http.report_usage(PLATFORM, n_used, n_allowed, asked_at);
            }
            if response.status().is_success() {
                return Ok(response);
            }
            if is_second_try || !fault::is_session_expired(&response) {
                return Err(fault::error_of(&response));
            }
            self.sessions.forget(&session);
            is_second_try = true;
        }
    }

    fn query_options(&self, purpose: Purpose<'_>) -> Result<HeaderValue, PortError> {
        HeaderValue::try_from(format!("batchSize={}", self.settings.page_size))
            .map_err(|error| rejected(purpose, error))
    }

    async fn query(
        &self,
        purpose: Purpose<'_>,
        soql: &str,
        fields: &[String],
    ) -> Result<DeltaPage, PortError> {
        let path = self.path("queryAll");
        let response = self.get(purpose, &path, Some(soql)).await?;
        read_page(response.body(), fields).map_err(|error| response.malformed(&error))
    }

    fn path(&self, resource: &str) -> String {
        format!("/services/data/v{}/{resource}", self.settings.api_version)
    }
}

#[async_trait]
impl Crm for SalesforceCrm {
    async fn read(
        &self,
        object: &ObjectName,
        record_id: &RecordId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        let purpose = Purpose { operation: "read", subject: object.as_str() };
        let id = SalesforceId::parse(record_id.as_str()).map_err(|it| rejected(purpose, it))?;
        let soql =
            soql::select_by_id(object, fields, &id).map_err(|error| rejected(purpose, error))?;
        match self.query(purpose, &soql, fields).await {
            Ok(page) => Ok(page.records.into_iter().next()),
            // A query answers an empty page for a record that is gone. When the place to ask is
            // missing, that says nothing about the record: taken for a record that is gone, every record would be deleted.
            Err(error) if error.kind() == PortErrorKind::NotFound => {
                let Purpose { operation, subject } = purpose;
                Err(PortError::new(PortErrorKind::Unavailable, PLATFORM, operation, subject)
                    .with_source(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn changes(&self, query: &DeltaQuery) -> Result<DeltaPage, PortError> {
        let purpose = Purpose { operation: "changes", subject: query.object.as_str() };
        let after = query
            .after_id
            .as_ref()
            .map(|id| SalesforceId::parse(id.as_str()))
            .transpose()
            .map_err(|error| rejected(purpose, error))?;
        let DeltaQuery { object, fields, from, until, .. } = query;
        let soql = soql::select_window(object, fields, *from, after.as_ref(), *until)
            .map_err(|error| rejected(purpose, error))?;
        self.query(purpose, &soql, fields).await
    }

    async fn more_changes(&self, query: &DeltaQuery, next: &str) -> Result<DeltaPage, PortError> {
        let purpose = Purpose { operation: "more_changes", subject: query.object.as_str() };
        let response = self.get(purpose, next, None).await?;
        read_page(response.body(), &query.fields).map_err(|error| response.malformed(&error))
    }

    async fn health(&self) -> Result<Health, PortError> {
        let subject = self.settings.connection.as_str();
        let purpose = Purpose { operation: "health", subject };
        let response = self.get(purpose, &self.path("limits"), None).await?;
        let limits: Limits = response.json()?;
        let left = limits.daily_api_requests.map(|it| it.remaining.try_into().unwrap_or(0));
        Ok(Health {
            remote_now: response.date().ok_or_else(|| rejected(purpose, NoDate))?,
            calls_left: left.or_else(|| self.usage().map(ApiUsage::n_left)),
        })
    }
}

impl fmt::Debug for SalesforceCrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesforceCrm")
            .field("connection", &self.settings.connection)
            .finish_non_exhaustive()
    }
}

/// An answer without the time over there: our own clock must not stand in for it.
#[derive(Debug, thiserror::Error)]
#[error("the answer has no `Date` header")]
struct NoDate;

/// A place that the token must not be sent to, or that is too long to be asked for.
#[derive(Debug, thiserror::Error)]
enum BadPlace {
    #[error("the next page is not a path below `/services/data/`")]
    Foreign,
    #[error(
        "the query makes an address of {n_bytes} bytes, more than {MAX_URL_BYTES}: map fewer fields"
    )]
    TooLong { n_bytes: usize },
}

/// Builds the address of `path` on the instance: whatever a page says, the token stays there.
fn locate(instance: &Url, path: &str, query: Option<&str>) -> Result<Url, BadPlace> {
    let is_plain = path.starts_with("/services/data/")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_".contains(&b))
        && !path.contains("..");
    if !is_plain {
        return Err(BadPlace::Foreign);
    }
    let mut url = instance.clone();
    url.set_path(path);
    url.set_query(None);
    if let Some(soql) = query {
        url.query_pairs_mut().append_pair("q", soql);
    }
    match url.as_str().len() {
        n_bytes if n_bytes > MAX_URL_BYTES => Err(BadPlace::TooLong { n_bytes }),
        _ => Ok(url),
    }
}

fn rejected(
    purpose: Purpose<'_>,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, purpose.operation, purpose.subject)
        .with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Url {
        Url::parse("https://firm.my.salesforce.com").unwrap()
    }

    #[test]
    fn mark_of_a_page_never_leads_away_from_the_instance() {
        for mark in [
            "https://evil.test/services/data/v66.0/query/01g-2000",
            "//evil.test/services/data/x",
            "/services/data/../../evil",
            "/services/data/v66.0/query/01g?x=1",
            "/evil",
            "",
        ] {
            assert!(locate(&instance(), mark, None).is_err(), "`{mark}` was taken");
        }
        let mark = "/services/data/v66.0/query/01gR0000000opRTIAY-2000";
        let url = locate(&instance(), mark, None).unwrap();
        assert_eq!(url.as_str(), format!("https://firm.my.salesforce.com{mark}"));
    }

    #[test]
    fn query_that_makes_too_long_an_address_says_so() {
        let soql = "x".repeat(MAX_URL_BYTES);
        let error = locate(&instance(), "/services/data/v66.0/queryAll", Some(&soql)).unwrap_err();
        assert!(error.to_string().contains("map fewer fields"), "{error}");
    }
}
