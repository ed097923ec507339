//! The rows of one object, with the indexes that queries use.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::row::{Row, Value};
use crate::ids::RecordId;
use crate::schema::ObjectType;

/// The rows of one object.
#[derive(Debug)]
pub(crate) struct Table {
    /// The object.
    pub(crate) object: Arc<ObjectType>,
    rows: BTreeMap<RecordId, Row>,
    by_modstamp: BTreeSet<(i64, RecordId)>,
    unique: HashMap<usize, HashMap<String, RecordId>>,
    next_number: u64,
}

impl Table {
    /// Makes an empty table.
    #[must_use]
    pub(crate) fn new(object: Arc<ObjectType>) -> Self {
        let unique = object
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.unique)
            .map(|(position, _)| (position, HashMap::new()))
            .collect();
        Self { object, rows: BTreeMap::new(), by_modstamp: BTreeSet::new(), unique, next_number: 1 }
    }

    /// Returns a row, the recycle bin included.
    #[must_use]
    pub(crate) fn row(&self, id: RecordId) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// Returns all rows by id, the recycle bin included.
    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.values()
    }

    /// Returns the number of rows outside the recycle bin.
    #[must_use]
    pub(crate) fn n_live(&self) -> usize {
        self.rows.values().filter(|row| !row.is_deleted()).count()
    }

    /// Returns the rows that last changed inside `range`, oldest first, ties by id.
    pub(crate) fn changed_in(&self, range: Range<i64>) -> impl Iterator<Item = &Row> {
        let zero = RecordId::new([b'0'; 3], 0);
        let end = range.end.max(range.start);
        // The lowest possible id has "Mb" in places 4 and 5 like every other one.
        self.by_modstamp
            .range((range.start, zero)..(end, zero))
            .filter_map(|(_, id)| self.rows.get(id))
    }

    /// Finds a row outside the recycle bin by a unique field.
    #[must_use]
    pub(crate) fn by_unique(&self, position: usize, value: &str) -> Option<RecordId> {
        self.unique.get(&position)?.get(&value.to_lowercase()).copied()
    }

    /// Returns the id that a new row gets.
    pub(crate) fn next_id(&mut self) -> RecordId {
        let id = RecordId::new(self.object.prefix, self.next_number);
        self.next_number += 1;
        id
    }

    /// Puts a row in place of the one with its id; returns the old one.
    pub(crate) fn put(&mut self, row: Row) -> Option<Row> {
        let old = self.take(row.id);
        self.next_number = self.next_number.max(row.id.number().saturating_add(1));
        self.by_modstamp.insert((row.modstamp(), row.id));
        if !row.is_deleted() {
            for (position, known) in &mut self.unique {
                if let Value::Text(text) = row.get(*position) {
                    known.insert(text.to_lowercase(), row.id);
                }
            }
        }
        self.rows.insert(row.id, row);
        old
    }

    /// Takes a row out for good.
    pub(crate) fn take(&mut self, id: RecordId) -> Option<Row> {
        let old = self.rows.remove(&id)?;
        self.by_modstamp.remove(&(old.modstamp(), id));
        for (position, known) in &mut self.unique {
            if let Value::Text(text) = old.get(*position)
                && known.get(&text.to_lowercase()) == Some(&id)
            {
                known.remove(&text.to_lowercase());
            }
        }
        Some(old)
    }
}
