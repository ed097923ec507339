//! Queries whose later pages are still to be fetched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ids::RecordId;
use crate::soql::Plan;

/// How long a locator is good, in milliseconds. Source: REST API guide, query: two days.
const LIFETIME_MS: i64 = 2 * 24 * 60 * 60 * 1000;

/// Most locators kept; the oldest goes first.
const MAX_CURSORS: usize = 500;

/// Most rows that all locators together keep: 15 bytes each, 300 MB. The oldest locator goes first.
const MAX_ROWS: usize = 20_000_000;

/// A query with later pages.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) plan: Plan,
    pub(crate) ids: Arc<Vec<RecordId>>,
    pub(crate) user: RecordId,
    opened_ms: i64,
}

/// All queries with later pages.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<(u64, BTreeMap<RecordId, Arc<Cursor>>)>);

impl Cursors {
    /// Keeps a query; returns its locator.
    pub(crate) fn open(
        &self,
        plan: Plan,
        ids: Arc<Vec<RecordId>>,
        user: RecordId,
        now_ms: i64,
    ) -> RecordId {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        let locator = RecordId::new(*b"01g", kept.0);
        kept.1.insert(locator, Arc::new(Cursor { plan, ids, user, opened_ms: now_ms }));
        let mut n_rows: usize = kept.1.values().map(|cursor| cursor.ids.len()).sum();
        while kept.1.len() > 1 && (kept.1.len() > MAX_CURSORS || n_rows > MAX_ROWS) {
            n_rows -= kept.1.pop_first().map_or(0, |(_, cursor)| cursor.ids.len());
        }
        locator
    }

    /// Finds the query of a locator that is still good.
    pub(crate) fn find(&self, locator: RecordId, now_ms: i64) -> Option<Arc<Cursor>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.get(&locator).filter(|cursor| now_ms - cursor.opened_ms < LIFETIME_MS).cloned()
    }
}
