//! How calls to AWS are made.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

use crate::guard::{CallGuard, guarded};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take, its answer read; a long poll of SQS waits up to 20 s.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(30);
/// How long one attempt may take with what comes before it: credentials that are renewed.
const WHOLE_ATTEMPT: Duration = Duration::from_secs(35);
/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(60);
/// The longest wait between two attempts. When AWS asks for a longer one, the call ends.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often a call is tried. The SDK's retry quota stops a client whose calls keep failing.
const N_ATTEMPTS: u32 = 4;

/// An AWS account as this process sees it: region, credentials, time limits, and what watches over its
/// calls.
#[derive(Clone, Debug)]
pub struct Account {
    /// As it was configured: credentials themselves are fetched outside of the guard.
    plain: SdkConfig,
    guarded: SdkConfig,
}

impl Account {
    /// Reads region and credentials from the environment, as every AWS tool does. Nothing is called yet.
    pub async fn of_environment() -> Self {
        Self::of(within_limits(aws_config::defaults(BehaviorVersion::latest())).load().await)
    }

    /// Uses what was configured elsewhere.
    pub(crate) fn of(plain: SdkConfig) -> Self {
        let guarded = guarded(&plain, &CallGuard::default());
        Self { plain, guarded }
    }

    /// Has every call watched by `guard`, whose breakers, costs and observers are then those of this
    /// account too.
    #[must_use]
    pub fn guarded_by(self, guard: &CallGuard) -> Self {
        let guarded = guarded(&self.plain, guard);
        Self { guarded, ..self }
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.guarded
    }
}

/// Adds the limits of every call to what `loader` knows.
pub(crate) fn within_limits(loader: ConfigLoader) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(WHOLE_ATTEMPT)
        .operation_timeout(CALL)
        .build();
    let retries =
        RetryConfig::standard().with_max_attempts(N_ATTEMPTS).with_max_backoff(LONGEST_WAIT);
    loader.timeout_config(timeouts).retry_config(retries)
}
