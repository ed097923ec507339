//! Rows that somebody else holds.

use std::collections::{HashMap, HashSet};

use super::error::RecordError;
use crate::ids::RecordId;
use crate::random::Dice;

/// A wish that rows be found locked.
#[derive(Debug)]
pub(crate) struct LockOrder {
    /// Rows that are locked themselves.
    pub(crate) rows: HashSet<RecordId>,
    /// Rows whose children cannot be written.
    pub(crate) parents: HashSet<RecordId>,
    /// How likely any other row is locked, from 0 to 1.
    pub(crate) probability: f64,
    /// What the likelihood is drawn from.
    pub(crate) dice: Dice,
    /// How many writes it still refuses; all when absent.
    pub(crate) n: Option<u64>,
    /// When it ends, in milliseconds.
    pub(crate) until_ms: Option<i64>,
}

impl LockOrder {
    /// Returns the row that it finds locked.
    fn finds(&mut self, row: Option<RecordId>, parents: &[RecordId]) -> Option<RecordId> {
        let chosen = row.filter(|row| self.rows.contains(row));
        let parent = parents.iter().find(|parent| self.parents.contains(parent)).copied();
        let found = chosen.or(parent).or_else(|| {
            let any = row.or_else(|| parents.first().copied())?;
            self.dice.chance(self.probability).then_some(any)
        })?;
        self.n = self.n.map(|n| n.saturating_sub(1));
        Some(found)
    }
}

/// Which records of one request are found locked: one at least, others by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unlucky {
    /// What is drawn from.
    pub(crate) seed: u64,
    /// How likely each record is, from 0 to 1.
    pub(crate) share: f64,
}

impl Unlucky {
    /// Draws the unlucky ones of `n` records.
    pub(super) fn draw(self, n: usize) -> HashSet<usize> {
        let mut dice = Dice::new(self.seed);
        let sure = usize::try_from(dice.below(n as u64)).unwrap_or(0);
        (0..n).filter(|idx| dice.chance(self.share) || *idx == sure).collect()
    }
}

/// All rows that somebody else holds.
#[derive(Debug, Default)]
pub(crate) struct RowLocks {
    orders: Vec<LockOrder>,
    held: HashMap<RecordId, u64>,
}

impl RowLocks {
    /// Orders rows to be found locked.
    pub(crate) fn order(&mut self, order: LockOrder) {
        self.orders.push(order);
    }

    /// Calls all orders off; rows of open transactions stay held.
    pub(crate) fn clear(&mut self) {
        self.orders.clear();
    }

    /// Holds rows for an open transaction.
    pub(crate) fn hold(&mut self, transaction: u64, rows: &[RecordId]) {
        self.held.extend(rows.iter().map(|row| (*row, transaction)));
    }

    /// Lets the rows of a transaction go.
    pub(crate) fn release(&mut self, transaction: u64) {
        self.held.retain(|_, holder| *holder != transaction);
    }

    /// Refuses to write `row`, whose references lead to `parents`, when somebody else holds any of them.
    pub(super) fn check(
        &mut self,
        row: Option<RecordId>,
        parents: &[RecordId],
        now_ms: i64,
    ) -> Result<(), RecordError> {
        if self.orders.is_empty() && self.held.is_empty() {
            return Ok(());
        }
        let is_over = |order: &LockOrder| {
            order.n == Some(0) || order.until_ms.is_some_and(|until| now_ms >= until)
        };
        self.orders.retain(|order| !is_over(order));
        let held = row.iter().chain(parents).find(|id| self.held.contains_key(id)).copied();
        let found =
            held.or_else(|| self.orders.iter_mut().find_map(|order| order.finds(row, parents)));
        found.map_or(Ok(()), |id| Err(locked(id)))
    }
}

/// A row that somebody else holds.
pub(super) fn locked(id: RecordId) -> RecordError {
    let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
    RecordError::new("UNABLE_TO_LOCK_ROW", message)
}
