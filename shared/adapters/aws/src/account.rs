//! How calls to AWS are made.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take; a long poll of SQS waits up to 20 s.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(60);
/// How often a call is tried. The SDK's retry quota stops a client whose calls keep failing.
const N_ATTEMPTS: u32 = 4;

/// An AWS account as this process sees it: region, credentials, time limits.
#[derive(Clone, Debug)]
pub struct Account {
    config: SdkConfig,
}

impl Account {
    /// Reads region and credentials from the environment, as every AWS tool does. Nothing is called yet.
    pub async fn of_environment() -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(CALL)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(N_ATTEMPTS);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .retry_config(retries)
            .load()
            .await;
        Self { config }
    }

    /// Uses what was configured elsewhere.
    #[cfg(feature = "testkit")]
    pub(crate) fn of(config: SdkConfig) -> Self {
        Self { config }
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }
}
