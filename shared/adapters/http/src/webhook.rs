//! A webhook of somebody else, called with messages that are signed after Standard Webhooks.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderName, HeaderValue};
use shared::auth::{SignatureScheme, WebhookVerifier};
use shared::ports::{Clock, SecretAddress, Secrets, WebhookSender};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::client::HttpClient;
use crate::request::Request;

const PLATFORM: &str = "webhook";
const OPERATION: &str = "send";

/// Calls one address. Source: Standard Webhooks, specification 1.0.0.
pub struct SignedWebhook {
    http: HttpClient,
    url: Url,
    secret: SecretAddress,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
}

impl SignedWebhook {
    /// Sends to `url` through `http`, signed with what lies at `secret`, which is read at each call: it
    /// may be replaced at any time. Nothing is called yet.
    pub fn new(
        http: HttpClient,
        url: Url,
        secret: SecretAddress,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { http, url, secret, secrets, clock }
    }

    fn failed(id: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
        PortError::new(PortErrorKind::Rejected, PLATFORM, OPERATION, id).with_source(source)
    }
}

#[async_trait]
impl WebhookSender for SignedWebhook {
    async fn send(&self, id: &str, body: &str) -> Result<(), PortError> {
        let secret = self.secrets.read(&self.secret).await?;
        let signer = WebhookVerifier::new(SignatureScheme::standard_webhooks(), &[secret])
            .map_err(|error| Self::failed(id, error))?;
        let seconds = self.clock.now().as_millis().div_euclid(1000).to_string();
        let signature = signer.sign(id, &seconds, body.as_bytes());
        let json = HeaderValue::from_static("application/json");
        let mut request = Request::post(PLATFORM, OPERATION, self.url.clone())
            .with_subject(id)
            .with_body(json, body.to_owned())
            // The receiver knows by the id what it has taken.
            .repeatable();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", seconds.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|error| Self::failed(id, error))?;
            request = request.with_header(HeaderName::from_static(name), value);
        }
        self.http.send(request).await?.checked().map(drop)
    }
}
