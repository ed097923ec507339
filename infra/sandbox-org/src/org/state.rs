//! The org itself: all tables behind one lock, changed by commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::commit::{Author, Change, Commit, Entry, Settled};
use super::deleted::{DeletedLog, KEPT_SECONDS};
use super::locks::RowLocks;
use super::policy::Policy;
use super::row::{Row, Value};
use super::rules;
use super::table::Table;
use super::write::Writer;
use crate::ids::RecordId;
use crate::schema::{ObjectType, Schema, position};

/// Why an org was not made.
#[derive(Debug, thiserror::Error)]
pub enum OrgError {
    /// The schema names no such object.
    #[error("object `{object}` is not part of the schema")]
    UnknownObject {
        /// The object.
        object: String,
    },
}

/// All rows of the org.
#[derive(Debug)]
pub(crate) struct Org {
    pub(super) schema: Arc<Schema>,
    pub(super) tables: BTreeMap<String, Table>,
    last_commit: i64,
    /// What an administrator set up.
    pub(crate) policy: Policy,
    /// Rows that somebody else holds.
    pub(crate) locks: RowLocks,
    /// What was deleted.
    pub(crate) deleted: DeletedLog,
}

impl Org {
    /// Makes an org without rows.
    #[must_use]
    pub(crate) fn new(schema: Arc<Schema>) -> Self {
        let tables = schema
            .objects()
            .map(|object| (object.name.clone(), Table::new(Arc::clone(object))))
            .collect();
        Self {
            schema,
            tables,
            last_commit: 0,
            policy: Policy::default(),
            locks: RowLocks::default(),
            deleted: DeletedLog::default(),
        }
    }

    /// Returns the schema.
    #[must_use]
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns the rows of an object, by its exact name.
    #[must_use]
    pub(crate) fn table(&self, object: &str) -> Option<&Table> {
        self.tables.get(object)
    }

    /// Returns all tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// Finds a row by id, the recycle bin included.
    #[must_use]
    pub(crate) fn row(&self, id: RecordId) -> Option<(&Arc<ObjectType>, &Row)> {
        let object = self.schema.by_prefix(id.prefix())?;
        Some((object, self.tables.get(&object.name)?.row(id)?))
    }

    /// Puts a row as it is, outside any commit: the seed and the journal.
    ///
    /// # Errors
    /// The object is not part of the schema.
    pub(crate) fn load(&mut self, object: &str, row: Row) -> Result<(), OrgError> {
        let table = self
            .tables
            .get_mut(object)
            .ok_or_else(|| OrgError::UnknownObject { object: object.to_owned() })?;
        if row.is_deleted() {
            self.deleted.remember(object, row.id, row.modstamp());
        }
        table.put(row);
        Ok(())
    }

    /// Takes a row out as it was before it was loaded, as it was erased at `at`, in seconds: the journal.
    pub(crate) fn unload(&mut self, object: &str, id: RecordId, at: i64) {
        if let Some(table) = self.tables.get_mut(object) {
            table.take(id);
            table.skip_to(id);
            self.deleted.remember(object, id, at);
        }
    }

    /// Reserves the next id of an object.
    pub(crate) fn next_id(&mut self, object: &str) -> Option<RecordId> {
        Some(self.tables.get_mut(object)?.next_id())
    }

    /// Fills what the org derives, for rows that come from the seed.
    pub(crate) fn complete(&self, object: &ObjectType, row: &mut Row, now: i64) {
        rules::derive(self, object, row, now);
    }

    /// Makes a row with the defaults of its object.
    pub(crate) fn blank(&self, object: &ObjectType, id: RecordId, user: RecordId) -> Row {
        let mut row = Row::new(id, object.fields.len());
        rules::fill_defaults(object, &mut row, user);
        row
    }

    /// Makes all `changes` at one instant and commits them; each settles on its own.
    ///
    /// With `all_or_none` one refusal undoes the others. The commit is `None` when nothing changed.
    #[cfg(test)]
    pub(crate) fn write(
        &mut self,
        author: &Author,
        changes: Vec<Change>,
        all_or_none: bool,
        now_ms: i64,
    ) -> (Vec<Settled>, Option<Commit>) {
        let mut entries = Vec::new();
        let settled = self.apply(author, changes, all_or_none, now_ms, &mut entries);
        let commit = (!entries.is_empty()).then(|| self.close(author, entries, now_ms));
        (settled, commit)
    }

    /// Makes all `changes` inside a transaction whose `entries` are committed or undone later.
    ///
    /// Rows are stamped with `stamp_ms`, when the statement ran: that is not when they are committed.
    pub(crate) fn apply(
        &mut self,
        author: &Author,
        changes: Vec<Change>,
        all_or_none: bool,
        stamp_ms: i64,
        entries: &mut Vec<Entry>,
    ) -> Vec<Settled> {
        Writer::new(self, author, stamp_ms, entries).settle(changes, all_or_none)
    }

    /// Makes `entries` the next commit.
    pub(crate) fn close(&mut self, author: &Author, entries: Vec<Entry>, now_ms: i64) -> Commit {
        // Commit numbers of the platform are far above 2^53; clients must keep them as 64 bit numbers.
        self.last_commit = (self.last_commit + 1).max(now_ms.saturating_mul(1_000_000));
        self.deleted.take(&entries);
        Commit { number: self.last_commit, at_ms: now_ms, author: author.clone(), entries }
    }

    /// Takes `entries` back, the last one first.
    pub(crate) fn undo(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            if let Some(table) = self.tables.get_mut(&entry.object) {
                match entry.before {
                    Some(before) => drop(table.put(before)),
                    None => drop(table.take(entry.after.id)),
                }
            }
        }
    }

    /// Forgets deletions older than 15 days at `now`, in seconds, and the rows that wait in the bin since.
    ///
    /// With `until` all deletions before that instant are forgotten, however young.
    pub(crate) fn purge(&mut self, now: i64, until: Option<i64>) {
        let until = until.unwrap_or(now - KEPT_SECONDS);
        self.deleted.purge(until);
        for table in self.tables.values_mut() {
            let old: Vec<RecordId> = table
                .changed_in(i64::MIN..until)
                .filter(|row| row.is_deleted())
                .map(|row| row.id)
                .collect();
            for id in old {
                table.take(id);
            }
        }
    }

    /// Returns the rows outside the recycle bin that point to `id` by `field`.
    pub(crate) fn pointing(&self, object: &str, field: &str, id: RecordId) -> Vec<RecordId> {
        let Some(table) = self.tables.get(object) else { return Vec::new() };
        let Some(place) = table.object.place(field) else { return Vec::new() };
        table
            .rows()
            .filter(|row| !row.is_deleted() && *row.get(place) == Value::Id(id))
            .map(|row| row.id)
            .collect()
    }

    /// Puts a changed row and returns what was there before.
    pub(super) fn put(&mut self, object: &str, row: Row) -> Option<Row> {
        self.tables.get_mut(object).and_then(|table| table.put(row))
    }

    /// Tells whether a user may own rows.
    pub(super) fn is_active(&self, user: RecordId) -> bool {
        let Some(table) = self.tables.get("User") else { return true };
        let place = table.object.place("IsActive").unwrap_or(usize::MAX);
        table.row(user).is_none_or(|row| *row.get(place) != Value::Bool(false))
    }

    /// Returns when the row last changed by hand, in seconds: what conditional requests compare.
    #[must_use]
    pub(crate) fn modified(row: &Row) -> i64 {
        row.get(position::MODIFIED_DATE).as_instant().unwrap_or(0)
    }
}
