//! A declared platform behind the [`Crm`] port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, Request, Response};
use async_trait::async_trait;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use shared::ids::{ObjectName, RecordId};
use shared::platform::Surroundings;
use shared::ports::{Clock, Crm, DeltaPage, DeltaQuery, Health, PageOrder, RemoteRecord};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::allowance::{Allowance, AllowanceMeter, Turn};
use crate::error_map::error_of;
use crate::manifest::{Manifest, Order, Stream};
use crate::paging::{Mark, Place};
use crate::placeholder::fill_path;
use crate::record::BadShape;
use crate::settings::ConnectionSettings;
use crate::sign_in::Signer;

/// The longest page, when the manifest does not say.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// Long enough for a platform that asks to wait until its minute is over.
const DEADLINE: Duration = Duration::from_secs(180);

/// Reads one connection of a declared platform.
pub struct ManifestCrm {
    platform: &'static str,
    manifest: Arc<Manifest>,
    settings: ConnectionSettings,
    http: HttpClient,
    signer: Signer,
    allowance: AllowanceMeter,
    clock: Arc<dyn Clock>,
}

/// What a request is for.
#[derive(Clone, Copy)]
struct Purpose<'a> {
    operation: &'static str,
    subject: &'a str,
}

/// A record is gone, or something else is.
enum Found {
    Answer(Box<Response>),
    Gone(PortError),
}

/// An object that the manifest does not declare.
#[derive(Debug, thiserror::Error)]
#[error("the manifest declares no stream `{object}`")]
struct NoStream {
    object: ObjectName,
}

/// An answer without the time over there: our own clock must not stand in for it.
#[derive(Debug, thiserror::Error)]
#[error("the answer has no `Date` header")]
struct NoDate;

/// The platform's window of calls is used up, and ends too late to wait for.
#[derive(Debug, thiserror::Error)]
#[error("no calls are left for {} s", wait.as_secs())]
struct UsedUp {
    wait: Duration,
}

impl ManifestCrm {
    pub(crate) fn new(
        platform: &'static str,
        manifest: Arc<Manifest>,
        settings: ConnectionSettings,
        http: HttpClient,
        surroundings: &Surroundings,
    ) -> Result<Self, PortError> {
        let signer = Signer::new(platform, &manifest, &settings, &http, surroundings)?;
        let allowance = AllowanceMeter::new(&manifest.rate_limit);
        let clock = surroundings.clock.clone();
        Ok(Self { platform, manifest, settings, http, signer, allowance, clock })
    }

    /// Returns what the last answer said about the calls left.
    pub(crate) fn allowance(&self) -> Allowance {
        self.allowance.last()
    }

    fn stream(&self, object: &ObjectName) -> Result<&Stream, PortError> {
        self.manifest.streams.get(object.as_str()).ok_or_else(|| {
            let purpose = Purpose { operation: "find stream", subject: object.as_str() };
            self.rejected(purpose, NoStream { object: object.clone() })
        })
    }

    fn rejected(
        &self,
        purpose: Purpose<'_>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PortError {
        PortError::new(PortErrorKind::Rejected, self.platform, purpose.operation, purpose.subject)
            .with_source(cause)
    }

    /// Builds the address of `path` below the base address.
    fn locate(
        &self,
        purpose: Purpose<'_>,
        path: &str,
        params: &[(String, String)],
    ) -> Result<Url, PortError> {
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        let mut url =
            Url::parse(&format!("{base}/{path}")).map_err(|it| self.rejected(purpose, it))?;
        if !params.is_empty() {
            let mut query = url.query_pairs_mut();
            for (name, value) in params {
                query.append_pair(name, value);
            }
        }
        Ok(url)
    }

    /// Calls `url`, with a new token once when the platform refuses the one in use.
    async fn get(&self, purpose: Purpose<'_>, url: &Url) -> Result<Response, PortError> {
        let mut is_second_try = false;
        loop {
            self.await_turn(purpose).await?;
            let (request, token) = self.request(purpose, url).await?;
            let response = self.http.send(request).await?;
            self.allowance.observe(&response, self.clock.now());
            match token {
                Some(token) if response.status() == StatusCode::UNAUTHORIZED && !is_second_try => {
                    self.signer.refuse(&token);
                    is_second_try = true;
                }
                _ => return Ok(response),
            }
        }
    }

