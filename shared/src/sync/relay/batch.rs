//! One batch: claimed, sorted by what is to be done, sent by single calls.

use std::time::Duration;

use super::look::Looked;
use super::{BatchSize, Lane, RelayTally};
use crate::error::{PortError, Retry};
use crate::model::{Presence, RecordKey};
use crate::ports::{
    BulkAction, BulkWriter, Claim, OutboxEntry, OutboxKind, OutboxMark, Setback, Shadow,
};
use crate::sync::names::name_references;
use crate::sync::outcome::outbox_kind;
use crate::sync::settle::Sent;
use crate::time::Timestamp;
use crate::worker::Failure;

/// Until a record may be sent whose second over there was not over, or whose parent has no name yet.
const A_LITTLE_LATER: Duration = Duration::from_millis(1100);

/// What the last setback of a record says when others were in its way.
pub(super) const CROWDED: &str = "crowded:";

/// A record on its way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) entry: OutboxEntry,
    pub(super) shadow: Shadow,
    /// The version at which it was seen over there.
    pub(super) seen: Option<Timestamp>,
}

/// Parcels by what is to be done.
#[derive(Default)]
struct Sorted {
    creates: Vec<Parcel>,
    /// Made here and deleted here before the platform heard of it, as far as we know.
    unborn: Vec<Parcel>,
    known: Vec<Parcel>,
    /// They refer to records that have no name yet.
    unnamed: Vec<RecordKey>,
}

