//! Sends calls: paced, guarded by a breaker, repeated where that is safe, never without an end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use metrics::{counter, histogram};
use shared::ports::{Clock, Random};
use shared::{PortError, PortErrorKind};
use tokio::time::Instant;
use tracing::debug;
use url::{Host, Url};

use crate::fault::HttpFault;
use crate::guards::{GuardBook, Guards};
use crate::request::Request;
use crate::response::{BodyStream, Head, Response};
use crate::settings::{HttpSettings, PlainHttp};
use crate::status::{is_platform_fault, is_transient};

/// Calls platforms. Clones share connections, breakers and budgets: make one a process.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    guards: GuardBook,
}

/// How much of an answer an attempt reads before it counts as done.
#[derive(Clone, Copy)]
enum Reading {
    Head,
    Whole,
}

enum Answer {
    Open(Head, reqwest::Response),
    Whole(Head, Bytes),
}

impl Answer {
    fn head(&self) -> &Head {
        match self {
            Self::Open(head, _) | Self::Whole(head, _) => head,
        }
    }
}

/// What the loop does after an attempt.
struct Verdict {
    is_transient: bool,
    /// The platform certainly has not seen the request.
    is_unsent: bool,
    asked: Option<Duration>,
    outcome: &'static str,
}

impl HttpClient {
    /// Builds the client. It keeps no cookies and follows no redirects.
    ///
    /// # Errors
    ///
    /// `Rejected` when the machine's TLS set-up is not usable.
    pub fn new(
        settings: HttpSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, PortError> {
        let client = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .gzip(true)
            .tcp_nodelay(true)
            .user_agent(concat!("moodbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                PortError::new(PortErrorKind::Rejected, "http", "build client", "tls")
                    .with_source(error)
            })?;
        let guards = GuardBook::default();
        Ok(Self { inner: Arc::new(Inner { client, settings, clock, random, guards }) })
    }

    /// Sends `request` and reads the whole answer, whatever its status.
    ///
    /// Statuses such as 503 and 429, and broken connections, are tried again when the request may be
    /// repeated; the last answer is returned as it is.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no whole answer came in time or the breaker is open, `RateLimited` when
    /// our own pace leaves no room, `Rejected` when the request is not valid or the answer too long.
    pub async fn send(&self, request: Request) -> Result<Response, PortError> {
        match self.call(&request, Reading::Whole).await? {
            Answer::Whole(head, body) => Ok(Response::new(&request, head, body)),
            Answer::Open(head, _) => Ok(Response::new(&request, head, Bytes::new())),
        }
    }

    /// Sends `request` and returns once the head of the answer is there, to read its body in pieces.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and as the status says when it is not a success.
    pub async fn open(&self, request: Request) -> Result<BodyStream, PortError> {
        let settings = &self.inner.settings;
        let idle = request.attempt_timeout.unwrap_or(settings.attempt_timeout);
        let max_bytes = request.max_response_bytes.unwrap_or(settings.max_response_bytes);
        match self.call(&request, Reading::Head).await? {
            Answer::Open(head, response) if head.status.is_success() => {
                Ok(BodyStream::new(&request, head, response, idle, max_bytes))
            }
            Answer::Open(head, _) | Answer::Whole(head, _) => {
                let status = Response::new(&request, head, Bytes::new());
                Err(status.error(status.kind().unwrap_or(PortErrorKind::Unavailable)))
            }
        }
    }

    async fn call(&self, request: &Request, reading: Reading) -> Result<Answer, PortError> {
        let Inner { settings, clock, random, .. } = &*self.inner;
        let host = self.checked_host(request)?;
        let guards = self.inner.guards.find(settings, &host, request.operation);
        let deadline = Instant::now() + request.deadline.unwrap_or(settings.deadline);
        guards.budget.earn();
        let mut attempt = 1;
        loop {
            pace(request, &guards, deadline).await?;
            let permit = guards.breaker.admit(clock).map_err(|wait| {
                count(request, "breaker_open");
                request
                    .error(PortErrorKind::Unavailable, HttpFault::BreakerOpen)
                    .with_retry_after(wait)
            })?;
            let started = Instant::now();
            let result = self.attempt(request, reading, deadline).await;
            let verdict = judge(&result);
            observe(request, attempt, started.elapsed(), verdict.outcome);
            let is_fault = match &result {
                Ok(answer) => is_platform_fault(answer.head().status),
                Err(_) => verdict.is_transient,
            };
            let is_open = if is_fault {
                permit.failed()
            } else {
                permit.succeeded();
                false
            };
            let wait = settings.backoff.delay(attempt, verdict.asked, &**random);
            let goes_on = verdict.is_transient
                && (request.is_repeatable || verdict.is_unsent)
                && attempt < settings.max_attempts
                && !is_open
                && Instant::now() + wait < deadline
                && guards.budget.spend();
            if !goes_on {
                return result.map_err(|fault| request.error(kind_of_fault(&fault), fault));
            }
            counter!("platform_retries_total", "platform" => request.platform,
                "operation" => request.operation)
            .increment(1);
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Sends once and reads as far as `reading` says, within the attempt's time.
    async fn attempt(
        &self,
        request: &Request,
        reading: Reading,
        deadline: Instant,
    ) -> Result<Answer, HttpFault> {
        let Inner { client, settings, clock, .. } = &*self.inner;
        let within = request
            .attempt_timeout
            .unwrap_or(settings.attempt_timeout)
            .min(deadline.saturating_duration_since(Instant::now()));
        let max_bytes = request.max_response_bytes.unwrap_or(settings.max_response_bytes);
        let work = async {
            let response = client
                .request(request.method.clone(), request.url.clone())
                .headers(request.headers.clone())
                .body(request.body.clone())
                .send()
                .await
                .map_err(fault_of)?;
            let head = Head::of(&response, clock.now());
            match reading {
                Reading::Head => Ok(Answer::Open(head, response)),
                Reading::Whole => {
                    read_whole(response, max_bytes).await.map(|body| Answer::Whole(head, body))
                }
            }
        };
        tokio::time::timeout(within, work).await.unwrap_or(Err(HttpFault::Timeout { within }))
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
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn pace(request: &Request, guards: &Guards, deadline: Instant) -> Result<(), PortError> {
    let Some(pacer) = &guards.pacer else { return Ok(()) };
    let left = deadline.saturating_duration_since(Instant::now());
    let Some(wait) = pacer.reserve(left) else {
        count(request, "paced");
        return Err(request
            .error(PortErrorKind::RateLimited, HttpFault::Paced)
            .with_retry_after(left));
    };
    tokio::time::sleep(wait).await;
    Ok(())
}

async fn read_whole(mut response: reqwest::Response, max_bytes: usize) -> Result<Bytes, HttpFault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(fault_of)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(HttpFault::TooLong { max_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Wraps what the client reports, without the URL: its query may hold a secret or a person.
pub(crate) fn fault_of(error: reqwest::Error) -> HttpFault {
    if error.is_builder() {
        return HttpFault::Invalid { source: error.without_url().into() };
    }
    let is_unsent = error.is_connect();
    HttpFault::Connection { is_unsent, source: error.without_url().into() }
}

/// Returns what `fault` means for the caller.
pub(crate) fn kind_of_fault(fault: &HttpFault) -> PortErrorKind {
    match fault {
        HttpFault::Connection { .. } | HttpFault::Timeout { .. } | HttpFault::BreakerOpen => {
            PortErrorKind::Unavailable
        }
        HttpFault::Paced => PortErrorKind::RateLimited,
        _ => PortErrorKind::Rejected,
    }
}

fn judge(result: &Result<Answer, HttpFault>) -> Verdict {
    let verdict = |outcome| Verdict { is_transient: false, is_unsent: false, asked: None, outcome };
    match result {
        Ok(answer) => {
            let head = answer.head();
            let outcome = match head.status.as_u16() {
                200..=399 => "ok",
                420 | 429 => "rate_limited",
                400..=499 => "refused",
                _ => "platform_fault",
            };
            let is_transient = is_transient(head.status);
            Verdict { is_transient, asked: head.retry_after, ..verdict(outcome) }
        }
        Err(HttpFault::Connection { is_unsent, .. }) => {
            Verdict { is_transient: true, is_unsent: *is_unsent, ..verdict("connection") }
        }
        Err(HttpFault::Timeout { .. }) => Verdict { is_transient: true, ..verdict("timeout") },
        Err(_) => verdict("invalid"),
    }
}

fn count(request: &Request, outcome: &'static str) {
    counter!("platform_calls_total", "platform" => request.platform,
        "operation" => request.operation, "outcome" => outcome)
    .increment(1);
}

/// Counts an attempt, which is what platforms bill, and notes how long it took.
fn observe(request: &Request, attempt: u32, elapsed: Duration, outcome: &'static str) {
    count(request, outcome);
    histogram!("platform_call_seconds", "platform" => request.platform,
        "operation" => request.operation)
    .record(elapsed.as_secs_f64());
    debug!(
        platform = request.platform,
        operation = request.operation,
        attempt,
        outcome,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "called `{}` of {}",
        request.operation,
        request.platform
    );
}
