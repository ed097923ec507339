//! Several calls in one, which counts as one.
//!
//! Source: REST API guide, "Composite".

use std::collections::BTreeMap;

use adapter_http::Response;
use bytes::Bytes;
use http::header::IF_UNMODIFIED_SINCE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::ids::{ObjectName, SalesforceId};
use shared::model::Fields;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tracing::warn;

use super::collections::{CollectionWrite, read_results};
use super::page::{AnyFields, Page, RowShape, read_page};
use super::query::QueryScope;
use super::record_result::RecordResult;
use crate::client::{RestCall, SalesforceClient, WriteOptions};
use crate::error::{self, SalesforceFault};
use crate::http_time::http_time;

/// The most parts of a call.
pub const MAX_COMPOSITE: usize = 25;

/// The most parts of a call that query or write collections.
const MAX_WIDE_PARTS: usize = 5;

/// One part of a composite call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompositePart {
    method: String,
    url: String,
    reference_id: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    body: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    http_headers: BTreeMap<String, String>,
}

impl CompositePart {
    /// Calls `url`, a path from `/services/data/` on, with `body`, which is null for none. Later parts
    /// take values of its answer as `@{reference_id.field}`.
    pub fn new(method: &Method, url: String, reference_id: String, body: Value) -> Self {
        let method = method.as_str().to_owned();
        Self { method, url, reference_id, body, http_headers: BTreeMap::new() }
    }

    /// Adds a header to this part.
    #[must_use]
    pub fn with_header(mut self, name: &HeaderName, value: &HeaderValue) -> Self {
        if let Ok(value) = value.to_str() {
            self.http_headers.insert(title_case(name.as_str()), value.to_owned());
        }
        self
    }

    fn with_options(mut self, options: &WriteOptions) -> Self {
        for (name, value) in options.headers() {
            self = self.with_header(&name, &value);
        }
        self
    }

    pub(super) fn reference_id(&self) -> &str {
        &self.reference_id
    }

    /// Tells whether the part queries or writes a collection.
    fn is_wide(&self) -> bool {
        ["/query?", "/queryAll?", "/composite/sobjects"].iter().any(|it| self.url.contains(it))
    }
}

/// Writes a header's name as the guide does: `If-Unmodified-Since`.
fn title_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}

/// The answer to one part, or to a call that was not composite at all.
#[derive(Clone, Debug)]
pub struct PartAnswer {
    status: StatusCode,
    body: Bytes,
    /// The answer it was part of, which names the call in errors.
    whole: Response,
}

impl PartAnswer {
    pub(super) fn whole(response: Response) -> Self {
        Self { status: response.status(), body: response.body().clone(), whole: response }
    }

    /// Returns the status of the part.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the body of the part, in JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the cause of a part that is no success.
    pub fn fault(&self) -> Option<SalesforceFault> {
        if self.status.is_success() {
            return None;
        }
        let status = Some(self.status.as_u16());
        let entry = error::entries(&self.body).into_iter().next();
        let unreadable = || SalesforceFault::new(status, "UNREADABLE", "", []);
        Some(entry.map_or_else(unreadable, |it| it.into_fault(status)))
    }

    /// Returns the part when it is a success.
    ///
    /// # Errors
    ///
    /// As its status and body say.
    pub fn checked(self) -> Result<Self, PortError> {
        match self.fault() {
            None => Ok(self),
            Some(fault) => Err(error::with_fault(&self.whole, fault)),
        }
    }

    /// Returns the time over there, when the whole answer says it.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        self.whole.date()
    }

    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, PortError> {
        read(&self.body).map_err(|error| self.whole.malformed(&error))
    }
}

/// A composite call that no org takes.
#[derive(Debug, thiserror::Error)]
enum BadComposite {
    #[error("{n_parts} parts in one call: write 1 to {MAX_COMPOSITE}")]
    Size { n_parts: usize },
    #[error("{n_parts} parts query or write collections: at most {MAX_WIDE_PARTS} may in one call")]
    Wide { n_parts: usize },
    #[error("the answer has not one part for each that was asked")]
    PartsDiffer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompositeAnswer<'a> {
    #[serde(borrow)]
    pub(super) composite_response: Vec<PartBody<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartBody<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    http_status_code: u16,
    reference_id: String,
}