    async fn request(
        &self,
        purpose: Purpose<'_>,
        url: &Url,
    ) -> Result<(Request, Option<Arc<adapter_http::oauth::AccessToken>>), PortError> {
        let mut signed = url.clone();
        let build = |url: Url| {
            Request::get(self.platform, purpose.operation, url)
                .with_subject(purpose.subject)
                .with_deadline(DEADLINE)
                .with_max_response_bytes(self.manifest.max_page_bytes.unwrap_or(MAX_PAGE_BYTES))
        };
        let (mut request, token) = self.signer.sign(build(url.clone()), &mut signed).await?;
        if signed != *url {
            request = build(signed);
        }
        for (name, value) in &self.manifest.headers {
            let name: HeaderName = name.parse().map_err(|it| self.rejected(purpose, it))?;
            let value = HeaderValue::try_from(value).map_err(|it| self.rejected(purpose, it))?;
            request = request.with_header(name, value);
        }
        Ok((request, token))
    }

    /// Waits while no calls are left, or says how long it would be.
    async fn await_turn(&self, purpose: Purpose<'_>) -> Result<(), PortError> {
        match self.allowance.turn(self.clock.now()) {
            Turn::Now => Ok(()),
            Turn::After(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Turn::NotSoon(wait) => {
                let Purpose { operation, subject } = purpose;
                Err(PortError::new(PortErrorKind::RateLimited, self.platform, operation, subject)
                    .with_source(UsedUp { wait })
                    .with_retry_after(wait))
            }
        }
    }

    /// Makes the error that `response` means, with the wait that its headers name.
    fn error(&self, response: &Response) -> PortError {
        let error = error_of(&self.manifest.errors, response);
        let is_limit = error.kind() == PortErrorKind::RateLimited;
        match self.allowance.wait(self.clock.now()) {
            Some(wait) if is_limit && error.retry_after().is_none() => error.with_retry_after(wait),
            _ => error,
        }
    }

    async fn page(&self, query: &DeltaQuery, mark: &Mark) -> Result<DeltaPage, PortError> {
        let purpose = Purpose { operation: "changes", subject: query.object.as_str() };
        let stream = self.stream(&query.object)?;
        let url = match &mark.place {
            Place::Url(url) if is_ours(&self.settings.base_url, url) => url.clone(),
            Place::Url(_) => return Err(self.rejected(purpose, BadShape::ForeignPage)),
            _ => {
                let path = fill_path(&stream.path, &self.settings.values)
                    .map_err(|it| self.rejected(purpose, it))?;
                self.locate(purpose, &path, &mark.params(stream, query.until))?
            }
        };
        let response = self.get(purpose, &url).await?;
        if !response.status().is_success() {
            return Err(self.error(&response));
        }
        let body: Value = response.json()?;
        read_page(stream, query, mark, &response, &body).map_err(|it| self.rejected(purpose, it))
    }

    async fn read_one(
        &self,
        purpose: Purpose<'_>,
        stream: &Stream,
        record_id: &RecordId,
    ) -> Result<Found, PortError> {
        let mut values = self.settings.values.clone();
        values.insert("id".to_owned(), record_id.to_string());
        let path =
            fill_path(&stream.read_path, &values).map_err(|it| self.rejected(purpose, it))?;
        let params: Vec<_> = stream.read_params.clone().unwrap_or_default().into_iter().collect();
        let response = self.get(purpose, &self.locate(purpose, &path, &params)?).await?;
        if response.status().is_success() {
            return Ok(Found::Answer(Box::new(response)));
        }
        let error = self.error(&response);
        if error.kind() == PortErrorKind::NotFound { Ok(Found::Gone(error)) } else { Err(error) }
    }

    /// Tells whether the list of `stream` answers. A record that is not found is only gone when it
    /// does: a wrong address or a lost permission is "not found" too, and would delete everything.
    async fn is_list_there(
        &self,
        purpose: Purpose<'_>,
        stream: &Stream,
    ) -> Result<bool, PortError> {
        let path = fill_path(&stream.path, &self.settings.values)
            .map_err(|it| self.rejected(purpose, it))?;
        let now = self.clock.now();
        let params = Mark::start(now).params(stream, now);
        let response = self.get(purpose, &self.locate(purpose, &path, &params)?).await?;
        Ok(response.status().is_success())
    }
}

/// Tells whether `url` is of the host, port and scheme that credentials are for.
fn is_ours(base: &Url, url: &Url) -> bool {
    url.scheme() == base.scheme()
        && url.host() == base.host()
        && url.port_or_known_default() == base.port_or_known_default()
        && url.username().is_empty()
        && url.password().is_none()
}

fn read_page(
    stream: &Stream,
    query: &DeltaQuery,
    mark: &Mark,
    response: &Response,
    body: &Value,
) -> Result<DeltaPage, BadShape> {
    let list = body
        .pointer(&stream.records)
        .and_then(Value::as_array)
        .ok_or_else(|| BadShape::NoList { at: stream.records.clone() })?;
    let order = match &stream.incremental {
        Some(incremental) if incremental.order == Order::Version => PageOrder::ByVersion,
        _ => PageOrder::Other,
    };
    let mut last = None;
    let mut records = Vec::with_capacity(list.len());
    for record in list {
        let version = stream.version_of(record)?;
        if order == PageOrder::ByVersion && last.is_some_and(|it| version < it) {
            return Err(BadShape::Unordered);
        }
        last = Some(version);
        if version >= query.from && version < query.until && stream.keeps(record) {
            records.push(stream.read(record, &query.fields)?);
        }
    }
    records.sort_by(|a, b| (a.version, &a.record_id).cmp(&(b.version, &b.record_id)));
    let next = mark.next(stream, response, body, list.len(), last)?;
    // What comes now is all later than the end of the window.
    let next = next.filter(|_| order == PageOrder::Other || last.is_none_or(|it| it < query.until));
    let next = next.map(|it| serde_json::to_string(&it)).transpose();
    Ok(DeltaPage { records, next: next.map_err(|_| BadShape::BadMark)?, order })
}

#[async_trait]
impl Crm for ManifestCrm {
    async fn read(
        &self,
        object: &ObjectName,
        record_id: &RecordId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        let purpose = Purpose { operation: "read", subject: object.as_str() };
        let stream = self.stream(object)?;
        let response = match self.read_one(purpose, stream, record_id).await? {
            Found::Answer(response) => response,
            Found::Gone(_) if self.is_list_there(purpose, stream).await? => return Ok(None),
            Found::Gone(cause) => {
                let Purpose { operation, subject } = purpose;
                return Err(PortError::new(
                    PortErrorKind::Unavailable,
                    self.platform,
                    operation,
                    subject,
                )
                .with_source(cause));
            }
        };
        let body: Value = response.json()?;
        let bad = |it| self.rejected(purpose, it);
        let record = body
            .pointer(&stream.record)
            .filter(|it| it.is_object())
            .ok_or_else(|| bad(BadShape::NoRecord { at: stream.record.clone() }))?;
        if !stream.keeps(record) {
            return Ok(None);
        }
        stream.read(record, fields).map(Some).map_err(bad)
    }

