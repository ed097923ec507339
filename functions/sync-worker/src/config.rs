//! The settings of this function.

use shared::config::{ConfigError, Env};
use url::Url;
use wiring::OutsideSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store, the connections, prices, and how calls are encrypted.
    pub outside: OutsideSettings,
    /// Where events come from: `EVENTS_QUEUE`, to receive when no platform hands them over, and to set
    /// aside there what can never succeed. Such as
    /// `sqlite:queue.db?queue=events`.
    pub events_queue: Option<Url>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let outside = OutsideSettings::read(&mut env);
        let events_queue = env.get("EVENTS_QUEUE").is_some().then(|| env.required("EVENTS_QUEUE"));
        env.finish(outside.map(|outside| Self { outside, events_queue: events_queue.flatten() }))
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
