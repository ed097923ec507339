//! Why a call failed before the platform gave a usable answer.

use std::error::Error as StdError;
use std::time::Duration;

use shared::PortError;
use shared::worker::quota::QuotaSpent;

/// The cause under the [`PortError`](shared::PortError) of a failed call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFault {
    /// The connection failed, or broke before the answer was whole.
    #[error("the connection failed")]
    Connection {
        /// Whether the platform certainly has not seen the request.
        is_unsent: bool,
        /// What the client saw, without its URL.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The platform was too slow.
    #[error("no whole answer within {} ms", within.as_millis())]
    Timeout {
        /// How long was waited.
        within: Duration,
    },
    /// The platform answered with a status that means failure.
    #[error("it answered HTTP {status}")]
    Status {
        /// The status code.
        status: u16,
    },
    /// The answer is longer than the caller takes.
    #[error("the answer is longer than {max_bytes} bytes")]
    TooLong {
        /// The longest answer taken.
        max_bytes: usize,
    },
    /// The answer is not the JSON that was expected.
    #[error("the answer is not the expected JSON, at line {line}, column {column}")]
    Malformed {
        /// Where the text goes wrong.
        line: usize,
        /// Where the line goes wrong.
        column: usize,
    },
    /// The breaker is open: the platform failed too often just now.
    #[error("calls are paused after repeated failures")]
    BreakerOpen,
    /// Our own pace does not allow the call before its deadline.
    #[error("the pace set for this host leaves no room before the deadline")]
    Paced,
    /// Too many calls to the host are under way.
    #[error("{max_concurrent} calls to this host are under way and none ended before the deadline")]
    Crowded {
        /// The most calls under way.
        max_concurrent: usize,
    },
    /// The quota of the connection is spent.
    #[error(transparent)]
    QuotaSpent(QuotaSpent),
    /// The host speaks no TLS that is new enough.
    #[error(
        "`{host}` speaks no TLS 1.3: have it upgraded, or list it in `http.tls12_hosts` (of a function: `HTTP_TLS12_HOSTS`) to allow TLS 1.2"
    )]
    OldTls {
        /// The host.
        host: String,
    },
    /// The request would go over a network without TLS.
    #[error("`{host}` would be called without TLS: use https")]
    NotEncrypted {
        /// The host.
        host: String,
    },
    /// The body was to be made while it was sent, and could not be.
    #[error("the body could not be made")]
    BodyNotMade {
        /// What its source said.
        source: Box<PortError>,
    },
    /// The request could not be built.
    #[error("the request is not valid")]
    Invalid {
        /// What is wrong with it, without its URL.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The request could not be built: a header, a form or a JSON body is not valid.
    #[error("the request has an invalid {part}")]
    InvalidPart {
        /// Which part.
        part: &'static str,
    },
}
