//! The settings of one NiFi, and of one `ListenHTTP`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::config::{ConfigError, Form};
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;
use shared::ports::dataflow::PartId;
use url::Url;

/// How the connection signs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum NifiAuth {
    /// A user of NiFi, whose name and password are given for a token at `/access/token`.
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
}

/// The settings of one NiFi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NifiSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// Where NiFi is called, with the path that stands before `/nifi-api`.
    pub base_url: Url,
    /// How the connection signs in.
    pub auth: NifiAuth,
    /// The process group that is operated; `root` for all there is.
    pub group: PartId,
    /// The input port that flow files are sent to, by its name or id.
    pub port: Option<String>,
}

/// The settings as they are written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Our name of the connection: lower-case letters, digits, dashes.
    connection: ConnectionId,
    /// Where NiFi is called, with the path that stands before `/nifi-api`.
    #[schemars(extend("format" = "nifi-url", "examples" = ["https://nifi.firm.example:8443/"]))]
    base_url: Url,
    /// How the connection signs in.
    auth: NifiAuth,
    /// The process group that is operated; `root` for all there is.
    #[schemars(extend("format" = "nifi-part", "examples" = ["root"]))]
    group: Option<String>,
    /// The input port that flow files are sent to, by its name or id.
    #[schemars(length(min = 1), extend("examples" = ["changes"]))]
    port: Option<String>,
}

/// Parameters of an address that say how the connection signs in.
const SIGN_IN: [&str; 3] = ["username", "password", "token"];

/// Parameters of an address that say what is worked on.
const PLACES: [&str; 2] = ["group", "port"];

impl NifiSettings {
    /// Returns the form of the settings of one connection.
    pub fn form() -> Form {
        let check_part = |raw: &str| PartId::parse(raw).map(drop).map_err(|it| it.to_string());
        Form::of::<Written>().with_check("nifi-url", check_url).with_check("nifi-part", check_part)
    }

    /// Reads the settings, gathering every fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults, each naming its setting.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let Written { connection, base_url, auth, group, port } =
            Self::form().read(json).finish()?;
        let group = PartId::parse(group.unwrap_or_else(|| "root".to_owned()))
            .map_err(|error| ConfigError::new(vec![format!("group: {error}")]))?;
        Ok(Self { connection, base_url, auth, group, port })
    }

    /// Reads the settings that an address holds: `nifi://HOST:PORT/?username=…&password=env:PASSWORD`,
    /// or `token=env:TOKEN` instead of both; besides, `group=ID` is what is operated and `port=NAME`
    /// where flow files go. It is called over TLS; `nifi+http:` is for this machine alone.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_address(address: &Url) -> Result<Self, ConfigError> {
        let scheme = if address.scheme() == "nifi" { "https" } else { "http" };
        let read = Address::read(address, scheme, &[&SIGN_IN[..], &PLACES[..]].concat())?;
        let mut auth = Map::new();
        let mut settings = Map::new();
        for (name, value) in read.parameters {
            let to = if SIGN_IN.contains(&&*name) { &mut auth } else { &mut settings };
            to.insert(name, json!(value));
        }
        let flow = if auth.contains_key("token") { "token" } else { "password" };
        auth.insert("flow".to_owned(), json!(flow));
        settings.insert("connection".to_owned(), json!("nifi"));
        settings.insert("base_url".to_owned(), json!(read.base_url));
        settings.insert("auth".to_owned(), auth.into());
        Self::from_json(&settings.into())
    }
}

/// The settings of one `ListenHTTP`, or of another endpoint that takes FlowFile v3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// Where flow files are posted to, with the processor's base path.
    pub url: Url,
    /// Where a bearer token lies, for a gateway that asks for one: `ListenHTTP` itself does not.
    pub token: Option<SecretAddress>,
    /// Whether bodies are packed, which `ListenHTTP` takes and `HandleHttpRequest` does not.
    pub is_packed: bool,
}

impl ListenSettings {
    /// Reads the settings that an address holds: `nifi-listen://HOST:PORT/contentListener`, with
    /// `token=env:TOKEN` for a gateway and `gzip=off` for `HandleHttpRequest`. It is called over TLS;
    /// `nifi-listen+http:` is for this machine alone.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with what to write instead.
    pub fn from_address(address: &Url) -> Result<Self, ConfigError> {
        let scheme = if address.scheme() == "nifi-listen" { "https" } else { "http" };
        let mut read = Address::read(address, scheme, &["gzip", "token"])?;
        let fault = |what: &str| ConfigError::new(vec![format!("`{}:` {what}", address.scheme())]);
        let url = Url::parse(&read.base_url).map_err(|_| fault("is no address"))?;
        if url.path() == "/" {
            return Err(fault(
                "has no path: write the base path of the processor behind the host, such as `/contentListener`",
            ));
        }
        let token = read.parameters.remove("token").map(|it| SecretAddress::parse(&it)).transpose();
        let token = token.map_err(|error| fault(&format!("has no good `token`: {error}")))?;
        let is_packed = match read.parameters.get("gzip").map(String::as_str) {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => return Err(fault("has no good `gzip`: write `on` or `off`")),
        };
        let connection = ConnectionId::parse("nifi-listen")
            .map_err(|error| ConfigError::new(vec![error.to_string()]))?;
        Ok(Self { connection, url, token, is_packed })
    }
}

