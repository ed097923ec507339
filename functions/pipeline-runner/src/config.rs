//! The settings of this function.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::ports::SecretAddress;
use url::Url;
use wiring::{BlobAddress, OutsideSettings};

/// How long a partition may take when nobody says: a minute less than a function may.
const WITHIN: Duration = Duration::from_mins(14);

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, which keeps the journal of runs; the connections, whose mappings say what is
    /// hidden of its rows; and prices.
    pub outside: OutsideSettings,
    /// Where the key of the mask `hash` lies: `LAKE_MASK_KEY`.
    pub mask_key: Option<SecretAddress>,
    /// Where definitions are: `PIPELINES`, such as `s3://example-pipelines/pipelines` or
    /// `file:pipelines`.
    pub pipelines: BlobAddress,
    /// Databases whose tables pipelines read and write, each by its name: `PIPELINES_DATABASES`, such as
    /// `{"reporting": "postgres://loader@host/reporting?password=env:REPORTING_PASSWORD"}`.
    pub databases: BTreeMap<String, Url>,
    /// Where partitions are queued, and where messages come from when no platform hands them over:
    /// `PIPELINES_QUEUE`, such as `sqlite:queue.db?queue=pipelines`.
    pub queue: Url,
    /// How long a partition may take: `PIPELINES_WITHIN`, `14m` by default. It must end before the
    /// function does.
    pub within: Duration,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
        let mask_key = env.optional("LAKE_MASK_KEY");
        let pipelines = env.required("PIPELINES");
        let databases = wiring::read_databases(&mut env);
        let queue = env.required("PIPELINES_QUEUE");
        let within = env.duration_or("PIPELINES_WITHIN", WITHIN);
        if within.is_zero() {
            env.fault("PIPELINES_WITHIN is zero: write a time such as `14m`");
        }
        let found = outside.zip(pipelines).zip(queue);
        env.finish(found.map(|((outside, pipelines), queue)| Self {
            outside,
            mask_key,
            pipelines,
            databases,
            queue,
            within,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([("PIPELINES", "somewhere"), ("PIPELINES_WITHIN", "0s")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "PIPELINES is malformed",
            "PIPELINES_QUEUE is unset",
            "PIPELINES_WITHIN is zero",
        ] {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
    }
}
