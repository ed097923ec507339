//! The client: its connections, its guards, and what it is connected to.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use shared::platform::Surroundings;
use shared::ports::{CallObserver, Clock, Ledger, Random};
use shared::telemetry::trace;
use shared::time::Timestamp;
use shared::worker::breaker::BreakerBoard;
use shared::worker::quota::{Quota, QuotaSettings};
use shared::{PortError, PortErrorKind};
use tokio::time::Instant;
use tracing::{Instrument, Span, info_span};
use url::{Host, Url};

use crate::attempt::{Answer, Reading};
use crate::call::Call;
use crate::fault::HttpFault;
use crate::guards::GuardBook;
use crate::request::Request;
use crate::response::{BodyStream, Response};
use crate::settings::{HttpSettings, PlainHttp};
use crate::transport::{Network, Transport};

/// Calls platforms. Clones share connections, breakers and budgets: make one a process.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
    hooks: Arc<Hooks>,
}

struct Inner {
    transport: Box<dyn Transport>,
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    guards: GuardBook,
}

/// What a client is connected to beside the network.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) observer: Option<Arc<dyn CallObserver>>,
    pub(crate) board: Option<Arc<BreakerBoard>>,
    quotas: Vec<(&'static str, Quota)>,
}

impl Hooks {
    /// Returns the quota that `request` counts against.
    pub(crate) fn quota(&self, request: &Request) -> Option<&Quota> {
        if request.is_unmetered { None } else { self.quota_of(request.platform) }
    }

    fn quota_of(&self, platform: &str) -> Option<&Quota> {
        self.quotas.iter().find(|(of, _)| *of == platform).map(|(_, quota)| quota)
    }
}

impl HttpClient {
    /// Builds the client. It keeps no cookies and follows no redirects.
    ///
    /// # Errors
    ///
    /// `Rejected` when the machine's TLS set-up or an extra root certificate is not usable.
    pub fn new(
        settings: HttpSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, PortError> {
        let transport = Box::new(Network::new(&settings)?);
        Ok(Self::over(transport, settings, clock, random))
    }

    /// Builds the client of one connection: encrypted as its surroundings say, and told on to
    /// whoever observes calls there.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn within(
        surroundings: &Surroundings,
        mut settings: HttpSettings,
    ) -> Result<Self, PortError> {
        let Surroundings { clock, random, observer, tls, .. } = surroundings.clone();
        settings.tls = tls.into();
        let client = Self::new(settings, clock, random)?;
        Ok(match observer {
            Some(observer) => client.with_observer(observer),
            None => client,
        })
    }

    pub(crate) fn over(
        transport: Box<dyn Transport>,
        settings: HttpSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let guards = GuardBook::default();
        let inner = Arc::new(Inner { transport, settings, clock, random, guards });
        Self { inner, hooks: Arc::default() }
    }

