//! Reads what differs once more, record by record, and puts it right.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;
use tracing::{info, warn};

use super::survey::{Forgetful, IdRange};
use super::{Findings, Reconciler, comparable, difference};
use crate::error::{PortError, PortErrorKind};
use crate::ids::{CorrelationId, RecordId};
use crate::model::{FieldValue, Fields, RecordKey};
use crate::ports::{
    BulkRead, BulkReadTotals, Difference, DifferenceKind, PRESENCE_FIELD, RecordSink, RemoteRecord,
    ScanRange, Shadow,
};
use crate::sync::guard::{DeleteGuard, GuardVerdict};
use crate::sync::mapping::ObjectMapping;
use crate::time::Timestamp;
use crate::worker::Failure;

/// Records read here at once.
const PAGE: u32 = 1000;

/// Records put right at once.
const AT_ONCE: usize = 64;

/// How often records that were changed a moment ago are looked at again.
const MAX_LOOKS: u32 = 3;

/// Compares records one by one.
pub(super) struct Check<'a> {
    reconciler: Reconciler<'a>,
    mapping: &'a ObjectMapping,
    run: &'a CorrelationId,
    /// Fields that the platform did not tell.
    unread: Vec<String>,
    found: Mutex<Found>,
}

/// What was found of single records.
#[derive(Default)]
struct Found {
    findings: Findings,
    /// Records that differ and were changed a moment ago, with the version they had.
    young: BTreeMap<RecordId, Timestamp>,
    /// Records that are to be deleted here, once it is known that they are not too many.
    to_delete: BTreeMap<RecordId, (Shadow, Difference)>,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        reconciler: Reconciler<'a>,
        mapping: &'a ObjectMapping,
        run: &'a CorrelationId,
        (unread, findings): (Vec<String>, Findings),
    ) -> Self {
        let found = Mutex::new(Found { findings, ..Found::default() });
        Self { reconciler, mapping, run, unread, found }
    }

    /// Reads a range on both sides.
    pub(super) async fn range(&self, range: IdRange) -> Result<(), Failure> {
        let here = self.ids_here(&range).await?;
        let n_here = here.values().filter(|it| **it).count() as u64;
        let here = here.into_iter().map(|(id, is_live)| (id, (is_live, false))).collect();
        let sides = Mutex::new(Sides { here, n_there: 0 });
        let sink = Sink { check: self, sides: Some(&sides), only: None };
        let query = self.query(None, range);
        self.reconciler.reader.read_all(&query, None, &sink, &Forgetful).await?;
        let Sides { here, n_there } = sides.into_inner();
        let mut found = self.found.lock().await;
        found.findings.n_here += n_here;
        found.findings.n_there += n_there;
        let unseen = here.into_iter().filter(|(_, (is_live, was_seen))| *is_live && !was_seen);
        for (id, _) in unseen {
            let shadow = self.reconciler.store.shadow(&self.key(&id)).await?;
            if let Some(difference) = self.differ(&id, None, shadow.as_ref())
                && let Some(shadow) = shadow
            {
                found.to_delete.insert(id, (shadow, difference));
            }
        }
        Ok(())
    }

    fn query(&self, from: Option<Timestamp>, IdRange { after, until }: IdRange) -> BulkRead {
        BulkRead {
            object: self.mapping.object.clone(),
            fields: self.mapping.remote_fields(),
            from,
            after,
            until,
            reads_deleted: true,
        }
    }

    /// Lists the records here, each with whether it counts.
    async fn ids_here(&self, range: &IdRange) -> Result<BTreeMap<RecordId, bool>, Failure> {
        let mut ids = BTreeMap::new();
        let mut after = range.after.clone();
        loop {
            let page = ScanRange {
                connection: self.reconciler.connection.clone(),
                object: self.mapping.object.clone(),
                after: after.take(),
                until: range.until.clone(),
                limit: PAGE,
            };
            let scanned = self.reconciler.scan.scan(&page).await?;
            let Some(last) = scanned.last() else { return Ok(ids) };
            after = Some(last.shadow.key.record_id.clone());
            for shadow in scanned.into_iter().map(|it| it.shadow) {
                let is_live = !shadow.is_deleted && self.mapping.takes(&shadow.fields);
                if shadow.key.record_id.as_local().is_none() {
                    ids.insert(shadow.key.record_id, is_live);
                }
            }
        }
    }

    /// Looks once more at records that were changed a moment ago, when there was time to take their
    /// changes in. One that is changed again and again is on its way, and no difference.
    pub(super) async fn look_again(&self) -> Result<(), Failure> {
        for _ in 0..MAX_LOOKS {
            let young = std::mem::take(&mut self.found.lock().await.young);
            let Some(oldest) = young.values().min().copied() else { return Ok(()) };
            sleep(self.reconciler.settings.settle).await;
            let query = self.query(Some(oldest.to_second()), IdRange::default());
            let sink = Sink { check: self, sides: None, only: Some(&young) };
            self.reconciler.reader.read_all(&query, None, &sink, &Forgetful).await?;
        }
        let n_moving = self.found.lock().await.young.len();
        if n_moving > 0 {
            info!(n_moving, "{n_moving} records are changed faster than they are compared");
        }
        Ok(())
    }

    /// Compares records as they were read with what is known of them.
    async fn compare(&self, records: Vec<RemoteRecord>) -> Result<(), Failure> {
        let keys: Vec<_> = records.iter().map(|it| self.key(&it.record_id)).collect();
        let shadows = self.reconciler.store.shadows(&keys).await?;
        let mut wrong = Vec::new();
        let mut found = self.found.lock().await;
        for (record, shadow) in records.into_iter().zip(shadows) {
            let id = record.record_id.clone();
            let Some(difference) = self.differ(&id, Some(&record), shadow.as_ref()) else {
                continue;
            };
            if self.is_young(record.version) {
                found.young.insert(id, record.version);
            } else if let Some(shadow) = shadow.filter(|_| record.is_deleted) {
                found.to_delete.insert(id, (shadow, difference));
            } else {
                wrong.push((record, difference));
            }
        }
        drop(found);
        let mut wrong = wrong.into_iter().peekable();
        while wrong.peek().is_some() {
            let repairing = wrong.by_ref().take(AT_ONCE).map(|(record, difference)| async {
                let is_repaired = self.reconciler.settings.repairs && self.repair(record).await?;
                self.note(difference, is_repaired).await;
                Ok::<_, Failure>(())
            });
            try_join_all(repairing).await?;
        }
        Ok(())
    }

    async fn note(&self, difference: Difference, is_repaired: bool) {
        let max_samples = self.reconciler.settings.max_samples;
        self.found.lock().await.findings.note(difference, is_repaired, max_samples);
    }

    /// Takes a record in; tells whether it is right then.
    async fn repair(&self, record: RemoteRecord) -> Result<bool, Failure> {
        let id = record.record_id.clone();
        if let Err(failure) = self.reconciler.take_in(self.mapping, record.clone(), self.run).await
        {
            warn!(record.id = %id, "record `{id}` was not put right: {failure}");
            let findings = &mut self.found.lock().await.findings;
            findings.error.get_or_insert_with(|| failure.to_string());
            return Ok(false);
        }
        let shadow = self.reconciler.store.shadow(&self.key(&id)).await?;
        // What was read on the way may be newer than what was compared.
        let is_newer = shadow.as_ref().is_some_and(|it| it.newest_version() > record.version);
        Ok(is_newer || self.differ(&id, Some(&record), shadow.as_ref()).is_none())
    }

    fn is_young(&self, version: Timestamp) -> bool {
        self.reconciler.clock.now().since(version) < self.reconciler.settings.settle
    }

    fn key(&self, id: &RecordId) -> RecordKey {
        RecordKey {
            connection: self.reconciler.connection.clone(),
            object: self.mapping.object.clone(),
            record_id: id.clone(),
        }
    }

    /// Says in what a record differs.
    fn differ(
        &self,
        id: &RecordId,
        record: Option<&RemoteRecord>,
        shadow: Option<&Shadow>,
    ) -> Option<Difference> {
        let is_here = shadow.is_some_and(|it| !it.is_deleted && self.mapping.takes(&it.fields));
        let Some(record) = record.filter(|it| !it.is_deleted) else {
            return is_here.then(|| difference(id, DifferenceKind::MissingThere, Vec::new()));
        };
        let Ok(there) = self.mapping.canonical(&record.fields) else {
            let all = record.fields.keys().map(String::from).collect();
            return Some(difference(id, DifferenceKind::Fields, all));
        };
        let Some(shadow) = shadow else {
            let is_ours = self.mapping.takes(&there);
            return is_ours.then(|| difference(id, DifferenceKind::MissingHere, Vec::new()));
        };
        if shadow.is_deleted {
            let presence = vec![PRESENCE_FIELD.to_owned()];
            return Some(difference(id, DifferenceKind::Fields, presence));
        }
        let here = comparable(self.mapping, &shadow.fields, &record.unread);
        let fields = self.fields_that_differ(&here, &there, &record.unread);
        (!fields.is_empty()).then(|| difference(id, DifferenceKind::Fields, fields))
    }

    fn fields_that_differ(&self, here: &Fields, there: &Fields, unread: &[String]) -> Vec<String> {
        let value = |of: &Fields, name: &str| of.get(name).cloned().unwrap_or(FieldValue::Null);
        let is_told = |name: &&str| !unread.iter().chain(&self.unread).any(|it| it == name);
        let names = self.mapping.registers().map(|(name, _)| name);
        names
            .filter(is_told)
            .filter(|name| value(here, name) != value(there, name))
            .map(str::to_owned)
            .collect()
    }

    /// Deletes here what is gone there, unless that is too much; returns all that was found.
    pub(super) async fn finish(self) -> Result<Findings, Failure> {
        let Reconciler { connection, scan, ledger, clock, settings, .. } = self.reconciler;
        let to_delete = std::mem::take(&mut self.found.lock().await.to_delete);
        if !to_delete.is_empty() {
            let object = &self.mapping.object;
            let n_records = scan.n_records(connection, object).await?;
            let verdict = settings.guard.judge(to_delete.len() as u64, n_records);
            let is_let_through =
                DeleteGuard::is_let_through(ledger, connection, object, clock.now()).await?;
            let mut repairs = settings.repairs;
            if let GuardVerdict::Stop { reason } = verdict
                && repairs
                && !is_let_through
            {
                self.found.lock().await.findings.error = Some(reason);
                repairs = false;
            }
            for (_, (shadow, difference)) in to_delete {
                let is_repaired = repairs && self.delete_one(&shadow).await?;
                self.note(difference, is_repaired).await;
            }
        }
        Ok(self.found.into_inner().findings)
    }

    async fn delete_one(&self, shadow: &Shadow) -> Result<bool, Failure> {
        let Reconciler { crm, store, .. } = self.reconciler;
        let id = &shadow.key.record_id;
        let fields = self.mapping.remote_fields();
        match crm.read(&self.mapping.object, id, &fields).await? {
            Some(record) => self.reconciler.take_in(self.mapping, record, self.run).await?,
            None => self.reconciler.take_out(self.mapping, shadow, self.run).await?,
        }
        let after = store.shadow(&self.key(id)).await?;
        Ok(after.is_none_or(|it| it.is_deleted || !self.mapping.takes(&it.fields)))
    }
}

