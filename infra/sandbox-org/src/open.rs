//! Long transactions: they hold rows, and commit later with the stamp of when their statement ran.
//!
//! This is what a poller by `SystemModstamp` must survive: a row that becomes visible with a stamp older
//! than those it has already read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::RecordId;
use crate::org::{Author, Change, Settled};
use crate::sandbox::State;

/// A transaction whose statement has run.
#[derive(Debug)]
struct Open {
    author: Author,
    changes: Vec<Change>,
    /// When its statement ran, in milliseconds.
    stamp_ms: i64,
    /// When it commits by itself, in milliseconds; never when absent.
    due_ms: Option<i64>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    open: BTreeMap<u64, Open>,
}

/// All long transactions.
#[derive(Debug, Default)]
pub(crate) struct OpenTransactions(Mutex<Kept>);

impl OpenTransactions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, open: Open) -> u64 {
        let mut kept = self.kept();
        kept.last += 1;
        let number = kept.last;
        kept.open.insert(number, open);
        number
    }

    fn take(&self, number: u64) -> Option<Open> {
        self.kept().open.remove(&number)
    }

    fn due(&self, now_ms: i64) -> Vec<u64> {
        let kept = self.kept();
        let is_due = |open: &Open| open.due_ms.is_some_and(|due| due <= now_ms);
        kept.open.iter().filter(|(_, open)| is_due(open)).map(|(number, _)| *number).collect()
    }

    /// Returns when the statement of the oldest open transaction ran, in milliseconds.
    #[must_use]
    pub(crate) fn oldest_ms(&self) -> Option<i64> {
        self.kept().open.values().map(|open| open.stamp_ms).min()
    }

    /// Returns the numbers of all that are open.
    #[must_use]
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.kept().open.keys().copied().collect()
    }
}

impl State {
    /// Begins a long transaction: its rows are held from now on, its changes are made when it commits.
    ///
    /// It commits by itself after `commit_after_ms` of the org's clock, or by [`State::close`].
    pub(crate) fn open(
        &self,
        author: &Author,
        changes: Vec<Change>,
        commit_after_ms: Option<i64>,
    ) -> u64 {
        let mut org = self.org_mut();
        let stamp_ms = self.clock().now_ms();
        let rows: Vec<RecordId> = changes.iter().filter_map(Change::row).collect();
        let number = self.open_transactions.add(Open {
            author: author.clone(),
            changes,
            stamp_ms,
            due_ms: commit_after_ms.map(|ms| stamp_ms.saturating_add(ms)),
        });
        org.locks.hold(number, &rows);
        number
    }

    /// Ends a long transaction: commits it, with the stamp of its beginning, or forgets it.
    ///
    /// Nothing when it is not open.
    pub(crate) fn close(&self, number: u64, commits: bool) -> Option<Vec<Settled>> {
        let mut org = self.org_mut();
        let open = self.open_transactions.take(number)?;
        org.locks.release(number);
        if !commits {
            return Some(Vec::new());
        }
        let mut entries = Vec::new();
        let settled = org.apply(&open.author, open.changes, false, open.stamp_ms, &mut entries);
        self.publish(&mut org, &open.author, entries);
        Some(settled)
    }

    /// Does what is due by the org's clock: commits long transactions, empties what is too old.
    pub(crate) fn catch_up(&self) {
        let now_ms = self.clock().now_ms();
        for number in self.open_transactions.due(now_ms) {
            self.close(number, true);
        }
        self.purge_if_due(now_ms);
    }
}
