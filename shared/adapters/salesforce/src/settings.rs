//! The settings of one connection to a Salesforce org.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shared::config::{ConfigError, Form};
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use url::Url;

use crate::events::{self, EventSettings};

/// The newest version whose documents this adapter was written by: Spring '26.
const DEFAULT_API_VERSION: &str = "66.0";

/// How the connection logs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum SalesforceAuth {
    /// The OAuth 2.0 client credentials flow: the app has a run-as user.
    ClientCredentials {
        /// The consumer key of the app.
        #[schemars(length(min = 1), extend("examples" = ["3MVG9…"]))]
        client_id: String,
        /// Where the consumer secret lies.
        client_secret: SecretAddress,
    },
    /// The OAuth 2.0 JWT bearer flow: the app knows our certificate.
    JwtBearer {
        /// The consumer key of the app.
        #[schemars(length(min = 1), extend("examples" = ["3MVG9…"]))]
        client_id: String,
        /// The user to act as.
        #[schemars(length(min = 1), extend("examples" = ["sync@firm.example"]))]
        username: String,
        /// Where the RSA private key lies, in PEM.
        private_key: SecretAddress,
        /// The audience of the assertion; by default the login host of the kind of org.
        #[serde(default)]
        audience: Option<String>,
    },
    /// A person agreed once, with `moodbridge connect salesforce`; the refresh token goes on.
    AuthorizationCode {
        /// The consumer key of the app.
        #[schemars(length(min = 1), extend("examples" = ["3MVG9…"]))]
        client_id: String,
        /// Where the consumer secret lies, for an app that asks for it.
        #[serde(default)]
        client_secret: Option<SecretAddress>,
        /// Where the refresh token lies; it must be a place that can be written when the org
        /// rotates refresh tokens.
        refresh_token: SecretAddress,
    },
}

/// The settings of one connection.
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
    /// Which change events are followed; none without this section.
    pub events: Option<EventSettings>,
    /// The folder of mapping files, one an object; those of this build without it.
    pub mappings_folder: Option<PathBuf>,
}

/// The settings as they are written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Our name of the connection: lower-case letters, digits, dashes.
    connection: ConnectionId,
    /// Where tokens come from: the org's My Domain, or a login host.
    #[schemars(extend(
        "format" = "salesforce-login-url",
        "examples" = ["https://name.my.salesforce.com"]
    ))]
    login_url: Url,
    /// How it logs in.
    auth: SalesforceAuth,
    /// The API version, such as `66.0`.
    #[serde(default = "default_api_version")]
    #[schemars(extend("format" = "salesforce-api-version"))]
    api_version: String,
    /// How many records a page asks for. Source: REST API guide, "Query options header".
    #[serde(default = "default_page_size")]
    #[schemars(range(min = 200, max = 2000))]
    page_size: u16,
    /// Which change events are followed, by the Pub/Sub API; none without this section.
    #[serde(default)]
    events: Option<EventSettings>,
    /// The folder of mapping files, one YAML file an object: only these objects are kept in step. By
    /// default accounts, contacts and cases as this build maps them.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["/etc/moodbridge/mappings"]))]
    mappings_folder: Option<PathBuf>,
}

fn default_api_version() -> String {
    DEFAULT_API_VERSION.to_owned()
}

fn default_page_size() -> u16 {
    2000
}

impl SalesforceSettings {
    /// Returns the form of the settings of one connection.
    pub fn form() -> Form {
        Self::with_checks(Form::of::<Written>())
    }

    /// Adds the checks of this platform's texts to a form that holds its schema.
    pub fn with_checks(form: Form) -> Form {
        events::with_checks(form)
            .with_check("salesforce-login-url", check_url)
            .with_check("salesforce-api-version", check_version)
    }

    /// Reads the settings, gathering every fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults, each naming its setting.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let written: Written = Self::form().read(json).finish()?;
        let Written { connection, login_url, mut auth, api_version, .. } = written;
        let (page_size, events) = (written.page_size, written.events);
        if let SalesforceAuth::JwtBearer { audience, .. } = &mut auth {
            audience.get_or_insert_with(|| default_audience(&login_url));
        }
        Ok(Self {
            connection,
            login_url,
            auth,
            api_version,
            page_size,
            events,
            mappings_folder: written.mappings_folder,
        })
    }
}

impl<'de> Deserialize<'de> for SalesforceSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn check_url(raw: &str) -> Result<(), String> {
    let is_plain = Url::parse(raw).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if is_plain {
        Ok(())
    } else {
        Err("is not the address of an org: write such as `https://name.my.salesforce.com`".into())
    }
}

fn check_version(raw: &str) -> Result<(), String> {
    let is_version = raw
        .split_once('.')
        .is_some_and(|(major, minor)| major.parse::<u16>().is_ok() && minor == "0");
    if is_version {
        Ok(())
    } else {
        Err(format!("`{raw}` is not a version: write such as `{DEFAULT_API_VERSION}`"))
    }
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
        let settings = SalesforceSettings::from_json(&json!({
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
        assert_eq!(audience.unwrap(), "https://test.salesforce.com");
    }

    #[test]
    fn every_fault_is_reported_at_once_and_no_secret_is_repeated() {
        let error = SalesforceSettings::from_json(&json!({
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
            "connection: `Main Org` is not a connection name",
            "login_url: is not the address of an org: write such as",
            "api_version: `latest` is not a version: write such as `66.0`",
            "page_size: is 50000: write a whole number from 200 to 2000",
            "instance: is not a setting",
            "auth.client_id: is missing",
            "auth.username: is missing",
            "auth.private_key: not the address of a secret",
            "auth.user: is not a setting; write `audience`,",
        ] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn unknown_flow_names_those_that_are_known() {
        let error = SalesforceSettings::from_json(&json!({
            "connection": "main",
            "login_url": "https://firm.my.salesforce.com",
            "auth": {"flow": "password"},
        }))
        .unwrap_err();
        let wanted = "write `client_credentials`, `jwt_bearer` or `authorization_code`";
        assert!(error.to_string().contains(wanted), "{error}");
    }

    #[test]
    fn every_text_has_a_check() {
        assert_eq!(SalesforceSettings::form().unchecked_formats(), Vec::<String>::new());
    }
}
