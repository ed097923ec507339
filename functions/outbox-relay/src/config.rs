//! The settings of this function.

use shared::config::{ConfigError, Env};
use shared::cost::CostSettings;
use shared::platform::OutboundSettings;
use shared::sync::RelaySettings;
use url::Url;
use wiring::ConnectionSettings;

use crate::outbox_relay::RunSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where the outbox is: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// Where changes go: `CONNECTIONS`, a JSON list, or the file named by `CONNECTIONS_FILE`. Those
    /// that take no changes are left alone.
    pub connections: Vec<ConnectionSettings>,
    /// How it sends: `RELAY_BULK_THRESHOLD` (2000 records) and `RELAY_MAX_ATTEMPTS` (12).
    pub relay: RelaySettings,
    /// How long a run takes on Lambda and Azure: `RELAY_AT_MOST` (`240s`).
    pub run: RunSettings,
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
        let case_store = env.required("CASE_STORE");
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
        if env.get("CONNECTIONS").is_none() && env.get("CONNECTIONS_FILE").is_none() {
            env.fault("CONNECTIONS is unset: write a JSON list, or set CONNECTIONS_FILE");
        }
        wiring::read_platforms(&mut env);
        let connections = ConnectionSettings::read(&mut env);
        let costs = CostSettings::read(&mut env);
        let outbound = OutboundSettings::read(&mut env);
        let found = case_store.map(|case_store| Self {
            case_store,
            connections,
            relay,
            run,
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
