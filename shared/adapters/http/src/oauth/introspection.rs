//! Looks a token up. Source: RFC 7662.

use serde::Deserialize;
use shared::PortError;
use shared::secret::Secret;

use super::client::OAuthClient;
use super::exchange::{Exchange, Repeat};

/// What the server knows of a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Introspection {
    /// Whether it is good now.
    pub active: bool,
    /// What it may be used for, words with spaces between.
    #[serde(default)]
    pub scope: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(default)]
    pub exp: Option<i64>,
    /// Whom it stands for.
    #[serde(default)]
    pub sub: Option<String>,
}

impl OAuthClient {
    /// Asks what the server knows of `token`.
    ///
    /// # Errors
    ///
    /// As the server answers; `Rejected` when it looks no tokens up.
    pub async fn introspect(&self, token: &Secret) -> Result<Introspection, PortError> {
        let url = self.endpoint("introspect", self.settings.endpoints.introspect.as_ref())?;
        let exchange = self.exchange_of("introspect", Repeat::Safe);
        let request = self.signed(exchange.begin(url), &[("token", token.expose())]).await?;
        let response = exchange.send(request).await?;
        if response.status().is_success() {
            response.json()
        } else {
            Err(Exchange::refusal(&response))
        }
    }
}
