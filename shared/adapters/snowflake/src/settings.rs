//! The settings of one connection to a Snowflake account.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::config::{ConfigError, Form};
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use shared::ports::warehouse::Identifier;
use url::Url;

/// How the connection signs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum SnowflakeAuth {
    /// Our key signs tokens; Snowflake knows its public half.
    KeyPair {
        /// The user, as Snowflake stores it.
        #[schemars(length(min = 1), extend("examples" = ["MOODBRIDGE_LOADER"]))]
        user: String,
        /// Where the RSA private key lies, in PEM without a pass phrase.
        private_key: SecretAddress,
        /// Where the key lies that takes its place, while keys are rotated: it is tried when the
        /// first one is refused.
        #[serde(default)]
        next_private_key: Option<SecretAddress>,
    },
    /// An OAuth access token that something else keeps fresh.
    Oauth {
        /// Where the token lies.
        token: SecretAddress,
    },
    /// A programmatic access token.
    ProgrammaticToken {
        /// Where the token lies.
        token: SecretAddress,
    },
}

/// How staged files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Parquet.
    #[default]
    Parquet,
    /// CSV with a header line, fields in double quotes where needed, compressed or not.
    Csv,
}

/// The settings of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnowflakeSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// The account identifier, such as `MYORG-FIRM`.
    pub account: String,
    /// Where the account is called.
    pub base_url: Url,
    /// How the connection signs in.
    pub auth: SnowflakeAuth,
    /// The database.
    pub database: Identifier,
    /// The schema.
    pub schema: Identifier,
    /// The warehouse that runs statements; `None` is the user's own.
    pub warehouse: Option<Identifier>,
    /// The role; `None` is the user's own.
    pub role: Option<Identifier>,
    /// The stage that files are loaded from, in the schema.
    pub stage: Option<Identifier>,
    /// How its files are written.
    pub file_format: FileFormat,
    /// What the tag of each statement begins with.
    pub query_tag: String,
    /// How long a statement may wait for the warehouse.
    pub queue_timeout: Duration,
}

/// The settings as they are written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Our name of the connection: lower-case letters, digits, dashes.
    connection: ConnectionId,
    /// The account identifier: organisation, dash, account.
    #[schemars(extend("format" = "snowflake-account", "examples" = ["MYORG-FIRM"]))]
    account: String,
    /// Where the account is called; by default the host of the account identifier.
    #[serde(default)]
    #[schemars(extend(
        "format" = "snowflake-url",
        "examples" = ["https://myorg-firm.privatelink.snowflakecomputing.com"]
    ))]
    base_url: Option<Url>,
    /// How the connection signs in.
    auth: SnowflakeAuth,
    /// The database, as Snowflake stores its name: mostly in upper case.
    #[schemars(with = "String", extend("format" = "snowflake-name", "examples" = ["LEGAL"]))]
    database: String,
    /// The schema.
    #[schemars(with = "String", extend("format" = "snowflake-name", "examples" = ["MOODBRIDGE"]))]
    schema: String,
    /// The warehouse that runs statements; by default the user's own.
    #[serde(default)]
    #[schemars(extend("format" = "snowflake-name"))]
    warehouse: Option<String>,
    /// The role; by default the user's own.
    #[serde(default)]
    #[schemars(extend("format" = "snowflake-name"))]
    role: Option<String>,
    /// The stage that files are loaded from, in the schema; without one nothing is loaded.
    #[serde(default)]
    #[schemars(extend("format" = "snowflake-name"))]
    stage: Option<String>,
    /// How the files of the stage are written.
    #[serde(default)]
    file_format: FileFormat,
    /// What the tag of each statement begins with, by which its cost is found.
    #[serde(default = "default_query_tag")]
    #[schemars(length(min = 1, max = 200))]
    query_tag: String,
    /// How many seconds a statement may wait for the warehouse.
    #[serde(default = "default_queue_seconds")]
    #[schemars(range(min = 1, max = 86_400))]
    queue_timeout_seconds: u32,
}

