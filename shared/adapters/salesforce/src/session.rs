//! The access token in use: kept, renewed ahead of time, and asked for once however many wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapter_http::HttpClient;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use shared::ports::{Clock, Secrets};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind, Retry};
use tracing::{info, warn};
use url::Url;

use crate::grant;
use crate::settings::SalesforceSettings;

/// A token is renewed after this long; Salesforce does not say when it ends.
/// Source: sessions end after the org's time-out, two hours by default.
const RENEW_AFTER: Duration = Duration::from_secs(30 * 60);

/// A refused login is not tried again for this long: too many lock the user out.
const REFUSAL_HOLDS: Duration = Duration::from_secs(15);

/// A renewal that failed for a passing reason is tried again after this long, and the old token
/// serves meanwhile.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);

/// A session with the org.
pub(crate) struct Session {
    pub(crate) token: Secret,
    pub(crate) instance_url: Url,
    renew_at: Timestamp,
}

type Outcome = Result<Arc<Session>, Arc<PortError>>;

enum State {
    Empty,
    Asking(Shared<BoxFuture<'static, Outcome>>),
    Open(Arc<Session>),
    Refused { error: Arc<PortError>, until: Timestamp },
}

/// Keeps the session of one connection.
#[derive(Clone)]
pub(crate) struct SessionKeeper {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SalesforceSettings,
    http: HttpClient,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl SessionKeeper {
    pub(crate) fn new(
        settings: SalesforceSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Mutex::new(State::Empty);
        Self { inner: Arc::new(Inner { settings, http, secrets, clock, state }) }
    }

    /// Returns the session, logging in when there is none. All that wait share one login, and one
    /// that gives up does not end it for the others.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, PortError> {
        let asking = {
            let now = self.inner.clock.now();
            let mut state = self.inner.state();
            match &*state {
                State::Open(session) if now < session.renew_at => return Ok(session.clone()),
                State::Refused { error, until } if now < *until => return Err(share(error)),
                State::Asking(asking) => asking.clone(),
                State::Open(_) | State::Refused { .. } | State::Empty => {
                    let previous = match &*state {
                        State::Open(session) => Some(session.clone()),
                        _ => None,
                    };
                    let asking = self.inner.clone().log_in(previous).boxed().shared();
                    *state = State::Asking(asking.clone());
                    asking
                }
            }
        };
        asking.await.map_err(|error| share(&error))
    }

    /// Forgets `session`, unless another has taken its place: of many that find it ended, one leads
    /// to a new login.
    pub(crate) fn forget(&self, session: &Arc<Session>) {
        let mut state = self.inner.state();
        if matches!(&*state, State::Open(open) if Arc::ptr_eq(open, session)) {
            *state = State::Empty;
        }
    }
}

impl Inner {
    async fn log_in(self: Arc<Self>, previous: Option<Arc<Session>>) -> Outcome {
        let Self { settings, http, secrets, clock, .. } = &*self;
        let answer = grant::ask(settings, http, &**secrets, &**clock).await;
        let now = clock.now();
        let connection = &settings.connection;
        match answer {
            Ok(grant) => {
                info!(connection = %connection, "logged in to Salesforce as `{connection}`");
                let session = Arc::new(Session {
                    token: grant.token,
                    instance_url: grant.instance_url,
                    renew_at: now.plus(RENEW_AFTER),
                });
                *self.state() = State::Open(session.clone());
                Ok(session)
            }
            Err(error) => {
                let is_passing = matches!(error.retry(), Retry::After(_));
                if let Some(old) = previous.filter(|_| is_passing) {
                    warn!(connection = %connection, error = %shared::chain(&error),
                        "token of `{connection}` was not renewed, the old one serves on");
                    let session = Arc::new(Session {
                        token: old.token.clone(),
                        instance_url: old.instance_url.clone(),
                        renew_at: now.plus(RENEWAL_PAUSE),
                    });
                    *self.state() = State::Open(session.clone());
                    return Ok(session);
                }
                let error = Arc::new(error);
                *self.state() = if is_passing {
                    State::Empty
                } else {
                    State::Refused { error: error.clone(), until: now.plus(REFUSAL_HOLDS) }
                };
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an error of its own for each that waited for the same login.
fn share(error: &Arc<PortError>) -> PortError {
    let kind = match error.kind() {
        // The login is the caller's means, not its aim: a missing secret is a missing permission.
        PortErrorKind::NotFound | PortErrorKind::Rejected => PortErrorKind::Denied,
        kind => kind,
    };
    let shared = PortError::new(kind, error.platform(), "log in", "session");
    let shared = match error.retry_after() {
        Some(delay) => shared.with_retry_after(delay),
        None => shared,
    };
    shared.with_source(error.clone())
}
