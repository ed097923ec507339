//! Secrets by address.

use async_trait::async_trait;
use shared::error::PortError;
#[cfg(not(feature = "aws"))]
use shared::error::PortErrorKind;
use shared::ports::{LocalSecrets, SecretAddress, SecretWriter, Secrets};
use shared::secret::Secret;

/// Secrets of this machine, and of the platforms of this build. A platform is called no sooner than
/// an address names it.
#[derive(Debug)]
pub struct PlatformSecrets {
    local: LocalSecrets,
}

impl PlatformSecrets {
    /// Reads those of this machine from `local`.
    pub fn new(local: LocalSecrets) -> Self {
        Self { local }
    }
}

/// Whether the secret lies in AWS.
fn is_of_aws(address: &SecretAddress) -> bool {
    address.as_str().starts_with("secretsmanager:")
}

#[cfg(not(feature = "aws"))]
fn not_built(operation: &'static str, address: &SecretAddress) -> PortError {
    PortError::new(PortErrorKind::Rejected, "aws", operation, address.as_str())
        .with_source("this build knows no AWS: build it with the feature `aws`")
}

#[async_trait]
impl Secrets for PlatformSecrets {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        if !is_of_aws(address) {
            return self.local.read(address).await;
        }
        #[cfg(feature = "aws")]
        return crate::aws::secrets().await.read(address).await;
        #[cfg(not(feature = "aws"))]
        Err(not_built("read secret", address))
    }

    async fn read_again(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        if !is_of_aws(address) {
            return self.local.read_again(address).await;
        }
        #[cfg(feature = "aws")]
        return crate::aws::secrets().await.read_again(address).await;
        #[cfg(not(feature = "aws"))]
        Err(not_built("read secret", address))
    }
}

#[async_trait]
impl SecretWriter for PlatformSecrets {
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        if !is_of_aws(address) {
            return self.local.write(address, secret).await;
        }
        #[cfg(feature = "aws")]
        return crate::aws::secrets().await.write(address, secret).await;
        #[cfg(not(feature = "aws"))]
        Err(not_built("write secret", address))
    }
}
