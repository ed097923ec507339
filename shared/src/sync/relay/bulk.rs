//! Sends very many records by a job that runs over there.
//!
//! A job overwrites whatever stands there, so what leaves with it is marked in the shadows first:
//! what becomes known only later of changes that it overwrote is ruled then, as a conflict. Whoever
//! comes after a crash finds the job by its note, and settles what it has done.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::future::{Either, select, try_join_all};
use tracing::{info, warn};

use super::batch::Parcel;
use super::job_hold::{JobHold, JobPlace};
use super::look::MAX_TRIES;
use super::{Lane, RelayTally};
use crate::error::{PortError, PortErrorKind, Retry, chain};
use crate::ids::RecordId;
use crate::model::RecordKey;
use crate::ports::{
    BulkAction, BulkResults, BulkWriter, OutboxEntry, RemoteRecord, RemoteWrite, Shadow, Target,
    WriteResult,
};
use crate::sync::outcome::outbox_kind;
use crate::sync::settle::{Sent, depart, stay};
use crate::worker::Failure;

/// How many shadows are written at once; the store puts them into few transactions.
const AT_ONCE: usize = 256;

impl Lane<'_> {
    /// Settles the job that a process which is gone has left; `None` when somebody else follows one
    /// and the object is theirs.
    pub(super) async fn resume_job(&self) -> Result<Option<RelayTally>, Failure> {
        let Some(bulk) = self.remote.bulk.as_deref() else {
            return Ok(Some(RelayTally::default()));
        };
        let (hold, state) = match self.job_place().await? {
            JobPlace::Free(_) => return Ok(Some(RelayTally::default())),
            JobPlace::Taken => return Ok(None),
            JobPlace::Left(hold, state) => (hold, state),
        };
        hold.renew().await?;
        info!(connection = %self.remote.connection, object = %self.mapping.object,
            "going on with a job of `{}` that was left", self.mapping.object);
        let results = Results::new(*self, HashMap::new());
        let done = bulk.resume(&state, &results, &hold);
        self.follow(done, &hold).await?;
        Ok(Some(results.tally()))
    }

    /// Makes or changes records by a job. Returns those that it told nothing of: they go by calls.
    pub(super) async fn save_by_job(
        &self,
        bulk: &dyn BulkWriter,
        action: BulkAction,
        parcels: Vec<Parcel>,
        tally: &mut RelayTally,
    ) -> Result<Vec<Parcel>, Failure> {
        let JobPlace::Free(hold) = self.job_place().await? else {
            self.wait(parcels.into_iter().map(|it| it.entry.key), tally).await?;
            return Ok(Vec::new());
        };
        hold.renew().await?;
        let (parcels, stale) = self.depart(parcels).await?;
        self.wait(stale.into_iter(), tally).await?;
        let writes: Vec<_> = parcels.iter().map(flight_of).collect();
        let parcels = parcels.into_iter().map(|it| (target_of(&it.entry), it)).collect();
        let results = Results::new(*self, parcels);
        let job = bulk.run(&self.mapping.object, action, &writes, &results, &hold);
        self.follow(job, &hold).await?;
        tally.add(results.tally());
        let mut left = results.left();
        for parcel in &mut left {
            parcel.shadow = self.land_untaken(&parcel.entry, parcel.shadow.clone()).await?;
        }
        Ok(left)
    }

    /// Follows a job to its end, and says so meanwhile.
    async fn follow(
        &self,
        job: impl Future<Output = Result<(), PortError>>,
        hold: &JobHold<'_>,
    ) -> Result<(), Failure> {
        let ended = match select(pin!(job), pin!(hold.keep())).await {
            Either::Left((ended, _)) => ended,
            Either::Right((lost, _)) => return Err(lost.into()),
        };
        match ended {
            Ok(()) => Ok(hold.end().await?),
            // Nobody can go on with it: what has no result is looked at anew.
            Err(error)
                if matches!(error.kind(), PortErrorKind::Rejected | PortErrorKind::NotFound) =>
            {
                warn!(connection = %self.remote.connection, object = %self.mapping.object,
                    error = %chain(&error), "a job of `{}` was not taken", self.mapping.object);
                Ok(hold.end().await?)
            }
            Err(error) => {
                hold.leave().await?;
                Err(error.into())
            }
        }
    }

    /// Marks what leaves. Returns the parcels that do, and those that somebody else wrote meanwhile.
    async fn depart(&self, parcels: Vec<Parcel>) -> Result<(Vec<Parcel>, Vec<RecordKey>), Failure> {
        let (mut leaving, mut stale) = (Vec::with_capacity(parcels.len()), Vec::new());
        let mut parcels = parcels.into_iter().peekable();
        while parcels.peek().is_some() {
            let marking = parcels.by_ref().take(AT_ONCE).map(|parcel| async move {
                let sent = Sent { fields: self.write_of(&parcel).fields, presence: None };
                let after = depart(&parcel.shadow, &sent);
                let put = self.put_shadow(&parcel.entry, &parcel.shadow, after).await?;
                Ok::<_, Failure>((parcel, put))
            });
            for (mut parcel, put) in try_join_all(marking).await? {
                match put {
                    Some(shadow) => {
                        parcel.shadow = shadow;
                        leaving.push(parcel);
                    }
                    None => stale.push(parcel.entry.key),
                }
            }
        }
        Ok((leaving, stale))
    }

    /// Takes note that nothing of a record was taken; returns what is known of it then.
    pub(super) async fn land_untaken(
        &self,
        entry: &OutboxEntry,
        mut shadow: Shadow,
    ) -> Result<Shadow, Failure> {
        for _ in 0..MAX_TRIES {
            if shadow.edits.flights().next().is_none() {
                return Ok(shadow);
            }
            if let Some(after) = self.put_shadow(entry, &shadow, stay(&shadow)).await? {
                return Ok(after);
            }
            shadow = self.load(&entry.key).await?.unwrap_or(shadow);
        }
        Err(Failure::transient(format!("record `{}` is written too often at once", entry.key)))
    }
}

