//! Secrets, found by address and never written into a setting.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::config::Env;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Clock, SystemClock};
use crate::sealed::{KeyPlace, SealError, SealedFolder};
use crate::secret::Secret;
use crate::text_setting;

/// Where a secret lies: `env:NAME`, `file:PATH` for a sealed file, `mounted:PATH` for a plain one that
/// the platform mounts, or `secretsmanager:NAME` in AWS.
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
        let known = ["env:", "file:", "mounted:", "secretsmanager:"]
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
#[error(
    "not the address of a secret: write `env:NAME`, `file:PATH`, `mounted:PATH` or `secretsmanager:NAME`, never the secret itself"
)]
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

    /// Returns the secret as it is kept now, past every copy of this process: for a caller whose
    /// secret was refused, because it may have been rotated.
    ///
    /// # Errors
    ///
    /// As [`read`](Secrets::read).
    async fn read_again(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        self.read(address).await
    }
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

/// Secrets of this machine: environment variables, sealed files, and plain files that are mounted.
///
/// A sealed file is opened with the key beside it, or with the one at the place that `SECRETS_KEY`
/// or [`with_key`](LocalSecrets::with_key) names.
#[derive(Debug)]
pub struct LocalSecrets {
    env: Env,
    key: Option<KeyPlace>,
}

impl LocalSecrets {
    /// Reads `env:` addresses from `env`.
    pub fn new(env: Env) -> Self {
        Self { env, key: None }
    }

    /// Opens sealed files with the key at `key`.
    #[must_use]
    pub fn with_key(self, key: Option<KeyPlace>) -> Self {
        Self { key, ..self }
    }

    /// Returns the folder that a sealed file lies in, and its name there.
    fn sealed(&self, address: &str) -> Result<(SealedFolder, String), SealError> {
        let path = Path::new(address);
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let key = match (&self.key, self.env.get("SECRETS_KEY")) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(raw)) => Some(raw.parse().map_err(|_| SealError::BadKey {
                place: "`SECRETS_KEY`, which holds `file:PATH` or `env:NAME`,".to_owned(),
            })?),
            (None, None) => None,
        };
        let folder = folder.unwrap_or(Path::new("."));
        Ok((SealedFolder::new(folder, key, self.env.clone()), name))
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let fail = |kind| PortError::new(kind, "local", "read secret", address.as_str());
        let secret = match address.as_str().split_once(':') {
            Some(("env", name)) => {
                Secret::new(self.env.get(name).ok_or_else(|| fail(PortErrorKind::NotFound))?)
            }
            Some(("mounted", path)) => {
                Secret::new(std::fs::read_to_string(path).map_err(|error| {
                    let kind = match error.kind() {
                        std::io::ErrorKind::NotFound => PortErrorKind::NotFound,
                        _ => PortErrorKind::Denied,
                    };
                    fail(kind).with_source(error)
                })?)
            }
            Some(("file", path)) => self
                .sealed(path)
                .and_then(|(folder, name)| folder.read(&name))
                .map_err(|error| error.into_port("read secret", address.as_str()))?,
            _ => return Err(fail(PortErrorKind::Rejected)),
        };
        let secret = secret.trimmed();
        match secret.expose() {
            "" => Err(fail(PortErrorKind::Rejected).with_source("the secret is empty")),
            _ => Ok(secret),
        }
    }
}

#[async_trait]
impl SecretWriter for LocalSecrets {
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        let Some(path) = address.as_str().strip_prefix("file:") else {
            let fault = PortErrorKind::Rejected;
            return Err(PortError::new(fault, "local", "write secret", address.as_str())
                .with_source("only a sealed file, `file:PATH`, can be written"));
        };
        self.sealed(path)
            .and_then(|(folder, name)| folder.write(&name, secret, SystemClock.now()))
            .map_err(|error| error.into_port("write secret", address.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(raw: &str) -> SecretAddress {
        SecretAddress::parse(raw).unwrap()
    }

    #[tokio::test]
    async fn secret_of_the_environment_is_found_and_trimmed() {
        let secrets = LocalSecrets::new(Env::from_pairs([("KEY", " s3cret\n")]));
        assert_eq!(secrets.read(&address("env:KEY")).await.unwrap().expose(), "s3cret");
    }

    #[tokio::test]
    async fn missing_secret_names_its_address() {
        let secrets = LocalSecrets::new(Env::default());
        let error = secrets.read(&address("env:KEY")).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::NotFound);
        assert!(error.to_string().contains("env:KEY"), "{error}");
        let error = secrets.read(&address("file:no/such/secret")).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::NotFound);
    }

    #[tokio::test]
    async fn written_secret_is_sealed_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |scheme: &str| address(&format!("{scheme}:{}/token", folder.path().display()));
        let secrets = LocalSecrets::new(Env::default());

        secrets.write(&at("file"), &Secret::new("hunter2")).await.unwrap();

        assert_eq!(secrets.read(&at("file")).await.unwrap().expose(), "hunter2");
        let mounted = secrets.read(&at("mounted")).await.unwrap();
        assert!(!mounted.expose().contains("hunter2"), "what lies there is sealed");
        assert!(secrets.write(&address("env:KEY"), &Secret::new("x")).await.is_err());
    }

    #[tokio::test]
    async fn plain_file_is_read_only_when_it_is_called_mounted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let secrets = LocalSecrets::new(Env::default());

        let mounted = address(&format!("mounted:{}", path.display()));
        assert_eq!(secrets.read(&mounted).await.unwrap().expose(), "hunter2");
        let sealed = address(&format!("file:{}", path.display()));
        let message = crate::chain(&secrets.read(&sealed).await.unwrap_err()).to_string();
        assert!(message.contains("`mounted:`"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_bare_value_is_refused_without_being_repeated() {
        let error = SecretAddress::parse("hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