fn default_query_tag() -> String {
    "moodbridge".to_owned()
}

fn default_queue_seconds() -> u32 {
    600
}

impl SnowflakeSettings {
    /// Returns the form of the settings of one connection.
    pub fn form() -> Form {
        Form::of::<Written>()
            .with_check("snowflake-account", check_account)
            .with_check("snowflake-url", check_url)
            .with_check("snowflake-name", check_name)
    }

    /// Reads the settings, gathering every fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults, each naming its setting.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let written: Written = Self::form().read(json).finish()?;
        let name = |setting: &str, raw: String| {
            Identifier::parse(raw)
                .map_err(|error| ConfigError::new(vec![format!("{setting}: {error}")]))
        };
        let optional =
            |setting: &str, raw: Option<String>| raw.map(|it| name(setting, it)).transpose();
        let base_url = match written.base_url {
            Some(url) => url,
            None => default_url(&written.account)
                .ok_or_else(|| ConfigError::new(vec!["account: it makes no host name".into()]))?,
        };
        Ok(Self {
            connection: written.connection,
            account: written.account,
            base_url,
            auth: written.auth,
            database: name("database", written.database)?,
            schema: name("schema", written.schema)?,
            warehouse: optional("warehouse", written.warehouse)?,
            role: optional("role", written.role)?,
            stage: optional("stage", written.stage)?,
            file_format: written.file_format,
            query_tag: written.query_tag,
            queue_timeout: Duration::from_secs(written.queue_timeout_seconds.into()),
        })
    }
}

/// Parameters of an address that say how the connection signs in.
const SIGN_IN: [&str; 5] = ["user", "private_key", "next_private_key", "oauth_token", "token"];

impl SnowflakeSettings {
    /// Reads the settings that an address holds:
    /// `snowflake://ACCOUNT/DATABASE/SCHEMA?user=…&private_key=env:KEY&stage=…`. Instead of a user and
    /// a key it names `oauth_token` or `token`, the address of a programmatic one; every other
    /// setting is a parameter of its own name.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_address(address: &Url) -> Result<Self, ConfigError> {
        let fault = |what: &str| ConfigError::new(vec![format!("`{}:` {what}", address.scheme())]);
        let path = percent_encoding::percent_decode_str(address.path())
            .decode_utf8()
            .map_err(|_| fault("names a database that is no UTF-8"))?;
        let parts: Vec<_> = path.split('/').collect();
        let (Some(account), ["", database, schema]) = (address.host_str(), parts.as_slice()) else {
            return Err(fault(
                "names no account, database and schema: write `snowflake://ACCOUNT/DATABASE/SCHEMA`",
            ));
        };
        let named = [("account", account), ("database", *database), ("schema", *schema)];
        let mut settings: Map<_, _> =
            named.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        settings.insert("connection".to_owned(), json!("snowflake"));
        let mut auth = Map::new();
        for (name, value) in address.query_pairs() {
            let (name, value) = (name.into_owned(), value.into_owned());
            if SIGN_IN.contains(&name.as_str()) {
                auth.insert(name, json!(value));
            } else if let ("queue_timeout_seconds", Ok(number)) = (&*name, value.parse::<u32>()) {
                settings.insert(name, json!(number));
            } else {
                settings.insert(name, json!(value));
            }
        }
        let flow = match (auth.remove("oauth_token"), auth.contains_key("token")) {
            (Some(_), true) => return Err(fault("names both `oauth_token` and `token`")),
            (Some(token), false) => {
                auth.insert("token".to_owned(), token);
                "oauth"
            }
            (None, true) => "programmatic_token",
            (None, false) => "key_pair",
        };
        auth.insert("flow".to_owned(), json!(flow));
        settings.insert("auth".to_owned(), auth.into());
        Self::from_json(&settings.into())
    }
}

/// Host names have no underscores. Source: Snowflake, "Account identifiers".
fn default_url(account: &str) -> Option<Url> {
    let host = account.to_ascii_lowercase().replace('_', "-");
    Url::parse(&format!("https://{host}.snowflakecomputing.com")).ok()
}