    /// Tells `observer` of every attempt.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn CallObserver>) -> Self {
        Arc::make_mut(&mut self.hooks).observer = Some(observer);
        self
    }

    /// Shares breakers with the other processes.
    #[must_use]
    pub fn with_shared_breakers(mut self, board: Arc<BreakerBoard>) -> Self {
        Arc::make_mut(&mut self.hooks).board = Some(board);
        self
    }

    /// Counts every attempt to call `platform` against `quota`.
    #[must_use]
    pub fn with_quota(mut self, platform: &'static str, quota: Quota) -> Self {
        let quotas = &mut Arc::make_mut(&mut self.hooks).quotas;
        quotas.retain(|(of, _)| *of != platform);
        quotas.push((platform, quota));
        self
    }

    /// Shares breakers, and `quota` of the calls to `platform`, with every process on `ledger`.
    #[must_use]
    pub fn shared_through(
        self,
        ledger: Arc<dyn Ledger>,
        platform: &'static str,
        quota: QuotaSettings,
    ) -> Self {
        let (clock, random) = (self.inner.clock.clone(), self.inner.random.clone());
        let board = BreakerBoard::new(ledger.clone(), clock.clone(), &*random);
        let quota = Quota::new(quota, ledger, clock, random);
        self.with_shared_breakers(Arc::new(board)).with_quota(platform, quota)
    }

    /// Hears what `platform` said of its own count, in its answer to a call that was begun at
    /// `asked_at`; without a quota it says nothing.
    pub fn report_usage(
        &self,
        platform: &'static str,
        n_used: u64,
        limit: u64,
        asked_at: Timestamp,
    ) {
        if let Some(quota) = self.hooks.quota_of(platform) {
            quota.report(n_used, limit, asked_at);
        }
    }

    /// Sends `request` and reads the whole answer, whatever its status.
    ///
    /// Statuses such as 503 and 429, and broken connections, are tried again when the request may be
    /// repeated; the last answer is returned as it is.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no whole answer came in time, the breaker is open or too many calls to the
    /// host are under way; `RateLimited` when our own pace or the quota leaves no room; `Rejected`
    /// when the request is not valid, the host speaks no TLS that is new enough, or the answer is
    /// too long.
    pub async fn send(&self, request: Request) -> Result<Response, PortError> {
        let request = request.packed();
        match self.call(&request, Reading::Whole).await? {
            Answer::Whole(head, body) => Ok(Response::new(&request, head, body)),
            Answer::Open(head, ..) => Ok(Response::new(&request, head, Bytes::new())),
        }
    }

    /// Sends `request` and returns once the head of the answer is there, to read its body in pieces.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and as the status says when it is not a success.
    pub async fn open(&self, request: Request) -> Result<BodyStream, PortError> {
        let answer = self.open_any(request).await?;
        match answer.head().kind() {
            None => Ok(answer),
            Some(kind) => Err(answer.head().error(kind)),
        }
    }

    /// Does as [`open`](Self::open), but returns an answer that is no success as well, to
    /// [`gather`](BodyStream::gather) what it says.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn open_any(&self, request: Request) -> Result<BodyStream, PortError> {
        let request = request.packed();
        let settings = self.settings();
        let idle = request.attempt_timeout.unwrap_or(settings.attempt_timeout);
        let max_bytes = request.max_response_bytes.unwrap_or(settings.max_response_bytes);
        match self.call(&request, Reading::Head).await? {
            Answer::Open(head, response, place) => {
                Ok(BodyStream::new(&request, head, Some((*response, place)), idle, max_bytes))
            }
            Answer::Whole(head, _) => Ok(BodyStream::new(&request, head, None, idle, max_bytes)),
        }
    }

    async fn call(&self, request: &Request, reading: Reading) -> Result<Answer, PortError> {
        let host = self.checked_host(request)?;
        let settings = self.settings();
        let guards = self.inner.guards.find(settings, &host, request);
        let deadline = Instant::now() + request.deadline.unwrap_or(settings.deadline);
        let call = Call { client: self, request, host: &host, guards: &guards, reading, deadline };
        call.run().instrument(span_of(request, &host)).await
    }

    /// Returns the host and port that guards go by, when it may be called at all.
    fn checked_host(&self, request: &Request) -> Result<String, PortError> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let is_safe = request.url.scheme() == "https"
            || self.inner.settings.plain_http == PlainHttp::Anywhere
            || is_loopback(&request.url);
        if !is_safe {
            let fault = HttpFault::NotEncrypted { host };
            return Err(request.error(PortErrorKind::Rejected, fault));
        }
        Ok(format!("{host}:{}", request.url.port_or_known_default().unwrap_or_default()))
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.inner.settings
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.inner.transport
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

/// Opens the span of a call; its address is left out, for it may name a person.
fn span_of(request: &Request, host: &str) -> Span {
    if !trace::is_on() {
        return Span::none();
    }
    let Request { platform, operation, .. } = *request;
    let name = format!("{platform} {operation}");
    info_span!(
        "call",
        platform,
        operation,
        server.address = host,
        otel.kind = "client",
        otel.name = name
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