impl CompositeAnswer<'_> {
    /// Returns the parts in the order of `ids`; `None` when they are not those.
    pub(super) fn parts(&self, response: &Response, ids: &[&str]) -> Option<Vec<PartAnswer>> {
        if self.composite_response.len() != ids.len() {
            return None;
        }
        ids.iter()
            .map(|id| {
                let part = self.composite_response.iter().find(|it| it.reference_id == *id)?;
                let status = StatusCode::from_u16(part.http_status_code).ok()?;
                let body = part
                    .body
                    .map_or(Bytes::new(), |it| response.body().slice_ref(it.get().as_bytes()));
                Some(PartAnswer { status, body, whole: response.clone() })
            })
            .collect()
    }
}

/// An update that is written only where nobody else wrote since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedUpdate {
    /// The object.
    pub object: ObjectName,
    /// The record.
    pub id: SalesforceId,
    /// The fields that change: `Null` empties a field, one that is absent stays.
    pub fields: Fields,
    /// The record's `LastModifiedDate` at the last reading.
    pub unchanged_since: Timestamp,
}

/// What became of a guarded update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardedAnswer {
    /// It is written.
    Written,
    /// Nothing was written: the record was changed after the guard's second.
    Changed,
    /// Nothing was written.
    Failed(SalesforceFault),
}

/// A collection that was written, and rows that were read after it in the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAndRead {
    /// One result a record, in order.
    pub results: Vec<RecordResult>,
    /// The rows that the query answered; `None` when it failed although the records were written.
    pub read_back: Option<Page<Fields>>,
}

impl GuardedAnswer {
    /// Reads the answer to the part that wrote it.
    pub(crate) fn of(part: &PartAnswer) -> Self {
        match (part.status(), part.fault()) {
            (StatusCode::PRECONDITION_FAILED, _) => Self::Changed,
            (_, Some(fault)) => Self::Failed(fault),
            (_, None) => Self::Written,
        }
    }
}

impl SalesforceClient {
    /// Calls up to 25 parts in order, at most five of them queries or collections; the answers stand
    /// in the same order. With `all_or_none` one failure undoes all.
    ///
    /// # Errors
    ///
    /// `Rejected` for what no org takes, else as the org answers to the whole. A part that failed is
    /// an answer.
    pub async fn composite(
        &self,
        subject: &str,
        parts: Vec<CompositePart>,
        all_or_none: bool,
        options: &WriteOptions,
    ) -> Result<Vec<PartAnswer>, PortError> {
        let call = RestCall::data("composite", Method::POST, subject, &["composite"])
            .with_options(options);
        let parts = parts.into_iter().map(|it| it.with_options(options)).collect();
        self.composite_call(&call, parts, all_or_none).await
    }

    /// Calls parts that read only.
    pub(super) async fn composite_reads(
        &self,
        operation: &'static str,
        subject: &str,
        parts: Vec<CompositePart>,
    ) -> Result<Vec<PartAnswer>, PortError> {
        let call = RestCall::data(operation, Method::POST, subject, &["composite"]).repeatable();
        self.composite_call(&call, parts, false).await
    }

    async fn composite_call(
        &self,
        call: &RestCall,
        parts: Vec<CompositePart>,
        all_or_none: bool,
    ) -> Result<Vec<PartAnswer>, PortError> {
        let n_parts = parts.len();
        if n_parts == 0 || n_parts > MAX_COMPOSITE {
            return Err(call.rejected(BadComposite::Size { n_parts }));
        }
        let n_wide = parts.iter().filter(|it| it.is_wide()).count();
        if n_wide > MAX_WIDE_PARTS {
            return Err(call.rejected(BadComposite::Wide { n_parts: n_wide }));
        }
        let body = json!({
            "allOrNone": all_or_none, "collateSubrequests": false, "compositeRequest": parts,
        });
        let response = self.call(&call.clone().with_json(&body)?).await?;
        let answer: CompositeAnswer<'_> =
            serde_json::from_slice(response.body()).map_err(|error| response.malformed(&error))?;
        let ids: Vec<&str> = parts.iter().map(|it| it.reference_id.as_str()).collect();
        answer
            .parts(&response, &ids)
            .ok_or_else(|| call.error(PortErrorKind::Unavailable, BadComposite::PartsDiffer))
    }

