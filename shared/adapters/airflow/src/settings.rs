//! The settings of one connection to an Airflow.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::config::{ConfigError, Form};
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use url::Url;

/// How the connection signs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum AirflowAuth {
    /// A user of Airflow, whose name and password are given for a token at `/auth/token`. The way of
    /// Airflow's own managers of users.
    Password {
        /// The user.
        #[schemars(length(min = 1), extend("examples" = ["moodbridge"]))]
        username: String,
        /// Where the password lies.
        password: SecretAddress,
    },
    /// A token that something else keeps fresh.
    Token {
        /// Where the token lies.
        token: SecretAddress,
    },
    /// Name and password with every call, for a manager of users or a gateway that takes them.
    Basic {
        /// The user.
        #[schemars(length(min = 1))]
        username: String,
        /// Where the password lies.
        password: SecretAddress,
    },
}

/// The settings of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirflowSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// Where Airflow's API server is called, with the path that stands before `/api/v2`.
    pub base_url: Url,
    /// How the connection signs in.
    pub auth: AirflowAuth,
}

/// The settings as they are written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Our name of the connection: lower-case letters, digits, dashes.
    connection: ConnectionId,
    /// Where Airflow's API server is called, with the path that stands before `/api/v2`.
    #[schemars(extend("format" = "airflow-url", "examples" = ["https://airflow.firm.example/"]))]
    base_url: Url,
    /// How the connection signs in.
    auth: AirflowAuth,
}

/// Parameters of an address that say how the connection signs in.
const SIGN_IN: [&str; 4] = ["flow", "username", "password", "token"];

impl AirflowSettings {
    /// Returns the form of the settings of one connection.
    pub fn form() -> Form {
        Form::of::<Written>().with_check("airflow-url", check_url)
    }

    /// Reads the settings, gathering every fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults, each naming its setting.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let Written { connection, base_url, auth } = Self::form().read(json).finish()?;
        Ok(Self { connection, base_url, auth })
    }

    /// Reads the settings that an address holds: `airflow://HOST/?username=…&password=env:PASSWORD`, or
    /// `token=env:TOKEN` instead of both, or `flow=basic` beside them. It is called over TLS;
    /// `airflow+http:` is for this machine alone.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_address(address: &Url) -> Result<Self, ConfigError> {
        let fault =
            |what: String| ConfigError::new(vec![format!("`{}:` {what}", address.scheme())]);
        let (Some(host), Some(scheme)) = (address.host_str(), http_scheme(address.scheme())) else {
            return Err(fault("names no host: write `airflow://HOST/?username=…`".to_owned()));
        };
        if !address.username().is_empty() || address.password().is_some() {
            return Err(fault(
                "holds a user before its host: write `?username=…&password=env:PASSWORD`"
                    .to_owned(),
            ));
        }
        let port = address.port().map(|it| format!(":{it}")).unwrap_or_default();
        let mut settings = Map::new();
        settings.insert("connection".to_owned(), json!("airflow"));
        settings.insert(
            "base_url".to_owned(),
            json!(format!("{scheme}://{host}{port}{}", address.path())),
        );
        let mut auth = Map::new();
        for (name, value) in address.query_pairs() {
            if !SIGN_IN.contains(&&*name) {
                return Err(fault(format!(
                    "has no parameter `{name}`: there are {}",
                    SIGN_IN.join(", ")
                )));
            }
            auth.insert(name.into_owned(), json!(value));
        }
        let flow = if auth.contains_key("token") { "token" } else { "password" };
        auth.entry("flow").or_insert_with(|| json!(flow));
        settings.insert("auth".to_owned(), auth.into());
        Self::from_json(&settings.into())
    }
}

fn http_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        "airflow" => Some("https"),
        "airflow+http" => Some("http"),
        _ => None,
    }
}

fn check_url(raw: &str) -> Result<(), String> {
    match Url::parse(raw) {
        Ok(url) if !matches!(url.scheme(), "https" | "http") || url.query().is_some() => {
            Err("write an address such as `https://airflow.firm.example/`".to_owned())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("leave user and password out of the address: they belong into `auth`".to_owned())
        }
        Ok(url) if url.path().trim_end_matches('/').ends_with("/api/v2") => {
            Err("leave `/api/v2` out: it is added".to_owned())
        }
        Ok(_) => Ok(()),
        Err(_) => Err("write an address such as `https://airflow.firm.example/`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<AirflowSettings, ConfigError> {
        AirflowSettings::from_address(&Url::parse(raw).unwrap())
    }

    #[test]
    fn address_holds_every_setting() {
        let settings = read("airflow://flow.example:8443/team/?username=u&password=env:P").unwrap();
        assert_eq!(settings.base_url.as_str(), "https://flow.example:8443/team/");
        let password = SecretAddress::parse("env:P").unwrap();
        let username = "u".to_owned();
        assert_eq!(settings.auth, AirflowAuth::Password { username, password });

        let local = read("airflow+http://127.0.0.1:8080?token=env:T").unwrap();
        assert_eq!(local.base_url.as_str(), "http://127.0.0.1:8080/");
        assert!(matches!(local.auth, AirflowAuth::Token { .. }));
        let basic = read("airflow://h/?flow=basic&username=u&password=env:P").unwrap();
        assert!(matches!(basic.auth, AirflowAuth::Basic { .. }));
    }

    #[test]
    fn every_fault_is_told_without_a_secret() {
        for (raw, part) in [
            ("airflow:x", "airflow://HOST/"),
            ("airflow://h/", "username"),
            ("airflow://h/?username=u", "password"),
            ("airflow://h/?username=u&password=hunter2", "password"),
            ("airflow://h/?token=env:T&username=u", "username"),
            ("airflow://h/?tokens=env:T", "tokens"),
            ("airflow://h/?flow=kerberos", "flow"),
            ("airflow://u:hunter2@h/?token=env:T", "before its host"),
            ("airflow://h/api/v2?token=env:T", "/api/v2"),
        ] {
            let error = read(raw).unwrap_err().to_string();
            assert!(error.contains(part), "{raw}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let bad = json!({"connection": "A", "base_url": "ftp://x", "auth": {"flow": "token"}});
        let error = AirflowSettings::from_json(&bad).unwrap_err().to_string();
        for setting in ["connection", "base_url", "token"] {
            assert!(error.contains(setting), "{setting}: {error}");
        }
    }
}
