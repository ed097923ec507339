//! The org itself: all tables behind one lock, changed by commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::check;
use super::commit::{Author, Change, Commit, Entry, EntryKind, Outcome, Settled};
use super::error::RecordError;
use super::row::{Row, Value};
use super::rules;
use super::table::Table;
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
    schema: Arc<Schema>,
    tables: BTreeMap<String, Table>,
    last_commit: i64,
}

impl Org {
    /// Makes an org without rows.
    #[must_use]
    pub(crate) fn new(schema: Arc<Schema>) -> Self {
        let tables = schema
            .objects()
            .map(|object| (object.name.clone(), Table::new(Arc::clone(object))))
            .collect();
        Self { schema, tables, last_commit: 0 }
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
        table.put(row);
        Ok(())
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

    /// Makes all `changes` at one instant; each settles on its own.
    ///
    /// With `all_or_none` one refusal undoes the others. The commit is `None` when nothing changed.
    pub(crate) fn write(
        &mut self,
        author: &Author,
        changes: Vec<Change>,
        all_or_none: bool,
        now_ms: i64,
    ) -> (Vec<Settled>, Option<Commit>) {
        let mut entries = Vec::new();
        let settled: Vec<Settled> = changes
            .into_iter()
            .map(|change| self.change(author, change, now_ms.div_euclid(1000), &mut entries))
            .collect();
        if all_or_none && settled.iter().any(Result::is_err) {
            self.undo(entries);
            return (settled.into_iter().map(rolled_back).collect(), None);
        }
        if entries.is_empty() {
            return (settled, None);
        }
        (settled, Some(self.close(author, entries, now_ms)))
    }

    /// Makes `entries` the next commit.
    pub(crate) fn close(&mut self, author: &Author, entries: Vec<Entry>, now_ms: i64) -> Commit {
        // Commit numbers of the platform are far above 2^53; clients must keep them as 64 bit numbers.
        self.last_commit = (self.last_commit + 1).max(now_ms.saturating_mul(1_000_000));
        Commit { number: self.last_commit, at_ms: now_ms, author: author.clone(), entries }
    }

    fn undo(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            if let Some(table) = self.tables.get_mut(&entry.object) {
                match entry.before {
                    Some(before) => drop(table.put(before)),
                    None => drop(table.take(entry.after.id)),
                }
            }
        }
    }

    fn change(
        &mut self,
        author: &Author,
        change: Change,
        now: i64,
        entries: &mut Vec<Entry>,
    ) -> Settled {
        match change {
            Change::Create { object, fields } => {
                self.create(author, &object, &fields, now, entries)
            }
            Change::Update { object, id, fields } => {
                let (object, row) = self.find(object.as_deref(), &id)?;
                self.update(author, &object, row, &fields, now, entries)
            }
            Change::Upsert { object, key, value, fields } => {
                self.upsert(author, &object, (&key, &value), fields, now, entries)
            }
            Change::Delete { id } => self.delete(author, &id, now, entries),
            Change::Undelete { id } => self.undelete(author, &id, now, entries),
        }
    }

    fn writable(&self, name: &str) -> Result<Arc<ObjectType>, RecordError> {
        match self.schema.object(name) {
            Some(object) if object.is_writable() => Ok(Arc::clone(object)),
            Some(object) => Err(RecordError::new(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                format!("entity type {} does not support this operation", object.name),
            )),
            None => Err(RecordError::new(
                "INVALID_TYPE",
                format!("sObject type '{name}' is not supported."),
            )),
        }
    }

    /// Finds a row that may be written.
    fn find(&self, object: Option<&str>, id: &str) -> Result<(Arc<ObjectType>, Row), RecordError> {
        let parsed = RecordId::parse(id).ok_or_else(|| RecordError::malformed_id(id))?;
        let known = match object {
            Some(name) => self.writable(name)?,
            None => self
                .schema
                .by_prefix(parsed.prefix())
                .cloned()
                .ok_or_else(|| RecordError::malformed_id(id))?,
        };
        let row = self.tables.get(&known.name).and_then(|table| table.row(parsed));
        match row {
            Some(row) if row.is_deleted() => Err(RecordError::deleted()),
            Some(row) => Ok((known, row.clone())),
            None => Err(RecordError::not_found()),
        }
    }

    fn create(
        &mut self,
        author: &Author,
        object: &str,
        fields: &Map<String, Json>,
        now: i64,
        entries: &mut Vec<Entry>,
    ) -> Settled {
        let object = self.writable(object)?;
        // The number of a refused create is lost, as on the platform.
        let id = self.next_id(&object.name).ok_or_else(RecordError::not_found)?;
        let mut row = self.blank(&object, id, author.user);
        check::apply(self, &object, &mut row, fields, true)?;
        check::check_required(&object, &row)?;
        check::check_unique(self, &object, &row)?;
        row.set(position::CREATED_DATE, Value::Instant(now));
        row.set(position::CREATED_BY, Value::Id(author.user));
        rules::derive(self, &object, &mut row, now);
        self.save(author, &object, row, EntryKind::Create, now, entries);
        Ok(Outcome { id, created: true })
    }

