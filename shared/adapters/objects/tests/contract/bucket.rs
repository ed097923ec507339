//! A bucket of its own for each test.

use std::sync::Arc;

use adapter_objects::BlobAddress;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use shared::config::Env;
use shared::ports::{BlobStore, Random as _, SystemClock, SystemRandom};

/// A bucket of the peer that `MOODBRIDGE_TEST_AWS` names.
pub(super) struct TestBucket {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) env: Env,
}

impl TestBucket {
    /// Makes an empty bucket in an account of its own, or says loudly that the test is skipped.
    pub(super) async fn open() -> Option<Self> {
        let env = Env::of_process();
        let Some(endpoint) = env.get("AWS_ENDPOINT_URL").filter(|it| !it.is_empty()) else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "aws");
            assert!(!is_required, "AWS is required: run this by `scripts/with-aws`");
            eprintln!("SKIPPED: no AWS; `scripts/with-aws COMMAND` starts a peer");
            return None;
        };
        // The peers keep an account for each access key that looks like an account's number.
        let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
        let name = format!("test-{:032x}", SystemRandom.bits());
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(&number, "test", None, None, "test"))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .build();
        let client = Client::from_conf(config);
        client.create_bucket().bucket(&name).send().await.unwrap();
        let env = Env::from_pairs([
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &number),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        Some(Self { name, client, env })
    }

    /// Opens the store in it; `rest` is what stands behind the bucket in its address.
    pub(super) fn store(&self, rest: &str) -> Arc<dyn BlobStore> {
        let address = BlobAddress::parse(&format!("s3://{}{rest}", self.name)).unwrap();
        address.open(&self.env, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
    }
}
