//! Merges records, into what has become of their survivors meanwhile.

use super::batch::Parcel;
use super::{Lane, RelayTally};
use crate::error::{PortErrorKind, Retry};
use crate::ids::{EntityId, RecordId};
use crate::model::{FieldValue, Presence, RecordKey};
use crate::ports::{Decision, MERGED_FIELD, WriteResult};
use crate::sync::mapping::{ConflictPolicy, Side};
use crate::sync::outcome::build_write;
use crate::sync::rulings::Rulings;
use crate::sync::settle::Sent;
use crate::worker::Failure;

/// How often a record that was merged is followed to its survivor.
const MAX_STEPS: u32 = 8;

/// What a record is to be merged into.
enum Survivor {
    /// This record.
    Known(RecordId),
    /// A row that was made here, whose record has no name yet.
    Unnamed,
    /// Nothing: it was deleted over there, or became part of this very record.
    Gone,
}

impl Lane<'_> {
    /// Merges records, one at a time.
    pub(super) async fn merge(
        &self,
        parcels: Vec<Parcel>,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        for parcel in parcels {
            let wanted = parcel.shadow.edits.sendable_presence().cloned();
            let Some(Presence::MergedInto(into)) = wanted else { continue };
            match self.survivor(&parcel.entry.key, &into).await? {
                Survivor::Known(winner) => self.merge_into(parcel, into, &winner, tally).await?,
                Survivor::Unnamed => self.wait([parcel.entry.key].into_iter(), tally).await?,
                Survivor::Gone => self.give_up_merge(&parcel, &into, tally).await?,
            }
        }
        Ok(())
    }

    async fn merge_into(
        &self,
        parcel: Parcel,
        wanted: RecordId,
        winner: &RecordId,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        let loser = &parcel.entry.key.record_id;
        let result = self.remote.writer.merge(&self.mapping.object, winner, loser).await?;
        // The answer names the survivor; the record that was merged keeps its own id here.
        let result = match result {
            WriteResult::Done { .. } => WriteResult::Done { record_id: loser.clone(), state: None },
            other => other,
        };
        let sent = Sent { presence: Some(Presence::MergedInto(wanted)), ..Sent::default() };
        self.take_result(parcel, &sent, result, tally).await.map(drop)
    }

    /// Finds what has become of the record that `loser` is to be merged into.
    async fn survivor(&self, loser: &RecordKey, wanted: &RecordId) -> Result<Survivor, Failure> {
        let mut id = wanted.clone();
        for _ in 0..MAX_STEPS {
            let row = EntityId::derive(&loser.connection, &loser.object, &id);
            let found = match id.as_local() {
                // The platform may have named it since.
                Some(_) => self.ports.store.locate(self.mapping.entity, &row).await?,
                None => Some(RecordKey { record_id: id.clone(), ..loser.clone() }),
            };
            let Some(key) = found else { return Ok(Survivor::Gone) };
            if key.record_id == loser.record_id {
                return Ok(Survivor::Gone);
            }
            if key.record_id.as_local().is_some() {
                return Ok(Survivor::Unnamed);
            }
            let shadow = self.ports.store.shadow(&key).await?.filter(|it| it.is_deleted);
            let Some(shadow) = shadow else { return Ok(Survivor::Known(key.record_id)) };
            let field = self.mapping.rules.merged_into.as_ref();
            let next = field.and_then(|it| shadow.fields.get(it)).and_then(FieldValue::as_text);
            match next.and_then(|it| RecordId::parse(it).ok()) {
                Some(next) => id = next,
                None => return Ok(Survivor::Gone),
            }
        }
        Ok(Survivor::Gone)
    }

    /// Lets a record live that has nothing to be merged into any more; the audit log says so.
    async fn give_up_merge(
        &self,
        parcel: &Parcel,
        wanted: &RecordId,
        tally: &mut RelayTally,
    ) -> Result<(), Failure> {
        let Parcel { entry, shadow, .. } = parcel;
        let mut after = shadow.clone();
        after.edits.presence = None;
        let row = EntityId::derive(&entry.key.connection, &entry.key.object, wanted);
        let other = FieldValue::Text(row.into());
        let decision = Decision { policy: ConflictPolicy::RemoteWins, winner: Side::Remote, other };
        let rulings =
            Rulings { decisions: vec![(MERGED_FIELD.to_owned(), decision)], ..Rulings::default() };
        let event_id = self.event_id();
        let cause = self.cause(&event_id, entry);
        let write = build_write(shadow, after, self.mapping, cause, rulings)
            .map_err(|error| Failure::of(&error, Retry::Never))?;
        match self.ports.store.apply(write).await {
            Ok(_) => tally.n_settled += 1,
            // Somebody wrote it meanwhile: it is looked at anew.
            Err(error) if error.kind() == PortErrorKind::Conflict => {
                self.wait([entry.key.clone()].into_iter(), tally).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