    fn update(
        &mut self,
        author: &Author,
        object: &ObjectType,
        mut row: Row,
        fields: &Map<String, Json>,
        now: i64,
        entries: &mut Vec<Entry>,
    ) -> Settled {
        check::apply(self, object, &mut row, fields, false)?;
        check::check_unique(self, object, &row)?;
        rules::derive(self, object, &mut row, now);
        let id = row.id;
        self.save(author, object, row, EntryKind::Update, now, entries);
        Ok(Outcome { id, created: false })
    }

    fn upsert(
        &mut self,
        author: &Author,
        object: &str,
        (key, value): (&str, &str),
        mut fields: Map<String, Json>,
        now: i64,
        entries: &mut Vec<Entry>,
    ) -> Settled {
        let object = self.writable(object)?;
        if key.eq_ignore_ascii_case("Id") {
            let (object, row) = self.find(Some(&object.name), value)?;
            return self.update(author, &object, row, &fields, now, entries);
        }
        let (place, field) =
            object.field(key).filter(|(_, field)| field.external_id).ok_or_else(|| {
                RecordError::new(
                    "NOT_FOUND",
                    format!(
                        "Provided external ID field does not exist or is not accessible: {key}"
                    ),
                )
            })?;
        let found = self.tables.get(&object.name).and_then(|t| t.by_unique(place, value));
        if let Some(id) = found {
            let (object, row) = self.find(Some(&object.name), &id.to_string())?;
            return self.update(author, &object, row, &fields, now, entries);
        }
        fields.insert(field.name.clone(), Json::String(value.to_owned()));
        self.create(author, &object.name, &fields, now, entries)
    }

    fn delete(&mut self, author: &Author, id: &str, now: i64, entries: &mut Vec<Entry>) -> Settled {
        let (object, row) = self.find(None, id)?;
        self.writable(&object.name)?;
        self.check_cases(&object, row.id)?;
        let id = row.id;
        if object.name == "Account" {
            for contact in self.pointing("Contact", "AccountId", id) {
                self.delete(author, &contact.to_string(), now, entries)?;
            }
        }
        let mut row = row;
        row.set(position::IS_DELETED, Value::Bool(true));
        self.save(author, &object, row, EntryKind::Delete, now, entries);
        Ok(Outcome { id, created: false })
    }

    /// Refuses to delete an account or a contact that cases hang on.
    fn check_cases(&self, object: &ObjectType, id: RecordId) -> Result<(), RecordError> {
        let field = match object.name.as_str() {
            "Account" => "AccountId",
            "Contact" => "ContactId",
            _ => return Ok(()),
        };
        let cases = self.pointing("Case", field, id);
        if cases.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = cases.iter().take(5).map(ToString::to_string).collect();
        let message = format!(
            "Your attempt to delete {id} could not be completed because it is associated with the \
             following cases.: {}",
            listed.join(", ")
        );
        Err(RecordError::new("DELETE_FAILED", message))
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

    fn undelete(
        &mut self,
        author: &Author,
        id: &str,
        now: i64,
        entries: &mut Vec<Entry>,
    ) -> Settled {
        let parsed = RecordId::parse(id).ok_or_else(|| RecordError::malformed_id(id))?;
        let (object, row) = self.row(parsed).ok_or_else(RecordError::not_found)?;
        if !row.is_deleted() {
            let message = "entity is not in the recycle bin";
            return Err(RecordError::new("UNDELETE_FAILED", message));
        }
        let (object, mut row) = (Arc::clone(object), row.clone());
        row.set(position::IS_DELETED, Value::Bool(false));
        check::check_unique(self, &object, &row)?;
        self.save(author, &object, row, EntryKind::Undelete, now, entries);
        Ok(Outcome { id: parsed, created: false })
    }

    fn save(
        &mut self,
        author: &Author,
        object: &ObjectType,
        mut row: Row,
        kind: EntryKind,
        now: i64,
        entries: &mut Vec<Entry>,
    ) {
        row.set(position::MODIFIED_DATE, Value::Instant(now));
        row.set(position::MODIFIED_BY, Value::Id(author.user));
        row.set(position::MODSTAMP, Value::Instant(now));
        if let Some(table) = self.tables.get_mut(&object.name) {
            let before = table.put(row.clone());
            entries.push(Entry { object: object.name.clone(), kind, before, after: row });
        }
    }
}

fn rolled_back(settled: Settled) -> Settled {
    match settled {
        Err(refusal) => Err(refusal),
        Ok(_) => Err(RecordError::new(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using \
             AllOrNone header",
        )),
    }
}
