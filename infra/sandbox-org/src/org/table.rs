//! The rows of one object, with the indexes that queries use.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Bound, Range};
use std::sync::{Arc, OnceLock};

use super::row::{Row, Text, Value};
use crate::ids::RecordId;
use crate::schema::{FieldKind, ObjectType};

/// Something that is made when it is first asked for, and kept up to date from then on: an org of a
/// million rows starts without the indexes that nobody needs.
type Lazy<Index> = OnceLock<Index>;

/// The rows of one object.
#[derive(Debug)]
pub(crate) struct Table {
    /// The object.
    pub(crate) object: Arc<ObjectType>,
    rows: BTreeMap<RecordId, Row>,
    by_modstamp: Lazy<BTreeMap<(i64, RecordId), Row>>,
    by_reference: HashMap<usize, Lazy<BTreeSet<(RecordId, RecordId)>>>,
    unique: HashMap<usize, HashMap<Text, RecordId>>,
    n_deleted: usize,
    next_number: u64,
}

impl Table {
    /// Makes an empty table.
    #[must_use]
    pub(crate) fn new(object: Arc<ObjectType>) -> Self {
        let fields = || object.fields.iter().enumerate();
        let unique = fields()
            .filter(|(_, field)| field.unique)
            .map(|(position, _)| (position, HashMap::new()))
            .collect();
        let by_reference = fields()
            .filter(|(_, field)| field.kind == FieldKind::Reference)
            .map(|(position, _)| (position, Lazy::new()))
            .collect();
        Self {
            object,
            rows: BTreeMap::new(),
            by_modstamp: Lazy::new(),
            by_reference,
            unique,
            n_deleted: 0,
            next_number: 1,
        }
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

    /// Returns the rows with an id between two others, by id, the recycle bin included.
    pub(crate) fn rows_between(
        &self,
        from: Bound<RecordId>,
        until: Bound<RecordId>,
    ) -> impl Iterator<Item = &Row> {
        // A range that ends before it begins is a panic of the map, and empty here.
        let is_empty = match (from, until) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
                a >= b
            }
            _ => false,
        };
        let range = (!is_empty).then(|| self.rows.range((from, until)));
        range.into_iter().flatten().map(|(_, row)| row)
    }

    /// Returns the number of rows outside the recycle bin.
    #[must_use]
    pub(crate) fn n_live(&self) -> usize {
        self.rows.len() - self.n_deleted
    }

    /// Returns the number of rows in the recycle bin.
    #[must_use]
    pub(crate) fn n_deleted(&self) -> usize {
        self.n_deleted
    }

    /// Returns the rows that last changed inside `range`, oldest first, ties by id.
    pub(crate) fn changed_in(&self, range: Range<i64>) -> impl Iterator<Item = &Row> {
        let zero = RecordId::new([b'0'; 3], 0);
        let end = range.end.max(range.start);
        let index = self.by_modstamp.get_or_init(|| {
            self.rows.values().map(|row| ((row.modstamp(), row.id), row.clone())).collect()
        });
        // The lowest possible id has "Mb" in places 4 and 5 like every other one.
        index.range((range.start, zero)..(end, zero)).map(|(_, row)| row)
    }

    /// Returns the rows whose reference at `position` leads to `target`, the recycle bin included.
    pub(crate) fn pointing(&self, position: usize, target: RecordId) -> impl Iterator<Item = &Row> {
        let index = self.by_reference.get(&position).map(|lazy| {
            lazy.get_or_init(|| {
                let rows = self.rows.values();
                rows.filter_map(|row| Some((row.get(position).as_id()?, row.id))).collect()
            })
        });
        let lowest = RecordId::new([0; 3], 0);
        let from = (Bound::Included((target, lowest)), Bound::Unbounded);
        // A field without an index costs a look at every row.
        let all = index.is_none().then(|| self.rows.values()).into_iter().flatten();
        index
            .into_iter()
            .flat_map(move |index| index.range(from))
            .take_while(move |(found, _)| *found == target)
            .filter_map(|(_, id)| self.rows.get(id))
            .chain(all.filter(move |row| row.get(position).as_id() == Some(target)))
    }

    /// Finds a row outside the recycle bin by a unique field.
    #[must_use]
    pub(crate) fn by_unique(&self, position: usize, value: &str) -> Option<RecordId> {
        self.unique.get(&position)?.get(value.to_lowercase().as_str()).copied()
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
        if let Some(index) = self.by_modstamp.get_mut() {
            index.insert((row.modstamp(), row.id), row.clone());
        }
        for (position, lazy) in &mut self.by_reference {
            if let (Some(index), Some(target)) = (lazy.get_mut(), row.get(*position).as_id()) {
                index.insert((target, row.id));
            }
        }
        if row.is_deleted() {
            self.n_deleted += 1;
        } else {
            for (position, known) in &mut self.unique {
                if let Value::Text(text) = row.get(*position) {
                    known.insert(folded(text), row.id);
                }
            }
        }
        self.rows.insert(row.id, row);
        old
    }

    /// Takes a row out for good.
    pub(crate) fn take(&mut self, id: RecordId) -> Option<Row> {
        let old = self.rows.remove(&id)?;
        if old.is_deleted() {
            self.n_deleted -= 1;
        }
        if let Some(index) = self.by_modstamp.get_mut() {
            index.remove(&(old.modstamp(), id));
        }
        for (position, lazy) in &mut self.by_reference {
            if let (Some(index), Some(target)) = (lazy.get_mut(), old.get(*position).as_id()) {
                index.remove(&(target, id));
            }
        }
        for (position, known) in &mut self.unique {
            if let Value::Text(text) = old.get(*position) {
                let key = folded(text);
                if known.get(&key) == Some(&id) {
                    known.remove(&key);
                }
            }
        }
        Some(old)
    }
}

/// Returns the text without the difference of upper and lower case; the same text when it has none.
fn folded(text: &Text) -> Text {
    let is_folded = text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_folded { text.clone() } else { text.to_lowercase().into() }
}