fn check_account(raw: &str) -> Result<(), String> {
    let is_valid = !raw.is_empty()
        && raw.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'));
    if is_valid {
        Ok(())
    } else {
        Err("write the account identifier alone, such as `MYORG-FIRM`, without a host".to_owned())
    }
}

fn check_url(raw: &str) -> Result<(), String> {
    match Url::parse(raw) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.query().is_none() => Ok(()),
        _ => Err("write an address such as `https://myorg-firm.snowflakecomputing.com`".to_owned()),
    }
}

fn check_name(raw: &str) -> Result<(), String> {
    Identifier::parse(raw).map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Value {
        json!({
            "connection": "lake",
            "account": "MYORG-FIRM_TWO",
            "auth": {"flow": "key_pair", "user": "LOADER", "private_key": "env:KEY"},
            "database": "LEGAL",
            "schema": "PUBLIC",
        })
    }

    #[test]
    fn host_comes_from_the_account_unless_it_is_named() {
        let settings = SnowflakeSettings::from_json(&written()).unwrap();
        assert_eq!(settings.base_url.as_str(), "https://myorg-firm-two.snowflakecomputing.com/");
        assert_eq!(settings.file_format, FileFormat::Parquet);
        assert_eq!(settings.queue_timeout, Duration::from_secs(600));

        let mut own = written();
        own["base_url"] = json!("http://127.0.0.1:9/");
        own["auth"] = json!({"flow": "programmatic_token", "token": "env:PAT"});
        let settings = SnowflakeSettings::from_json(&own).unwrap();
        assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:9/");
        assert!(matches!(settings.auth, SnowflakeAuth::ProgrammaticToken { .. }));
    }

    #[test]
    fn address_holds_every_setting() {
        let read = |raw: &str| SnowflakeSettings::from_address(&Url::parse(raw).unwrap());
        let settings = read(
            "snowflake://MYORG-FIRM/LEGAL/my%20schema?user=LOADER&private_key=env:KEY\
             &next_private_key=env:NEXT&stage=FILES&file_format=csv&queue_timeout_seconds=30",
        )
        .unwrap();
        assert_eq!(settings.account, "MYORG-FIRM");
        assert_eq!(settings.schema.as_str(), "my schema");
        assert_eq!(settings.file_format, FileFormat::Csv);
        assert_eq!(settings.queue_timeout, Duration::from_secs(30));
        let next = SecretAddress::parse("env:NEXT").unwrap();
        assert!(matches!(settings.auth,
            SnowflakeAuth::KeyPair { next_private_key: Some(it), .. } if it == next));
        let oauth = read("snowflake://A/B/C?oauth_token=env:T").unwrap();
        assert!(matches!(oauth.auth, SnowflakeAuth::Oauth { .. }));

        for (raw, part) in [
            ("snowflake:x", "ACCOUNT/DATABASE/SCHEMA"),
            ("snowflake://A/B", "ACCOUNT/DATABASE/SCHEMA"),
            ("snowflake://A/B/C?user=U", "private_key"),
            ("snowflake://A/B/C?oauth_token=env:T&stag=X", "stag"),
            ("snowflake://A/B/C?oauth_token=env:T&token=env:U", "both"),
            ("snowflake://A/B/C?oauth_token=env:T&user=U", "user"),
            ("snowflake://A/B/C?token=hunter2", "token"),
        ] {
            let error = read(raw).unwrap_err().to_string();
            assert!(error.contains(part), "{raw}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_setting() {
        let mut bad = written();
        bad["account"] = json!("https://x");
        bad["database"] = json!("");
        bad["base_url"] = json!("ftp://x");
        let error = SnowflakeSettings::from_json(&bad).unwrap_err().to_string();
        for setting in ["account", "database", "base_url"] {
            assert!(error.contains(setting), "{setting}: {error}");
        }
        assert!(!error.contains("panicked"));
    }
}
