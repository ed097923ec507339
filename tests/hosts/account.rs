//! An account of its own for each test, at the one peer that stands for AWS and runs functions.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use shared::config::Env;
use shared::ports::{Random as _, SystemRandom};

/// An account at the peer, empty at first.
pub(crate) struct Account {
    /// What a command signs in with: its `AWS_ACCESS_KEY_ID`.
    pub(crate) number: String,
    pub(crate) config: SdkConfig,
}

impl Account {
    /// Opens an account, or says loudly that the test is skipped: no peer is there.
    pub(crate) async fn open() -> Option<Self> {
        let env = Env::of_process();
        let peer = env.get("MOODBRIDGE_TEST_AWS").unwrap_or("ministack");
        if env.get("AWS_ENDPOINT_URL").is_none_or(str::is_empty) || peer != "ministack" {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "aws");
            assert!(!is_required || peer != "ministack", "run this by `scripts/with-aws`");
            eprintln!("SKIPPED: no MiniStack; `scripts/with-aws COMMAND` starts it");
            return None;
        }
        let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
        let credentials = Credentials::new(number.clone(), "test", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest());
        let config = config.credentials_provider(credentials).load().await;
        Some(Self { number, config })
    }
}
