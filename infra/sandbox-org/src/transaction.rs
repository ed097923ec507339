//! Transactions: several statements that are committed or taken back together.

use std::cell::{Ref, RefCell};
use std::ops::Deref;
use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use crate::org::{Author, Change, Entry, Org, Settled};
use crate::sandbox::State;

/// The rows that a call reads and writes while it is part of something larger.
pub(crate) trait Rows: std::fmt::Debug {
    /// Makes changes that are committed or taken back with everything else.
    fn apply(&self, author: &Author, changes: Vec<Change>, all_or_none: bool) -> Vec<Settled>;
    /// Returns the rows with the changes made so far.
    fn org(&self) -> Ref<'_, Org>;
}

/// A transaction that is under way; nobody else reads or writes rows meanwhile.
///
/// It must end in [`commit`](Self::commit) or [`roll_back`](Self::roll_back).
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    state: &'a State,
    author: Author,
    stamp_ms: i64,
    org: RefCell<RwLockWriteGuard<'a, Org>>,
    entries: RefCell<Vec<Entry>>,
}

impl<'a> Transaction<'a> {
    /// Begins a transaction: waits until it is alone with the rows.
    pub(crate) fn begin(state: &'a State, author: &Author) -> Self {
        let org = state.org_mut();
        let stamp_ms = author.options.stamp_ms.unwrap_or_else(|| state.clock().now_ms());
        Self {
            state,
            author: author.clone(),
            stamp_ms,
            org: RefCell::new(org),
            entries: RefCell::default(),
        }
    }

    /// Makes its changes visible, keeps them and sends them out.
    pub(crate) fn commit(self) {
        let Self { state, author, org, entries, .. } = self;
        let mut org = org.into_inner();
        state.publish(&mut org, &author, entries.into_inner());
    }

    /// Takes its changes back.
    pub(crate) fn roll_back(self) {
        self.org.into_inner().undo(self.entries.into_inner());
    }
}

impl Rows for Transaction<'_> {
    fn apply(&self, author: &Author, changes: Vec<Change>, all_or_none: bool) -> Vec<Settled> {
        let mut entries = self.entries.borrow_mut();
        let mut org = self.org.borrow_mut();
        org.apply(author, changes, all_or_none, self.stamp_ms, &mut entries)
    }

    fn org(&self) -> Ref<'_, Org> {
        Ref::map(self.org.borrow(), |guard| &**guard)
    }
}

/// The rows, as a call sees them: those of everybody, or those of the transaction it is part of.
#[derive(Debug)]
pub(crate) enum OrgView<'a> {
    /// Of everybody.
    Shared(RwLockReadGuard<'a, Org>),
    /// Of a transaction.
    Within(Ref<'a, Org>),
}

impl Deref for OrgView<'_> {
    type Target = Org;

    fn deref(&self) -> &Org {
        match self {
            Self::Shared(org) => org,
            Self::Within(org) => org,
        }
    }
}
