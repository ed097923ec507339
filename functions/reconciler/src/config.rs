//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::sync::ReconcileSettings;
use wiring::OutsideSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, the connections, prices, and how calls are encrypted.
    pub outside: OutsideSettings,
    /// How often: `RECONCILE_EVERY`, `24h` by default. On Lambda and Azure the platform's timer decides.
    pub every: Duration,
    /// Whether what differs is put right: `RECONCILE_REPAIR`, `true` by default. For how long a change
    /// may be under way: `RECONCILE_SETTLE` (`30s`).
    pub reconcile: ReconcileSettings,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
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
        let found = outside.map(|outside| Self { outside, every, reconcile });
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
