//! What travels on the queue of reports.

use serde::{Deserialize, Serialize};

use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::ports::{NewMessage, Queue};
use crate::telemetry::trace;

/// Asks for a report to be built, and for its news to be sent. All else is in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportMessage {
    /// The report.
    pub report: CorrelationId,
}

impl ReportMessage {
    /// Queues the report `id`. No key: one that is sent again must arrive, and does no harm.
    ///
    /// # Errors
    ///
    /// As the queue answers.
    pub async fn send(queue: &dyn Queue, id: &CorrelationId) -> Result<(), PortError> {
        let body = serde_json::to_string(&Self { report: id.clone() }).map_err(|error| {
            let kind = PortErrorKind::Rejected;
            PortError::new(kind, "reports", "write", id.as_str()).with_source(error)
        })?;
        let message = NewMessage { body, trace_parent: trace::current(), ..NewMessage::default() };
        queue.send(vec![message]).await.map(drop)
    }
}
