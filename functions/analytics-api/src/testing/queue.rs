//! The queue of the small firm: three dead letters, and a record of what was replayed.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::ports::{
    DeadLetter, Delivery, NewMessage, Queue, QueueDepth, ReplaySelection, SendOutcome,
};

use super::{Firm, NOON};

#[async_trait]
impl Queue for Firm {
    async fn send(&self, _batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        self.answer(Vec::new())
    }

    async fn receive(
        &self,
        _max: NonZeroU32,
        _visibility: Duration,
        _wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        self.answer(Vec::new())
    }

    async fn extend(&self, _delivery: &Delivery, _visibility: Duration) -> Result<(), PortError> {
        self.answer(())
    }

    async fn ack(&self, _deliveries: &[Delivery]) -> Result<(), PortError> {
        self.answer(())
    }

    async fn release(
        &self,
        _delivery: &Delivery,
        _delay: Duration,
        _reason: &str,
    ) -> Result<(), PortError> {
        self.answer(())
    }

    async fn give_back(&self, _delivery: &Delivery, _delay: Duration) -> Result<(), PortError> {
        self.answer(())
    }

    async fn bury(&self, _delivery: &Delivery, _reason: &str) -> Result<(), PortError> {
        self.answer(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        self.answer(QueueDepth { n_ready: 3, n_dead: 3, ..QueueDepth::default() })
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let letter = |id: &str| DeadLetter {
            id: id.into(),
            body: "{}".into(),
            group: None,
            n_attempts: 5,
            reason: "no mapping for `Task`".into(),
            sent_at: NOON,
            died_at: NOON,
        };
        let ids = ["186", "185", "184"].iter();
        let ids = ids.filter(|id| after.is_none_or(|after| **id < after));
        let limit = usize::try_from(limit.get()).unwrap();
        self.answer(ids.take(limit).map(|id| letter(id)).collect())
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        let n_replayed = match &selection {
            ReplaySelection::All => 3,
            ReplaySelection::Ids(ids) => u64::try_from(ids.len()).unwrap(),
        };
        self.replays.lock().unwrap().push(selection);
        self.answer(n_replayed)
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        "events"
    }

    fn max_body_bytes(&self) -> usize {
        1024
    }
}
