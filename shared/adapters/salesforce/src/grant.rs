//! How a connection gets its token: the app, the flow, the addresses of Salesforce.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::HttpClient;
use adapter_http::oauth::{
    Assertion, ClientCredentialsSource, DeviceDialect, Endpoints, JwtBearerSource, OAuthClient,
    OAuthSettings, RefreshTokenSource, SecretPlace, TokenSource,
};
use shared::ports::{Clock, SecretAddress, SecretWriter, Secrets};
use url::Url;

use crate::client::PLATFORM;
use crate::settings::{SalesforceAuth, SalesforceSettings};

/// How far ahead an assertion ends; Salesforce takes up to five minutes.
/// Source: JWT bearer flow, "exp".
const ASSERTION_LIFE: Duration = Duration::from_secs(180);

/// Returns the addresses of the org, or of the login host, at `login_url`.
pub fn endpoints(login_url: &Url) -> Endpoints {
    let at = |path: &str| {
        let mut url = login_url.clone();
        url.set_path(path);
        url
    };
    Endpoints {
        token: at("/services/oauth2/token"),
        authorize: Some(at("/services/oauth2/authorize")),
        device: Some(at("/services/oauth2/token")),
        revoke: Some(at("/services/oauth2/revoke")),
        introspect: Some(at("/services/oauth2/introspect")),
    }
}

/// Describes the app at the org for the OAuth client.
pub fn app(
    connection: &str,
    login_url: &Url,
    client_id: &str,
    client_secret: Option<&SecretAddress>,
) -> OAuthSettings {
    let app = OAuthSettings::new(PLATFORM, connection, client_id, endpoints(login_url))
        .with_device_dialect(DeviceDialect::Salesforce);
    match client_secret {
        Some(address) => app.with_secret(address.clone(), SecretPlace::Header),
        None => app,
    }
}

/// What a connection needs to get tokens.
pub(crate) struct Means {
    pub(crate) http: HttpClient,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) writer: Option<Arc<dyn SecretWriter>>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Makes the source of tokens that `settings` ask for.
pub(crate) fn source(settings: &SalesforceSettings, means: &Means) -> Arc<dyn TokenSource> {
    let client = |client_id: &str, client_secret: Option<&SecretAddress>| {
        let app = app(settings.connection.as_str(), &settings.login_url, client_id, client_secret);
        OAuthClient::new(app, means.http.clone(), means.secrets.clone(), means.clock.clone())
    };
    match &settings.auth {
        SalesforceAuth::ClientCredentials { client_id, client_secret } => {
            let client = client(client_id, Some(client_secret));
            Arc::new(ClientCredentialsSource::new(client, Vec::new()))
        }
        SalesforceAuth::JwtBearer { client_id, username, private_key, audience } => {
            let assertion = Assertion {
                subject: username.clone(),
                audience: audience.clone().unwrap_or_default(),
                private_key: private_key.clone(),
                lifetime: ASSERTION_LIFE,
            };
            Arc::new(JwtBearerSource::new(client(client_id, None), assertion))
        }
        SalesforceAuth::AuthorizationCode { client_id, client_secret, refresh_token } => {
            let client = client(client_id, client_secret.as_ref());
            let source =
                RefreshTokenSource::new(client, refresh_token.clone(), means.secrets.clone());
            match &means.writer {
                Some(writer) => Arc::new(source.with_writer(writer.clone())),
                None => Arc::new(source),
            }
        }
    }
}
