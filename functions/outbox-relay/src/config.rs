//! The settings of this function.

use shared::config::{ConfigError, Env};
use shared::sync::RelaySettings;
use wiring::OutsideSettings;

use crate::outbox_relay::RunSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, the connections, prices, and how calls are encrypted.
    pub outside: OutsideSettings,
    /// How it sends: `RELAY_BULK_THRESHOLD` (2000 records) and `RELAY_MAX_ATTEMPTS` (12).
    pub relay: RelaySettings,
    /// How long a run takes on Lambda and Azure: `RELAY_AT_MOST` (`240s`).
    pub run: RunSettings,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
        let usual = RelaySettings::default();
        let relay = RelaySettings {
            bulk_threshold: env.or("RELAY_BULK_THRESHOLD", usual.bulk_threshold),
            max_attempts: env.or("RELAY_MAX_ATTEMPTS", usual.max_attempts),
            ..usual
        };
        if relay.max_attempts == 0 {
            env.fault(
                "RELAY_MAX_ATTEMPTS is zero: write how often a record is tried, such as `12`",
            );
        }
        let usual = RunSettings::default();
        let run = RunSettings { at_most: env.duration_or("RELAY_AT_MOST", usual.at_most), ..usual };
        if run.at_most.is_zero() {
            env.fault("RELAY_AT_MOST is zero: write a time such as `240s`");
        }
        let found = outside.map(|outside| Self { outside, relay, run });
        env.finish(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([("RELAY_MAX_ATTEMPTS", "0"), ("RELAY_AT_MOST", "soon")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "CONNECTIONS is unset",
            "RELAY_MAX_ATTEMPTS is zero",
            "RELAY_AT_MOST is malformed",
        ] {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
    }

    #[test]
    fn defaults_hold_for_what_is_unset() {
        let env = Env::from_pairs([("CASE_STORE", "sqlite:cases.db"), ("CONNECTIONS", "[]")]);
        let config = Config::read(env).unwrap();
        assert_eq!(config.run, RunSettings::default());
        assert_eq!(config.relay.bulk_threshold, RelaySettings::default().bulk_threshold);
    }
}
