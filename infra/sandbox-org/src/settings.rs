//! What a sandbox is started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::bulk::BulkSettings;
use crate::clock::Clock;
use crate::deliver::Subscription;
use crate::org::Policy;
use crate::pubsub::PubSubSettings;

/// A connected app that may ask for tokens.
#[derive(Clone)]
pub struct ConnectedApp {
    /// Its consumer key.
    pub client_id: String,
    /// Its consumer secret.
    pub client_secret: String,
    /// Public key, PEM, that its JWT assertions are checked with.
    pub public_key_pem: Option<String>,
}

impl std::fmt::Debug for ConnectedApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectedApp").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// The rows an org begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Seed {
    /// 1,000 accounts, 3,000 contacts and 10,000 cases of an invented law firm.
    #[default]
    Firm,
    /// No rows but the users.
    Empty,
    /// As many rows as are asked for, drawn from [`Settings::random_seed`]: the same ones for the same
    /// seed and counts. Cases are wide: over 40 fields hold a value, and some texts are what clients
    /// stumble over.
    Many {
        /// Number of accounts.
        accounts: u64,
        /// Number of contacts.
        contacts: u64,
        /// Number of cases.
        cases: u64,
    },
}

/// What goes wrong when a person is asked to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// The person says no.
    PersonRefuses,
    /// The org's administrator blocked the app.
    AppBlocked,
    /// Only users that the administrator names may use the app.
    NotApproved,
    /// The token is asked for from an address that the org does not trust.
    IpRestricted,
}

/// How people log in with apps.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// Where the browser may be sent back to, compared letter by letter.
    pub callback_urls: Vec<String>,
    /// Whether apps must send a PKCE challenge.
    pub requires_pkce: bool,
    /// Whether each refresh gives a new refresh token and ends the old one.
    pub rotates_refresh_tokens: bool,
    /// What goes wrong.
    pub refuses: Option<LoginRefusal>,
    /// How long a device waits between two questions.
    pub device_interval: Duration,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            callback_urls: vec!["http://localhost:1717/OauthRedirect".into()],
            requires_pkce: true,
            rotates_refresh_tokens: false,
            refuses: None,
            device_interval: Duration::from_secs(5),
        }
    }
}

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Apps that may ask for tokens.
    pub apps: Vec<ConnectedApp>,
    /// User that apps run as and people log in as.
    pub username: String,
    /// Password of the user; a security token behind it is taken too.
    pub password: String,
    /// How people log in with apps.
    pub login: LoginSettings,
    /// How long a token is good after it was issued.
    pub token_lifetime: Duration,
    /// Requests of a day, as `Sforce-Limit-Info` tells.
    pub daily_requests: u64,
    /// Rows to begin with.
    pub seed: Seed,
    /// Whether the objects have the field that holds MoodBridge's ids; without it, it must be created.
    pub has_external_id_field: bool,
    /// Validation rules and the like.
    pub policy: Policy,
    /// File that keeps the changes over a restart, one commit a line.
    pub journal: Option<PathBuf>,
    /// Where changes are sent.
    pub subscriptions: Vec<Subscription>,
    /// The Pub/Sub service; off by default.
    pub pub_sub: PubSubSettings,
    /// Changes a second that the firm makes by itself; 0 for none.
    pub activity_per_second: f64,
    /// What the firm's activity and the rows of [`Seed::Many`] are drawn from.
    pub random_seed: u64,
    /// Whether every commit is kept for `/_sandbox/history`, in memory, some hundred bytes a change.
    pub keeps_history: bool,
    /// How jobs of the Bulk API run.
    pub bulk: BulkSettings,
    /// URL that clients reach the org by; the address it listens on when absent.
    pub instance_url: Option<String>,
    /// The time of day.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            apps: vec![ConnectedApp {
                client_id: "moodbridge-sandbox".into(),
                client_secret: "sandbox-secret".into(),
                public_key_pem: None,
            }],
            username: "admin@sandbox.example".into(),
            password: "sandbox-password".into(),
            login: LoginSettings::default(),
            token_lifetime: Duration::from_secs(2 * 60 * 60),
            daily_requests: 15_000_000,
            seed: Seed::Firm,
            has_external_id_field: true,
            policy: Policy::default(),
            journal: None,
            subscriptions: Vec::new(),
            pub_sub: PubSubSettings::default(),
            activity_per_second: 0.0,
            random_seed: 1,
            keeps_history: false,
            bulk: BulkSettings::default(),
            instance_url: None,
            clock: Clock::system(),
        }
    }
}
