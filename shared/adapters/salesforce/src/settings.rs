//! The settings of one connection to a Salesforce org.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use shared::config::ConfigError;
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use url::Url;

/// The newest version whose documents this adapter was written by: Spring '26.
const DEFAULT_API_VERSION: &str = "66.0";

/// The sizes a query page may ask for. Source: REST API guide, "Query options header".
const PAGE_SIZES: std::ops::RangeInclusive<u64> = 200..=2000;

/// How the connection logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SalesforceAuth {
    /// The OAuth 2.0 client credentials flow: the app has a run-as user.
    ClientCredentials {
        /// The consumer key of the app.
        client_id: String,
        /// Where the consumer secret lies.
        client_secret: SecretAddress,
    },
    /// The OAuth 2.0 JWT bearer flow: the app knows our certificate.
    JwtBearer {
        /// The consumer key of the app.
        client_id: String,
        /// The user to act as.
        username: String,
        /// Where the RSA private key lies, in PEM.
        private_key: SecretAddress,
        /// The audience of the assertion, such as `https://login.salesforce.com`.
        audience: String,
    },
    /// A person agreed once, with `moodbridge connect salesforce`; the refresh token goes on.
    AuthorizationCode {
        /// The consumer key of the app.
        client_id: String,
        /// Where the consumer secret lies, for an app that asks for it.
        client_secret: Option<SecretAddress>,
        /// Where the refresh token lies; it must be a place that can be written when the org
        /// rotates refresh tokens.
        refresh_token: SecretAddress,
    },
}

/// The settings of one connection.
///
/// As JSON: `connection`, `login_url`, `auth` (with `flow` `client_credentials`, `jwt_bearer` or
/// `authorization_code` and the fields of that variant of [`SalesforceAuth`]), and optionally `api_version` and `page_size`.
/// A fault report names every fault at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalesforceSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// Where tokens come from: the org's My Domain, or a login host.
    pub login_url: Url,
    /// How it logs in.
    pub auth: SalesforceAuth,
    /// The API version, such as `66.0`.
    pub api_version: String,
    /// How many records a page asks for, 200 to 2,000.
    pub page_size: u16,
}

impl SalesforceSettings {
    /// Reads the settings, gathering every fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults, each naming its setting.
    pub fn from_json(json: Value) -> Result<Self, ConfigError> {
        let Value::Object(map) = json else {
            return Err(ConfigError::new(vec!["a connection is not a JSON object".into()]));
        };
        let mut faults = Vec::new();
        let mut top = Section { path: "", map, faults: &mut faults };
        let connection = top.parsed("connection", ConnectionId::parse);
        let login_url = top.parsed("login_url", |raw| check_url(&raw));
        let auth = top.map.remove("auth");
        let api_version = match top.optional_text("api_version") {
            None => Some(DEFAULT_API_VERSION.to_owned()),
            Some(raw) => top.note("api_version", check_version(raw)),
        };
        let page_size = match top.map.remove("page_size") {
            None => Some(2000),
            Some(raw) => top.note("page_size", check_page_size(&raw)),
        };
        top.no_more();
        let audience = login_url.as_ref().map(default_audience).unwrap_or_default();
        let auth = match auth {
            Some(Value::Object(map)) => {
                read_auth(Section { path: "auth.", map, faults: &mut faults }, audience)
            }
            Some(_) => {
                faults.push("auth is not a JSON object".into());
                None
            }
            None => {
                faults.push("auth is missing".into());
                None
            }
        };
        match (connection, login_url, auth, api_version, page_size) {
            (Some(connection), Some(login_url), Some(auth), Some(api_version), Some(page_size))
                if faults.is_empty() =>
            {
                Ok(Self { connection, login_url, auth, api_version, page_size })
            }
            _ => Err(ConfigError::new(faults)),
        }
    }
}

impl<'de> Deserialize<'de> for SalesforceSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A JSON object whose settings are taken one by one.
struct Section<'a> {
    path: &'static str,
    map: Map<String, Value>,
    faults: &'a mut Vec<String>,
}

impl Section<'_> {
    fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.map.remove(name) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.faults.push(format!("{}{name} is not text", self.path));
                Some(String::new())
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        if !self.map.contains_key(name) {
            self.faults.push(format!("{}{name} is missing", self.path));
            return None;
        }
        let found = self.optional_text(name).filter(|it| !it.trim().is_empty());
        if found.is_none() {
            self.faults.push(format!("{}{name} is empty", self.path));
        }
        found
    }

    fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let raw = self.text(name)?;
        self.note(name, parse(raw))
    }

    fn note<T, E: std::fmt::Display>(&mut self, name: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.faults.push(format!("{}{name} is malformed: {error}", self.path)))
            .ok()
    }

    /// Notes every setting that is left over, so that a typing error is not silently ignored.
    fn no_more(&mut self) {
        for name in self.map.keys() {
            self.faults.push(format!("{}{name} is not a setting", self.path));
        }
    }
}

