//! From settings to senders: secrets read, faults gathered.

use shared::auth::{SecretDigest, SignatureScheme, WebhookVerifier};
use shared::ids::{ConnectionId, SalesforceId};
use shared::ports::{Random, SecretAddress, Secrets};
use shared::secret::Secret;

use super::{Connection, Source};
use crate::settings::{ConnectionSettings, SourceSettings, Tolerance};

/// A path token shorter than this could be guessed.
const MIN_TOKEN_CHARS: usize = 16;

/// Reads secrets and gathers what is wrong with them.
pub(super) struct Reading<'a> {
    pub(super) secrets: &'a dyn Secrets,
    pub(super) faults: Vec<String>,
}

impl Reading<'_> {
    pub(super) async fn connection(
        &mut self,
        path: &str,
        one: &ConnectionSettings,
    ) -> Option<Connection> {
        let tokens = self.tokens(&format!("{path}.tokens"), &one.tokens).await;
        let signature = match &one.signature {
            Some(it) => {
                let path = format!("{path}.signature.secrets");
                Some(self.verifier(&path, &it.secrets, it.tolerance).await?)
            }
            None => None,
        };
        let api_key = match &one.api_key {
            Some(it) => {
                let keys = self.read_all(&format!("{path}.api_key.keys"), &it.keys).await;
                Some((it.header.parse().ok()?, digests(&keys)))
            }
            None => None,
        };
        let certificate = match &one.client_certificate {
            Some(it) => Some((it.header.parse().ok()?, SecretDigest::of(it.value.trim()))),
            None => None,
        };
        Some(Connection {
            name: one.name.clone(),
            organization_id: one.organization_id.clone(),
            tokens,
            allowed_ips: one.allowed_ips.clone(),
            certificate,
            signature,
            api_key,
            is_known: true,
        })
    }

    pub(super) async fn source(&mut self, path: &str, one: &SourceSettings) -> Option<Source> {
        let path = format!("{path}.secrets");
        let verifier = self.verifier(&path, &one.secrets, one.tolerance).await?;
        Some(Source { name: one.name.clone(), verifier, is_known: true })
    }

    async fn tokens(&mut self, path: &str, addresses: &[SecretAddress]) -> Vec<SecretDigest> {
        let tokens = self.read_all(path, addresses).await;
        if tokens.iter().any(|it| it.expose().chars().count() < MIN_TOKEN_CHARS) {
            self.faults.push(format!(
                "{path}: a token is shorter than {MIN_TOKEN_CHARS} characters: make it long and random"
            ));
        }
        digests(&tokens)
    }

    async fn verifier(
        &mut self,
        path: &str,
        addresses: &[SecretAddress],
        tolerance: Tolerance,
    ) -> Option<WebhookVerifier> {
        let secrets = self.read_all(path, addresses).await;
        let scheme = SignatureScheme::standard_webhooks();
        let scheme = scheme.with_tolerance(tolerance.duration());
        WebhookVerifier::new(scheme, &secrets)
            .map_err(|error| self.faults.push(format!("{path}: {error}")))
            .ok()
    }

    async fn read_all(&mut self, path: &str, addresses: &[SecretAddress]) -> Vec<Secret> {
        let mut found = Vec::with_capacity(addresses.len());
        for (idx, address) in addresses.iter().enumerate() {
            match self.secrets.read(address).await {
                Ok(secret) => found.push(secret),
                Err(error) => {
                    self.faults.push(format!("{path}[{idx}]: {}", shared::chain(&error)));
                }
            }
        }
        found
    }
}

fn digests(secrets: &[Secret]) -> Vec<SecretDigest> {
    secrets.iter().map(|it| SecretDigest::of(it.expose())).collect()
}

/// Makes the connection and the source that stand for every unknown name.
pub(super) fn decoys(random: &dyn Random) -> Result<(Connection, Source), String> {
    let secret = || Secret::new(format!("{:032x}", random.bits()));
    let verifier = || {
        WebhookVerifier::new(SignatureScheme::standard_webhooks(), &[secret()])
            .map_err(|error| error.to_string())
    };
    let name = ConnectionId::parse("unknown").map_err(|error| error.to_string())?;
    let organization_id =
        SalesforceId::parse("00D000000000000").map_err(|error| error.to_string())?;
    let connection = Connection {
        name: name.clone(),
        organization_id,
        tokens: vec![SecretDigest::of(secret().expose())],
        allowed_ips: Vec::new(),
        certificate: None,
        signature: Some(verifier()?),
        api_key: None,
        is_known: false,
    };
    Ok((connection, Source { name, verifier: verifier()?, is_known: false }))
}
