//! Secrets, found by address and never written into a setting.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::config::Env;
use crate::error::{PortError, PortErrorKind};
use crate::secret::Secret;
use crate::text_setting;

/// Where a secret lies: `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretAddress(String);

text_setting!(SecretAddress, "secret-address", ["env:NAME", "file:PATH"]);

impl SecretAddress {
    /// Checks and wraps `raw`.
    ///
    /// # Errors
    ///
    /// [`InvalidSecretAddress`] when the scheme is not known; the text is not repeated, because it
    /// may be the secret itself.
    pub fn parse(raw: impl Into<String>) -> Result<Self, InvalidSecretAddress> {
        let raw = raw.into();
        let known = ["env:", "file:"]
            .iter()
            .any(|scheme| raw.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        if known { Ok(Self(raw)) } else { Err(InvalidSecretAddress) }
    }

    /// Returns the address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretAddress {
    type Error = InvalidSecretAddress;

    fn try_from(raw: String) -> Result<Self, InvalidSecretAddress> {
        Self::parse(raw)
    }
}

impl From<SecretAddress> for String {
    fn from(address: SecretAddress) -> Self {
        address.0
    }
}

impl FromStr for SecretAddress {
    type Err = InvalidSecretAddress;

    fn from_str(raw: &str) -> Result<Self, InvalidSecretAddress> {
        Self::parse(raw)
    }
}

impl fmt::Display for SecretAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not the address of a secret.
#[derive(Debug, thiserror::Error)]
#[error("not the address of a secret: write `env:NAME` or `file:PATH`, never the secret itself")]
pub struct InvalidSecretAddress;

/// Reads secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Returns the secret at `address`, without surrounding white space.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing is there, `Rejected` when it is empty, `Denied` when it may not be
    /// read.
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError>;
}

/// Writes secrets, for what is given to us at run time: refresh tokens that rotate, a person's
/// `secret set`.
#[async_trait]
pub trait SecretWriter: Send + Sync {
    /// Keeps `secret` at `address`, in place of what was there; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// `Rejected` when the address cannot be written, such as `env:`.
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError>;
}

/// Secrets of this machine: environment variables and files.
#[derive(Debug)]
pub struct LocalSecrets {
    env: Env,
}

impl LocalSecrets {
    /// Reads `env:` addresses from `env`.
    pub fn new(env: Env) -> Self {
        Self { env }
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let fail = |kind| PortError::new(kind, "local", "read secret", address.as_str());
        let raw = if let Some(name) = address.as_str().strip_prefix("env:") {
            self.env.get(name).map(str::to_owned).ok_or_else(|| fail(PortErrorKind::NotFound))?
        } else {
            let path = PathBuf::from(address.as_str().trim_start_matches("file:"));
            std::fs::read_to_string(path).map_err(|error| {
                let kind = match error.kind() {
                    std::io::ErrorKind::NotFound => PortErrorKind::NotFound,
                    _ => PortErrorKind::Denied,
                };
                fail(kind).with_source(error)
            })?
        };
        match raw.trim() {
            "" => Err(fail(PortErrorKind::Rejected).with_source("the secret is empty")),
            value => Ok(Secret::new(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secret_of_the_environment_is_found_and_trimmed() {
        let secrets = LocalSecrets::new(Env::from_pairs([("KEY", " s3cret\n")]));
        let address = SecretAddress::parse("env:KEY").unwrap();
        assert_eq!(secrets.read(&address).await.unwrap().expose(), "s3cret");
    }

    #[tokio::test]
    async fn missing_secret_names_its_address() {
        let secrets = LocalSecrets::new(Env::default());
        let address = SecretAddress::parse("env:KEY").unwrap();
        let error = secrets.read(&address).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::NotFound);
        assert!(error.to_string().contains("env:KEY"), "{error}");
    }

    #[test]
    fn a_bare_value_is_refused_without_being_repeated() {
        let error = SecretAddress::parse("hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