fn read_auth(mut auth: Section<'_>, default_audience: String) -> Option<SalesforceAuth> {
    let flow = auth.text("flow")?;
    let found = match flow.as_str() {
        "client_credentials" => {
            let client_id = auth.text("client_id");
            let client_secret = auth.parsed("client_secret", SecretAddress::parse);
            client_id.zip(client_secret).map(|(client_id, client_secret)| {
                SalesforceAuth::ClientCredentials { client_id, client_secret }
            })
        }
        "jwt_bearer" => {
            let client_id = auth.text("client_id");
            let username = auth.text("username");
            let private_key = auth.parsed("private_key", SecretAddress::parse);
            let audience = auth.optional_text("audience").unwrap_or(default_audience);
            client_id.zip(username).zip(private_key).map(|((client_id, username), private_key)| {
                SalesforceAuth::JwtBearer { client_id, username, private_key, audience }
            })
        }
        "authorization_code" => {
            let client_id = auth.text("client_id");
            let client_secret = match auth.map.contains_key("client_secret") {
                true => auth.parsed("client_secret", SecretAddress::parse).map(Some),
                false => Some(None),
            };
            let refresh_token = auth.parsed("refresh_token", SecretAddress::parse);
            client_id.zip(client_secret).zip(refresh_token).map(
                |((client_id, client_secret), refresh_token)| SalesforceAuth::AuthorizationCode {
                    client_id,
                    client_secret,
                    refresh_token,
                },
            )
        }
        _ => {
            auth.faults.push(format!(
                "auth.flow `{flow}` is not known: write `client_credentials`, `jwt_bearer` or \
                 `authorization_code`"
            ));
            return None;
        }
    };
    auth.no_more();
    found
}

fn check_url(raw: &str) -> Result<Url, String> {
    let url = Url::parse(raw).map_err(|error| error.to_string())?;
    let is_plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain {
        Ok(url)
    } else {
        Err("write an address such as `https://name.my.salesforce.com`".into())
    }
}

fn check_version(raw: String) -> Result<String, &'static str> {
    let is_version = raw
        .split_once('.')
        .is_some_and(|(major, minor)| major.parse::<u16>().is_ok() && minor == "0");
    if is_version { Ok(raw) } else { Err("write a version such as `66.0`") }
}

fn check_page_size(raw: &Value) -> Result<u16, &'static str> {
    raw.as_u64()
        .filter(|size| PAGE_SIZES.contains(size))
        .and_then(|size| u16::try_from(size).ok())
        .ok_or("write a number from 200 to 2000")
}

/// Source: JWT bearer flow, "aud": the login host of the kind of org, whatever host is posted to.
fn default_audience(login_url: &Url) -> String {
    let host = login_url.host_str().unwrap_or_default();
    if host == "test.salesforce.com" || host.contains(".sandbox.") {
        "https://test.salesforce.com".into()
    } else {
        "https://login.salesforce.com".into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn client_credentials_take_the_defaults() {
        let settings = SalesforceSettings::from_json(json!({
            "connection": "main",
            "login_url": "https://firm.my.salesforce.com",
            "auth": {
                "flow": "client_credentials",
                "client_id": "3MVG",
                "client_secret": "env:SF_SECRET",
            },
        }))
        .unwrap();
        assert_eq!(settings.api_version, "66.0");
        assert_eq!(settings.page_size, 2000);
    }

    #[test]
    fn sandbox_login_gets_the_sandbox_audience() {
        let settings: SalesforceSettings = serde_json::from_value(json!({
            "connection": "main",
            "login_url": "https://firm--uat.sandbox.my.salesforce.com",
            "auth": {
                "flow": "jwt_bearer",
                "client_id": "3MVG",
                "username": "sync@firm.test",
                "private_key": "file:key.pem",
            },
        }))
        .unwrap();
        let SalesforceAuth::JwtBearer { audience, .. } = settings.auth else { panic!() };
        assert_eq!(audience, "https://test.salesforce.com");
    }

    #[test]
    fn every_fault_is_reported_at_once_and_no_secret_is_repeated() {
        let error = SalesforceSettings::from_json(json!({
            "connection": "Main Org",
            "login_url": "firm",
            "api_version": "latest",
            "page_size": 50_000,
            "instance": "x",
            "auth": {
                "flow": "jwt_bearer",
                "private_key": "hunter2",
                "user": "sync@firm.test",
            },
        }))
        .unwrap_err();
        let message = error.to_string();
        for part in [
            "connection is malformed: `Main Org`",
            "login_url is malformed",
            "api_version is malformed",
            "page_size is malformed: write a number from 200 to 2000",
            "instance is not a setting",
            "auth.client_id is missing",
            "auth.username is missing",
            "auth.private_key is malformed",
            "auth.user is not a setting",
        ] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn unknown_flow_names_those_that_are_known() {
        let error = SalesforceSettings::from_json(json!({
            "connection": "main",
            "login_url": "https://firm.my.salesforce.com",
            "auth": {"flow": "password"},
        }))
        .unwrap_err();
        assert!(error.to_string().contains("write `client_credentials`, `jwt_bearer`"), "{error}");
    }
}
