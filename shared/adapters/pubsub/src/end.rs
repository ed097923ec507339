//! Why a stream ended, and what is told of it.

use metrics::counter;
use shared::ids::ConnectionId;
use shared::ports::StreamState;
use shared::{PortError, PortErrorKind, Retry, chain};
use tracing::warn;

use crate::fault::{Fault, Remedy};
use crate::topic::Topic;

/// Why a stream ended before it should.
pub(crate) enum End {
    /// The stream, or a call, failed.
    Fault(Fault),
    /// A port on our side failed.
    Port(PortError),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<PortError> for End {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl End {
    /// Tells of the end of a stream of `topic`, and returns what to do about it.
    pub(crate) fn tell(self, connection: &ConnectionId, topic: &Topic) -> (Remedy, PortError) {
        let (remedy, label, state, error) = match self {
            Self::Fault(fault) => {
                let (remedy, label, fix) = (fault.remedy, fault.label, fault.fix());
                let why = chain(&fault).to_string();
                let state = match remedy {
                    Remedy::Tell => StreamState::Refused(format!("{why}; {fix}")),
                    _ => StreamState::Waiting(format!("{why}; {fix}")),
                };
                (remedy, label, state, fault.into_port("subscribe", topic.name.as_str()))
            }
            Self::Port(error) => {
                let why = chain(&error).to_string();
                let (remedy, label, state) = match (error.kind(), error.retry()) {
                    (PortErrorKind::Conflict, _) => {
                        let why = "another process follows the topic".to_owned();
                        (Remedy::StandBy, "followed_elsewhere", StreamState::Waiting(why))
                    }
                    (_, Retry::Never) => (Remedy::Tell, "our_fault", StreamState::Refused(why)),
                    _ => (Remedy::Reopen, "our_fault", StreamState::Waiting(why)),
                };
                (remedy, label, state, error)
            }
        };
        topic.note_state(state);
        counter!("pubsub_stream_ends_total", "connection" => connection.to_string(),
            "topic" => topic.name.to_string(), "reason" => label)
        .increment(1);
        warn!(connection = %connection, reason = label, error = %chain(&error),
            "the stream of `{}` ended", topic.name);
        (remedy, error)
    }
}
