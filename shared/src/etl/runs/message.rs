//! What travels on the queue of pipelines.

use serde::{Deserialize, Serialize};

use crate::ids::CorrelationId;
use crate::ports::NewMessage;
use crate::telemetry::trace;

/// Asks for one round of a run to be begun, or for one partition of it. All else is in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineMessage {
    /// The run.
    pub run: CorrelationId,
    /// The round: a message of an earlier one is of no more use.
    pub round: u32,
    /// The partition; without one the round is to be begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
}

impl PipelineMessage {
    /// Makes the message. No key: one that is sent again must arrive, and does no harm.
    ///
    /// # Errors
    ///
    /// When it cannot be written, which would be a fault of this program.
    pub fn to_send(&self) -> Result<NewMessage, serde_json::Error> {
        let body = serde_json::to_string(self)?;
        Ok(NewMessage { body, trace_parent: trace::current(), ..NewMessage::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_read_back() {
        let run = CorrelationId::from_random(7);
        for partition in [None, Some(3)] {
            let message = PipelineMessage { run: run.clone(), round: 2, partition };
            let sent = message.to_send().unwrap();
            assert_eq!(serde_json::from_str::<PipelineMessage>(&sent.body).unwrap(), message);
        }
    }
}
