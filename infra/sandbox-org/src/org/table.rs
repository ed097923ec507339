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
        let unique = unique_fields(&object);
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

    /// Returns the number of rows, the recycle bin included.
    #[must_use]
    pub(crate) fn n_rows(&self) -> usize {
        self.rows.len()
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

    /// Returns the rows outside the recycle bin that have a text, which need not be unique.
    #[must_use]
    pub(crate) fn matching(&self, position: usize, value: &str) -> Vec<RecordId> {
        if self.unique.contains_key(&position) {
            return self.by_unique(position, value).into_iter().collect();
        }
        let wanted = value.to_lowercase();
        let is_same = |row: &&Row| {
            let text = row.get(position).as_text();
            !row.is_deleted() && text.is_some_and(|text| text.to_lowercase() == wanted)
        };
        self.rows.values().filter(is_same).map(|row| row.id).collect()
    }

    /// Makes the indexes of unique fields anew, as the object has changed.
    pub(crate) fn index(&mut self) {
        self.unique = unique_fields(&self.object);
        for row in self.rows.values().filter(|row| !row.is_deleted()) {
            for (position, known) in &mut self.unique {
                if let Value::Text(text) = row.get(*position) {
                    known.entry(text.to_lowercase()).or_insert(row.id);
                }
            }
        }
    }

    /// Lets new rows get ids above `id`.
    pub(crate) fn skip_to(&mut self, id: RecordId) {
        self.next_number = self.next_number.max(id.number().saturating_add(1));
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
        self.skip_to(row.id);
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

fn unique_fields(object: &ObjectType) -> HashMap<usize, HashMap<String, RecordId>> {
    let fields = object.fields.iter().enumerate();
    fields.filter(|(_, field)| field.unique).map(|(place, _)| (place, HashMap::new())).collect()
}
