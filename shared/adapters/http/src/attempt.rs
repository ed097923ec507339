//! One attempt: what was read of an answer, and what that means for the call.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use shared::PortErrorKind;

use crate::bulkhead::Place;
use crate::fault::HttpFault;
use crate::response::Head;
use crate::status::{is_platform_fault, is_transient};
use crate::transport::fault_of;

/// How much of an answer an attempt reads before it counts as done.
#[derive(Clone, Copy)]
pub(crate) enum Reading {
    Head,
    Whole,
}

pub(crate) enum Answer {
    /// The place at the host is held until the body is read.
    Open(Head, Box<reqwest::Response>, Place),
    Whole(Head, Bytes),
}

impl Answer {
    pub(crate) fn head(&self) -> &Head {
        match self {
            Self::Open(head, ..) | Self::Whole(head, _) => head,
        }
    }

    /// Returns the bytes of the body, when it was read whole.
    pub(crate) fn n_bytes(&self) -> u64 {
        match self {
            Self::Open(..) => 0,
            Self::Whole(_, body) => u64::try_from(body.len()).unwrap_or(u64::MAX),
        }
    }
}

/// What the call does after an attempt.
pub(crate) struct Verdict {
    /// The same request may succeed a moment later.
    pub(crate) is_transient: bool,
    /// The platform certainly has not seen the request.
    pub(crate) is_unsent: bool,
    /// The platform itself is unwell, which a breaker counts.
    pub(crate) is_fault: bool,
    /// How long the platform asked to wait.
    pub(crate) asked: Option<Duration>,
    pub(crate) outcome: &'static str,
}

impl Verdict {
    /// Judges an attempt; an answer of `final_status` is no transient one.
    pub(crate) fn of(result: &Result<Answer, HttpFault>, final_status: Option<StatusCode>) -> Self {
        let transient = |outcome, is_unsent| Self {
            is_transient: true,
            is_unsent,
            is_fault: true,
            asked: None,
            outcome,
        };
        match result {
            Ok(answer) => {
                let head = answer.head();
                let outcome = match head.status.as_u16() {
                    200..=399 => "ok",
                    420 | 429 => "rate_limited",
                    400..=499 => "refused",
                    _ => "platform_fault",
                };
                Self {
                    is_transient: is_transient(head.status) && final_status != Some(head.status),
                    is_unsent: false,
                    is_fault: is_platform_fault(head.status),
                    asked: head.retry_after,
                    outcome,
                }
            }
            Err(HttpFault::Connection { is_unsent, .. }) => transient("connection", *is_unsent),
            Err(HttpFault::Timeout { .. }) => transient("timeout", false),
            Err(_) => Self { is_transient: false, is_fault: false, ..transient("invalid", true) },
        }
    }
}

/// Reads a body that must not be longer than `max_bytes`.
pub(crate) async fn read_whole(
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Bytes, HttpFault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(fault_of)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(HttpFault::TooLong { max_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Returns what `fault` means for the caller.
pub(crate) fn kind_of_fault(fault: &HttpFault) -> PortErrorKind {
    match fault {
        HttpFault::Connection { .. }
        | HttpFault::Timeout { .. }
        | HttpFault::BreakerOpen
        | HttpFault::Crowded { .. } => PortErrorKind::Unavailable,
        HttpFault::Paced | HttpFault::QuotaSpent(_) => PortErrorKind::RateLimited,
        HttpFault::BodyNotMade { source } => source.kind(),
        _ => PortErrorKind::Rejected,
    }
}
