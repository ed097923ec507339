//! The settings of this function.

use shared::config::{ConfigError, Env};
use shared::cost::CostSettings;
use shared::platform::OutboundSettings;
use url::Url;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where cases are kept: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// Where events are received from when no platform hands them over: `EVENTS_QUEUE`, such as
    /// `sqlite:queue.db?queue=events`.
    pub events_queue: Option<Url>,
    /// The connections that records can be read from: `CONNECTIONS`, a JSON list.
    /// They may be of platforms whose manifests lie in the folder `PLATFORMS_FOLDER`.
    pub connections: Vec<wiring::ConnectionSettings>,
    /// Prices and budgets: `COST_PRICE_LIST`, a file, and `COST_BUDGETS`, a JSON list.
    pub costs: CostSettings,
    /// How calls are encrypted: `HTTP_TLS12_HOSTS` and `HTTP_EXTRA_ROOTS_FILE`.
    pub outbound: OutboundSettings,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let case_store = env.required("CASE_STORE");
        let events_queue = env.get("EVENTS_QUEUE").is_some().then(|| env.required("EVENTS_QUEUE"));
        wiring::read_platforms(&mut env);
        let connections = wiring::ConnectionSettings::read(&mut env);
        let costs = CostSettings::read(&mut env);
        let outbound = OutboundSettings::read(&mut env);
        env.finish(case_store.map(|case_store| Self {
            case_store,
            events_queue: events_queue.flatten(),
            connections,
            costs,
            outbound,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([("EVENTS_QUEUE", "no address"), ("CONNECTIONS", "{")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in ["CASE_STORE is unset", "EVENTS_QUEUE is malformed", "CONNECTIONS"] {
            assert!(message.contains(fault), "{message}");
        }
    }
}