impl Lane<'_> {
    /// Claims and sends a batch, by a job of `bulk` when it is given; `None` when nothing can be
    /// claimed.
    pub(super) async fn send_batch(
        &self,
        size: &mut BatchSize,
        bulk: Option<&dyn BulkWriter>,
    ) -> Result<Option<RelayTally>, Failure> {
        let limit = match bulk {
            Some(_) => self.settings.job_size,
            None => size.get().try_into().unwrap_or(u32::MAX),
        };
        let entries = self.claim(limit).await?;
        if entries.is_empty() {
            return Ok(None);
        }
        let is_crowded = |it: &OutboxEntry| {
            it.last.as_ref().is_some_and(|setback| setback.code.starts_with(CROWDED))
        };
        let (alone, together): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_crowded);
        let mut tally = self.send_claimed(together, size, bulk).await?;
        for entry in alone {
            tally.add(self.send_claimed(vec![entry], &mut BatchSize::new(1), None).await?);
        }
        Ok(Some(tally))
    }

    async fn claim(&self, limit: u32) -> Result<Vec<OutboxEntry>, PortError> {
        self.ports
            .outbox
            .claim(&Claim {
                connection: self.remote.connection.clone(),
                object: self.mapping.object.clone(),
                owner: self.owner.to_owned(),
                lease: self.settings.lease,
                limit,
            })
            .await
    }

    /// Sends what was claimed. When the platform fails, all of it waits for another attempt.
    async fn send_claimed(
        &self,
        entries: Vec<OutboxEntry>,
        size: &mut BatchSize,
        bulk: Option<&dyn BulkWriter>,
    ) -> Result<RelayTally, Failure> {
        if entries.is_empty() {
            return Ok(RelayTally::default());
        }
        let keys: Vec<_> = entries.iter().map(|it| it.key.clone()).collect();
        match self.try_to_send(entries, size, bulk).await {
            Ok(tally) => Ok(tally),
            Err(failure) => {
                let delay = match failure.retry() {
                    Retry::After(Some(asked)) => asked,
                    _ => A_LITTLE_LATER,
                };
                // The platform is at fault, not the records: none of them counts an attempt.
                let keys: Vec<_> = keys.into_iter().map(|key| (key, None)).collect();
                self.ports.outbox.postpone(&keys, delay).await?;
                Err(failure)
            }
        }
    }

    async fn try_to_send(
        &self,
        entries: Vec<OutboxEntry>,
        size: &mut BatchSize,
        bulk: Option<&dyn BulkWriter>,
    ) -> Result<RelayTally, Failure> {
        let mut tally = RelayTally::default();
        let parcels = self.pack(entries, &mut tally).await?;
        let Sorted { creates, unborn, known, unnamed } = sort(parcels);
        self.wait(unnamed.into_iter(), &mut tally).await?;
        for parcel in unborn {
            self.drop_unborn(parcel, &mut tally).await?;
        }
        let known = self.land_lost_flights(known).await?;
        let creates = self.land_lost_flights(creates).await?;
        let Looked { ready, young, settled } = self.look(known).await?;
        tally.n_settled += settled.len() as u64;
        self.wait(young.into_iter().map(|it| it.entry.key), &mut tally).await?;
        let (mut updates, mut others) = (Vec::new(), Vec::new());
        for parcel in ready {
            match outbox_kind(&parcel.shadow) {
                OutboxKind::Update | OutboxKind::Create => updates.push(parcel),
                OutboxKind::Delete | OutboxKind::Undelete | OutboxKind::Merge => {
                    others.push(parcel);
                }
            }
        }
        for (action, parcels) in [(BulkAction::Create, creates), (BulkAction::Update, updates)] {
            match bulk {
                Some(bulk) if parcels.len() > self.remote.writer.limits().max_records => {
                    let left = self.save_by_job(bulk, action, parcels, &mut tally).await?;
                    self.save(left, size, &mut tally).await?;
                }
                _ => self.save(parcels, size, &mut tally).await?,
            }
        }
        self.change_presence(others, &mut tally).await?;
        Ok(tally)
    }

    /// Loads the shadows of entries; what needs no sending any more leaves the outbox.
    pub(super) async fn pack(
        &self,
        entries: Vec<OutboxEntry>,
        tally: &mut RelayTally,
    ) -> Result<Vec<Parcel>, Failure> {
        let keys: Vec<_> = entries.iter().map(|it| it.key.clone()).collect();
        let shadows = self.ports.store.shadows(&keys).await?;
        let mut parcels = Vec::with_capacity(entries.len());
        for (entry, shadow) in entries.into_iter().zip(shadows) {
            let Some(mut shadow) = shadow else {
                // The record was named or cleared since it was claimed: its row in the outbox has
                // moved with it.
                continue;
            };
            if !shadow.edits.waits() {
                self.clear(&entry, &shadow).await?;
                tally.n_settled += 1;
                continue;
            }
            name_references(&*self.ports.store, &self.remote.mappings, &mut shadow).await?;
            parcels.push(Parcel { entry, shadow, seen: None });
        }
        Ok(parcels)
    }

    /// Takes a record out of the outbox of which nothing is to be sent.
    async fn clear(&self, entry: &OutboxEntry, shadow: &Shadow) -> Result<(), Failure> {
        let id = shadow.key.record_id.clone();
        let mut write = self.settled(shadow, &Sent::default(), &id, None, entry)?;
        write.marks.outbox = OutboxMark::Clear;
        self.ports.store.apply(write).await?;
        Ok(())
    }

    /// Gives records back that could not be tried.
    pub(super) async fn wait(
        &self,
        keys: impl Iterator<Item = RecordKey>,
        tally: &mut RelayTally,
    ) -> Result<(), PortError> {
        let keys: Vec<(RecordKey, Option<Setback>)> = keys.map(|key| (key, None)).collect();
        tally.n_postponed += keys.len() as u64;
        self.ports.outbox.postpone(&keys, A_LITTLE_LATER).await
    }

    /// A row that was made and deleted here: the platform may have heard of it all the same, when an
    /// answer was lost.
    async fn drop_unborn(&self, parcel: Parcel, tally: &mut RelayTally) -> Result<(), Failure> {
        let Parcel { entry, shadow, .. } = parcel;
        let fields = self.mapping.remote_fields();
        let object = &self.mapping.object;
        let found = self.remote.writer.find(object, &entry.entity_id, &fields).await?;
        let sent = match &found {
            // It is there: once it is named, the deletion is sent.
            Some(_) => Sent::default(),
            None => Sent { presence: Some(Presence::Deleted), ..Sent::default() },
        };
        let id = found.as_ref().map_or(&shadow.key.record_id, |it| &it.record_id).clone();
        self.arrive(&entry, shadow, &sent, &id, found).await?;
        tally.n_settled += 1;
        Ok(())
    }

    /// Edits that left with a job which is not known any more: the record tells what became of them.
    async fn land_lost_flights(&self, parcels: Vec<Parcel>) -> Result<Vec<Parcel>, Failure> {
        let mut landed = Vec::with_capacity(parcels.len());
        for mut parcel in parcels {
            if parcel.shadow.edits.flights().next().is_some() {
                parcel.shadow = self.land_untaken(&parcel.entry, parcel.shadow).await?;
            }
            landed.push(parcel);
        }
        Ok(landed)
    }
}

fn sort(parcels: Vec<Parcel>) -> Sorted {
    let mut sorted = Sorted::default();
    for parcel in parcels {
        let is_local = parcel.shadow.key.record_id.as_local().is_some();
        let is_deleted = parcel.shadow.edits.presence.is_some();
        let refers_to_unnamed = parcel
            .shadow
            .edits
            .sendable()
            .filter_map(|(_, edit)| crate::ids::RecordId::parse(edit.value.as_text()?).ok())
            .any(|it| it.as_local().is_some());
        match () {
            () if is_local && is_deleted => sorted.unborn.push(parcel),
            () if refers_to_unnamed => sorted.unnamed.push(parcel.entry.key),
            () if is_local => sorted.creates.push(parcel),
            () => sorted.known.push(parcel),
        }
    }
    sorted
}
