//! The settings of one connection to a declared platform.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::config::{ConfigError, Form};
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use url::Url;

use crate::manifest::{AuthRule, Flow, Manifest};
use crate::placeholder::fill_address;

/// How a connection signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    Bearer { token: SecretAddress },
    Basic { username: String, password: SecretAddress },
    ApiKey { key: SecretAddress },
    OAuth(OAuthApp),
}

/// An app at the platform's authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OAuthApp {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretAddress,
    /// Where the token of a person's agreement lies; `None` when the app acts by itself.
    pub(crate) refresh_token: Option<SecretAddress>,
    pub(crate) token_url: Option<Url>,
    pub(crate) scopes: Vec<String>,
}

/// The settings of one connection, checked.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    pub(crate) connection: ConnectionId,
    pub(crate) base_url: Url,
    pub(crate) sign_in: SignIn,
    /// The declared settings by their names.
    pub(crate) values: BTreeMap<String, String>,
}

/// Returns the JSON Schema of the settings of one connection.
pub(crate) fn schema(manifest: &Manifest) -> Value {
    let mut properties = Map::new();
    let mut needed = vec![json!("connection"), json!("auth")];
    properties.insert(
        "connection".into(),
        json!({
            "type": "string", "format": "connection-name",
            "description": "The name of the connection, such as `main`.",
        }),
    );
    properties.insert(
        "base_url".into(),
        json!({
            "type": "string", "format": "uri",
            "description": "Another address than the platform's own, such as a gateway's.",
        }),
    );
    let kinds: Vec<_> = manifest.auth.iter().map(schema_of_auth).collect();
    properties.insert(
        "auth".into(),
        json!({"type": "object", "description": "How the connection signs in.", "oneOf": kinds}),
    );
    for (name, rule) in &manifest.settings {
        let mut schema = json!({"type": "string", "minLength": 1, "description": rule.about});
        if let Some(schema) = schema.as_object_mut() {
            if !rule.one_of.is_empty() {
                schema.insert("enum".into(), json!(rule.one_of));
            }
            if let Some(default) = &rule.default {
                schema.insert("default".into(), json!(default));
            }
        }
        properties.insert(name.clone(), schema);
        needed.extend(rule.default.is_none().then(|| json!(name)));
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn schema_of_auth(rule: &AuthRule) -> Value {
    let secret =
        |about: &str| json!({"type": "string", "format": "secret-address", "description": about});
    let keys = match rule {
        AuthRule::Bearer {} => json!({"token": secret("Where the token lies.")}),
        AuthRule::Basic {} => json!({
            "username": {"type": "string", "minLength": 1, "description": "The user's name."},
            "password": secret("Where the password lies."),
        }),
        AuthRule::ApiKey { .. } => json!({"key": secret("Where the key lies.")}),
        AuthRule::Oauth2 { flows, .. } => {
            let mut keys = json!({
                "client_id": {"type": "string", "minLength": 1, "description": "The id of the app."},
                "client_secret": secret("Where the app's secret lies."),
                "token_url": {
                    "type": "string", "format": "uri",
                    "description": "Another address for tokens than the platform's own.",
                },
            });
            let optional = !flows.iter().all(|it| *it == Flow::AuthorizationCode);
            if let Some(keys) = keys.as_object_mut()
                && flows.contains(&Flow::AuthorizationCode)
            {
                let about = if optional {
                    "Where the refresh token lies; left out, the app acts by itself."
                } else {
                    "Where the refresh token lies that a person's agreement gave."
                };
                keys.insert("refresh_token".into(), secret(about));
            }
            keys
        }
    };
    let is_needed = |name: &String| match rule {
        AuthRule::Oauth2 { flows, .. } if name == "refresh_token" => {
            flows.iter().all(|it| *it == Flow::AuthorizationCode)
        }
        _ => name != "token_url",
    };
    let mut properties = Map::from_iter([(
        "kind".to_owned(),
        json!({"const": rule.kind(), "description": "How the connection signs in."}),
    )]);
    properties.extend(keys.as_object().cloned().unwrap_or_default());
    let needed: Vec<_> = properties.keys().filter(|it| is_needed(it)).cloned().collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

impl ConnectionSettings {
    /// Reads `json` as `manifest` asks, gathering every fault.
    pub(crate) fn read(manifest: &Manifest, json: &Value) -> Result<Self, ConfigError> {
        let form = Form::of_schema(schema(manifest));
        let document: Map<String, Value> = form.read(json).finish()?;
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        let values: BTreeMap<String, String> = manifest
            .settings
            .iter()
            .filter_map(|(name, rule)| {
                Some((name.clone(), text(name).or_else(|| rule.default.clone())?))
            })
            .collect();
        let fault = |path: &str, what: String| ConfigError::new(vec![format!("{path}: {what}")]);
        let address = match text("base_url") {
            Some(address) => address,
            None => fill_address(&manifest.base_url, &values)
                .map_err(|error| fault("base_url", error.to_string()))?,
        };
        let base_url = check_url(&address).map_err(|what| fault("base_url", what.to_owned()))?;
        let connection = ConnectionId::parse(text("connection").unwrap_or_default())
            .map_err(|error| fault("connection", error.to_string()))?;
        let sign_in =
            document.get("auth").and_then(|auth| read_auth(auth, manifest)).ok_or_else(|| {
                fault("auth", "is not a way to sign in that this platform knows".into())
            })?;
        Ok(Self { connection, base_url, sign_in, values })
    }
}

fn read_auth(auth: &Value, manifest: &Manifest) -> Option<SignIn> {
    let text = |name: &str| auth.get(name).and_then(Value::as_str).map(str::to_owned);
    let secret = |name: &str| SecretAddress::parse(text(name)?).ok();
    match text("kind")?.as_str() {
        "bearer" => Some(SignIn::Bearer { token: secret("token")? }),
        "basic" => {
            Some(SignIn::Basic { username: text("username")?, password: secret("password")? })
        }
        "api_key" => Some(SignIn::ApiKey { key: secret("key")? }),
        "oauth2" => Some(SignIn::OAuth(OAuthApp {
            client_id: text("client_id")?,
            client_secret: secret("client_secret")?,
            refresh_token: secret("refresh_token"),
            token_url: text("token_url").and_then(|it| Url::parse(&it).ok()),
            scopes: manifest.auth.iter().find_map(scopes).unwrap_or_default(),
        })),
        _ => None,
    }
}

fn scopes(rule: &AuthRule) -> Option<Vec<String>> {
    if let AuthRule::Oauth2 { scopes, .. } = rule { Some(scopes.clone()) } else { None }
}

fn check_url(raw: &str) -> Result<Url, &'static str> {
    let wanted = "write an address such as `https://api.example.com/v1`";
    let url = Url::parse(raw).map_err(|_| wanted)?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain {
        Ok(url)
    } else {
        Err(wanted)
    }
}
