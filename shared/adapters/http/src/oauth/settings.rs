//! Where an authorization server is asked, and as whom.

use shared::ports::SecretAddress;
use url::Url;

/// The addresses of an authorization server. Those that are `None` it does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where a token is asked for.
    pub token: Url,
    /// Where a person agrees.
    pub authorize: Option<Url>,
    /// Where a device asks for a code.
    pub device: Option<Url>,
    /// Where a token is ended.
    pub revoke: Option<Url>,
    /// Where a token is looked up.
    pub introspect: Option<Url>,
}

impl Endpoints {
    /// Names a server that only gives tokens.
    pub fn of_token(token: Url) -> Self {
        Self { token, authorize: None, device: None, revoke: None, introspect: None }
    }
}

/// Where the secret of the app is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretPlace {
    /// In the `Authorization` header. Source: RFC 6749, section 2.3.1.
    #[default]
    Header,
    /// In the form.
    Form,
}

/// How the server speaks the device flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceDialect {
    /// As RFC 8628 says.
    #[default]
    Standard,
    /// As Salesforce did before there was a standard: `response_type=device_code`, then
    /// `grant_type=device` with the code as `code`.
    Salesforce,
}

/// An app at an authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthSettings {
    /// The platform's name in errors, logs and metrics.
    pub platform: &'static str,
    /// What errors are about: the name of the connection.
    pub subject: String,
    /// The id of the app.
    pub client_id: String,
    /// Where the secret of the app lies; `None` for an app that has none.
    pub client_secret: Option<SecretAddress>,
    /// Where that secret is put.
    pub secret_place: SecretPlace,
    /// How the server speaks the device flow.
    pub device_dialect: DeviceDialect,
    /// Where the server is asked.
    pub endpoints: Endpoints,
}

impl OAuthSettings {
    /// Names an app without a secret.
    pub fn new(
        platform: &'static str,
        subject: impl Into<String>,
        client_id: impl Into<String>,
        endpoints: Endpoints,
    ) -> Self {
        Self {
            platform,
            subject: subject.into(),
            client_id: client_id.into(),
            client_secret: None,
            secret_place: SecretPlace::default(),
            device_dialect: DeviceDialect::default(),
            endpoints,
        }
    }

    /// Gives the app the secret at `address`.
    #[must_use]
    pub fn with_secret(mut self, address: SecretAddress, place: SecretPlace) -> Self {
        self.client_secret = Some(address);
        self.secret_place = place;
        self
    }

    /// Speaks the device flow in `dialect`.
    #[must_use]
    pub fn with_device_dialect(mut self, dialect: DeviceDialect) -> Self {
        self.device_dialect = dialect;
        self
    }
}
