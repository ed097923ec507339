//! The client of one org: its session, its budget of calls, its addresses.

mod address;
mod api_usage;
mod call;
mod options;
mod remote_sessions;
mod session;

use std::fmt;
use std::sync::Arc;

use adapter_http::{BodyStream, HttpClient, Response};
use shared::PortError;
use shared::ids::{ConnectionId, SalesforceId};
use shared::ports::{Clock, RemoteSessions, SecretWriter, Secrets};

pub(crate) use address::{BadPlace, MAX_URL_BYTES, Place};
pub use api_usage::ApiUsage;
use api_usage::UsageMeter;
pub(crate) use call::RestCall;
pub use options::{AutoAssign, DuplicateRule, WriteOptions};
use remote_sessions::SharedSessions;
use session::{Session, SessionKeeper};

use crate::error;
use crate::grant::Means;
use crate::plan::{CallPlan, PlanQuestion};
use crate::rest::DescribeCache;
use crate::settings::SalesforceSettings;

/// The platform's name in errors, logs and metrics.
pub(crate) const PLATFORM: &str = "salesforce";

/// Calls one org. Clones share the session, the cache of describes and the count of calls.
///
/// Every call shows the session's token, and a new one, once, when the session has ended. Each counts
/// against the connection's quota, and what the org says of its own count corrects that.
#[derive(Clone)]
pub struct SalesforceClient {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SalesforceSettings,
    http: HttpClient,
    sessions: SessionKeeper,
    usage: UsageMeter,
    clock: Arc<dyn Clock>,
    describes: DescribeCache,
}

impl SalesforceClient {
    /// Lends the session to calls that this client does not make: one login serves both.
    pub fn sessions(&self) -> Arc<dyn RemoteSessions> {
        Arc::new(SharedSessions::new(self.connection(), self.inner.sessions.clone()))
    }

    /// Serves the connection that `settings` describe. Nothing is called yet.
    pub fn new(
        settings: SalesforceSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::open_with(settings, Means { http, secrets, writer: None, clock })
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
        Self::open_with(settings, Means { http, secrets, writer: Some(writer), clock })
    }

    fn open_with(settings: SalesforceSettings, means: Means) -> Self {
        let sessions = SessionKeeper::new(&settings, &means);
        let usage = UsageMeter::new(settings.connection.clone());
        let Means { http, clock, .. } = means;
        let describes = DescribeCache::default();
        Self { inner: Arc::new(Inner { settings, http, sessions, usage, clock, describes }) }
    }

    /// Returns our name of the connection.
    pub fn connection(&self) -> &ConnectionId {
        &self.inner.settings.connection
    }

    /// Returns the version of the API that is called, such as `66.0`.
    pub fn api_version(&self) -> &str {
        &self.inner.settings.api_version
    }

    /// Returns how much of the day's calls was used at the last answer.
    pub fn usage(&self) -> Option<ApiUsage> {
        self.inner.usage.last()
    }

    /// Chooses how to do what `question` asks for; the calls that are left are those of the last
    /// answer, where the question does not say.
    pub fn plan(&self, question: &PlanQuestion) -> CallPlan {
        let left = question.calls_left.or_else(|| self.usage().map(ApiUsage::n_left));
        CallPlan::of(&PlanQuestion { calls_left: left, ..*question })
    }

    /// Returns the user that the connection acts as, logging in when there is no session; `None` when
    /// the org does not say.
    ///
    /// # Errors
    ///
    /// As the org answers to the login.
    pub async fn user_id(&self) -> Result<Option<SalesforceId>, PortError> {
        Ok(self.inner.session().await?.user_id())
    }

    /// Returns how many records a page of a query asks for.
    pub(crate) fn page_size(&self) -> u16 {
        self.inner.settings.page_size
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(crate) fn describes(&self) -> &DescribeCache {
        &self.inner.describes
    }

    /// Calls, and returns the answer when it is a success.
    pub(crate) async fn call(&self, call: &RestCall) -> Result<Response, PortError> {
        let response = self.ask(call).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(error::error_of(&response)),
        }
    }

    /// Calls, and returns the answer whatever its status, but for an ended session.
    pub(crate) async fn ask(&self, call: &RestCall) -> Result<Response, PortError> {
        let first = self.inner.session().await?;
        let response = self.inner.send(call, &first).await?;
        if !error::is_session_expired(&response) {
            return Ok(response);
        }
        self.inner.sessions.forget(&first);
        let second = self.inner.session().await?;
        self.inner.send(call, &second).await
    }

    /// Calls, and returns a successful answer to be read in pieces.
    pub(crate) async fn open(&self, call: &RestCall) -> Result<BodyStream, PortError> {
        let first = self.inner.session().await?;
        let opened = match self.inner.open(call, &first).await? {
            Ok(opened) => return Ok(opened),
            Err(refused) if error::is_session_expired(&refused) => {
                self.inner.sessions.forget(&first);
                let second = self.inner.session().await?;
                self.inner.open(call, &second).await?
            }
            Err(refused) => Err(refused),
        };
        opened.map_err(|refused| error::error_of(&refused))
    }

    /// Returns the session's token and instance, for a call that shows the token in its body.
    pub(crate) async fn session_token(&self) -> Result<Session, PortError> {
        self.inner.session().await
    }

    /// Takes note that the org refused `session`.
    pub(crate) fn forget(&self, session: &Session) {
        self.inner.sessions.forget(session);
    }

    /// Calls with `session`, whose token the call itself shows.
    pub(crate) async fn ask_bare(
        &self,
        call: &RestCall,
        session: &Session,
    ) -> Result<Response, PortError> {
        let request = call.request(self.inner.locate(call, session)?, None)?;
        self.inner.finish(request).await
    }
}

impl Inner {
    async fn session(&self) -> Result<Session, PortError> {
        self.sessions.session().await
    }

    async fn send(&self, call: &RestCall, session: &Session) -> Result<Response, PortError> {
        let url = self.locate(call, session)?;
        self.finish(call.request(url, Some(session.token()))?).await
    }

    async fn finish(&self, request: adapter_http::Request) -> Result<Response, PortError> {
        let asked_at = self.clock.now();
        let response = self.http.send(request).await?;
        self.note_usage(&response, asked_at);
        Ok(response)
    }

    /// Opens an answer; one that is no success is read whole.
    async fn open(
        &self,
        call: &RestCall,
        session: &Session,
    ) -> Result<Result<BodyStream, Response>, PortError> {
        let url = self.locate(call, session)?;
        let request = RestCall::streamed(call.request(url, Some(session.token()))?);
        let asked_at = self.clock.now();
        let opened = self.http.open_any(request).await?;
        self.note_usage(opened.head(), asked_at);
        match opened.head().status().is_success() {
            true => Ok(Ok(opened)),
            false => opened.gather().await.map(Err),
        }
    }

    fn locate(&self, call: &RestCall, session: &Session) -> Result<url::Url, PortError> {
        let version = call.version.as_deref().unwrap_or(&self.settings.api_version);
        address::locate(&session.instance_url, version, &call.place, &call.query)
            .map_err(|error| call.rejected(error))
    }

    fn note_usage(&self, response: &Response, asked_at: shared::time::Timestamp) {
        if let Some(ApiUsage { n_used, n_allowed }) = self.usage.observe(response) {
            self.http.report_usage(PLATFORM, n_used, n_allowed, asked_at);
        }
    }
}

impl fmt::Debug for SalesforceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalesforceClient")
            .field("connection", &self.inner.settings.connection)
            .finish_non_exhaustive()
    }
}
