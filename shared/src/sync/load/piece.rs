//! Takes one piece of a load into the store.

use futures_util::future::join_all;
use metrics::counter;
use tracing::warn;

use super::Sink;
use crate::error::{PortError, PortErrorKind, Retry};
use crate::model::{Change, ChangeEvent, Channel, FieldValue, RecordKey, Scope};
use crate::ports::{RemoteRecord, Shadow};
use crate::sync::Inbound;
use crate::sync::inbound::Absorbed;
use crate::sync::merge::{Authority, MergeContext, Merged, merge};
use crate::time::Timestamp;

/// What became of a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) n_applied: u64,
    pub(super) n_known: u64,
    pub(super) n_aside: u64,
}

impl Sink<'_> {
    /// Takes in a piece. Most records are new or known already; the others go the way of any event.
    pub(super) async fn take_piece(&self, records: Vec<RemoteRecord>) -> Result<Taken, PortError> {
        let now = self.loader.clock.now();
        let events: Vec<_> = records.into_iter().map(|it| self.event_of(it, now)).collect();
        let keys: Vec<_> = events.iter().map(|it| it.key.clone()).collect();
        let shadows = self.loader.store.shadows(&keys).await?;
        let mut taken = Taken::default();
        let (mut writing, mut slow) = (Vec::with_capacity(events.len()), Vec::new());
        for (event, shadow) in events.into_iter().zip(shadows) {
            match self.merge(&event, shadow.as_ref()) {
                Some(Merged::Nothing) => taken.n_known += 1,
                Some(Merged::Write(write)) => {
                    let store = self.loader.store;
                    writing.push(async move { (event, store.apply(*write).await) });
                }
                Some(Merged::ReadRecord(_)) | None => slow.push(event),
            }
        }
        for (event, applied) in join_all(writing).await {
            match applied {
                Ok(_) => taken.n_applied += 1,
                Err(error) if error.kind() == PortErrorKind::Conflict => slow.push(event),
                Err(error) => return Err(error),
            }
        }
        for event in slow {
            self.take_slowly(event, &mut taken).await?;
        }
        self.count(taken);
        Ok(taken)
    }

    fn event_of(&self, record: RemoteRecord, received_at: Timestamp) -> ChangeEvent {
        let RemoteRecord { record_id, version, is_deleted, fields, unread } = record;
        let object = &self.order.mapping.object;
        ChangeEvent {
            event_id: format!("load:{}:{object}:{record_id}:{version}", self.loader.connection),
            key: RecordKey {
                connection: self.loader.connection.clone(),
                object: object.clone(),
                record_id,
            },
            change: if is_deleted { Change::Delete } else { Change::Upsert },
            version: Some(version),
            scope: Scope::Full,
            fields,
            unread,
            channel: Channel::Load,
            received_at,
            is_backfill: true,
            correlation_id: self.order.run.clone(),
        }
    }

    /// Merges a record the quick way; `None` when it has to be looked at more closely.
    fn merge(&self, event: &ChangeEvent, shadow: Option<&Shadow>) -> Option<Merged> {
        let mapping = self.order.mapping;
        if shadow.is_none() {
            let own_id = mapping.rules.external_id.as_ref().and_then(|it| event.fields.get(it));
            if own_id.and_then(FieldValue::as_text).is_some() {
                // It may be a row that was made here.
                return None;
            }
        }
        let context = MergeContext {
            mapping,
            actor: self.loader.actor,
            authority: Authority::Reported,
            reported: None,
        };
        merge(event, shadow, context).ok()
    }

    async fn take_slowly(&self, event: ChangeEvent, taken: &mut Taken) -> Result<(), PortError> {
        let inbound = Inbound {
            store: self.loader.store,
            crm: self.loader.crm,
            mapping: self.order.mapping,
            actor: self.loader.actor,
        };
        match inbound.absorb(&event, Authority::Reported).await {
            Ok(Absorbed::Applied(_)) => taken.n_applied += 1,
            Ok(Absorbed::Known) => taken.n_known += 1,
            Err(failure) if failure.retry() == Retry::Never => {
                warn!(record.id = %event.key.record_id, "record `{}` is set aside: {failure}",
                    event.key.record_id);
                self.loader.aside.set_aside(event).await?;
                taken.n_aside += 1;
            }
            Err(failure) => {
                let subject = event.key.to_string();
                return Err(PortError::new(PortErrorKind::Unavailable, "load", "apply", subject)
                    .with_source(failure));
            }
        }
        Ok(())
    }

    fn count(&self, taken: Taken) {
        let Taken { n_applied, n_known, n_aside } = taken;
        for (outcome, count) in [("applied", n_applied), ("known", n_known), ("aside", n_aside)] {
            counter!("load_records_total", "connection" => self.loader.connection.to_string(),
                "object" => self.order.mapping.object.to_string(), "outcome" => outcome)
            .increment(count);
        }
    }
}
