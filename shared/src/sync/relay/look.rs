//! Looks at how records stand over there before anything is written.

use futures_util::future::try_join_all;

use super::Lane;
use super::batch::Parcel;
use crate::error::{PortErrorKind, Retry};
use crate::model::{Change, ChangeEvent, Channel, Fields, Scope};
use crate::ports::{ReadBack, RemoteRecord, Shadow};
use crate::sync::merge::{Authority, MergeContext, Merged, merge};
use crate::sync::names::name_references;
use crate::worker::Failure;

/// How often a record is merged again because somebody else wrote it in between.
pub(super) const MAX_TRIES: u32 = 8;

/// What a look has found.
#[derive(Default)]
pub(super) struct Looked {
    /// Records that can be written.
    pub(super) ready: Vec<Parcel>,
    /// Records that were changed over there in this very second: whatever else it brings must be
    /// known before they are written.
    pub(super) young: Vec<Parcel>,
    /// Records of which nothing is to be sent any more.
    pub(super) settled: Vec<Parcel>,
}

impl Lane<'_> {
    /// Reads the records of `parcels` and takes in what has changed of them.
    pub(super) async fn look(&self, parcels: Vec<Parcel>) -> Result<Looked, Failure> {
        let fields = self.mapping.remote_fields();
        let max_read = self.remote.writer.limits().max_read.max(1);
        let mut looked = Looked::default();
        let mut parcels = parcels.into_iter().peekable();
        while parcels.peek().is_some() {
            let chunk: Vec<Parcel> = parcels.by_ref().take(max_read).collect();
            let ids: Vec<_> = chunk.iter().map(|it| it.entry.key.record_id.clone()).collect();
            let ReadBack { records, read_at } =
                self.remote.writer.read_many(&self.mapping.object, &ids, &fields).await?;
            let absorbing = chunk
                .into_iter()
                .zip(records)
                .map(|(parcel, record)| self.absorb_record(parcel, record));
            for parcel in try_join_all(absorbing).await? {
                let is_young = parcel.seen.is_some_and(|it| it.to_second() >= read_at.to_second());
                match () {
                    () if !parcel.shadow.edits.waits() => looked.settled.push(parcel),
                    () if is_young => looked.young.push(parcel),
                    () => looked.ready.push(parcel),
                }
            }
        }
        Ok(looked)
    }

    async fn absorb_record(
        &self,
        mut parcel: Parcel,
        record: Option<RemoteRecord>,
    ) -> Result<Parcel, Failure> {
        parcel.seen = record.as_ref().map(|it| it.version);
        let event = self.event_of(&parcel, record);
        parcel.shadow = self.absorb(parcel.shadow, &event).await?;
        Ok(parcel)
    }

    /// Reports a record as it was read; one that is gone for good is a delete.
    fn event_of(&self, parcel: &Parcel, record: Option<RemoteRecord>) -> ChangeEvent {
        let Parcel { entry, shadow, .. } = parcel;
        let (change, version, fields, unread) = match record {
            Some(RemoteRecord { version, is_deleted: true, fields, unread, .. }) => {
                (Change::Delete, version, fields, unread)
            }
            Some(RemoteRecord { version, fields, unread, .. }) => {
                (Change::Upsert, version, fields, unread)
            }
            None => (Change::Delete, shadow.newest_version(), Fields::new(), Vec::new()),
        };
        ChangeEvent {
            event_id: self.event_id(),
            key: entry.key.clone(),
            change,
            version: Some(version),
            scope: Scope::Full,
            fields,
            unread,
            channel: Channel::WriteBack,
            received_at: self.ports.clock.now(),
            is_backfill: false,
            correlation_id: entry.correlation_id.clone(),
        }
    }

    /// Names this run in audit rows.
    pub(super) fn event_id(&self) -> String {
        format!("relay:{}", self.run)
    }

    /// Takes in an event that was read just now, and returns what is known after it.
    pub(super) async fn absorb(
        &self,
        mut shadow: Shadow,
        event: &ChangeEvent,
    ) -> Result<Shadow, Failure> {
        let context = MergeContext {
            mapping: self.mapping,
            actor: self.actor,
            authority: Authority::Read,
            reported: None,
        };
        for _ in 0..MAX_TRIES {
            let merged = merge(event, Some(&shadow), context)
                .map_err(|error| Failure::of(&error, Retry::Never))?;
            let Merged::Write(write) = merged else { return Ok(shadow) };
            let after = Shadow { revision: shadow.revision + 1, ..write.shadow.clone() };
            match self.ports.store.apply(*write).await {
                Ok(_) => return Ok(after),
                Err(error) if error.kind() == PortErrorKind::Conflict => {
                    shadow = self.load(&event.key).await?.unwrap_or(shadow);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::transient(format!("record `{}` is written too often at once", event.key)))
    }

    /// Loads a shadow, with its references named as far as they can be.
    pub(super) async fn load(
        &self,
        key: &crate::model::RecordKey,
    ) -> Result<Option<Shadow>, Failure> {
        let Some(mut shadow) = self.ports.store.shadow(key).await? else { return Ok(None) };
        name_references(&*self.ports.store, &self.remote.mappings, &mut shadow).await?;
        Ok(Some(shadow))
    }
}
