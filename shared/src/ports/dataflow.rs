//! A dataflow that runs elsewhere: started, stopped and watched from here.

use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::Serialize;

use crate::error::PortError;
use crate::ids::text_id;

text_id!(
    /// Names a part of a dataflow: 1 to 64 letters, digits and dashes, as NiFi's own ids are.
    PartId,
    "the id of a part of a flow: 1 to 64 letters, digits and dashes",
    |raw| {
        (1..=64).contains(&raw.len())
            && raw.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    }
);

/// What can be started and stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// A group, with everything in it.
    Group,
    /// The controller services of a group.
    Services,
    /// One processor.
    Processor,
    /// A port that flow files enter by.
    InputPort,
    /// A port that flow files leave by.
    OutputPort,
    /// One controller service.
    Service,
}

/// A part of a dataflow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FlowPart {
    /// What it is.
    pub kind: PartKind,
    /// Which one.
    pub id: PartId,
}

impl FlowPart {
    /// Names the part `id`, which is a `kind`.
    pub fn new(kind: PartKind, id: PartId) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for FlowPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.as_str())
    }
}

/// Whether a part works; of services, whether they are enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It works.
    On,
    /// It does not, and what is in its queues stays there.
    Off,
}

/// A part, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// The part.
    pub part: FlowPart,
    /// Its name; empty for one that may not be read.
    pub name: String,
    /// The platform's own word, such as `RUNNING`.
    pub state: String,
    /// What keeps it from running, in the platform's words.
    pub faults: Vec<String>,
}

/// A connection between two parts, and what waits in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowQueue {
    /// Its id.
    pub id: String,
    /// The name of the part before it.
    pub from: String,
    /// The name of the part behind it.
    pub to: String,
    /// How many flow files wait.
    pub n_files: u64,
    /// How many bytes they hold.
    pub n_bytes: u64,
    /// How full it is, in percent of what it may hold before its source is held back.
    pub percent_full: Option<u64>,
}

/// A group of a dataflow as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowReport {
    /// The version of the platform.
    pub version: String,
    /// The id of the group.
    pub group: PartId,
    /// Its name.
    pub name: String,
    /// How many flow files wait in it.
    pub n_files_queued: u64,
    /// How many bytes they hold.
    pub n_bytes_queued: u64,
    /// How many threads are at work.
    pub n_threads: u64,
    /// Its processors and ports.
    pub parts: Vec<PartReport>,
    /// Its connections.
    pub queues: Vec<FlowQueue>,
}

/// What a part said that people should see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bulletin {
    /// Its number; later ones have higher numbers.
    pub id: u64,
    /// When it was said, in the platform's own writing.
    pub at: String,
    /// How bad it is, such as `ERROR`.
    pub level: String,
    /// Who said it.
    pub source: String,
    /// What was said: the flow's own text, which may name a person.
    pub message: String,
}

/// What happened to flow files is asked for so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceQuery {
    /// Only at this part.
    pub part: Option<PartId>,
    /// Only of the flow file of this `UUID`.
    pub flow_file: Option<PartId>,
    /// How many events at most.
    pub n_most: u32,
}

/// Something that happened to a flow file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceEvent {
    /// Its number.
    pub id: u64,
    /// What happened, such as `RECEIVE`, `SEND` or `DROP`.
    pub kind: String,
    /// When, in the platform's own writing.
    pub at: String,
    /// The flow file.
    pub flow_file: String,
    /// The part that it happened at.
    pub part: String,
    /// What is said about it; empty for nothing.
    pub details: String,
}

/// Bulletins, oldest first.
pub type Bulletins = BoxStream<'static, Result<Bulletin, PortError>>;

/// Starts, stops and watches a group of a dataflow.
///
/// # Contract
///
/// - Switching a part to where it stands changes nothing and is no error.
/// - A change that another one came before is tried again on what that one left.
/// - What is asked leaves nothing behind on the platform.
#[async_trait]
pub trait Dataflow: Send + Sync {
    /// Looks where the group stands.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such group, `Denied` when the credentials do not allow it,
    /// `RateLimited` and `Unavailable` when it may be asked again.
    async fn look(&self) -> Result<FlowReport, PortError>;

    /// Switches `part`, or the whole group for `None`. A part takes a moment to start or stop.
    ///
    /// # Errors
    ///
    /// As [`look`](Dataflow::look); `Conflict` when the state of the part forbids it, or others changed it
    /// each time that it was tried.
    async fn switch(&self, part: Option<&FlowPart>, to: Switch) -> Result<(), PortError>;

    /// Reads what the group said after the bulletin `after`, until there is no more. The platform keeps
    /// few of them, and not for long.
    fn bulletins(&self, after: Option<u64>) -> Bulletins;

    /// Finds what happened to flow files, newest first as the platform gives it.
    ///
    /// # Errors
    ///
    /// As [`look`](Dataflow::look); `Unavailable` when the search does not end in time.
    async fn trace(&self, query: &TraceQuery) -> Result<Vec<TraceEvent>, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_that_would_leave_its_place_is_refused() {
        for raw in ["", ".", "..", "a/b", "a b", "a?b", "é", &"x".repeat(65)] {
            assert!(PartId::parse(raw).is_err(), "{raw}");
        }
        assert!(PartId::parse("0192f1c4-1b7f-1000-8000-aa11bb22cc33").is_ok());
        assert!(PartId::parse("root").is_ok());
    }
}