    /// Writes up to 25 updates in one call, each only where nobody else wrote since.
    ///
    /// # Errors
    ///
    /// As [`composite`](Self::composite).
    pub async fn update_if_unchanged(
        &self,
        subject: &str,
        updates: &[GuardedUpdate],
        options: &WriteOptions,
    ) -> Result<Vec<GuardedAnswer>, PortError> {
        let parts = updates.iter().enumerate().map(|(idx, it)| self.update_part(idx, it)).collect();
        let answers = self.composite(subject, parts, false, options).await?;
        Ok(answers.iter().map(GuardedAnswer::of).collect())
    }

    /// Makes the part that writes `update`, the `idx`-th of its call.
    pub(crate) fn update_part(&self, idx: usize, update: &GuardedUpdate) -> CompositePart {
        let version = self.api_version();
        let GuardedUpdate { object, id, fields, unchanged_since } = update;
        let url = format!("/services/data/v{version}/sobjects/{object}/{}", id.as_str());
        let body = serde_json::to_value(fields).unwrap_or_default();
        CompositePart::new(&Method::PATCH, url, format!("update{idx}"), body)
            .with_header(&IF_UNMODIFIED_SINCE, &http_time(*unchanged_since))
    }

    /// Makes the part that answers the query `soql`.
    pub(crate) fn query_part(&self, soql: &str, scope: QueryScope) -> CompositePart {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("q", soql).finish();
        let (version, resource) = (self.api_version(), scope.resource());
        let url = format!("/services/data/v{version}/{resource}?{query}");
        CompositePart::new(&Method::GET, url, "query".to_owned(), Value::Null)
    }

    /// Writes up to 200 records and answers the query `soql` after them, in one call: what they are
    /// now, with the version that the write gave them.
    ///
    /// # Errors
    ///
    /// As [`write_collection`](Self::write_collection). A query that fails undoes nothing: it has no
    /// rows then, and what was written is to be read again.
    pub async fn write_and_read_back(
        &self,
        write: &CollectionWrite<'_>,
        soql: &str,
        options: &WriteOptions,
    ) -> Result<WriteAndRead, PortError> {
        let (results, read_back) = self.write_and_read(write, soql, &AnyFields, options).await?;
        Ok(WriteAndRead { results, read_back })
    }

    /// Writes, and reads the rows of `soql` as `shape` says, as [`Self::write_and_read_back`].
    pub(crate) async fn write_and_read<S: RowShape>(
        &self,
        write: &CollectionWrite<'_>,
        soql: &str,
        shape: &S,
        options: &WriteOptions,
    ) -> Result<(Vec<RecordResult>, Option<Page<S::Row>>), PortError> {
        let version = self.api_version();
        let call = RestCall::data("write and read", Method::POST, "records", &["composite"])
            .with_options(options);
        write.check(&call)?;
        let mut target = format!("/services/data/v{version}/{}", write.segments().join("/"));
        let ids = write.query(false);
        if !ids.is_empty() {
            let ids =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(ids).finish();
            target = format!("{target}?{ids}");
        }
        let parts = vec![
            CompositePart::new(&write.method(), target, "write".to_owned(), write.body(false))
                .with_options(options),
            self.query_part(soql, QueryScope::All),
        ];
        let mut answers = self.composite_call(&call, parts, false).await?.into_iter();
        let (Some(written), Some(read)) = (answers.next(), answers.next()) else {
            return Err(call.error(PortErrorKind::Unavailable, BadComposite::PartsDiffer));
        };
        let written = written.checked()?;
        let results = read_results(written.body(), write.n_records())
            .map_err(|error| error.into_port_error(&call, &written.whole))?;
        Ok((results, read.page_after_write(shape)))
    }
}

impl PartAnswer {
    /// Reads the rows that were asked for after a write; none when that failed, which undoes nothing.
    pub(crate) fn page_after_write<S: RowShape>(self, shape: &S) -> Option<Page<S::Row>> {
        let page = self.checked().and_then(|it| it.read(|json| read_page(json, shape)));
        page.inspect_err(|error| {
            warn!(error = %shared::chain(error), "what was written was not read back");
        })
        .ok()
    }
}
