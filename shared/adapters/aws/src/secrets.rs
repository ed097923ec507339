//! Secrets in Secrets Manager.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use serde_json::Value;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{Clock, SecretAddress, SecretWriter, Secrets};
use shared::secret::Secret;
use shared::time::Timestamp;
use tokio::sync::Mutex;

use crate::account::Account;
use crate::fault::Call;

/// How long a secret is not asked for again. One that was rotated is asked for as soon as the old one
/// is refused.
const KEEP: Duration = Duration::from_secs(300);

/// Secrets at `secretsmanager:NAME`, `secretsmanager:NAME#field` for one field of a JSON object, and
/// `secretsmanager:NAME?stage=AWSPREVIOUS` for a version by its stage. NAME may be an ARN.
pub struct SecretsManager {
    client: Client,
    clock: Arc<dyn Clock>,
    /// The texts that were read, by name and stage.
    kept: Mutex<HashMap<String, (Timestamp, Secret)>>,
}

/// The parts of an address.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    name: &'a str,
    stage: Option<&'a str>,
    field: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Reads what stands behind `secretsmanager:`.
    fn read(address: &'a SecretAddress) -> Option<Self> {
        let rest = address.as_str().strip_prefix("secretsmanager:")?;
        let (rest, field) = match rest.split_once('#') {
            Some((rest, field)) => (rest, Some(field)),
            None => (rest, None),
        };
        let (name, stage) = match rest.split_once('?') {
            Some((name, query)) => (name, Some(query.strip_prefix("stage=")?)),
            None => (rest, None),
        };
        let is_whole = [Some(name), stage, field].into_iter().flatten().all(|it| !it.is_empty());
        is_whole.then_some(Self { name, stage, field })
    }

    fn cached_as(&self) -> String {
        format!("{}?{}", self.name, self.stage.unwrap_or_default())
    }
}

impl SecretsManager {
    /// Reads the secrets of `account`. Nothing is called yet.
    pub fn new(account: &Account, clock: Arc<dyn Clock>) -> Self {
        Self { client: Client::new(account.config()), clock, kept: Mutex::default() }
    }

    async fn ask(&self, place: &Place<'_>, call: Call<'_>) -> Result<Secret, PortError> {
        let read = self.client.get_secret_value().secret_id(place.name);
        let read = read.set_version_stage(place.stage.map(ToOwned::to_owned));
        let answer = read.send().await.map_err(|error| call.failed(error))?;
        let text = answer.secret_string.ok_or_else(|| {
            call.fault(PortErrorKind::Rejected).with_source("the secret is binary: keep it as text")
        })?;
        let secret = Secret::new(text);
        let until = self.clock.now().plus(KEEP);
        self.kept.lock().await.insert(place.cached_as(), (until, secret.clone()));
        Ok(secret)
    }
}

/// Takes the part of the secret that the address names.
fn part(secret: &Secret, place: &Place<'_>, call: Call<'_>) -> Result<Secret, PortError> {
    let fault = |text: &'static str| call.fault(PortErrorKind::Rejected).with_source(text);
    let secret = match place.field {
        None => secret.trimmed(),
        Some(field) => {
            let json: Value = serde_json::from_str(secret.expose())
                .map_err(|_| fault("the secret is not a JSON object: leave `#field` out"))?;
            let text = json.get(field).and_then(Value::as_str);
            Secret::new(text.ok_or_else(|| fault("the secret has no such text field"))?).trimmed()
        }
    };
    if secret.expose().is_empty() { Err(fault("the secret is empty")) } else { Ok(secret) }
}

fn place<'a>(address: &'a SecretAddress, call: Call<'_>) -> Result<Place<'a>, PortError> {
    Place::read(address).ok_or_else(|| {
        call.fault(PortErrorKind::Rejected).with_source(
            "write `secretsmanager:NAME`, with `?stage=STAGE` and `#field` where needed",
        )
    })
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let call = Call::new("read secret", address.as_str());
        let place = place(address, call)?;
        let kept = self.kept.lock().await.get(&place.cached_as()).cloned();
        let secret = match kept.filter(|(until, _)| *until > self.clock.now()) {
            Some((_, secret)) => secret,
            None => self.ask(&place, call).await?,
        };
        part(&secret, &place, call)
    }

    async fn read_again(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let call = Call::new("read secret", address.as_str());
        let place = place(address, call)?;
        part(&self.ask(&place, call).await?, &place, call)
    }
}

#[async_trait]
impl SecretWriter for SecretsManager {
    /// Adds a version, which becomes `AWSCURRENT`; the one before stays as `AWSPREVIOUS`. The secret
    /// itself is made by whoever set the account up.
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        let call = Call::new("write secret", address.as_str());
        let place = place(address, call)?;
        if place.field.is_some() || place.stage.is_some() {
            return Err(call.fault(PortErrorKind::Rejected).with_source(
                "only a whole secret can be written: leave `?stage` and `#field` out",
            ));
        }
        let write = self.client.put_secret_value().secret_id(place.name);
        let write = write.secret_string(secret.expose());
        write.send().await.map_err(|error| call.failed(error))?;
        let until = self.clock.now().plus(KEEP);
        self.kept.lock().await.insert(place.cached_as(), (until, secret.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_a_name_and_maybe_a_stage_and_a_field() {
        let address = |raw: &str| SecretAddress::parse(raw).unwrap();
        let (plain, whole) = (address("secretsmanager:a/b"), address("secretsmanager:a?stage=S#f"));
        let read = Place::read(&plain).unwrap();
        assert_eq!(read, Place { name: "a/b", stage: None, field: None });
        let read = Place::read(&whole).unwrap();
        assert_eq!(read, Place { name: "a", stage: Some("S"), field: Some("f") });
        for raw in ["secretsmanager:#f", "secretsmanager:a#", "secretsmanager:a?version=1"] {
            assert_eq!(Place::read(&address(raw)), None, "{raw}");
        }
    }
}
