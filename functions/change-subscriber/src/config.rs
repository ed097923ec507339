//! The settings of this function.

use shared::config::{ConfigError, Env};
use url::Url;
use wiring::OutsideSettings;

use crate::subscriber::SubscriberSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where changes go: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub queue: Url,
    /// The case store, the connections, prices, and how calls are encrypted.
    pub outside: OutsideSettings,
    /// How long a run takes on Lambda and Azure: `EVENTS_QUIET` (`20s`) and `EVENTS_AT_MOST` (`280s`).
    /// By itself, this function follows without an end.
    pub run: SubscriberSettings,
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
        let usual = SubscriberSettings::default();
        let run = SubscriberSettings {
            quiet: env.duration_or("EVENTS_QUIET", usual.quiet),
            at_most: env.duration_or("EVENTS_AT_MOST", usual.at_most),
        };
        if run.quiet.is_zero() || run.quiet > run.at_most {
            env.fault("EVENTS_QUIET is zero or more than EVENTS_AT_MOST: write such as `20s`");
        }
        let found = queue.zip(outside).map(|(queue, outside)| Self { queue, outside, run });
        env.finish(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([("EVENTS_QUIET", "1h"), ("EVENTS_AT_MOST", "5m")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "EVENTS_QUEUE is unset",
            "CASE_STORE is unset",
            "EVENTS_QUIET is zero or more than EVENTS_AT_MOST",
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
        assert_eq!(Config::read(env).unwrap().run, SubscriberSettings::default());
    }
}
