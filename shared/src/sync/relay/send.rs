//! Writes records by single calls, and settles each by its own result.

use std::collections::VecDeque;

use metrics::histogram;

use super::batch::{CROWDED, Parcel};
use super::look::{Looked, MAX_TRIES};
use super::{BatchSize, Lane, RelayTally};
use crate::error::{PortErrorKind, Retry, chain};
use crate::ids::RecordId;
use crate::model::{Channel, Fields, Presence};
use crate::ports::{
    OutboxEntry, OutboxMark, Refusal, RefusalClass, RemoteRecord, RemoteWrite, Setback, Shadow,
    Target, Write, WriteResult,
};
use crate::sync::outcome::{Cause, build_write};
use crate::sync::rulings::Rulings;
use crate::sync::settle::{Sent, settle};
use crate::worker::Failure;

/// How often a record is looked at again because somebody changed it before our write.
const MAX_LOOKS: u32 = 3;

impl Lane<'_> {
    /// Makes or changes records.
    pub(super) async fn save(
        &self,
        parcels: Vec<Parcel>,
        size: &mut BatchSize,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        let mut parcels = parcels;
        for _ in 0..MAX_LOOKS {
            let (guarded, free): (Vec<_>, Vec<_>) =
                parcels.into_iter().partition(Self::needs_guard);
            let max_guarded = self.remote.writer.limits().max_guarded.max(1);
            let mut changed = self.save_in(guarded, max_guarded.min(size.get()), tally).await?;
            let n_held_before = tally.n_postponed;
            changed.extend(self.save_in(free, size.get(), tally).await?);
            size.hear(tally.n_postponed > n_held_before);
            if changed.is_empty() {
                return Ok(());
            }
            let Looked { ready, young, settled } = self.look(changed).await?;
            tally.n_settled += settled.len() as u64;
            parcels = ready;
            let young: Vec<_> = young.into_iter().map(|it| (it.entry.key, None)).collect();
            tally.n_postponed += young.len() as u64;
            self.ports.outbox.postpone(&young, self.settings.backoff.first).await?;
        }
        let left: Vec<_> = parcels.into_iter().map(|it| (it.entry.key, None)).collect();
        tally.n_postponed += left.len() as u64;
        Ok(self.ports.outbox.postpone(&left, self.settings.backoff.first).await?)
    }

    /// Tells whether there is a record that somebody may have changed. Even a value that ours
    /// replaces by policy is told first: what is overwritten unseen is lost without a name.
    fn needs_guard(parcel: &Parcel) -> bool {
        parcel.shadow.key.record_id.as_local().is_none()
    }

    /// Writes `parcels`, so many at once; returns those that somebody changed before the write.
    async fn save_in(
        &self,
        parcels: Vec<Parcel>,
        at_once: usize,
        tally: &mut RelayTally,
    ) -> Result<Vec<Parcel>, Failure> {
        let mut changed = Vec::new();
        let mut parcels = parcels.into_iter().peekable();
        while parcels.peek().is_some() {
            let chunk: Vec<_> = parcels.by_ref().take(at_once).collect();
            changed.extend(self.save_chunk(chunk, tally).await?);
        }
        Ok(changed)
    }

    async fn save_chunk(
        &self,
        chunk: Vec<Parcel>,
        tally: &mut RelayTally,
    ) -> Result<Vec<Parcel>, Failure> {
        let fields = self.mapping.remote_fields();
        let mut changed = Vec::new();
        // A call that can never succeed is split until the guilty record stands alone.
        let mut waiting = VecDeque::from([chunk]);
        while let Some(mut chunk) = waiting.pop_front() {
            let writes: Vec<_> = chunk.iter().map(|it| self.write_of(it)).collect();
            match self.remote.writer.save(&self.mapping.object, &writes, &fields).await {
                Ok(results) => {
                    for ((parcel, write), result) in chunk.into_iter().zip(writes).zip(results) {
                        let sent = Sent { fields: write.fields, presence: None };
                        changed.extend(self.take_result(parcel, &sent, result, tally).await?);
                    }
                }
                Err(error) if error.kind() == PortErrorKind::Rejected && chunk.len() > 1 => {
                    let rest = chunk.split_off(chunk.len() / 2);
                    waiting.extend([chunk, rest]);
                }
                Err(error) if error.kind() == PortErrorKind::Rejected => {
                    let setback = Setback {
                        code: "rejected".to_owned(),
                        words: chain(&error).to_string(),
                        fields: Vec::new(),
                    };
                    for parcel in chunk {
                        self.hold(&parcel.entry, &setback, tally).await?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(changed)
    }

    pub(super) fn write_of(&self, parcel: &Parcel) -> RemoteWrite {
        let Parcel { entry, shadow, seen } = parcel;
        let fields: Fields = shadow
            .edits
            .sendable()
            .map(|(name, edit)| (name.clone(), edit.value.clone()))
            .collect();
        let target = match shadow.key.record_id.as_local() {
            Some(_) => Target::New(entry.entity_id.clone()),
            None => Target::Known(shadow.key.record_id.clone()),
        };
        let unmodified_since = seen.filter(|_| Self::needs_guard(parcel));
        RemoteWrite { target, fields, unmodified_since }
    }

    /// Settles one result; returns the parcel when it has to be looked at again.
    pub(super) async fn take_result(
        &self,
        parcel: Parcel,
        sent: &Sent,
        result: WriteResult,
        tally: &mut RelayTally,
    ) -> Result<Option<Parcel>, Failure> {
        match result {
            WriteResult::Done { record_id, state } => {
                let Parcel { entry, shadow, .. } = parcel;
                self.arrive(&entry, shadow, sent, &record_id, state).await?;
                tally.n_sent += 1;
                let waited = self.ports.clock.now().since(entry.changed_at);
                histogram!("relay_lag_seconds", "object" => self.mapping.object.to_string())
                    .record(waited.as_secs_f64());
                Ok(None)
            }
            WriteResult::Changed => Ok(Some(parcel)),
            WriteResult::Refused(refusal) => {
                self.take_refusal(parcel, refusal, tally).await?;
                Ok(None)
            }
        }
    }

    async fn take_refusal(
        &self,
        parcel: Parcel,
        refusal: Refusal,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        let Refusal { class, mut setback } = refusal;
        let is_spent = parcel.entry.n_attempts + 1 >= self.settings.max_attempts;
        match class {
            RefusalClass::Permanent => self.hold(&parcel.entry, &setback, tally).await,
            RefusalClass::Later | RefusalClass::Alone if is_spent => {
                self.hold(&parcel.entry, &setback, tally).await
            }
            RefusalClass::Later | RefusalClass::Alone => {
                if class == RefusalClass::Alone {
                    setback.code.insert_str(0, CROWDED);
                }
                let attempt = parcel.entry.n_attempts + 1;
                let delay = self.settings.backoff.delay(attempt, None, &*self.ports.random);
                tally.n_postponed += 1;
                let keys = [(parcel.entry.key, Some(setback))];
                Ok(self.ports.outbox.postpone(&keys, delay).await?)
            }
            RefusalClass::Gone => {
                let key = parcel.entry.key.clone();
                // The look takes in that it is gone; what the policy leaves to be sent comes later.
                let looked = self.look(vec![parcel]).await?;
                tally.n_settled += looked.settled.len() as u64;
                if looked.settled.is_empty() {
                    tally.n_postponed += 1;
                    let delay = self.settings.backoff.first;
                    self.ports.outbox.postpone(&[(key, Some(setback))], delay).await?;
                }
                Ok(())
            }
        }
    }

    async fn hold(
        &self,
        entry: &OutboxEntry,
        setback: &Setback,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        tally.n_held += 1;
        Ok(self.ports.outbox.hold(&entry.key, setback).await?)
    }

    /// Deletes, restores and merges records.
    pub(super) async fn change_presence(
        &self,
        parcels: Vec<Parcel>,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        let max = self.remote.writer.limits().max_records.max(1);
        let wanted = |it: &Parcel| it.shadow.edits.sendable_presence().cloned();
        let (merges, rest): (Vec<_>, Vec<_>) =
            parcels.into_iter().partition(|it| matches!(wanted(it), Some(Presence::MergedInto(_))));
        let (deletes, undeletes): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|it| wanted(it) == Some(Presence::Deleted));
        let object = &self.mapping.object;
        for (parcels, presence) in [(deletes, Presence::Deleted), (undeletes, Presence::Present)] {
            let sent = Sent { presence: Some(presence.clone()), ..Sent::default() };
            for chunk in parcels.chunks(max) {
                let ids: Vec<_> = chunk.iter().map(|it| it.entry.key.record_id.clone()).collect();
                let results = match presence {
                    Presence::Deleted => self.remote.writer.delete(object, &ids).await?,
                    _ => self.remote.writer.undelete(object, &ids).await?,
                };
                for (parcel, result) in chunk.iter().zip(results) {
                    self.take_result(parcel.clone(), &sent, result, tally).await?;
                }
            }
        }
        self.merge(merges, tally).await
    }

    /// Settles a record that the platform has taken.
    pub(super) async fn arrive(
        &self,
        entry: &OutboxEntry,
        mut shadow: Shadow,
        sent: &Sent,
        record_id: &RecordId,
        state: Option<RemoteRecord>,
    ) -> Result<(), Failure> {
        for _ in 0..MAX_TRIES {
            let write = self.settled(&shadow, sent, record_id, state.clone(), entry)?;
            match self.ports.store.apply(write).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == PortErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
            }
            // Somebody wrote it in between, perhaps under the name that the platform gave it.
            let mut named = shadow.key.clone();
            named.record_id = record_id.clone();
            shadow = match (self.load(&entry.key).await?, self.load(&named).await?) {
                (Some(_), Some(_)) if entry.key != named => {
                    let setback = Setback {
                        code: "two_rows".to_owned(),
                        words: format!(
                            "the record `{record_id}` has another row here already: delete one of \
                             them here, or merge them"
                        ),
                        fields: Vec::new(),
                    };
                    return Ok(self.ports.outbox.hold(&entry.key, &setback).await?);
                }
                (Some(shadow), _) | (None, Some(shadow)) => shadow,
                (None, None) => break,
            };
        }
        let key = &entry.key;
        Err(Failure::transient(format!("record `{key}` is written too often at once")))
    }

    /// Keeps `after` of a record whose row stays as it is; `None` when somebody else wrote it
    /// meanwhile.
    pub(super) async fn put_shadow(
        &self,
        entry: &OutboxEntry,
        before: &Shadow,
        after: Shadow,
    ) -> Result<Option<Shadow>, Failure> {
        let event_id = self.event_id();
        let cause = self.cause(&event_id, entry);
        let mut write = build_write(before, after, self.mapping, cause, Rulings::default())
            .map_err(|error| Failure::of(&error, Retry::Never))?;
        // The record belongs to this relay, and still does.
        write.marks.outbox = OutboxMark::Keep;
        let after = Shadow { revision: before.revision + 1, ..write.shadow.clone() };
        match self.ports.store.apply(write).await {
            Ok(_) => Ok(Some(after)),
            Err(error) if error.kind() == PortErrorKind::Conflict => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn cause<'a>(&'a self, event_id: &'a str, entry: &'a OutboxEntry) -> Cause<'a> {
        let now = self.ports.clock.now();
        Cause {
            actor: self.actor,
            channel: Channel::WriteBack,
            event_id,
            correlation_id: &entry.correlation_id,
            version: now,
            received_at: now,
            is_backfill: false,
        }
    }

    pub(super) fn settled(
        &self,
        shadow: &Shadow,
        sent: &Sent,
        record_id: &RecordId,
        state: Option<RemoteRecord>,
        entry: &OutboxEntry,
    ) -> Result<Write, Failure> {
        let event_id = self.event_id();
        let cause = self.cause(&event_id, entry);
        settle(shadow, sent, record_id, state, self.mapping, cause)
            .map_err(|error| Failure::of(&error, Retry::Never))
    }
}
