//! An account of its own for each test, at the peer that stands for AWS.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use shared::config::Env;
use shared::ports::{Random as _, SystemRandom};

/// Opens an empty account; `None`, loudly, when no peer is there.
pub(crate) async fn open() -> Option<SdkConfig> {
    let env = Env::of_process();
    if env.get("AWS_ENDPOINT_URL").is_none_or(str::is_empty) {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == "aws");
        assert!(!is_required, "AWS is required: run this by `scripts/with-aws`");
        eprintln!("SKIPPED: no AWS; `scripts/with-aws COMMAND` starts a peer");
        return None;
    }
    // The peer keeps an account for each access key that looks like an account's number.
    let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
    let credentials = Credentials::new(number, "test", None, None, "test");
    let config = aws_config::defaults(BehaviorVersion::latest());
    Some(config.credentials_provider(credentials).load().await)
}

/// Opens an empty account at the one peer that runs functions of ours and answers queries in logs;
/// `None`, loudly, at another.
pub(crate) async fn open_ministack() -> Option<SdkConfig> {
    let peer = Env::of_process().get("MOODBRIDGE_TEST_AWS").unwrap_or("ministack").to_owned();
    if peer != "ministack" {
        eprintln!("SKIPPED: `{peer}` is no MiniStack; `scripts/with-aws COMMAND` starts it");
        return None;
    }
    open().await
}