    async fn changes(&self, query: &DeltaQuery) -> Result<DeltaPage, PortError> {
        self.page(query, &Mark::start(query.from)).await
    }

    async fn more_changes(&self, query: &DeltaQuery, next: &str) -> Result<DeltaPage, PortError> {
        let purpose = Purpose { operation: "changes", subject: query.object.as_str() };
        let mark =
            serde_json::from_str(next).map_err(|_| self.rejected(purpose, BadShape::BadMark))?;
        self.page(query, &mark).await
    }

    async fn health(&self) -> Result<Health, PortError> {
        let subject = self.settings.connection.as_str();
        let purpose = Purpose { operation: "health", subject };
        let health = &self.manifest.health;
        let path = fill_path(&health.path, &self.settings.values)
            .map_err(|it| self.rejected(purpose, it))?;
        let params: Vec<_> = health.params.clone().into_iter().collect();
        let response = self.get(purpose, &self.locate(purpose, &path, &params)?).await?;
        if !response.status().is_success() {
            return Err(self.error(&response));
        }
        let remote_now = response.date().ok_or_else(|| self.rejected(purpose, NoDate))?;
        // A window of a minute or an hour says nothing about the rest of the day.
        Ok(Health { remote_now, calls_left: None })
    }
}

impl fmt::Debug for ManifestCrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManifestCrm")
            .field("platform", &self.platform)
            .field("connection", &self.settings.connection)
            .finish_non_exhaustive()
    }
}
