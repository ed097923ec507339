//! How many calls the platform leaves us, as its answers say.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adapter_http::Response;
use http::HeaderName;
use shared::time::Timestamp;

use crate::manifest::{RateLimit, ResetFormat};

/// The longest wait for calls to be left again; beyond it the caller is told instead.
const MAX_WAIT: Duration = Duration::from_secs(75);

/// What the last answer said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) n_left: Option<u64>,
    pub(crate) resets_at: Option<Timestamp>,
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    After(Duration),
    /// It is too long to wait for.
    NotSoon(Duration),
}

/// Remembers what the last answer said.
#[derive(Debug)]
pub(crate) struct AllowanceMeter {
    remaining: Option<HeaderName>,
    reset: Option<HeaderName>,
    format: ResetFormat,
    last: Mutex<Allowance>,
}

impl AllowanceMeter {
    pub(crate) fn new(rule: &RateLimit) -> Self {
        let name = |raw: &Option<String>| raw.as_deref().and_then(|it| it.parse().ok());
        Self {
            remaining: name(&rule.remaining_header),
            reset: name(&rule.reset_header),
            format: rule.reset_format,
            last: Mutex::default(),
        }
    }

    pub(crate) fn last(&self) -> Allowance {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what `response` says.
    pub(crate) fn observe(&self, response: &Response, now: Timestamp) {
        let number =
            |name: &Option<HeaderName>| response.header(name.as_ref()?)?.trim().parse::<u64>().ok();
        let Some(n_left) = number(&self.remaining) else { return };
        let resets_at = number(&self.reset).and_then(|raw| {
            let millis = i64::try_from(raw).ok()?.checked_mul(1000)?;
            match self.format {
                // Both instants are of the platform's clock, which may differ from ours.
                ResetFormat::UnixSeconds => {
                    let remote = response.date().unwrap_or(now);
                    Some(now.plus(Timestamp::from_foreign_millis(millis)?.since(remote)))
                }
                ResetFormat::Seconds => Some(now.plus(Duration::from_secs(raw))),
            }
        });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Allowance { n_left: Some(n_left), resets_at };
    }

    /// Tells whether a call may go at `now`.
    pub(crate) fn turn(&self, now: Timestamp) -> Turn {
        match self.last() {
            Allowance { n_left: Some(0), resets_at: Some(at) } => match at.since(now) {
                Duration::ZERO => Turn::Now,
                wait if wait <= MAX_WAIT => Turn::After(wait),
                wait => Turn::NotSoon(wait),
            },
            _ => Turn::Now,
        }
    }

    /// Returns the wait until calls are left again.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        self.last().resets_at.map(|at| at.since(now)).filter(|it| !it.is_zero())
    }
}
