//! The token in use: kept, renewed ahead of time, and asked for once however many wait.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use metrics::counter;
use shared::ports::Clock;
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind, Retry};
use tracing::{info, warn};

use super::grant::Grant;
use super::source::TokenSource;

/// How long tokens are kept, and how long a failure holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// A token whose end the server does not tell is renewed after this long.
    pub renew_after: Duration,
    /// A token whose end is known is renewed this long before, or after nine tenths of its life
    /// where that is later.
    pub margin: Duration,
    /// No question is put for this long after the first that was refused; twice as long after each
    /// further one. Too many refused logins lock a user out.
    pub refusal_holds: Duration,
    /// The same after a question that failed for a passing reason.
    pub outage_holds: Duration,
    /// The longest that a failure holds.
    pub longest_hold: Duration,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            renew_after: Duration::from_secs(30 * 60),
            margin: Duration::from_secs(60),
            refusal_holds: Duration::from_secs(15),
            outage_holds: Duration::from_secs(1),
            longest_hold: Duration::from_secs(10 * 60),
        }
    }
}

impl CachePolicy {
    fn renew_at(&self, grant: &Grant) -> Timestamp {
        let after = match grant.lifetime {
            None => self.renew_after,
            Some(lifetime) => lifetime.saturating_sub(self.margin).max(lifetime / 10 * 9),
        };
        grant.asked_at.plus(after)
    }

    fn hold(&self, kind: PortErrorKind, n_failures: u32) -> Duration {
        let first = match kind {
            PortErrorKind::Unavailable | PortErrorKind::RateLimited | PortErrorKind::Conflict => {
                self.outage_holds
            }
            _ => self.refusal_holds,
        };
        let factor = 1_u32.checked_shl(n_failures.saturating_sub(1)).unwrap_or(u32::MAX);
        first.saturating_mul(factor).min(self.longest_hold)
    }
}

/// A token in use. `Debug` does not show it.
pub struct AccessToken {
    grant: Grant,
    generation: u64,
    renew_at: Timestamp,
    is_refused: AtomicBool,
}

impl AccessToken {
    /// Returns the token, to be sent.
    pub fn secret(&self) -> &Secret {
        &self.grant.access_token
    }

    /// Returns everything that the server gave with it.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Returns how many tokens there were before it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn is_good_at(&self, now: Timestamp) -> bool {
        let is_over =
            self.grant.lifetime.is_some_and(|lifetime| now >= self.grant.asked_at.plus(lifetime));
        !is_over && !self.is_refused.load(Ordering::Acquire)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("generation", &self.generation)
            .field("renew_at", &self.renew_at)
            .finish_non_exhaustive()
    }
}

type Outcome = Result<Arc<AccessToken>, Arc<PortError>>;

/// What is under way or was got.
enum State {
    Empty,
    Asking(Shared<BoxFuture<'static, Outcome>>),
    Held { token: Arc<AccessToken>, renew_at: Timestamp },
    Failed { error: Arc<PortError>, until: Timestamp },
}

struct Memory {
    state: State,
    n_failures: u32,
    n_tokens: u64,
}

/// Keeps the token of one connection.
///
/// All that need one share one question to the [`TokenSource`], and its failure as well. The
/// question runs by itself: whoever gives up waiting, the first one too, ends it for nobody.
#[derive(Clone)]
pub struct TokenCache {
    inner: Arc<Inner>,
}

struct Inner {
    platform: &'static str,
    subject: String,
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    policy: CachePolicy,
    memory: Mutex<Memory>,
}

impl TokenCache {
    /// Keeps what `source` gives; `platform` and `subject` name it in errors, logs and metrics.
    pub fn new(
        platform: &'static str,
        subject: impl Into<String>,
        source: Arc<dyn TokenSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let memory = Mutex::new(Memory { state: State::Empty, n_failures: 0, n_tokens: 0 });
        let (subject, policy) = (subject.into(), CachePolicy::default());
        Self { inner: Arc::new(Inner { platform, subject, source, clock, policy, memory }) }
    }

    /// Keeps tokens as `policy` says; what was kept so far is forgotten.
    #[must_use]
    pub fn with_policy(self, policy: CachePolicy) -> Self {
        let Inner { platform, subject, source, clock, .. } = &*self.inner;
        let memory = Mutex::new(Memory { state: State::Empty, n_failures: 0, n_tokens: 0 });
        let (subject, source, clock) = (subject.clone(), source.clone(), clock.clone());
        Self { inner: Arc::new(Inner { platform, subject, source, clock, policy, memory }) }
    }

