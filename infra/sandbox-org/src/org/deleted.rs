//! The log of deletions: what getDeleted tells, also of rows that are gone for good.

use std::collections::BTreeMap;
use std::ops::Range;

use super::commit::{Entry, EntryKind};
use crate::ids::RecordId;

/// How long deletions are told and the recycle bin keeps rows, in seconds.
/// Source: SOAP API guide, `getDeleted`; Salesforce Help, "Recycle Bin".
pub(crate) const KEPT_SECONDS: i64 = 15 * 86_400;

/// A deletion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    /// The row.
    pub(crate) id: RecordId,
    /// When, in seconds.
    pub(crate) at: i64,
    /// The row whose deletion took this one along.
    root: Option<RecordId>,
}

/// All deletions that are still told.
#[derive(Debug, Default)]
pub(crate) struct DeletedLog {
    by_object: BTreeMap<String, BTreeMap<RecordId, Deletion>>,
    purged_until: i64,
}

impl DeletedLog {
    /// Takes a commit.
    pub(super) fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            let known = self.by_object.entry(entry.object.clone()).or_default();
            let (id, at) = (entry.after.id, entry.after.modstamp());
            match entry.kind {
                EntryKind::Delete => {
                    known.insert(id, Deletion { id, at, root: entry.root });
                }
                // What was in the bin keeps the date it went there.
                EntryKind::Erase => {
                    known.entry(id).or_insert(Deletion { id, at, root: entry.root });
                }
                EntryKind::Undelete => {
                    known.remove(&id);
                }
                EntryKind::Create | EntryKind::Update | EntryKind::Touch => {}
            }
        }
    }

    /// Adds a deletion from before the org was started.
    pub(super) fn remember(&mut self, object: &str, id: RecordId, at: i64) {
        let known = self.by_object.entry(object.to_owned()).or_default();
        known.insert(id, Deletion { id, at, root: None });
    }

    /// Returns the deletions of an object inside `range`, in seconds.
    pub(crate) fn within(
        &self,
        object: &str,
        range: Range<i64>,
    ) -> impl Iterator<Item = &Deletion> {
        let known = self.by_object.get(object).into_iter().flat_map(BTreeMap::values);
        known.filter(move |deletion| range.contains(&deletion.at))
    }

    /// Returns the rows that went into the bin with `root`.
    pub(super) fn taken_along(&self, root: RecordId) -> Vec<RecordId> {
        let all = self.by_object.values().flat_map(BTreeMap::values);
        all.filter(|deletion| deletion.root == Some(root)).map(|deletion| deletion.id).collect()
    }

    /// Forgets deletions before `until`, in seconds.
    pub(super) fn purge(&mut self, until: i64) {
        for known in self.by_object.values_mut() {
            known.retain(|_, deletion| deletion.at >= until);
        }
        self.purged_until = self.purged_until.max(until);
    }

    /// Returns the instant from which on all deletions are told, in seconds.
    #[must_use]
    pub(crate) fn purged_until(&self) -> i64 {
        self.purged_until
    }
}
