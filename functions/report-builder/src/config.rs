//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::ports::SecretAddress;
use url::Url;
use wiring::{BlobAddress, OutsideSettings};

/// How long links in messages are good when nobody says.
const LINK_FOR: Duration = Duration::from_hours(6);
/// The longest: what a store signs for. Source: Amazon S3 user guide, "Expiration of a presigned URL".
const MAX_LINK_FOR: Duration = Duration::from_hours(24 * 7);

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, which keeps the journal of reports, the connections, and prices.
    pub outside: OutsideSettings,
    /// Where files of reports go: `REPORTS`, such as `s3://example-reports/reports` or `file:reports`.
    pub reports: BlobAddress,
    /// Where the firm's own definitions are: `REPORT_DEFINITIONS`, likewise; without it there are those
    /// of this build.
    pub definitions: Option<BlobAddress>,
    /// Where reports are queued: `REPORTS_QUEUE`, such as `sqlite:queue.db?queue=reports`.
    pub queue: Url,
    /// Who hears of reports: `REPORTS_TOPIC`, such as `sns:arn:aws:sns:…`.
    pub topic: Option<Url>,
    /// Who else does: `REPORTS_WEBHOOK`, an address of `https`, and `REPORTS_WEBHOOK_SECRET`, where the
    /// secret lies that messages are signed with.
    pub webhook: Option<(Url, SecretAddress)>,
    /// How long links in messages are good: `REPORTS_LINK_FOR`, `6h` by default, at most seven days.
    pub link_for: Duration,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
        let reports = env.required("REPORTS");
        let definitions = env.optional("REPORT_DEFINITIONS");
        let queue = env.required("REPORTS_QUEUE");
        let topic = env.optional("REPORTS_TOPIC");
        let webhook: Option<Url> = env.optional("REPORTS_WEBHOOK");
        let secret: Option<SecretAddress> = env.optional("REPORTS_WEBHOOK_SECRET");
        if webhook.is_some() && secret.is_none() {
            env.fault(
                "REPORTS_WEBHOOK_SECRET is unset: name where the secret lies that messages are \
                 signed with, such as `secretsmanager:reports-webhook`",
            );
        }
        let link_for = env.duration_or("REPORTS_LINK_FOR", LINK_FOR);
        if link_for.is_zero() || link_for > MAX_LINK_FOR {
            env.fault("REPORTS_LINK_FOR is no time up to `7d`: write such as `6h`");
        }
        let found = outside.zip(reports).zip(queue);
        env.finish(found.map(|((outside, reports), queue)| Self {
            outside,
            reports,
            definitions,
            queue,
            topic,
            webhook: webhook.zip(secret),
            link_for,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([
            ("REPORTS", "somewhere"),
            ("REPORTS_WEBHOOK", "https://firm.example/hooks"),
            ("REPORTS_LINK_FOR", "8d"),
        ]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "REPORTS is malformed",
            "REPORTS_QUEUE is unset",
            "REPORTS_WEBHOOK_SECRET is unset",
            "REPORTS_LINK_FOR is no time",
        ] {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
    }

    #[test]
    fn receivers_may_be_left_out() {
        let config = Config::read(Env::from_pairs([
            ("CASE_STORE", "sqlite:cases.db"),
            ("CONNECTIONS", "[]"),
            ("REPORTS", "file:/reports"),
            ("REPORTS_QUEUE", "sqlite:queue.db?queue=reports"),
        ]));
        let config = config.unwrap();
        assert!(config.topic.is_none() && config.webhook.is_none() && config.definitions.is_none());
        assert_eq!(config.link_for, LINK_FOR);
    }
}