/// An address in its parts.
struct Address {
    base_url: String,
    parameters: BTreeMap<String, String>,
}

impl Address {
    fn read(address: &Url, scheme: &str, known: &[&str]) -> Result<Self, ConfigError> {
        let fault =
            |what: String| ConfigError::new(vec![format!("`{}:` {what}", address.scheme())]);
        let Some(host) = address.host_str().filter(|it| !it.is_empty()) else {
            let example = format!("names no host: write `{}://HOST:PORT/…`", address.scheme());
            return Err(fault(example));
        };
        if !address.username().is_empty() || address.password().is_some() {
            let what = "holds a user before its host: write `?username=…&password=env:PASSWORD`";
            return Err(fault(what.to_owned()));
        }
        let port = address.port().map(|it| format!(":{it}")).unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, value) in address.query_pairs() {
            if !known.contains(&&*name) {
                let known = known.join(", ");
                return Err(fault(format!("has no parameter `{name}`: there are {known}")));
            }
            parameters.insert(name.into_owned(), value.into_owned());
        }
        Ok(Self { base_url: format!("{scheme}://{host}{port}{}", address.path()), parameters })
    }
}

fn check_url(raw: &str) -> Result<(), String> {
    let example = "write an address such as `https://nifi.firm.example:8443/`";
    match Url::parse(raw) {
        Ok(url) if !matches!(url.scheme(), "https" | "http") || url.query().is_some() => {
            Err(example.to_owned())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("leave user and password out of the address: they belong into `auth`".to_owned())
        }
        Ok(url) if url.path().trim_end_matches('/').ends_with("/nifi-api") => {
            Err("leave `/nifi-api` out: it is added".to_owned())
        }
        Ok(url) if url.path().trim_end_matches('/').ends_with("/nifi") => {
            Err("leave `/nifi` out: it is the page for people".to_owned())
        }
        Ok(_) => Ok(()),
        Err(_) => Err(example.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<NifiSettings, ConfigError> {
        NifiSettings::from_address(&Url::parse(raw).unwrap())
    }

    fn listen(raw: &str) -> Result<ListenSettings, ConfigError> {
        ListenSettings::from_address(&Url::parse(raw).unwrap())
    }

    #[test]
    fn address_holds_every_setting() {
        let raw =
            "nifi://nifi.example:8443/team/?username=u&password=env:P&group=0192-aa&port=in%20a";
        let settings = read(raw).unwrap();
        assert_eq!(settings.base_url.as_str(), "https://nifi.example:8443/team/");
        let password = SecretAddress::parse("env:P").unwrap();
        assert_eq!(settings.auth, NifiAuth::Password { username: "u".to_owned(), password });
        assert_eq!((settings.group.as_str(), settings.port.as_deref()), ("0192-aa", Some("in a")));

        let local = read("nifi+http://127.0.0.1:8080?token=env:T").unwrap();
        assert_eq!(local.base_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!((local.group.as_str(), local.port), ("root", None));
        assert!(matches!(local.auth, NifiAuth::Token { .. }));

        let open = listen("nifi-listen://nifi.example:9443/contentListener").unwrap();
        assert_eq!(open.url.as_str(), "https://nifi.example:9443/contentListener");
        assert!(open.is_packed && open.token.is_none());
        let guarded = listen("nifi-listen+http://127.0.0.1:1/in?token=env:T&gzip=off").unwrap();
        assert_eq!(guarded.url.as_str(), "http://127.0.0.1:1/in");
        assert!(!guarded.is_packed && guarded.token.is_some());
    }

    #[test]
    fn every_fault_is_told_without_a_secret() {
        for (raw, part) in [
            ("nifi:x", "nifi://HOST"),
            ("nifi://h/", "username"),
            ("nifi://h/?username=u", "password"),
            ("nifi://h/?username=u&password=hunter2", "password"),
            ("nifi://h/?token=env:T&username=u", "username"),
            ("nifi://h/?tokens=env:T", "tokens"),
            ("nifi://h/?token=env:T&group=a/b", "group"),
            ("nifi://h/?token=env:T&port=", "port"),
            ("nifi://u:hunter2@h/?token=env:T", "before its host"),
            ("nifi://h/nifi-api?token=env:T", "/nifi-api"),
            ("nifi://h/nifi/?token=env:T", "/nifi"),
        ] {
            let error = read(raw).unwrap_err().to_string();
            assert!(error.contains(part), "{raw}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for (raw, part) in [
            ("nifi-listen:x", "nifi-listen://HOST"),
            ("nifi-listen://h:1/", "base path"),
            ("nifi-listen://h:1/in?token=hunter2", "token"),
            ("nifi-listen://h:1/in?gzip=perhaps", "gzip"),
            ("nifi-listen://h:1/in?zip=on", "zip"),
        ] {
            let error = listen(raw).unwrap_err().to_string();
            assert!(error.contains(part), "{raw}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
