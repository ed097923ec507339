//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::cost::CostSettings;
use shared::platform::OutboundSettings;
use shared::sync::ReconcileSettings;
use url::Url;
use wiring::ConnectionSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where rows and comparisons are kept: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// What is compared: `CONNECTIONS`, a JSON list, or the file named by `CONNECTIONS_FILE`. Those
    /// whose objects cannot be read as a whole are left alone.
    pub connections: Vec<ConnectionSettings>,
    /// How often: `RECONCILE_EVERY`, `24h` by default. On Lambda and Azure the platform's timer decides.
    pub every: Duration,
    /// Whether what differs is put right: `RECONCILE_REPAIR`, `true` by default. For how long a change
    /// may be under way: `RECONCILE_SETTLE` (`30s`).
    pub reconcile: ReconcileSettings,
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
        let every = env.duration_or("RECONCILE_EVERY", Duration::from_hours(24));
        let usual = ReconcileSettings::default();
        let reconcile = ReconcileSettings {
            repairs: env.or("RECONCILE_REPAIR", usual.repairs),
            settle: env.duration_or("RECONCILE_SETTLE", usual.settle),
            ..usual
        };
        if every.is_zero() {
            env.fault("RECONCILE_EVERY is zero: write a time such as `24h`");
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
            every,
            reconcile,
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
        let env = Env::from_pairs([("RECONCILE_EVERY", "0s"), ("RECONCILE_REPAIR", "maybe")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "CONNECTIONS is unset",
            "RECONCILE_EVERY is zero",
            "RECONCILE_REPAIR is malformed",
        ] {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
    }

    #[test]
    fn defaults_hold_for_what_is_unset() {
        let env = Env::from_pairs([("CASE_STORE", "sqlite:cases.db"), ("CONNECTIONS", "[]")]);
        let config = Config::read(env).unwrap();
        assert_eq!(config.every, Duration::from_hours(24));
        assert!(config.reconcile.repairs);
    }
}