/// The records of a range on both sides.
struct Sides {
    /// Records here, each with whether it counts and whether it was read there.
    here: BTreeMap<RecordId, (bool, bool)>,
    /// Records there. One that is new and comes twice, as after a broken answer, counts twice.
    n_there: u64,
}

/// Compares records as they come.
struct Sink<'s, 'a> {
    check: &'s Check<'a>,
    sides: Option<&'s Mutex<Sides>>,
    /// The only records to be compared.
    only: Option<&'s BTreeMap<RecordId, Timestamp>>,
}

impl Sink<'_, '_> {
    fn see(&self, sides: &mut MutexGuard<'_, Sides>, record: &RemoteRecord) {
        let was_seen = match sides.here.get_mut(&record.record_id) {
            Some((_, was_seen)) => std::mem::replace(was_seen, true),
            None => false,
        };
        let mapping = self.check.mapping;
        let counts = mapping.canonical(&record.fields).is_ok_and(|it| mapping.takes(&it));
        if !record.is_deleted && counts && !was_seen {
            sides.n_there += 1;
        }
    }
}

#[async_trait]
impl RecordSink for Sink<'_, '_> {
    async fn take(&self, mut records: Vec<RemoteRecord>) -> Result<(), PortError> {
        if let Some(sides) = self.sides {
            let mut sides = sides.lock().await;
            for record in &records {
                self.see(&mut sides, record);
            }
        }
        if let Some(only) = self.only {
            records.retain(|it| only.contains_key(&it.record_id));
        }
        self.check.compare(records).await.map_err(|failure| {
            let object = self.check.mapping.object.as_str();
            PortError::new(PortErrorKind::Unavailable, "reconcile", "compare", object)
                .with_source(failure)
        })
    }

    fn progress(&self, _: BulkReadTotals) {}
}
