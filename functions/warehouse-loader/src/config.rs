//! The settings of this function.

use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::ports::SecretAddress;
use url::Url;
use wiring::{BlobAddress, OutsideSettings};

/// How often, when nobody says.
const EVERY: Duration = Duration::from_mins(5);
/// How many rows may be refused, when nobody says.
const MAX_REJECTS: u64 = 100;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, the connections, whose mappings say what is hidden, and prices.
    pub outside: OutsideSettings,
    /// Where the lake is: `LAKE`, such as `s3://example-lake`. Without it nothing is done.
    pub lake: Option<BlobAddress>,
    /// Where the key of the mask `hash` lies: `LAKE_MASK_KEY`.
    pub mask_key: Option<SecretAddress>,
    /// Where it is loaded: `WAREHOUSE`, such as `snowflake://MYORG-FIRM/LEGAL/MOODBRIDGE?…`. Without it
    /// only the lake is written.
    pub warehouse: Option<Url>,
    /// How many rows of a load may be refused: `LOAD_MAX_REJECTS`, 100 by default.
    pub max_rejects: u64,
    /// How often: `LOAD_EVERY`, `5m` by default. On Lambda and Azure the platform's timer decides.
    pub every: Duration,
}

impl Config {
    /// Reads the settings from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
        let lake = match env.get("LAKE").filter(|it| !it.is_empty()).map(BlobAddress::parse) {
            Some(Err(error)) => {
                env.fault(format!("LAKE: {error}"));
                None
            }
            Some(Ok(address)) => Some(address),
            None => None,
        };
        let mask_key = env.optional("LAKE_MASK_KEY");
        let warehouse = env.optional("WAREHOUSE");
        let max_rejects = env.or("LOAD_MAX_REJECTS", MAX_REJECTS);
        let every = env.duration_or("LOAD_EVERY", EVERY);
        if every.is_zero() {
            env.fault("LOAD_EVERY is zero: write a time such as `5m`");
        }
        if warehouse.is_some() && env.get("LAKE").is_none_or(str::is_empty) {
            env.fault("WAREHOUSE is set and LAKE is unset: name the lake that is loaded");
        }
        let found =
            outside.map(|outside| Self { outside, lake, mask_key, warehouse, max_rejects, every });
        env.finish(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 2] = [("CASE_STORE", "sqlite:cases.db"), ("CONNECTIONS", "[]")];

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([
            ("LAKE", "somewhere"),
            ("LOAD_EVERY", "0s"),
            ("LOAD_MAX_REJECTS", "few"),
        ]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in
            ["CASE_STORE is unset", "LAKE: ", "LOAD_EVERY is zero", "LOAD_MAX_REJECTS is malformed"]
        {
            assert!(message.contains(fault), "`{fault}` is not in: {message}");
        }
        let env = NEEDED.into_iter().chain([("WAREHOUSE", "snowflake://A-B/C/D")]);
        let message = Config::read(Env::from_pairs(env)).unwrap_err().to_string();
        assert!(message.contains("LAKE is unset"), "{message}");
    }

    #[test]
    fn lake_and_warehouse_may_both_be_left_out() {
        let config = Config::read(Env::from_pairs(NEEDED)).unwrap();
        assert!(config.lake.is_none() && config.warehouse.is_none());
        assert_eq!((config.every, config.max_rejects), (Duration::from_mins(5), 100));
        let lake = NEEDED.into_iter().chain([("LAKE", "file:/lake")]);
        assert!(Config::read(Env::from_pairs(lake)).unwrap().lake.is_some());
    }
}
