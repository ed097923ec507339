//! Watches calls to platforms: what they cost, and how they went.

use std::time::Duration;

/// One attempt to call a platform: what platforms bill.
#[derive(Clone, Copy, Debug)]
pub struct PlatformCall<'a> {
    /// The platform, such as `salesforce`.
    pub platform: &'static str,
    /// The operation, such as `changes`.
    pub operation: &'static str,
    /// The host and port that were called.
    pub host: &'a str,
    /// How it ended: `ok`, `refused`, `rate_limited`, `platform_fault`, `timeout`, `connection`.
    pub outcome: &'static str,
    /// Bytes sent in the body.
    pub n_bytes_out: u64,
    /// Bytes received, when the whole answer was read.
    pub n_bytes_in: u64,
    /// As how many calls the platform bills it.
    pub n_billed: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Is told of every attempt to call a platform. It must not block: it runs on the caller's task.
pub trait CallObserver: Send + Sync {
    /// Takes note of `call`.
    fn called(&self, call: &PlatformCall<'_>);
}
