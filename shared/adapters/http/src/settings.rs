//! How the client behaves, with defaults that suit a platform's REST API.

use std::time::Duration;

use shared::platform::OutboundTls;
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;

/// Whether requests may go over HTTP without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine: credentials never cross a network in the clear.
    #[default]
    LoopbackOnly,
    /// Anywhere, for a network that encrypts by other means.
    Anywhere,
}

/// The highest rate of calls to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time between two calls in the long run.
    pub interval: Duration,
    /// How many calls may go at once after a quiet time, at least one.
    pub burst: u32,
}

/// When a read that may be hedged is sent a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HedgeSettings {
    /// The soonest, however fast calls were before.
    pub soonest: Duration,
    /// While too few calls are known; later it is the time that 95 of 100 calls stay below.
    pub at_first: Duration,
}

impl Default for HedgeSettings {
    fn default() -> Self {
        Self { soonest: Duration::from_millis(50), at_first: Duration::from_secs(2) }
    }
}

/// How connections are encrypted: by TLS 1.3, with the roots that the machine trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Hosts, without a port, that may be called over TLS 1.2: `HTTP_TLS12_HOSTS`.
    pub allow_tls12: Vec<String>,
    /// Root certificates as PEM that are trusted beside the machine's, such as a firm's own:
    /// the file in `HTTP_EXTRA_ROOTS_FILE`.
    pub extra_roots: Vec<String>,
}

impl From<OutboundTls> for TlsSettings {
    fn from(tls: OutboundTls) -> Self {
        let OutboundTls { allow_tls12, extra_roots } = tls;
        Self { allow_tls12, extra_roots }
    }
}

/// Settings of an [`HttpClient`](crate::HttpClient).
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest a single attempt may take, from the first byte sent to the last byte read.
    pub attempt_timeout: Duration,
    /// The longest a call may take, with its retries and the waits between them.
    pub deadline: Duration,
    /// How often a call is tried at most, when it may be repeated.
    pub max_attempts: u32,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// Retries in flight may be at most this share of calls, in percent, beyond a small reserve.
    pub retry_percent: u32,
    /// When calls to a host and operation stop for a while.
    pub breaker: BreakerSettings,
    /// The highest rate of calls to one host; `None` leaves it to the platform.
    pub pace: Option<Pace>,
    /// How many calls to one host may be under way; more wait for as long as their deadline allows.
    pub max_concurrent: usize,
    /// When a read that may be hedged is sent a second time.
    pub hedge: HedgeSettings,
    /// How connections are encrypted.
    pub tls: TlsSettings,
    /// The longest answer taken, in bytes after decompression.
    pub max_response_bytes: usize,
    /// Whether requests may go without TLS.
    pub plain_http: PlainHttp,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(90),
            max_attempts: 4,
            backoff: Backoff { first: Duration::from_millis(200), cap: Duration::from_secs(10) },
            retry_percent: 20,
            breaker: BreakerSettings::default(),
            pace: None,
            max_concurrent: 64,
            hedge: HedgeSettings::default(),
            tls: TlsSettings::default(),
            max_response_bytes: 16 * 1024 * 1024,
            plain_http: PlainHttp::default(),
        }
    }
}
