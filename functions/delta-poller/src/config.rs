//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::cost::CostSettings;
use shared::platform::OutboundSettings;
use url::Url;
use wiring::ConnectionSettings;

use crate::poller::PollSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where changes go: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub queue: Url,
    /// Where cursors, states and runs are kept: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// What is polled: `CONNECTIONS`, a JSON list, or the file named by `CONNECTIONS_FILE`.
    /// They may be of platforms whose manifests lie in the folder `PLATFORMS_FOLDER`.
    pub connections: Vec<ConnectionSettings>,
    /// How often: `POLL_EVERY`, `60s` by default. On Lambda and Azure the platform's timer decides.
    pub every: Duration,
    /// How it is polled: `POLL_OVERLAP` (`5m`), `POLL_LAG` (`0s`), `POLL_MAX_QUEUE_DEPTH` (100,000
    /// messages), `POLL_MIN_CALLS_LEFT` (1,000 calls) and `POLL_LOAD_ABOVE` (2,000 records).
    pub poll: PollSettings,
    /// Prices and budgets: `COST_PRICE_LIST`, a file, and `COST_BUDGETS`, a JSON list.
    pub costs: CostSettings,
    /// How calls are encrypted: `HTTP_TLS12_HOSTS` and `HTTP_EXTRA_ROOTS_FILE`.
    pub outbound: OutboundSettings,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let queue = env.required("EVENTS_QUEUE");
        let case_store = env.required("CASE_STORE");
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
        if env.get("CONNECTIONS").is_none() && env.get("CONNECTIONS_FILE").is_none() {
            env.fault("CONNECTIONS is unset: write a JSON list, or set CONNECTIONS_FILE");
        }
        wiring::read_platforms(&mut env);
        let connections = ConnectionSettings::read(&mut env);
        let costs = CostSettings::read(&mut env);
        let outbound = OutboundSettings::read(&mut env);
        let found = queue.zip(case_store).map(|(queue, case_store)| Self {
            queue,
            case_store,
            connections,
            every,
            poll,
            costs,
            outbound,
        });
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
