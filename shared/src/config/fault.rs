//! What is wrong with settings.

use std::fmt;

use super::path::joined;

/// One thing that is wrong, with the path of its setting and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting, such as `connections[1].auth.client_secret`; empty for the whole document.
    pub path: String,
    /// What is wrong and what to write instead; never repeats a value that may be a secret.
    pub what: String,
}

impl Fault {
    /// Notes that the setting at `path` is wrong.
    pub fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }

    /// Returns the fault of a part as a fault of the whole that holds the part at `path`.
    #[must_use]
    pub fn below(self, path: &str) -> Self {
        Self { path: joined(path, &self.path), what: self.what }
    }

    /// Tells whether this fault and a fault at `path` are about the same setting, or one within the
    /// other.
    pub fn concerns(&self, path: &str) -> bool {
        let is_within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        is_within(&self.path, path) || is_within(path, &self.path)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("settings: {}", faults.join("; "))]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    /// Reports `faults`, each naming its setting and the fix.
    pub fn new(faults: Vec<String>) -> Self {
        Self { faults }
    }

    /// Returns each fault, in the order found.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault.to_string()] }
    }
}

impl FromIterator<Fault> for ConfigError {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self { faults: faults.into_iter().map(|it| it.to_string()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_of_a_part_is_told_with_the_path_of_the_whole() {
        let fault = Fault::new("auth.flow", "is missing").below("connections[1]");
        assert_eq!(fault.to_string(), "connections[1].auth.flow: is missing");
        assert_eq!(Fault::new("[2]", "x").below("tokens").path, "tokens[2]");
        assert_eq!(Fault::new("", "x").below("tokens").path, "tokens");
    }

    #[test]
    fn faults_concern_what_is_within_them() {
        let fault = Fault::new("connections[1].auth", "is missing");
        assert!(fault.concerns("connections[1].auth.flow"));
        assert!(fault.concerns("connections[1]"));
        assert!(!fault.concerns("connections[10]"));
        assert!(!fault.concerns("connections[1].authority"));
    }
}
