//! Faults of the bus and its streams that were ordered.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tonic::Status;

use super::refusal::by_code;

/// What goes wrong from now on; what is absent stays as it was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PubSubFault {
    /// So many of the next events are never delivered: the bus did not store them.
    #[serde(default)]
    pub(crate) drop: u32,
    /// All streams end now.
    #[serde(default)]
    pub(crate) cut: bool,
    /// Each stream ends after so many more events; 0 for never.
    #[serde(default)]
    pub(crate) cut_after: Option<u32>,
    /// Streams stay open and nothing is sent, not even a sign of life.
    #[serde(default)]
    pub(crate) silent: Option<bool>,
    /// The next calls are refused with this error code, without the common beginning of all codes.
    #[serde(default)]
    pub(crate) refuse: Option<String>,
    /// How many calls are refused.
    #[serde(default)]
    pub(crate) n: u32,
}

#[derive(Debug, Default)]
struct Ordered {
    n_to_drop: u32,
    dropped: HashSet<u64>,
    cut_after: Option<u32>,
    refusals: Vec<(String, u32)>,
}

/// The faults that were ordered.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    ordered: Mutex<Ordered>,
    cuts: watch::Sender<u64>,
    silence: watch::Sender<bool>,
}

impl Orders {
    /// Orders a fault.
    pub(crate) fn order(&self, fault: PubSubFault) {
        let mut ordered = self.ordered();
        ordered.n_to_drop += fault.drop;
        if let Some(n) = fault.cut_after {
            ordered.cut_after = Some(n).filter(|n| *n > 0);
        }
        if let Some(code) = fault.refuse {
            ordered.refusals.push((code, fault.n.max(1)));
        }
        drop(ordered);
        if let Some(is_silent) = fault.silent {
            self.silence.send_replace(is_silent);
        }
        if fault.cut {
            self.cuts.send_modify(|n| *n += 1);
        }
    }

    /// Calls all faults off.
    pub(crate) fn clear(&self) {
        *self.ordered() = Ordered::default();
        self.silence.send_replace(false);
    }

    /// Tells whether the event with this replay id is lost: for one stream it is, so for all.
    pub(super) fn is_lost(&self, replay_id: u64) -> bool {
        let mut ordered = self.ordered();
        if ordered.n_to_drop > 0 && ordered.dropped.insert(replay_id) {
            ordered.n_to_drop -= 1;
        }
        ordered.dropped.contains(&replay_id)
    }

    /// Returns after how many events a stream that begins now ends.
    pub(super) fn cut_after(&self) -> Option<u32> {
        self.ordered().cut_after
    }

    /// Takes the refusal for a call, if there is one.
    pub(super) fn refusal(&self) -> Result<(), Status> {
        let mut ordered = self.ordered();
        let Some((code, n)) = ordered.refusals.first_mut() else { return Ok(()) };
        let refused = by_code(code);
        *n -= 1;
        if *n == 0 {
            ordered.refusals.remove(0);
        }
        Err(refused)
    }

    /// Returns what changes when all streams are cut.
    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// Returns whether nothing is sent.
    pub(super) fn silence(&self) -> watch::Receiver<bool> {
        self.silence.subscribe()
    }

    fn ordered(&self) -> MutexGuard<'_, Ordered> {
        self.ordered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