    /// Returns the token, asking for one when there is none or it ends soon.
    ///
    /// # Errors
    ///
    /// `Denied` when the source is refused, `RateLimited` or `Unavailable` with the time to wait
    /// when a later question may help.
    pub async fn token(&self) -> Result<Arc<AccessToken>, PortError> {
        let asking = {
            let now = self.inner.clock.now();
            let mut memory = self.inner.memory();
            match &memory.state {
                State::Held { token, renew_at } if now < *renew_at => return Ok(token.clone()),
                State::Failed { error, until } if now < *until => {
                    return Err(self.inner.share(error, until.since(now)));
                }
                State::Asking(asking) => asking.clone(),
                State::Held { .. } | State::Failed { .. } | State::Empty => {
                    let previous = match &memory.state {
                        State::Held { token, .. } => Some(token.clone()),
                        _ => None,
                    };
                    let asking = self.inner.clone().start(previous);
                    memory.state = State::Asking(asking.clone());
                    asking
                }
            }
        };
        asking.await.map_err(|error| {
            let wait = error.retry_after().unwrap_or_default();
            self.inner.share(&error, wait)
        })
    }

    /// Takes note that the platform refused `token`. When another has taken its place nothing
    /// happens: of many calls that find one token ended, one leads to a question.
    pub fn refuse(&self, token: &AccessToken) {
        token.is_refused.store(true, Ordering::Release);
        let mut memory = self.inner.memory();
        if matches!(&memory.state, State::Held { token: held, .. } if held.generation == token.generation)
        {
            memory.state = State::Empty;
        }
    }
}

impl Inner {
    /// Puts the question in a task of its own.
    fn start(
        self: Arc<Self>,
        previous: Option<Arc<AccessToken>>,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        let inner = self.clone();
        let task = tokio::spawn(self.ask(previous));
        async move {
            task.await.unwrap_or_else(|broken| {
                let error = PortError::new(
                    PortErrorKind::Unavailable,
                    inner.platform,
                    "token",
                    inner.subject.as_str(),
                );
                Err(inner.fail(error.with_source(broken), None))
            })
        }
        .boxed()
        .shared()
    }

    async fn ask(self: Arc<Self>, previous: Option<Arc<AccessToken>>) -> Outcome {
        let outcome = self.source.ask().await;
        let label = if outcome.is_ok() { "ok" } else { "failed" };
        counter!("oauth_renewals_total", "platform" => self.platform, "outcome" => label)
            .increment(1);
        let grant = match outcome {
            Ok(grant) => grant,
            Err(error) => return self.settle_failure(error, previous),
        };
        info!(platform = self.platform, connection = %self.subject,
            "got a token for `{}`", self.subject);
        let mut memory = self.memory();
        memory.n_tokens += 1;
        memory.n_failures = 0;
        let renew_at = self.policy.renew_at(&grant);
        let generation = memory.n_tokens;
        let is_refused = AtomicBool::new(false);
        let token = Arc::new(AccessToken { grant, generation, renew_at, is_refused });
        memory.state = State::Held { token: token.clone(), renew_at };
        Ok(token)
    }

    /// Lets the old token serve on through a passing failure, when it is still good.
    fn settle_failure(&self, error: PortError, previous: Option<Arc<AccessToken>>) -> Outcome {
        let is_passing = matches!(error.retry(), Retry::After(_));
        match previous {
            Some(old) if is_passing && old.is_good_at(self.clock.now()) => {
                warn!(platform = self.platform, connection = %self.subject,
                    error = %shared::chain(&error),
                    "token of `{}` was not renewed, the old one serves on", self.subject);
                self.fail(error, Some(old.clone()));
                Ok(old)
            }
            _ => Err(self.fail(error, None)),
        }
    }

    /// Remembers a failure for a while: all that ask meanwhile share it.
    fn fail(&self, error: PortError, still_good: Option<Arc<AccessToken>>) -> Arc<PortError> {
        let mut memory = self.memory();
        memory.n_failures = memory.n_failures.saturating_add(1);
        let hold = self.policy.hold(error.kind(), memory.n_failures);
        let hold = hold.max(error.retry_after().unwrap_or_default());
        let until = self.clock.now().plus(hold);
        let error = Arc::new(match error.retry() {
            Retry::After(_) => error.with_retry_after(hold),
            Retry::Never => error,
        });
        memory.state = match still_good {
            Some(token) => State::Held { token, renew_at: until },
            None => State::Failed { error: error.clone(), until },
        };
        error
    }

    /// Makes an error of its own for each that waited for the same question.
    fn share(&self, error: &Arc<PortError>, wait: Duration) -> PortError {
        let kind = match error.kind() {
            // The token is the caller's means, not its aim: a missing secret is a missing
            // permission.
            PortErrorKind::NotFound | PortErrorKind::Rejected => PortErrorKind::Denied,
            kind => kind,
        };
        let shared = PortError::new(kind, self.platform, "log in", self.subject.as_str());
        let shared = match error.retry() {
            Retry::After(_) => shared.with_retry_after(wait),
            Retry::Never => shared,
        };
        shared.with_source(error.clone())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { platform, subject, .. } = &*self.inner;
        f.debug_struct("TokenCache")
            .field("platform", platform)
            .field("subject", subject)
            .finish_non_exhaustive()
    }
}
