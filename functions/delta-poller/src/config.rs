//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use url::Url;
use wiring::OutsideSettings;

use crate::poller::PollSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where changes go: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub queue: Url,
    /// The case store, the connections, prices, and how calls are encrypted.
    pub outside: OutsideSettings,
    /// How often: `POLL_EVERY`, `60s` by default. On Lambda and Azure the platform's timer decides.
    pub every: Duration,
    /// How it is polled: `POLL_OVERLAP` (`5m`), `POLL_LAG` (`0s`), `POLL_MAX_QUEUE_DEPTH` (100,000
    /// messages), `POLL_MIN_CALLS_LEFT` (1,000 calls) and `POLL_LOAD_ABOVE` (2,000 records).
    pub poll: PollSettings,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let queue = env.required("EVENTS_QUEUE");
        let outside = OutsideSettings::read(&mut env);
        let every = env.duration_or("POLL_EVERY", Duration::from_secs(60));
        let usual = PollSettings::default();
        let poll = PollSettings {
            overlap: env.duration_or("POLL_OVERLAP", usual.overlap),
            lag: env.duration_or("POLL_LAG", usual.lag),
            max_queue_depth: env.or("POLL_MAX_QUEUE_DEPTH", usual.max_queue_depth),
            min_calls_left: env.or("POLL_MIN_CALLS_LEFT", usual.min_calls_left),
            load_above: env.or("POLL_LOAD_ABOVE", usual.load_above),
        };
        if every.is_zero() {
            env.fault("POLL_EVERY is zero: write a time such as `60s`");
        }
        let found = queue.zip(outside).map(|(queue, outside)| Self { queue, outside, every, poll });
        env.finish(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([("POLL_EVERY", "0s"), ("POLL_OVERLAP", "long")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "EVENTS_QUEUE is unset",
            "CASE_STORE is unset",
            "POLL_EVERY is zero",
            "POLL_OVERLAP is malformed",
            "CONNECTIONS is unset",
        ] {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
    }

    #[test]
    fn defaults_hold_for_what_is_unset() {
        let env = Env::from_pairs([
            ("EVENTS_QUEUE", "sqlite:queue.db?queue=events"),
            ("CASE_STORE", "sqlite:cases.db"),
            ("CONNECTIONS", "[]"),
        ]);
        let config = Config::read(env).unwrap();
        assert_eq!(config.every, Duration::from_secs(60));
        assert_eq!(config.poll, PollSettings::default());
    }
}