/// Settles what a job tells of its records.
struct Results<'a> {
    lane: Lane<'a>,
    /// The records that left, without those that have been settled.
    parcels: Mutex<HashMap<Target, Parcel>>,
    tally: Mutex<RelayTally>,
}

impl<'a> Results<'a> {
    fn new(lane: Lane<'a>, parcels: HashMap<Target, Parcel>) -> Self {
        Self { lane, parcels: Mutex::new(parcels), tally: Mutex::default() }
    }

    fn tally(&self) -> RelayTally {
        *self.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn parcels(&self) -> std::sync::MutexGuard<'_, HashMap<Target, Parcel>> {
        self.parcels.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns the records that nothing was told of.
    fn left(&self) -> Vec<Parcel> {
        self.parcels().drain().map(|(_, parcel)| parcel).collect()
    }

    /// Finds the record of a result: as it left, or as it stands when a process that is gone sent it.
    async fn parcel(&self, target: &Target) -> Result<Option<Parcel>, Failure> {
        if let Some(parcel) = self.parcels().remove(target) {
            return Ok(Some(parcel));
        }
        // A result that comes again is of a record that has nothing on its way.
        let lane = &self.lane;
        let key = match target {
            Target::New(id) => lane.ports.store.locate(lane.mapping.entity, id).await?,
            Target::Known(record_id) => Some(RecordKey {
                connection: lane.remote.connection.clone(),
                object: lane.mapping.object.clone(),
                record_id: record_id.clone(),
            }),
        };
        let Some(key) = key else { return Ok(None) };
        let Some(shadow) = lane.load(&key).await? else { return Ok(None) };
        if shadow.edits.flights().next().is_none() {
            return Ok(None);
        }
        let now = lane.ports.clock.now();
        let edits = shadow.edits.fields.values();
        let entry = OutboxEntry {
            key,
            entity: lane.mapping.entity,
            entity_id: shadow.entity_id.clone(),
            kind: outbox_kind(&shadow),
            n_attempts: 0,
            last: None,
            changed_at: edits.map(|it| it.at).min().unwrap_or(now),
            correlation_id: lane.run.clone(),
        };
        Ok(Some(Parcel { entry, shadow, seen: None }))
    }

    /// Reads how the records that were written stand now.
    async fn states(
        &self,
        results: &[(Target, WriteResult)],
    ) -> Result<HashMap<RecordId, RemoteRecord>, Failure> {
        let lane = &self.lane;
        let fields = lane.mapping.remote_fields();
        let done: Vec<_> = results
            .iter()
            .filter_map(|(_, result)| match result {
                WriteResult::Done { record_id, .. } => Some(record_id.clone()),
                _ => None,
            })
            .collect();
        let mut states = HashMap::with_capacity(done.len());
        for ids in done.chunks(lane.remote.writer.limits().max_read.max(1)) {
            let read = lane.remote.writer.read_many(&lane.mapping.object, ids, &fields).await?;
            let records = read.records.into_iter().flatten();
            states.extend(records.map(|it| (it.record_id.clone(), it)));
        }
        Ok(states)
    }

    async fn settle(
        &self,
        target: &Target,
        result: WriteResult,
        state: Option<RemoteRecord>,
    ) -> Result<(), Failure> {
        let Some(mut parcel) = self.parcel(target).await? else { return Ok(()) };
        let mut tally = RelayTally::default();
        let result = match result {
            WriteResult::Done { record_id, .. } => WriteResult::Done { record_id, state },
            other => {
                parcel.shadow =
                    self.lane.land_untaken(&parcel.entry, parcel.shadow.clone()).await?;
                other
            }
        };
        let flights = parcel.shadow.edits.flights();
        let fields = flights.map(|(field, value)| (field.clone(), value.clone())).collect();
        let sent = Sent { fields, presence: None };
        self.lane.take_result(parcel, &sent, result, &mut tally).await?;
        self.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(tally);
        Ok(())
    }

    async fn take_all(&self, results: Vec<(Target, WriteResult)>) -> Result<(), Failure> {
        let mut states = self.states(&results).await?;
        let mut results = results.into_iter().peekable();
        while results.peek().is_some() {
            let chunk: Vec<_> = results.by_ref().take(AT_ONCE).collect();
            let settling = chunk.into_iter().map(|(target, result)| {
                let state = match &result {
                    WriteResult::Done { record_id, .. } => states.remove(record_id),
                    _ => None,
                };
                async move { self.settle(&target, result, state).await }
            });
            try_join_all(settling.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl BulkResults for Results<'_> {
    async fn take(&self, results: Vec<(Target, WriteResult)>) -> Result<(), PortError> {
        self.take_all(results).await.map_err(|failure| {
            let kind = match failure.retry() {
                Retry::Never => PortErrorKind::Rejected,
                Retry::After(_) => PortErrorKind::Unavailable,
            };
            let object = self.lane.mapping.object.as_str();
            PortError::new(kind, "relay", "settle", object).with_source(failure)
        })
    }
}

fn target_of(entry: &OutboxEntry) -> Target {
    match entry.key.record_id.as_local() {
        Some(_) => Target::New(entry.entity_id.clone()),
        None => Target::Known(entry.key.record_id.clone()),
    }
}

/// Says what leaves of a record.
fn flight_of(parcel: &Parcel) -> RemoteWrite {
    let flights = parcel.shadow.edits.flights();
    RemoteWrite {
        target: target_of(&parcel.entry),
        fields: flights.map(|(field, value)| (field.clone(), value.clone())).collect(),
        unmodified_since: None,
    }
}
