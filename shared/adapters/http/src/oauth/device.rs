//! A person agrees on another device. Source: RFC 8628.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use url::Url;

use super::client::OAuthClient;
use super::exchange::{Exchange, Repeat};
use super::fault::{OAuthFault, OAuthRefusal};
use super::grant::{Grant, TokenAnswer};
use super::settings::{DeviceDialect, SecretPlace};
use crate::request::Request;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The wait between two questions when the server names none. Source: RFC 8628, section 3.2.
const DEFAULT_INTERVAL: u64 = 5;

/// By how much `slow_down` lengthens the wait. Source: RFC 8628, section 3.5.
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// How long a code is good when the server does not say.
const DEFAULT_LIFETIME: u64 = 600;

/// What a person needs to agree elsewhere. `Debug` does not show the device's own code.
#[derive(Clone)]
pub struct DeviceCode {
    /// What the person types.
    pub user_code: String,
    /// Where the person types it.
    pub verification_url: Url,
    /// The same with the code in it, when the server has such an address.
    pub complete_url: Option<Url>,
    /// When the code ends, by our clock.
    pub expires_at: Timestamp,
    interval: Duration,
    device_code: Secret,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode")
            .field("verification_url", &self.verification_url.as_str())
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: Url,
    #[serde(default)]
    verification_uri_complete: Option<Url>,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    interval: Option<u64>,
}

impl OAuthClient {
    /// Asks for a code that a person types on another device.
    ///
    /// # Errors
    ///
    /// As the server answers; `Rejected` when it knows no devices.
    pub async fn begin_device(&self, scopes: &[String]) -> Result<DeviceCode, PortError> {
        let exchange = self.exchange_of("device", Repeat::Safe);
        let scope = scopes.join(" ");
        let endpoints = &self.settings.endpoints;
        let (url, mut form) = match self.settings.device_dialect {
            DeviceDialect::Standard => {
                (self.endpoint("device", endpoints.device.as_ref())?, Vec::new())
            }
            DeviceDialect::Salesforce => {
                (endpoints.token.clone(), vec![("response_type", "device_code")])
            }
        };
        if !scope.is_empty() {
            form.push(("scope", scope.as_str()));
        }
        let now = self.clock.now();
        let response = exchange.send(self.named(exchange.begin(url), form).await?).await?;
        if !response.status().is_success() {
            return Err(Exchange::refusal(&response));
        }
        let answer: Answer = response.json()?;
        let lifetime = Duration::from_secs(answer.expires_in.unwrap_or(DEFAULT_LIFETIME));
        Ok(DeviceCode {
            user_code: answer.user_code,
            verification_url: answer.verification_uri,
            complete_url: answer.verification_uri_complete,
            expires_at: now.plus(lifetime),
            interval: Duration::from_secs(answer.interval.unwrap_or(DEFAULT_INTERVAL)),
            device_code: Secret::new(answer.device_code),
        })
    }

    /// Waits until the person has agreed, asking no more often than the server wants.
    ///
    /// # Errors
    ///
    /// `Denied` when the person refuses or lets the code end, else as the server answers.
    pub async fn finish_device(&self, code: &DeviceCode) -> Result<Grant, PortError> {
        let mut interval = code.interval;
        loop {
            tokio::time::sleep(interval).await;
            let error = match self.ask_for_device(code).await {
                Ok(grant) => return Ok(grant),
                Err(error) => error,
            };
            let reason = OAuthRefusal::of(&error).map(OAuthRefusal::code);
            match reason {
                Some("authorization_pending") => {}
                Some("slow_down") => interval += SLOW_DOWN,
                Some("expired_token") => return Err(self.expired()),
                // A connection that failed is asked again, more slowly. Source: section 3.5.
                None if error.kind() == PortErrorKind::Unavailable => {
                    interval = interval.max(Duration::from_secs(1)) * 2;
                }
                _ => return Err(error),
            }
            if self.clock.now() >= code.expires_at {
                return Err(self.expired());
            }
        }
    }

    async fn ask_for_device(&self, code: &DeviceCode) -> Result<Grant, PortError> {
        let exchange = self.exchange_of("device", Repeat::Never);
        let secret = code.device_code.expose();
        let form = match self.settings.device_dialect {
            DeviceDialect::Standard => vec![("grant_type", GRANT_TYPE), ("device_code", secret)],
            DeviceDialect::Salesforce => vec![("grant_type", "device"), ("code", secret)],
        };
        let url = self.settings.endpoints.token.clone();
        let asked_at = self.clock.now();
        let response = exchange.send(self.named(exchange.begin(url), form).await?).await?;
        if !response.status().is_success() {
            return Err(Exchange::refusal(&response));
        }
        let answer: TokenAnswer = serde_json::from_slice(response.body())
            .map_err(|_| self.error(PortErrorKind::Unavailable, "device", OAuthFault::NotAToken))?;
        Ok(Grant::new(&answer, asked_at))
    }

    /// Puts the app's name into the form, which Salesforce wants even beside a header.
    async fn named(
        &self,
        request: Request,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Request, PortError> {
        let is_named_already = self.settings.client_secret.is_none()
            || self.settings.secret_place == SecretPlace::Form;
        if !is_named_already {
            form.push(("client_id", self.settings.client_id.as_str()));
        }
        self.signed(request, &form).await
    }

    fn expired(&self) -> PortError {
        self.error(PortErrorKind::Denied, "device", OAuthFault::Expired)
    }
}
