//! Who may send webhooks, and how each proves it: as written in settings.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderName;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::auth::SignatureScheme;
use shared::config::{Form, Span, parse_duration};
use shared::ids::{ConnectionId, SalesforceId};
use shared::ports::SecretAddress;
use shared::text_setting;

mod faults;

/// Everybody who may send webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntakeSettings {
    /// The Salesforce orgs.
    #[serde(default)]
    pub connections: Vec<ConnectionSettings>,
    /// The systems that send Standard Webhooks.
    #[serde(default)]
    pub sources: Vec<SourceSettings>,
    /// Where the caller's address stands when a proxy is in front; without it the peer's is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<ClientAddressSettings>,
}

impl IntakeSettings {
    /// Returns the form of these settings.
    pub fn form() -> Form {
        Self::with_checks(Form::of::<Self>())
    }

    /// Adds the checks of these settings' texts to a form that holds their schema.
    #[must_use]
    pub fn with_checks(form: Form) -> Form {
        form.with_text::<AllowedNetwork>().with_text::<Tolerance>().with_check(
            "header-name",
            |raw| match raw.parse::<HeaderName>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!(
                    "`{raw}` is not the name of a header: write such as `x-forwarded-for`"
                )),
            },
        )
    }
}

/// One Salesforce org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSettings {
    /// The name in the path, such as `main-org`.
    pub name: ConnectionId,
    /// The org's id: 15 or 18 characters.
    pub organization_id: SalesforceId,
    /// The secrets taken as last segment of the path: several while one replaces another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<SecretAddress>,
    /// The networks that calls may come from; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<AllowedNetwork>,
    /// The client certificate that the load balancer must have seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificateSettings>,
    /// Standard Webhooks signatures, for change events only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureSettings>,
    /// A key in a header, for change events only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeySettings>,
}

/// A system that sends Standard Webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The name in the path, and of the connection its records belong to.
    pub name: ConnectionId,
    /// The signing secrets: several while one replaces another.
    #[schemars(length(min = 1))]
    pub secrets: Vec<SecretAddress>,
    /// How far a time stamp may be from now, in either direction: `5m` by default.
    #[serde(default)]
    pub tolerance: Tolerance,
}

/// Standard Webhooks signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureSettings {
    /// The signing secrets: several while one replaces another.
    #[schemars(length(min = 1))]
    pub secrets: Vec<SecretAddress>,
    /// How far a time stamp may be from now, in either direction: `5m` by default.
    #[serde(default)]
    pub tolerance: Tolerance,
}

/// A key in a header, as EventBridge API destinations send it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySettings {
    /// The header, `x-api-key` by default.
    #[serde(default = "default_key_header")]
    #[schemars(extend("format" = "header-name"))]
    pub header: String,
    /// The keys taken: several while one replaces another.
    #[schemars(length(min = 1))]
    pub keys: Vec<SecretAddress>,
}

/// The client certificate as the load balancer reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificateSettings {
    /// The header that the load balancer always sets itself, such as `x-client-cert-fingerprint`.
    #[schemars(extend("format" = "header-name", "examples" = ["x-client-cert-fingerprint"]))]
    pub header: String,
    /// The value it must have: the subject or fingerprint, as the load balancer writes it.
    #[schemars(length(min = 1), extend("examples" = ["CN=org"]))]
    pub value: String,
}

/// Where the caller's address stands when proxies are in front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientAddressSettings {
    /// The header that the proxies append to, such as `x-forwarded-for`.
    #[schemars(extend("format" = "header-name", "examples" = ["x-forwarded-for"]))]
    pub header: String,
    /// How many proxies of ours append to it: the address is this many entries from the right.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub n_proxies: usize,
}

fn default_key_header() -> String {
    "x-api-key".to_owned()
}

fn one() -> usize {
    1
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedNetwork(IpNet);

text_setting!(AllowedNetwork, "network", ["13.108.0.0/14", "2001:db8::1"]);

impl AllowedNetwork {
    /// Tells whether `address` is in it; an IPv4 address may come written as an IPv6 one.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for AllowedNetwork {
    type Error = String;

    fn try_from(raw: String) -> Result<Self, String> {
        let network = raw.parse::<IpNet>().or_else(|_| raw.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            format!("`{raw}` is not a network: write it such as `13.108.0.0/14` or `2001:db8::1`")
        })
    }
}

impl From<AllowedNetwork> for String {
    fn from(network: AllowedNetwork) -> Self {
        network.0.to_string()
    }
}

/// How far a time stamp may be from now: 1 second to 1 hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tolerance(Duration);

text_setting!(Tolerance, "tolerance", ["5m"]);

impl Tolerance {
    /// Returns the duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self(SignatureScheme::DEFAULT_TOLERANCE)
    }
}

impl TryFrom<String> for Tolerance {
    type Error = String;

    fn try_from(raw: String) -> Result<Self, String> {
        let duration = parse_duration(&raw).map_err(|error| error.to_string())?;
        if (1..=3600).contains(&duration.as_secs()) {
            Ok(Self(duration))
        } else {
            Err(format!("`{raw}` is out of range: write `1s` to `1h`"))
        }
    }
}

impl From<Tolerance> for String {
    fn from(tolerance: Tolerance) -> Self {
        Span(tolerance.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_round_trip() {
        let json = r#"{"connections":[{"name":"main","organization_id":"00D1I000003qqqE",
            "tokens":["env:TOKEN"],"allowed_ips":["13.108.0.0/14","2001:db8::1"],
            "client_certificate":{"header":"x-cert","value":"CN=org"},
            "signature":{"secrets":["env:SIGNING"],"tolerance":"2m"},"api_key":{"keys":["env:KEY"]}}],
            "sources":[{"name":"intake-forms","secrets":["file:forms.key"]}],
            "client_address":{"header":"x-forwarded-for"}}"#;
        let settings: IntakeSettings = serde_json::from_str(json).unwrap();
        let again = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<IntakeSettings>(&again).unwrap(), settings);
        assert!(again.contains("x-api-key"), "{again}");
    }

    #[test]
    fn ipv4_address_written_as_ipv6_is_in_its_network() {
        let network = AllowedNetwork::try_from("13.108.0.0/14".to_owned()).unwrap();
        assert!(network.contains("::ffff:13.110.1.2".parse().unwrap()));
        assert!(!network.contains("13.112.0.1".parse().unwrap()));
    }

    #[test]
    fn tolerance_of_zero_or_a_day_is_refused() {
        assert!(Tolerance::try_from("0s".to_owned()).is_err());
        assert!(Tolerance::try_from("1d".to_owned()).unwrap_err().contains("`1s` to `1h`"));
    }
}
