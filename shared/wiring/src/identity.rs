//! Who proves people: the issuer that the settings name, or this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings};
use adapter_oidc::{Algorithm, ClaimRules, LocalIssuer, OidcAuthenticator, OidcSettings};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::auth::{Role, RoleMapping};
use shared::config::{Env, Fault};
use shared::ids::PersonId;
use shared::platform::OutboundTls;
use shared::ports::{Authenticator, Clock, Random};
use shared::secret::Secret;
use shared::time::Timestamp;
use url::{Host, Url};

use crate::error::WiringError;

/// The issuer of the firm's tokens: Entra ID, Okta, Auth0, Keycloak, Cognito or any other that
/// speaks `OpenID` Connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The issuer, exactly as the `iss` of its tokens writes it, such as
    /// `https://login.microsoftonline.com/TENANT/v2.0`; keys are found below it.
    #[schemars(extend("format" = "uri"))]
    pub issuer: String,
    /// The audiences that tokens may be meant for (`aud`), such as `api://moodbridge`.
    #[schemars(length(min = 1))]
    pub audience: Vec<String>,
    /// The signature algorithms that are taken.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// The claim with a person's roles: a name such as `roles`, `cognito:groups` or
    /// `https://firm.example/roles`, or a path such as `realm_access.roles`.
    #[serde(default = "default_roles_claim")]
    pub roles_claim: String,
    /// Which value of that claim means which role; without it, a value means the role of its name.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// The claim that says who a person is: `sub`, `oid` or `email`.
    #[serde(default = "default_person_claim")]
    pub person_claim: String,
    /// The client that the dashboard signs people in as, a public one with PKCE.
    #[serde(default)]
    pub dashboard_client_id: Option<String>,
    /// What the dashboard asks the issuer for.
    #[serde(default = "default_scopes")]
    pub dashboard_scopes: Vec<String>,
}

fn default_algorithms() -> Vec<Algorithm> {
    Algorithm::DEFAULT.to_vec()
}

fn default_roles_claim() -> String {
    RoleMapping::DEFAULT_CLAIM.to_owned()
}

fn default_person_claim() -> String {
    ClaimRules::DEFAULT_PERSON_CLAIM.to_owned()
}

fn default_scopes() -> Vec<String> {
    ["openid", "profile"].map(str::to_owned).to_vec()
}

impl IdentitySettings {
    /// Takes tokens of `issuer` for `audience`, with everything else as most issuers want it.
    pub fn new(issuer: impl Into<String>, audience: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience,
            algorithms: default_algorithms(),
            roles_claim: default_roles_claim(),
            roles: BTreeMap::new(),
            person_claim: default_person_claim(),
            dashboard_client_id: None,
            dashboard_scopes: default_scopes(),
        }
    }

    /// Reads `IDENTITY_ISSUER` and `IDENTITY_AUDIENCE`, which must be set, and `IDENTITY_ALGORITHMS`,
    /// `IDENTITY_ROLES_CLAIM`, `IDENTITY_ROLES` and `IDENTITY_PERSON_CLAIM`; lists are separated by
    /// commas, and `IDENTITY_ROLES` is a list such as `legal-team=lawyer,it=operator`. Notes each
    /// fault.
    pub fn read(env: &mut Env) -> Option<Self> {
        let issuer = env.required::<String>("IDENTITY_ISSUER");
        let audience = env.required::<String>("IDENTITY_AUDIENCE");
        let mut settings = Self::new(issuer?, list(&audience?));
        settings.roles_claim = env.or("IDENTITY_ROLES_CLAIM", settings.roles_claim);
        settings.person_claim = env.or("IDENTITY_PERSON_CLAIM", settings.person_claim);
        if let Some(raw) = env.get("IDENTITY_ALGORITHMS").map(str::to_owned) {
            settings.algorithms.clear();
            for name in list(&raw) {
                match name.parse() {
                    Ok(algorithm) => settings.algorithms.push(algorithm),
                    Err(error) => env.fault(format!("IDENTITY_ALGORITHMS is malformed: {error}")),
                }
            }
        }
        for pair in list(env.get("IDENTITY_ROLES").unwrap_or_default()) {
            let read = pair.rsplit_once('=').map(|(value, role)| (value, role.trim().parse()));
            match read {
                Some((value, Ok(role))) => {
                    settings.roles.insert(value.trim().to_owned(), role);
                }
                Some((_, Err(error))) => {
                    env.fault(format!("IDENTITY_ROLES is malformed: {error}"));
                }
                None => env.fault(format!(
                    "IDENTITY_ROLES is malformed: `{pair}` is not such as `legal-team=lawyer`"
                )),
            }
        }
        for fault in settings.faults() {
            env.fault(format!("IDENTITY_{}: {}", fault.path.to_ascii_uppercase(), fault.what));
        }
        Some(settings)
    }

    /// Returns what is wrong although each setting is well formed by itself; paths are within this
    /// section.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |path: &str, what: &str| faults.push(Fault::new(path, what));
        match Url::parse(&self.issuer) {
            Err(_) => add("issuer", "is not an address: write such as `https://login.example`"),
            Ok(url) if url.scheme() != "https" && !is_loopback(&url) => {
                add("issuer", "must be `https`, so that nobody can put other keys in between");
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                add("issuer", "has a query or a fragment: write the issuer's address alone");
            }
            Ok(_) => {}
        }
        if self.audience.iter().all(|it| it.trim().is_empty()) {
            add("audience", "is empty: write what your issuer puts into `aud` for this API");
        }
        if self.algorithms.is_empty() {
            add("algorithms", "is empty: leave it out, or list such as `RS256`");
        }
        if self.roles_claim.trim().is_empty() {
            add("roles_claim", "is empty: leave it out, or name the claim with people's roles");
        }
        if self.person_claim.trim().is_empty() {
            add("person_claim", "is empty: leave it out, or name the claim with a person's id");
        }
        faults
    }

    fn oidc(&self) -> OidcSettings {
        let claims = ClaimRules {
            person_claim: self.person_claim.clone(),
            roles: RoleMapping::new(&*self.roles_claim, self.roles.clone()),
            ..ClaimRules::new(&*self.issuer, self.audience.clone())
        };
        OidcSettings { algorithms: self.algorithms.clone(), ..OidcSettings::new(claims) }
    }
}

