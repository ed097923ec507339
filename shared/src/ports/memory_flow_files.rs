//! Flow files in the memory of this process, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;

use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::ports::flow_files::{
    CORRELATION_ATTRIBUTE, FlowFileSink, FlowFileSource, OutcomeUnknown, Receipt,
};

/// Keeps every flow file that it is sent. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryFlowFiles {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    taken: Vec<(BTreeMap<String, String>, Vec<u8>)>,
    pause: Option<Duration>,
    n_lost: u32,
}

impl MemoryFlowFiles {
    /// Returns the attributes and contents that were taken, in order.
    pub fn taken(&self) -> Vec<(BTreeMap<String, String>, Vec<u8>)> {
        self.state().taken.clone()
    }

    /// Asks for `pause` after each batch from now on.
    pub fn ask_for_pause(&self, pause: Duration) {
        self.state().pause = Some(pause);
    }

    /// Takes the next `n_batches`, and loses the answers.
    pub fn lose_answers(&self, n_batches: u32) {
        self.state().n_lost = n_batches;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FlowFileSink for MemoryFlowFiles {
    async fn send(
        &self,
        source: Arc<dyn FlowFileSource>,
        correlation: &CorrelationId,
    ) -> Result<Receipt, PortError> {
        let mut files = source.open();
        let (mut batch, mut n_bytes) = (Vec::new(), 0);
        while let Some(file) = files.try_next().await? {
            let mut attributes = file.attributes().clone();
            let follow = || correlation.as_str().to_owned();
            attributes.entry(CORRELATION_ATTRIBUTE.to_owned()).or_insert_with(follow);
            let told = file.content.n_bytes;
            let content: Vec<u8> = file
                .content
                .chunks
                .try_fold(Vec::new(), async |mut all, chunk| {
                    all.extend_from_slice(&chunk);
                    Ok(all)
                })
                .await?;
            if content.len() as u64 != told {
                return Err(error(PortErrorKind::Rejected));
            }
            n_bytes += told;
            batch.push((attributes, content));
        }
        let mut state = self.state();
        let n_files = batch.len() as u64;
        state.taken.append(&mut batch);
        if n_files > 0 && state.n_lost > 0 {
            state.n_lost -= 1;
            let cause = error(PortErrorKind::Unavailable);
            return Err(error(PortErrorKind::Unavailable).with_source(OutcomeUnknown { cause }));
        }
        Ok(Receipt { n_files, n_bytes, pause: state.pause })
    }
}

fn error(kind: PortErrorKind) -> PortError {
    PortError::new(kind, "memory", "send flow files", "memory")
}
