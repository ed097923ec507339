//! Salesforce behind the ports that read and write records.

mod bulk_read;
mod bulk_read_ranges;
mod bulk_read_state;
mod bulk_read_take;
mod bulk_write;
mod id_range;
mod id_ranges;
mod lookup;
mod presence;
mod readable;
mod refusal;
mod save;
mod schema;
mod writer;

use std::fmt;
use std::sync::Arc;

use adapter_http::HttpClient;
use async_trait::async_trait;
use shared::ids::{InvalidId, ObjectName, RecordId, SalesforceId};
use shared::ports::{
    Clock, Crm, DeltaPage, DeltaQuery, Health, RemoteRecord, RemoteSessions, SecretWriter, Secrets,
};
use shared::{PortError, PortErrorKind};
use tracing::warn;

use crate::bulk::PollPace;
use crate::client::{ApiUsage, PLATFORM, RestCall, SalesforceClient};
use crate::rest::OrgLimits;
use crate::settings::SalesforceSettings;
use crate::soql::{self, SelectError};
use bulk_read_ranges::RangeRule;
use readable::is_about_a_field;

/// Reads and writes one Salesforce org.
#[derive(Clone)]
pub struct SalesforceCrm {
    client: SalesforceClient,
    /// How often a bulk job is asked for; by default as bulk jobs do by themselves.
    pace: PollPace,
    /// From how many records on a reading goes by a bulk job, where that takes fewer calls.
    bulk_from: u64,
    /// The records of a page of a bulk job.
    page_records: Option<u32>,
    /// When and how a reading is cut into ranges of ids.
    ranges: RangeRule,
}

/// From how many records on a reading may go by a bulk job: fewer do not wait for one.
const BULK_FROM: u64 = 2_000;

/// What a request is for.
#[derive(Clone, Copy)]
struct Purpose<'a> {
    operation: &'static str,
    subject: &'a str,
}

impl SalesforceCrm {
    /// Serves the connection that `settings` describe. Nothing is called yet.
    pub fn new(
        settings: SalesforceSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::over(SalesforceClient::new(settings, http, secrets, clock))
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
        Self::over(SalesforceClient::with_secret_writer(settings, http, secrets, writer, clock))
    }

    /// Reads the org that `client` calls.
    pub fn over(client: SalesforceClient) -> Self {
        Self {
            client,
            pace: PollPace::default(),
            bulk_from: BULK_FROM,
            page_records: None,
            ranges: RangeRule::default(),
        }
    }

    /// Asks for the state of bulk jobs at this pace.
    #[must_use]
    pub fn with_pace(mut self, pace: PollPace) -> Self {
        self.pace = pace;
        self
    }

    /// Reads by a bulk job from so many records on, when that takes fewer calls than queries do;
    /// 0 for always.
    #[must_use]
    pub fn with_bulk_from(mut self, n_records: u64) -> Self {
        self.bulk_from = n_records;
        self
    }

    /// Reads pages of so many records from bulk jobs.
    #[must_use]
    pub fn with_page_records(mut self, n_records: u32) -> Self {
        self.page_records = Some(n_records);
        self
    }

    /// Reads objects of `from` records or more by several bulk jobs, each over a range of ids with
    /// about `n_records` records.
    #[must_use]
    pub fn with_ranges(mut self, from: u64, n_records: u64) -> Self {
        self.ranges = RangeRule { from, n_records: n_records.max(1) };
        self
    }

    /// Returns the client, for everything that the port does not offer.
    pub fn client(&self) -> &SalesforceClient {
        &self.client
    }

    /// Returns the session that this client uses, for calls that it does not make.
    pub fn sessions(&self) -> Arc<dyn RemoteSessions> {
        self.client.sessions()
    }

    /// Returns how much of the day's calls was used at the last answer.
    pub fn usage(&self) -> Option<ApiUsage> {
        self.client.usage()
    }

    /// Asks the query that `write` writes, without the fields that are not there or hidden: one of
    /// them does not keep the others from being read. Describes are asked for only when one is missed.
    async fn query(
        &self,
        purpose: Purpose<'_>,
        object: &ObjectName,
        fields: &[String],
        write: impl Fn(&[String]) -> Result<String, SelectError> + Send + Sync,
    ) -> Result<DeltaPage, PortError> {
        let Purpose { operation, subject } = purpose;
        let write = |fields: &[String]| write(fields).map_err(|error| rejected(purpose, error));
        let mut soql = write(fields)?;
        if self.client.knows(object) {
            soql = write(&self.readable(object, fields).await?.names())?;
        }
        let error = match self.client.query_changes(operation, subject, &soql, fields).await {
            Err(error) if is_about_a_field(&error) => error,
            answered => return answered,
        };
        let shown = match self.readable_now(object, fields).await {
            Ok(readable) if !readable.unread.is_empty() => {
                let unread = &readable.unread;
                warn!(%object, ?unread, "fields of `{object}` are not there, or hidden: map them \
                    no more, or show them to the integration user");
                readable.names()
            }
            _ => return Err(error),
        };
        let soql = write(&shown)?;
        self.client.query_changes(operation, subject, &soql, fields).await
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
        let id = parse_id(purpose, record_id)?;
        let write = |fields: &[String]| soql::select_by_id(object, fields, &id);
        match self.query(purpose, object, fields, write).await {
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
        let after = query.after_id.as_ref().map(|id| parse_id(purpose, id)).transpose()?;
        let DeltaQuery { object, fields, from, until, .. } = query;
        let write =
            |fields: &[String]| soql::select_window(object, fields, *from, after.as_ref(), *until);
        self.query(purpose, object, fields, write).await
    }

    async fn more_changes(&self, query: &DeltaQuery, next: &str) -> Result<DeltaPage, PortError> {
        let subject = query.object.as_str();
        self.client.more_changes_at("more_changes", subject, next, &query.fields).await
    }

    async fn health(&self) -> Result<Health, PortError> {
        let subject = self.client.connection().as_str();
        let call = RestCall::get("health", subject, &["limits"]);
        let response = self.client.call(&call).await?;
        let limits: OrgLimits = response.json()?;
        let left = limits.remaining("DailyApiRequests");
        Ok(Health {
            remote_now: response.date().ok_or_else(|| call.rejected(NoDate))?,
            calls_left: left.or_else(|| self.usage().map(ApiUsage::n_left)),
        })
    }
}

impl fmt::Debug for SalesforceCrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesforceCrm")
            .field("connection", self.client.connection())
            .finish_non_exhaustive()
    }
}

/// An answer without the time over there: our own clock must not stand in for it.
#[derive(Debug, thiserror::Error)]
#[error("the answer has no `Date` header")]
struct NoDate;

fn parse_id(purpose: Purpose<'_>, id: &RecordId) -> Result<SalesforceId, PortError> {
    SalesforceId::parse(id.as_str()).map_err(|error: InvalidId| rejected(purpose, error))
}

fn rejected(
    purpose: Purpose<'_>,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, purpose.operation, purpose.subject)
        .with_source(cause)
}
