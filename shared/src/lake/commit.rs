//! What one commit changes.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::GRACE;
use super::manifest::{Head, LakeFile, Retired, SegmentRef};
use super::schema::TableSchema;
use super::table::LakeTable;
use crate::ports::BlobKey;
use crate::time::Timestamp;

/// What one commit changes.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its name, which no other has.
    pub id: String,
    /// What it is, for figures: `export` or `compact`.
    pub kind: &'static str,
    /// When the first of its files was begun.
    pub began_at: Timestamp,
    /// The change behind which its files begin, and the last one in them; `None` when they repeat what
    /// other files hold.
    pub span: Option<(u64, u64)>,
    /// Files that come.
    pub added: Vec<LakeFile>,
    /// Files that go.
    pub removed: BTreeSet<BlobKey>,
    /// The columns of the files that come.
    pub schemas: BTreeMap<LakeTable, TableSchema>,
}

impl Commit {
    /// Returns the head after it; `None` when it does not follow `head`: its changes are in the lake
    /// already, its files were replaced already, or the columns are others by now.
    ///
    /// `pulled` are the segments that name files which go. What is left of them is named by the head,
    /// until it is sealed again.
    pub(super) fn applied(
        &self,
        head: &Head,
        pulled: Vec<(SegmentRef, Vec<LakeFile>)>,
        now: Timestamp,
    ) -> Option<Head> {
        let mut next = head.clone();
        if let Some((from, until)) = self.span {
            if from != head.position {
                return None;
            }
            next.position = until;
        }
        for (table, schema) in &self.schemas {
            let known = next.schemas.entry(*table).or_default();
            match known.last() {
                Some(last) if last == schema => {}
                Some(last) if last.version + 1 != schema.version => return None,
                _ => known.push(schema.clone()),
            }
        }
        next.retired.retain(|it| now.since(it.at) <= GRACE);
        let retired = |key: &BlobKey| Retired { key: key.clone(), at: now };
        for (segment, files) in pulled {
            next.segments.retain(|it| it.key != segment.key);
            next.retired.push(retired(&segment.key));
            next.files.extend(files);
        }
        let n_files = next.files.len();
        next.files.retain(|it| !self.removed.contains(&it.key));
        if n_files - next.files.len() != self.removed.len() {
            return None;
        }
        next.retired.extend(self.removed.iter().map(retired));
        next.files.extend(self.added.iter().cloned());
        next.files.sort_by_key(|it| (it.max_seq, it.table));
        next.revision += 1;
        next.commit.clone_from(&self.id);
        next.committed_at = now;
        Some(next)
    }
}
