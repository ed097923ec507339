//! How a call proves who we are.

use std::sync::Arc;

use adapter_http::oauth::{
    AccessToken, ClientCredentialsSource, Endpoints, OAuthClient, OAuthSettings,
    RefreshTokenSource, SecretPlace, TokenCache, TokenSource,
};
use adapter_http::{HttpClient, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use shared::platform::Surroundings;
use shared::ports::{SecretAddress, Secrets};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::manifest::{AuthRule, ClientAuth, Manifest};
use crate::placeholder::fill_address;
use crate::settings::{ConnectionSettings, OAuthApp, SignIn};

/// Where a key is put.
#[derive(Clone, Debug)]
enum KeyPlace {
    Header { name: HeaderName, prefix: Option<String> },
    Query(String),
}

#[derive(Clone)]
enum Means {
    Bearer { token: SecretAddress },
    Basic { username: String, password: SecretAddress },
    Key { key: SecretAddress, place: KeyPlace },
    Tokens(TokenCache),
}

/// Signs calls of one connection.
pub(crate) struct Signer {
    platform: &'static str,
    secrets: Arc<dyn Secrets>,
    means: Means,
}

/// The manifest cannot be signed in to as the settings say.
#[derive(Debug, thiserror::Error)]
#[error("the manifest does not say how to sign in by `{kind}`")]
struct NoSuchWay {
    kind: &'static str,
}

impl Signer {
    pub(crate) fn new(
        platform: &'static str,
        manifest: &Manifest,
        settings: &ConnectionSettings,
        http: &HttpClient,
        surroundings: &Surroundings,
    ) -> Result<Self, PortError> {
        let subject = settings.connection.as_str();
        let fail = |kind| {
            PortError::new(PortErrorKind::Rejected, platform, "sign in", subject)
                .with_source(NoSuchWay { kind })
        };
        let means = match &settings.sign_in {
            SignIn::Bearer { token } => Means::Bearer { token: token.clone() },
            SignIn::Basic { username, password } => {
                Means::Basic { username: username.clone(), password: password.clone() }
            }
            SignIn::ApiKey { key } => {
                let place =
                    manifest.auth.iter().find_map(key_place).ok_or_else(|| fail("api_key"))?;
                Means::Key { key: key.clone(), place }
            }
            SignIn::OAuth(app) => {
                let rule = manifest.auth.iter().find(|it| it.kind() == "oauth2");
                let client = rule
                    .and_then(|it| oauth_settings(platform, it, settings, app))
                    .ok_or_else(|| fail("oauth2"))?;
                let source = source_of(client, app, http, surroundings);
                Means::Tokens(TokenCache::new(
                    platform,
                    subject,
                    source,
                    surroundings.clock.clone(),
                ))
            }
        };
        Ok(Self { platform, secrets: surroundings.secrets.clone(), means })
    }

    /// Signs `request`; the token is returned where one may have ended.
    pub(crate) async fn sign(
        &self,
        request: Request,
        url: &mut Url,
    ) -> Result<(Request, Option<Arc<AccessToken>>), PortError> {
        match &self.means {
            Means::Bearer { token } => Ok((request.with_bearer(&self.secret(token).await?)?, None)),
            Means::Basic { username, password } => {
                let password = self.secret(password).await?;
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                let value = self.header(&format!("Basic {pair}"))?;
                Ok((request.with_header(AUTHORIZATION, value), None))
            }
            Means::Key { key, place: KeyPlace::Header { name, prefix } } => {
                let key = self.secret(key).await?;
                let text = match prefix {
                    Some(prefix) => format!("{prefix} {}", key.expose()),
                    None => key.expose().to_owned(),
                };
                Ok((request.with_header(name.clone(), self.header(&text)?), None))
            }
            Means::Key { key, place: KeyPlace::Query(name) } => {
                let key = self.secret(key).await?;
                url.query_pairs_mut().append_pair(name, key.expose());
                Ok((request, None))
            }
            Means::Tokens(tokens) => {
                let token = tokens.token().await?;
                Ok((request.with_bearer(token.secret())?, Some(token)))
            }
        }
    }

    /// Takes note that the platform refused `token`.
    pub(crate) fn refuse(&self, token: &AccessToken) {
        if let Means::Tokens(tokens) = &self.means {
            tokens.refuse(token);
        }
    }

    fn header(&self, text: &str) -> Result<HeaderValue, PortError> {
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            PortError::new(PortErrorKind::Denied, self.platform, "sign in", "secret")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A secret that is missing is a missing permission: it says nothing about any record.
    async fn secret(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        self.secrets.read(address).await.map_err(|error| {
            PortError::new(PortErrorKind::Denied, self.platform, "sign in", address.as_str())
                .with_source(error)
        })
    }
}

fn key_place(rule: &AuthRule) -> Option<KeyPlace> {
    let AuthRule::ApiKey { header, query, prefix } = rule else { return None };
    match (header, query) {
        (Some(name), _) => {
            Some(KeyPlace::Header { name: name.parse().ok()?, prefix: prefix.clone() })
        }
        (None, Some(name)) => Some(KeyPlace::Query(name.clone())),
        (None, None) => None,
    }
}

fn oauth_settings(
    platform: &'static str,
    rule: &AuthRule,
    settings: &ConnectionSettings,
    app: &OAuthApp,
) -> Option<OAuthSettings> {
    let AuthRule::Oauth2 { token_url, authorize_url, client_auth, .. } = rule else {
        return None;
    };
    let url = |text: &String| Url::parse(&fill_address(text, &settings.values).ok()?).ok();
    let token = match &app.token_url {
        Some(own) => own.clone(),
        None => url(token_url)?,
    };
    let mut endpoints = Endpoints::of_token(token);
    endpoints.authorize = authorize_url.as_ref().and_then(url);
    let connection = settings.connection.as_str();
    Some(OAuthSettings::new(platform, connection, app.client_id.clone(), endpoints).with_secret(
        app.client_secret.clone(),
        match client_auth {
            ClientAuth::Form => SecretPlace::Form,
            ClientAuth::Header => SecretPlace::Header,
        },
    ))
}

fn source_of(
    client: OAuthSettings,
    app: &OAuthApp,
    http: &HttpClient,
    surroundings: &Surroundings,
) -> Arc<dyn TokenSource> {
    let Surroundings { secrets, clock, writer, .. } = surroundings;
    let client = OAuthClient::new(client, http.clone(), secrets.clone(), clock.clone());
    match &app.refresh_token {
        None => Arc::new(ClientCredentialsSource::new(client, app.scopes.clone())),
        Some(address) => {
            let source = RefreshTokenSource::new(client, address.clone(), secrets.clone());
            Arc::new(match writer {
                Some(writer) => source.with_writer(writer.clone()),
                None => source,
            })
        }
    }
}
