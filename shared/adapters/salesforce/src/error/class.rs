//! What is to be done about an error, whatever its code.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::PortErrorKind;

/// When a limit lets calls through again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// When old calls leave the rolling 24 hours.
    Day,
    /// When calls that are under way end, some seconds later.
    Moment,
}

/// What to ask instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replan {
    /// The same query from its beginning, or from the last record that was read.
    RestartQuery,
    /// Half the window of time.
    HalveWindow,
    /// Everything: what changed in the window is no longer known.
    FullResync,
    /// Fewer fields, records or characters a call.
    SmallerCall,
    /// The same after the object was described anew.
    DescribeAnew,
    /// Nothing before the real state of the job is known.
    ReadJobState,
}

/// What is to be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "class", content = "detail")]
pub enum ErrorClass {
    /// The same call may succeed a moment later.
    Retryable,
    /// The record may succeed when it is sent without the others.
    RetryAlone,
    /// No call goes through until the window moves.
    Throttled(Window),
    /// A new session mends it.
    Auth,
    /// The record is not what we took it for: both sides are to be compared.
    Conflict,
    /// The record can never be taken as it stands.
    Permanent,
    /// No call of the connection succeeds until a person acts.
    ConnectionPermanent,
    /// Something else is to be asked.
    Replan(Replan),
}

impl ErrorClass {
    /// Returns the kind for workers, of an error with the HTTP `status`, if it has one.
    pub fn kind(self, status: Option<u16>) -> PortErrorKind {
        match self {
            Self::Retryable | Self::RetryAlone => PortErrorKind::Unavailable,
            Self::Throttled(_) => PortErrorKind::RateLimited,
            Self::Auth | Self::ConnectionPermanent => PortErrorKind::Denied,
            Self::Conflict | Self::Replan(Replan::ReadJobState) => PortErrorKind::Conflict,
            Self::Replan(Replan::RestartQuery) => PortErrorKind::NotFound,
            Self::Replan(_) => PortErrorKind::Rejected,
            Self::Permanent => match status {
                Some(401 | 403) => PortErrorKind::Denied,
                Some(404 | 410) => PortErrorKind::NotFound,
                _ => PortErrorKind::Rejected,
            },
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retryable => "tried again",
            Self::RetryAlone => "tried again alone",
            Self::Throttled(Window::Day) => "waits for the day's window",
            Self::Throttled(Window::Moment) => "waits a moment",
            Self::Auth => "logs in again",
            Self::Conflict => "conflict",
            Self::Permanent => "permanent",
            Self::ConnectionPermanent => "stops the connection",
            Self::Replan(Replan::RestartQuery) => "asks the query again",
            Self::Replan(Replan::HalveWindow) => "asks half the window",
            Self::Replan(Replan::FullResync) => "reads everything again",
            Self::Replan(Replan::SmallerCall) => "asks for less",
            Self::Replan(Replan::DescribeAnew) => "describes the object anew",
            Self::Replan(Replan::ReadJobState) => "reads the job's state",
        })
    }
}
