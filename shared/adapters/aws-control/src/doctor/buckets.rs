//! Asks for the settings of a bucket.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;

use super::asked::Asked;
use super::judge::{BucketFinding, Settings, judge};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a question may take with all its attempts.
const CALL: Duration = Duration::from_secs(30);

/// The buckets of an account.
#[derive(Clone, Debug)]
pub struct Buckets {
    client: Client,
}

impl Buckets {
    /// Reads region and credentials from the environment, as every AWS tool does. Nothing is asked yet.
    pub async fn of_environment() -> Self {
        Self::of(&aws_config::defaults(BehaviorVersion::latest()).load().await)
    }

    /// Uses what was configured elsewhere.
    pub fn of(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(CALL)
            .build();
        // What stands for AWS on this machine has no name for each bucket.
        let is_peer = config.endpoint_url().is_some();
        let config = Builder::from(config)
            .force_path_style(is_peer)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3));
        Self { client: Client::from_conf(config.build()) }
    }

    /// Examines the bucket `name`: encryption, versions, lifecycle, copies, public access, and whom it
    /// tells of new objects. It changes nothing.
    pub async fn examine(&self, name: &str) -> Vec<BucketFinding> {
        let Self { client } = self;
        let versioning = client.get_bucket_versioning().bucket(name).send().await;
        let versioning = Asked::of(versioning, "").map(|it| it.status);
        if versioning == Asked::NoBucket {
            return judge(Settings { versioning, ..Settings::default() });
        }
        let encryption = client.get_bucket_encryption().bucket(name).send().await;
        let lifecycle = client.get_bucket_lifecycle_configuration().bucket(name).send().await;
        let replication = client.get_bucket_replication().bucket(name).send().await;
        let public = client.get_public_access_block().bucket(name).send().await;
        let told = client.get_bucket_notification_configuration().bucket(name).send().await;
        judge(Settings {
            versioning,
            encryption: Asked::of(encryption, "ServerSideEncryptionConfigurationNotFoundError")
                .map(|it| it.server_side_encryption_configuration),
            lifecycle: Asked::of(lifecycle, "NoSuchLifecycleConfiguration")
                .map(|it| it.rules.unwrap_or_default()),
            replication: Asked::of(replication, "ReplicationConfigurationNotFoundError")
                .map(|it| it.replication_configuration),
            public: Asked::of(public, "NoSuchPublicAccessBlockConfiguration")
                .map(|it| it.public_access_block_configuration),
            told: Asked::of(told, ""),
        })
    }
}
