//! A connector manifest, once it has been checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A platform as a file declares it.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, SettingRule>,
    pub(crate) auth: Vec<AuthRule>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) rate_limit: RateLimit,
    #[serde(default)]
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) health: HealthRule,
    #[serde(default)]
    pub(crate) max_page_bytes: Option<usize>,
    pub(crate) streams: BTreeMap<String, Stream>,
}

impl Manifest {
    /// Returns the name that settings call the platform by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the platform's name for people.
    pub fn title(&self) -> &str {
        &self.title
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SettingRule {
    pub(crate) about: String,
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) one_of: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum AuthRule {
    Bearer {},
    Basic {},
    ApiKey {
        header: Option<String>,
        query: Option<String>,
        prefix: Option<String>,
    },
    Oauth2 {
        token_url: String,
        authorize_url: Option<String>,
        flows: Vec<Flow>,
        #[serde(default)]
        scopes: Vec<String>,
        #[serde(default)]
        client_auth: ClientAuth,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flow {
    ClientCredentials,
    AuthorizationCode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuth {
    #[default]
    Form,
    Header,
}

impl AuthRule {
    /// Lists the addresses that it names.
    pub(crate) fn addresses(&self) -> Vec<&String> {
        match self {
            Self::Oauth2 { token_url, authorize_url, .. } => {
                std::iter::once(token_url).chain(authorize_url).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bearer {} => "bearer",
            Self::Basic {} => "basic",
            Self::ApiKey { .. } => "api_key",
            Self::Oauth2 { .. } => "oauth2",
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct RateLimit {
    pub(crate) calls: Option<u32>,
    pub(crate) per: Option<String>,
    pub(crate) burst: Option<u32>,
    pub(crate) remaining_header: Option<String>,
    pub(crate) reset_header: Option<String>,
    #[serde(default)]
    pub(crate) reset_format: ResetFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetFormat {
    #[default]
    UnixSeconds,
    Seconds,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ErrorRule {
    pub(crate) status: Option<u16>,
    pub(crate) header: Option<String>,
    pub(crate) equals: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) contains: Option<String>,
    pub(crate) kind: ErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    NotFound,
    Denied,
    Rejected,
    Conflict,
    RateLimited,
    Unavailable,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HealthRule {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stream {
    pub(crate) path: String,
    pub(crate) read_path: String,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) read_params: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) records: String,
    #[serde(default)]
    pub(crate) record: String,
    pub(crate) paging: Paging,
    pub(crate) incremental: Option<Incremental>,
    #[serde(default = "default_id")]
    pub(crate) id: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) version_format: InstantFormat,
    pub(crate) deleted: Option<Condition>,
    #[serde(default)]
    pub(crate) skip: Vec<Condition>,
    pub(crate) entity: shared::model::Entity,
    pub(crate) fields: BTreeMap<String, FieldRule>,
}

fn default_id() -> String {
    "/id".to_owned()
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Paging {
    None {},
    LinkHeader {},
    NextUrl {
        at: String,
    },
    Cursor {
        at: String,
        param: String,
    },
    Offset {
        param: String,
        size_param: String,
        size: u64,
    },
    Page {
        param: String,
        size_param: String,
        size: u64,
        #[serde(default = "one")]
        first: u64,
    },
}

fn one() -> u64 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Incremental {
    pub(crate) param: String,
    pub(crate) until_param: Option<String>,
    #[serde(default)]
    pub(crate) format: ParamFormat,
    #[serde(default)]
    pub(crate) bound: Bound,
    pub(crate) order: Order,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParamFormat {
    #[default]
    Rfc3339,
    Rfc3339Millis,
    UnixSeconds,
    UnixMillis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InstantFormat {
    #[default]
    Rfc3339,
    UnixSeconds,
    UnixMillis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    #[default]
    Inclusive,
    Exclusive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    Version,
    Other,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Condition {
    pub(crate) at: String,
    pub(crate) equals: Option<Value>,
    pub(crate) present: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldRule {
    pub(crate) to: String,
    pub(crate) at: Option<String>,
    #[serde(default, rename = "type")]
    pub(crate) kind: FieldKind,
    pub(crate) object: Option<String>,
    pub(crate) values: Option<BTreeMap<String, Value>>,
    pub(crate) otherwise: Option<Value>,
    pub(crate) when: Option<Condition>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldKind {
    #[default]
    Text,
    Bool,
    Date,
    Datetime,
    Reference,
}
