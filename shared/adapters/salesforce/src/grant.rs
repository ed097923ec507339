//! Asks the org for an access token.

use std::time::Duration;

use adapter_http::{HttpClient, Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use shared::ports::{Clock, Secrets};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::crm::PLATFORM;
use crate::settings::{SalesforceAuth, SalesforceSettings};

const OPERATION: &str = "token";

/// How far ahead an assertion ends; Salesforce takes up to five minutes.
/// Source: JWT bearer flow, "exp".
const ASSERTION_LIFE: Duration = Duration::from_secs(180);

/// What the token endpoint gave.
pub(crate) struct Grant {
    pub(crate) token: Secret,
    pub(crate) instance_url: Url,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    instance_url: Url,
}

/// Why the token endpoint refused, in its own words: they name the set-up step that is missing.
#[derive(Debug, thiserror::Error)]
#[error("the token endpoint says `{error}`: {error_description}")]
struct TokenRefusal {
    error: String,
    error_description: String,
}

#[derive(Deserialize)]
struct RefusalAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

/// Asks for a token, by the flow that is set.
pub(crate) async fn ask(
    settings: &SalesforceSettings,
    http: &HttpClient,
    secrets: &dyn Secrets,
    clock: &dyn Clock,
) -> Result<Grant, PortError> {
    let request = match &settings.auth {
        SalesforceAuth::ClientCredentials { client_id, client_secret } => {
            let secret = secrets.read(client_secret).await?;
            let pair = STANDARD.encode(format!("{client_id}:{}", secret.expose()));
            let mut basic = HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|error| fail(settings, PortErrorKind::Rejected).with_source(error))?;
            basic.set_sensitive(true);
            post(settings)?
                .with_header(AUTHORIZATION, basic)
                .with_form(&[("grant_type", "client_credentials")])
        }
        SalesforceAuth::JwtBearer { client_id, username, private_key, audience } => {
            let key = secrets.read(private_key).await?;
            let exp = clock.now().plus(ASSERTION_LIFE).as_millis() / 1000;
            let claims = Claims { iss: client_id, sub: username, aud: audience, exp };
            let assertion = sign(&claims, &key)
                .map_err(|error| fail(settings, PortErrorKind::Rejected).with_source(error))?;
            post(settings)?.with_form(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", &assertion),
            ])
        }
    };
    let response = http.send(request).await?;
    if !response.status().is_success() {
        return Err(refusal(&response));
    }
    let TokenAnswer { access_token, instance_url } = response.json()?;
    Ok(Grant { token: Secret::new(access_token), instance_url })
}

/// A token may be asked for twice: the first one is simply never used.
fn post(settings: &SalesforceSettings) -> Result<Request, PortError> {
    let url = settings
        .login_url
        .join("/services/oauth2/token")
        .map_err(|error| fail(settings, PortErrorKind::Rejected).with_source(error))?;
    Ok(Request::post(PLATFORM, OPERATION, url)
        .with_subject(settings.connection.as_str())
        .repeatable())
}

fn sign(claims: &Claims<'_>, key: &Secret) -> Result<String, jsonwebtoken::errors::Error> {
    let key = EncodingKey::from_rsa_pem(key.expose().as_bytes())?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key)
}

fn refusal(response: &Response) -> PortError {
    let Ok(RefusalAnswer { error, error_description }) = response.json() else {
        return response.error(response.kind().unwrap_or(PortErrorKind::Unavailable));
    };
    let kind = match response.kind() {
        _ if error_description.contains("rate exceeded") => PortErrorKind::RateLimited,
        Some(kind @ (PortErrorKind::Unavailable | PortErrorKind::RateLimited)) => kind,
        _ => PortErrorKind::Denied,
    };
    let error_description = error_description.chars().take(200).collect();
    response.error(kind).with_source(TokenRefusal { error, error_description })
}

fn fail(settings: &SalesforceSettings, kind: PortErrorKind) -> PortError {
    PortError::new(kind, PLATFORM, OPERATION, settings.connection.as_str())
}
