//! One open stream: what was asked for on it, and what came.

use shared::ports::RemoteSession;
use shared::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::messages::{FetchRequest, ReplayPreset};
use crate::place::{Place, ReplayId};
use crate::topic::Topic;

/// Events that may be asked for and not yet here. Source: Pub/Sub API guide, "Flow Control".
pub(crate) const MAX_OPEN: i32 = 100;

/// One open stream.
pub(crate) struct OpenStream<'a> {
    pub(crate) session: &'a RemoteSession,
    pub(crate) requests: mpsc::Sender<FetchRequest>,
    /// Events that may be asked for and not yet here.
    pub(crate) max_open: i32,
    /// Events that were asked for and are not here yet.
    pub(crate) n_open: i32,
    /// The place of the last events that were handed on; more of them may follow.
    pub(crate) held: Option<(ReplayId, Option<Timestamp>)>,
    /// When something came last.
    pub(crate) last: Instant,
}

impl OpenStream<'_> {
    /// Asks for more events; the first request says of which topic, and from where.
    pub(crate) async fn ask(&mut self, first: Option<(&Topic, &Place<'_>)>) -> Result<(), Fault> {
        let num_requested = self.max_open.saturating_sub(self.n_open);
        // Fewer requests cost less; half of the events on their way are enough to go on.
        if first.is_none() && (num_requested < 1 || num_requested < self.max_open / 2) {
            return Ok(());
        }
        let mut request = FetchRequest { num_requested, ..FetchRequest::default() };
        if let Some((topic, place)) = first {
            topic.name.as_str().clone_into(&mut request.topic_name);
            let preset = match place.replay_id() {
                Some(replay_id) => {
                    request.replay_id = replay_id.bytes().to_vec();
                    ReplayPreset::Custom
                }
                None => ReplayPreset::Earliest,
            };
            request.set_replay_preset(preset);
        }
        self.n_open = self.n_open.saturating_add(num_requested);
        self.requests.send(request).await.map_err(|_| {
            Fault::silent("closed", "the service takes no more requests on the stream")
        })
    }
}
