//! The environment of the process, read with every fault at once.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{ConfigError, parse_duration};

/// The environment of the process, with every fault it has gathered so far.
///
/// A struct of settings takes its fields from here and then calls [`Env::finish`], so that one run
/// reports all that is missing or malformed, not only the first.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl std::fmt::Debug for Env {
    /// Shows the names only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl Env {
    /// Takes the variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    /// Takes the given variables, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let vars = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { vars, faults: Vec::new() }
    }

    /// Returns the raw value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// Returns every variable whose name starts with `prefix`, by name.
    pub fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let is_one = move |name: &str| name.starts_with(prefix);
        self.vars
            .iter()
            .filter(move |(name, _)| is_one(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Notes a fault that the caller found.
    pub fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// Returns the value of `name`, or `default` when it is unset; notes a fault when it is malformed.
    pub fn or<T: FromStr>(&mut self, name: &str, default: T) -> T
    where
        T::Err: std::fmt::Display,
    {
        match self.vars.get(name).map(|raw| raw.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.faults.push(format!("{name} is malformed: {error}"));
                default
            }
        }
    }

    /// Returns the value of `name`; `None` when it is unset, or malformed, which is noted.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        self.get(name)?;
        self.required(name)
    }

    /// Returns the value of `name`; notes a fault when it is unset or malformed.
    pub fn required<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        match self.vars.get(name).map(|raw| raw.parse()) {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => {
                self.faults.push(format!("{name} is malformed: {error}"));
                None
            }
            None => {
                self.faults.push(format!("{name} is unset"));
                None
            }
        }
    }

    /// Returns the duration in `name`, written such as `30s`, `5m` or `250ms`, or `default`.
    pub fn duration_or(&mut self, name: &str, default: Duration) -> Duration {
        match self.vars.get(name).map(|raw| parse_duration(raw)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.faults.push(format!("{name} is malformed: {error}"));
                default
            }
        }
    }

    /// Returns the JSON in `name`, or in the file that `{name}_FILE` names; notes a fault when it
    /// is malformed, or when both are set.
    pub fn json<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let in_file = format!("{name}_FILE");
        let (setting, text) = match (self.get(name), self.get(&in_file)) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.fault(format!("{name} and {in_file} are both set: unset one"));
                return None;
            }
            (Some(text), None) => (name, text.to_owned()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => (in_file.as_str(), text),
                Err(error) => {
                    let fault = format!("{in_file} cannot be read: `{path}`: {error}");
                    self.fault(fault);
                    return None;
                }
            },
        };
        // The text of the cause may repeat what was written, so only its place is told.
        let malformed = |error: serde_json::Error| {
            let place = format!("line {} column {}", error.line(), error.column());
            format!("{setting} is not JSON of the right kind, at {place}")
        };
        serde_json::from_str(&text).map_err(|error| self.fault(malformed(error))).ok()
    }

    /// Ends the reading: the settings when `found` is whole, or every fault at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all the faults noted.
    pub fn finish<T>(self, found: Option<T>) -> Result<T, ConfigError> {
        match found {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(ConfigError::new(self.faults)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let mut env = Env::from_pairs([("PORT", "many"), ("WAIT", "5 minutes")]);
        env.or("PORT", 8080_u16);
        env.duration_or("WAIT", Duration::ZERO);
        let queue = env.required::<String>("QUEUE");
        let message = env.finish(queue).unwrap_err().to_string();
        assert!(message.contains("PORT is malformed"), "{message}");
        assert!(message.contains("WAIT is malformed: `5 minutes` is not a duration"), "{message}");
        assert!(message.contains("QUEUE is unset"), "{message}");
    }
}
