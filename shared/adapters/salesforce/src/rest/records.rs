//! Single records.

use adapter_http::Response;
use http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
use http::{HeaderValue, Method, StatusCode};
use serde::de::DeserializeSeed as _;
use shared::PortError;
use shared::ids::{ObjectName, SalesforceId};
use shared::model::Fields;
use shared::time::Timestamp;

use super::page::{AnyFields, RowSeed};
use super::record_result::{ResultAnswer, Written};
use crate::client::{RestCall, SalesforceClient, WriteOptions};
use crate::error::{self, SalesforceFault};
use crate::http_time::http_time;

/// What a reading by id says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The record's fields, those of parents by their path.
    Found(Fields),
    /// It has not changed since.
    NotModified,
    /// It is not there, lies in the recycle bin, or the user may not see it.
    Gone,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateAnswer {
    /// It is written.
    Written,
    /// Nothing was written: the record was changed after the guard's time.
    Changed,
}

/// What became of an upsert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpsertAnswer {
    /// There was none, now there is.
    Created(SalesforceId),
    /// It is written; old versions of the API do not say to which record.
    Updated(Option<SalesforceId>),
    /// Nothing was written: so many records hold the external id.
    Ambiguous {
        /// How many.
        n_records: usize,
    },
}

impl SalesforceClient {
    /// Creates a record. A call whose answer is lost may have created it: prefer
    /// [`upsert`](Self::upsert).
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn create(
        &self,
        object: &ObjectName,
        fields: &Fields,
        options: &WriteOptions,
    ) -> Result<SalesforceId, PortError> {
        let name = object.as_str();
        let call = RestCall::data("create", Method::POST, name, &["sobjects", name])
            .with_options(options)
            .with_json(fields)?;
        written(&self.call(&call).await?).map(|it| it.id)
    }

    /// Reads `fields` of a record that is not deleted.
    ///
    /// With `since`, given in the org's time and cut to the second, the org says `NotModified` for
    /// a record that was not changed later. The org gives no whole second away: a change within the
    /// second of `since` may be taken for none.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn read_record(
        &self,
        object: &ObjectName,
        id: &SalesforceId,
        fields: &[String],
        since: Option<Timestamp>,
    ) -> Result<ReadAnswer, PortError> {
        let name = object.as_str();
        let mut call = RestCall::get("read record", name, &["sobjects", name, id.as_str()]);
        if !fields.is_empty() {
            call = call.with("fields", fields.join(","));
        }
        if let Some(since) = since {
            call = call.with_header(IF_MODIFIED_SINCE, http_time(since));
        }
        let response = self.ask(&call).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(ReadAnswer::NotModified),
            StatusCode::NOT_FOUND if is_about_the_record(&response) => Ok(ReadAnswer::Gone),
            status if status.is_success() => {
                let mut json = serde_json::Deserializer::from_slice(response.body());
                let read = RowSeed(&AnyFields).deserialize(&mut json);
                read.map(ReadAnswer::Found).map_err(|error| response.malformed(&error))
            }
            _ => Err(error::error_of(&response)),
        }
    }

    /// Writes `fields` of a record: `Null` empties a field, one that is absent stays.
    ///
    /// With `unchanged_since`, the record's `LastModifiedDate` at the last reading, nothing is
    /// written when somebody changed it after that second. The same second cannot be told apart.
    ///
    /// # Errors
    ///
    /// `Conflict` when the record is deleted, else as the org answers.
    pub async fn update(
        &self,
        object: &ObjectName,
        id: &SalesforceId,
        fields: &Fields,
        unchanged_since: Option<Timestamp>,
        options: &WriteOptions,
    ) -> Result<UpdateAnswer, PortError> {
        let name = object.as_str();
        let segments = ["sobjects", name, id.as_str()];
        let mut call = RestCall::data("update", Method::PATCH, name, &segments)
            .with_options(options)
            .with_json(fields)?;
        if let Some(guard) = unchanged_since {
            call = call.with_header(IF_UNMODIFIED_SINCE, http_time(guard));
        }
        let response = self.ask(&call).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(UpdateAnswer::Written),
            StatusCode::PRECONDITION_FAILED => Ok(UpdateAnswer::Changed),
            _ => Err(refused(&response)),
        }
    }

    /// Writes the record that holds `value` in `external_id`, creating it when there is none; the
    /// same twice makes one record.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn upsert(
        &self,
        object: &ObjectName,
        external_id: &str,
        value: &str,
        fields: &Fields,
        options: &WriteOptions,
    ) -> Result<UpsertAnswer, PortError> {
        let name = object.as_str();
        let segments = ["sobjects", name, external_id, value];
        let call = RestCall::data("upsert", Method::PATCH, name, &segments)
            .with_options(options)
            .with_json(fields)?;
        let response = self.ask(&call).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(UpsertAnswer::Updated(None)),
            StatusCode::CREATED => written(&response).map(|it| UpsertAnswer::Created(it.id)),
            StatusCode::OK => written(&response).map(|it| match it.is_created {
                Some(true) => UpsertAnswer::Created(it.id),
                _ => UpsertAnswer::Updated(Some(it.id)),
            }),
            StatusCode::MULTIPLE_CHOICES => {
                let records: Vec<String> = response.json()?;
                Ok(UpsertAnswer::Ambiguous { n_records: records.len() })
            }
            _ => Err(refused(&response)),
        }
    }

    /// Deletes a record; one that is deleted already stays so. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn delete(&self, object: &ObjectName, id: &SalesforceId) -> Result<bool, PortError> {
        let name = object.as_str();
        let segments = ["sobjects", name, id.as_str()];
        let call = RestCall::data("delete", Method::DELETE, name, &segments);
        let response = self.ask(&call).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND if is_about_the_record(&response) => Ok(false),
            _ => Err(refused(&response)),
        }
    }
}

/// Reads the result of a single write.
fn written(response: &Response) -> Result<Written, PortError> {
    let answer: ResultAnswer = response.json()?;
    answer.into_result().map_err(|fault| error::with_fault(response, fault))
}

/// Makes the error of an answer that is not the one success there is, such as a page of a proxy.
fn refused(response: &Response) -> PortError {
    match response.status().is_success() {
        true => {
            let fault =
                SalesforceFault::new(Some(response.status().as_u16()), "UNREADABLE", "", []);
            response.error(shared::PortErrorKind::Unavailable).with_source(fault)
        }
        false => error::error_of(response),
    }
}

/// Tells a record that is gone from a resource that is not there, which says nothing of the record.
fn is_about_the_record(response: &Response) -> bool {
    const NO_RESOURCE: &str = "The requested resource does not exist";
    error::entries(response.body()).iter().any(|it| {
        it.code == "ENTITY_IS_DELETED" || it.code == "NOT_FOUND" && it.message != NO_RESOURCE
    })
}

/// The header that asks for a page of so many records.
pub(super) fn batch_size(n_records: u16) -> HeaderValue {
    // Digits and letters, which every header takes.
    HeaderValue::try_from(format!("batchSize={n_records}"))
        .unwrap_or_else(|_| HeaderValue::from_static("batchSize=2000"))
}
