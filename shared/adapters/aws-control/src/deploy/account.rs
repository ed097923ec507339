//! How the control plane of AWS is called.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take: a package of 50 MB goes out, a function starts cold.
const ATTEMPT: Duration = Duration::from_secs(60);
/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(180);
/// How often a call is tried. The SDK's retry quota stops a client whose calls keep failing.
const N_ATTEMPTS: u32 = 4;

/// Reads region and credentials from the environment. Nothing is called yet.
pub(super) async fn of_environment() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(N_ATTEMPTS);
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    defaults.timeout_config(timeouts).retry_config(retries).load().await
}
