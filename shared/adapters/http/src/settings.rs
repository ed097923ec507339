//! How the client behaves, with defaults that suit a platform's REST API.

use std::time::Duration;

use shared::worker::Backoff;

/// Whether requests may go over HTTP without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine: credentials never cross a network in the clear.
    #[default]
    LoopbackOnly,
    /// Anywhere, for a network that encrypts by other means.
    Anywhere,
}

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// It opens after this many failures in a row.
    pub n_failures: u32,
    /// It stays open this long, then lets one call through.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { n_failures: 5, open_for: Duration::from_secs(10) }
    }
}

/// The highest rate of calls to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time between two calls in the long run.
    pub interval: Duration,
    /// How many calls may go at once after a quiet time, at least one.
    pub burst: u32,
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
            max_response_bytes: 16 * 1024 * 1024,
            plain_http: PlainHttp::default(),
        }
    }
}