/// Makes what proves tokens of the issuer in `settings`; nothing is called until the first token.
///
/// # Errors
///
/// [`WiringError`] when the HTTP client cannot be built on this machine.
pub fn authenticator(
    settings: &IdentitySettings,
    tls: OutboundTls,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Arc<dyn Authenticator>, WiringError> {
    let http = HttpClient::new(encrypted(tls), clock.clone(), random)
        .map_err(|error| WiringError::unusable(&settings.issuer, error))?;
    Ok(Arc::new(OidcAuthenticator::new(settings.oidc(), http, clock)))
}

fn encrypted(tls: OutboundTls) -> HttpSettings {
    HttpSettings { tls: tls.into(), ..HttpSettings::default() }
}

/// Reads what the issuer in `settings` says about itself, and its keys.
///
/// # Errors
///
/// [`WiringError`] when it cannot be reached, or is not that issuer.
pub async fn read_issuer(
    settings: &IdentitySettings,
    tls: OutboundTls,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<(), WiringError> {
    let unusable = |error| WiringError::unusable(&settings.issuer, error);
    let http = HttpClient::new(encrypted(tls), clock.clone(), random).map_err(unusable)?;
    OidcAuthenticator::new(settings.oidc(), http, clock)
        .warm_up()
        .await
        .map_err(|error| WiringError::unusable(&settings.issuer, error))
}

/// This machine as its own issuer, for a laptop without a directory.
#[derive(Clone)]
pub struct LocalIdentity(Arc<LocalIssuer>);

/// A local token that was just issued.
#[derive(Clone, Debug)]
pub struct LocalToken {
    /// The token, for an `Authorization: Bearer` header.
    pub token: Secret,
    /// When it stops to be taken.
    pub expires_at: Timestamp,
}

impl LocalIdentity {
    /// Issues with the key in `secret`: 64 hex digits.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when `secret` is not such a key.
    pub fn open(
        secret: &Secret,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, WiringError> {
        LocalIssuer::new(secret, clock, random)
            .map(|issuer| Self(Arc::new(issuer)))
            .map_err(|error| WiringError::unusable(&"the key of local tokens", error))
    }

    /// Issues a token that stands for `person` with `roles`.
    pub fn issue(&self, person: &PersonId, roles: &[Role]) -> LocalToken {
        let issued = self.0.issue(person, roles);
        LocalToken { token: issued.token, expires_at: issued.expires_at }
    }

    /// Returns what proves the tokens that were issued.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        self.0.clone()
    }
}

impl fmt::Debug for LocalIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn list(raw: &str) -> Vec<String> {
    raw.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use shared::config::Form;

    use super::*;

    const WHOLE: [(&str, &str); 6] = [
        ("IDENTITY_ISSUER", "https://login.example/v2.0"),
        ("IDENTITY_AUDIENCE", "api://moodbridge, moodbridge"),
        ("IDENTITY_ALGORITHMS", "RS256,ES256"),
        ("IDENTITY_ROLES_CLAIM", "groups"),
        ("IDENTITY_ROLES", "cn=legal=lawyer, it=operator"),
        ("IDENTITY_PERSON_CLAIM", "oid"),
    ];

    #[test]
    fn a_function_reads_every_setting_from_its_environment() {
        let mut env = Env::from_pairs(WHOLE);
        let settings = IdentitySettings::read(&mut env);
        let settings = env.finish(settings).unwrap();
        assert_eq!(settings.audience, ["api://moodbridge", "moodbridge"]);
        assert_eq!(settings.algorithms, [Algorithm::Rs256, Algorithm::Es256]);
        assert_eq!(settings.roles["cn=legal"], Role::Lawyer);
        assert_eq!(settings.roles["it"], Role::Operator);
        assert_eq!((&*settings.roles_claim, &*settings.person_claim), ("groups", "oid"));
    }

    #[test]
    fn every_fault_of_the_environment_is_reported_at_once() {
        let mut env = Env::from_pairs(WHOLE.into_iter().chain([
            ("IDENTITY_ISSUER", "http://login.example?x=1"),
            ("IDENTITY_ALGORITHMS", "HS256,none"),
            ("IDENTITY_ROLES", "it=root,legal"),
        ]));
        let settings = IdentitySettings::read(&mut env);
        let message = env.finish(settings).unwrap_err().to_string();
        for fault in [
            "IDENTITY_ISSUER: must be `https`",
            "`HS256` is no algorithm with a public key",
            "`none` is no algorithm",
            "`root` is no role",
            "`legal` is not such as `legal-team=lawyer`",
        ] {
            assert!(message.contains(fault), "{fault}: {message}");
        }
    }

    #[test]
    fn nothing_set_names_both_that_must_be() {
        let mut env = Env::default();
        let settings = IdentitySettings::read(&mut env);
        let message = env.finish(settings).unwrap_err().to_string();
        assert!(message.contains("IDENTITY_ISSUER is unset"), "{message}");
        assert!(message.contains("IDENTITY_AUDIENCE is unset"), "{message}");
    }

    #[test]
    fn the_section_is_read_with_its_defaults_and_unknown_keys_are_refused() {
        let form = Form::of::<IdentitySettings>();
        assert!(form.unchecked_formats().is_empty());
        let document = serde_json::json!({
            "issuer": "https://firm.eu.auth0.com/",
            "audience": ["https://api.firm.example"],
            "roles_claim": "https://firm.example/roles",
            "roles": {"partners": "lawyer"},
        });
        let settings = form.read::<IdentitySettings>(&document).finish().unwrap();
        assert_eq!(settings.issuer, "https://firm.eu.auth0.com/");
        assert_eq!(settings.person_claim, "sub");
        assert_eq!(settings.algorithms, Algorithm::DEFAULT);
        assert!(settings.faults().is_empty());

        let broken = serde_json::json!({
            "issuer": "https://login.example",
            "audience": [],
            "algorithms": ["HS256"],
            "role": {},
        });
        let message = form.read::<IdentitySettings>(&broken).finish().unwrap_err().to_string();
        for path in ["audience", "algorithms[0]", "role"] {
            assert!(message.contains(path), "{message}");
        }
    }

    #[test]
    fn an_issuer_is_asked_only_over_tls_or_on_this_machine() {
        let faults =
            |issuer: &str| IdentitySettings::new(issuer, vec!["api".to_owned()]).faults().len();
        for good in ["https://login.example/v2.0", "http://127.0.0.1:9400/firm", "http://localhost"]
        {
            assert_eq!(faults(good), 0, "{good}");
        }
        for bad in ["http://login.example", "login.example", "https://a.example/?b", "file:///x"] {
            assert_eq!(faults(bad), 1, "{bad}");
        }
    }
}
