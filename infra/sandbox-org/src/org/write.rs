//! Makes changes to rows: creates, updates, upserts, and what surrounds every change.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::commit::{Author, Change, Entry, EntryKind, Outcome, Settled};
use super::error::RecordError;
use super::row::{Row, Value};
use super::state::Org;
use super::{check, integrity, locks, policy, rules};
use crate::ids::RecordId;
use crate::schema::{ObjectType, position};

/// Makes changes of one statement.
pub(super) struct Writer<'a> {
    pub(super) org: &'a mut Org,
    pub(super) author: &'a Author,
    /// When the statement ran, in seconds.
    pub(super) now: i64,
    now_ms: i64,
    entries: &'a mut Vec<Entry>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        org: &'a mut Org,
        author: &'a Author,
        now_ms: i64,
        entries: &'a mut Vec<Entry>,
    ) -> Self {
        Self { org, author, now: now_ms.div_euclid(1000), now_ms, entries }
    }

    /// Makes all changes; each settles on its own, or with `all_or_none` all or none.
    pub(super) fn settle(mut self, changes: Vec<Change>, all_or_none: bool) -> Vec<Settled> {
        let start = self.entries.len();
        let too_many = policy::check_triggers(self.org, changes.len());
        let unlucky =
            self.author.options.unlucky.map(|it| it.draw(changes.len())).unwrap_or_default();
        let settled: Vec<Settled> = changes
            .into_iter()
            .enumerate()
            .map(|(idx, change)| {
                too_many.clone()?;
                if unlucky.contains(&idx) {
                    return Err(locks::locked(change.row().unwrap_or_else(RecordId::none)));
                }
                let before = self.entries.len();
                // A change that fails halfway leaves nothing behind.
                self.change(change).inspect_err(|_| self.undo_to(before))
            })
            .collect();
        if all_or_none && settled.iter().any(Result::is_err) {
            self.undo_to(start);
            return settled
                .into_iter()
                .map(|one| one.and(Err(RecordError::rolled_back())))
                .collect();
        }
        settled
    }

    fn undo_to(&mut self, n_entries: usize) {
        let entries = self.entries.split_off(n_entries);
        self.org.undo(entries);
    }

    fn change(&mut self, change: Change) -> Settled {
        match change {
            Change::Create { object, fields } => self.create(&object, &fields),
            Change::Update { object, id, fields } => {
                let (object, row) = self.find(object.as_deref(), &id)?;
                self.update(&object, &row, &fields)
            }
            Change::Upsert { object, key, value, fields } => {
                self.upsert(&object, (&key, &value), fields)
            }
            Change::Delete { id } => self.delete(&id),
            Change::Undelete { id } => self.undelete(&id),
            Change::Erase { id } => self.erase(&id),
            Change::Merge { object, master, losers, fields } => {
                self.merge(&object, &master, &losers, &fields)
            }
        }
    }

    /// Finds an object whose rows the API may write.
    pub(super) fn writable(&self, name: &str) -> Result<Arc<ObjectType>, RecordError> {
        match self.org.schema.object(name) {
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

    /// Finds a row, the recycle bin included.
    pub(super) fn find_any(
        &self,
        object: Option<&str>,
        id: &str,
    ) -> Result<(Arc<ObjectType>, Row), RecordError> {
        let parsed = RecordId::parse(id).ok_or_else(|| RecordError::malformed_id(id))?;
        let known = match object {
            Some(name) => self.writable(name)?,
            None => {
                let known = self.org.schema.by_prefix(parsed.prefix());
                self.writable(&known.ok_or_else(|| RecordError::malformed_id(id))?.name)?
            }
        };
        let row = self.org.table(&known.name).and_then(|table| table.row(parsed)).cloned();
        let mut row = row.ok_or_else(RecordError::not_found)?;
        row.widen(known.fields.len());
        Ok((known, row))
    }

    /// Finds a row that may be written.
    pub(super) fn find(
        &self,
        object: Option<&str>,
        id: &str,
    ) -> Result<(Arc<ObjectType>, Row), RecordError> {
        let (object, row) = self.find_any(object, id)?;
        if row.is_deleted() { Err(RecordError::deleted()) } else { Ok((object, row)) }
    }

    fn create(&mut self, object: &str, fields: &Map<String, Json>) -> Settled {
        let object = self.writable(object)?;
        policy::check_storage(self.org)?;
        // The number of a refused create is lost, as on the platform.
        let id = self.org.next_id(&object.name).ok_or_else(RecordError::not_found)?;
        let mut row = self.org.blank(&object, id, self.author.user);
        check::apply(self.org, &object, &mut row, fields, true)?;
        check::check_required(&object, &row)?;
        row.set(position::CREATED_DATE, Value::Instant(self.now));
        row.set(position::CREATED_BY, Value::Id(self.author.user));
        self.check(&object, None, &row)?;
        rules::derive(self.org, &object, &mut row, self.now);
        self.save(&object, row, EntryKind::Create);
        Ok(Outcome { id, created: true })
    }

    pub(super) fn update(
        &mut self,
        object: &ObjectType,
        before: &Row,
        fields: &Map<String, Json>,
    ) -> Settled {
        self.author.options.precondition.check(object, before)?;
        let mut row = before.clone();
        check::apply(self.org, object, &mut row, fields, false)?;
        self.check(object, Some(before), &row)?;
        rules::derive(self.org, object, &mut row, self.now);
        let id = row.id;
        self.save(object, row, EntryKind::Update);
        Ok(Outcome { id, created: false })
    }

    /// Checks a row as a whole before it is saved.
    fn check(
        &mut self,
        object: &ObjectType,
        before: Option<&Row>,
        row: &Row,
    ) -> Result<(), RecordError> {
        self.lock(object, before, row)?;
        check::check_unique(self.org, object, row)?;
        integrity::check(self.org, object, before, row)?;
        policy::validate(self.org, object, row)?;
        policy::check_duplicates(self.org, object, row, self.author.options.saves_duplicates)
    }

    /// Locks a row and the rows it points to, before and after the change.
    pub(super) fn lock(
        &mut self,
        object: &ObjectType,
        before: Option<&Row>,
        row: &Row,
    ) -> Result<(), RecordError> {
        let parents: Vec<RecordId> = object
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.is_parent())
            .flat_map(|(place, _)| [before.map(|before| before.get(place)), Some(row.get(place))])
            .filter_map(|value| value?.as_id())
            .collect();
        self.org.locks.check(before.map(|before| before.id), &parents, self.now_ms)
    }

    fn upsert(
        &mut self,
        object: &str,
        (key, value): (&str, &str),
        mut fields: Map<String, Json>,
    ) -> Settled {
        let object = self.writable(object)?;
        if key.eq_ignore_ascii_case("Id") {
            let (object, row) = self.find(Some(&object.name), value)?;
            return self.update(&object, &row, &fields);
        }
        let (place, field) =
            object.field(key).filter(|(_, field)| field.external_id).ok_or_else(|| {
                let message = format!(
                    "Provided external ID field does not exist or is not accessible: {key}"
                );
                RecordError::new("NOT_FOUND", message)
            })?;
        if value.is_empty() {
            let message = format!("{} not specified", field.name);
            return Err(RecordError::new("MISSING_ARGUMENT", message));
        }
        let table = self.org.table(&object.name);
        let found = table.map(|table| table.matching(place, value)).unwrap_or_default();
        match found.as_slice() {
            [] => {
                fields.insert(field.name.clone(), Json::String(value.to_owned()));
                self.create(&object.name, &fields)
            }
            [id] => {
                let (object, row) = self.find(Some(&object.name), &id.to_string())?;
                self.update(&object, &row, &fields)
            }
            several => {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                let message = format!(
                    "{}: more than one record found for external id field: [{}]",
                    field.name,
                    ids.join(", ")
                );
                Err(RecordError::new("DUPLICATE_EXTERNAL_ID", message))
            }
        }
    }

    /// Saves a row that somebody changed.
    pub(super) fn save(&mut self, object: &ObjectType, mut row: Row, kind: EntryKind) {
        row.set(position::MODIFIED_DATE, Value::Instant(self.now));
        row.set(position::MODIFIED_BY, Value::Id(self.author.user));
        self.keep(object, row, kind, None);
    }

    /// Keeps a row that changed, whoever's change it was.
    pub(super) fn keep(
        &mut self,
        object: &ObjectType,
        mut row: Row,
        kind: EntryKind,
        root: Option<RecordId>,
    ) {
        row.set(position::MODSTAMP, Value::Instant(self.now));
        let before = self.org.put(&object.name, row.clone());
        self.entries.push(Entry { object: object.name.clone(), kind, before, after: row, root });
    }

    /// Takes a row out for good.
    pub(super) fn drop_row(&mut self, object: &ObjectType, row: Row) {
        let mut after = row;
        after.set(position::IS_DELETED, Value::Bool(true));
        after.set(position::MODSTAMP, Value::Instant(self.now));
        let taken = self.org.tables.get_mut(&object.name).and_then(|table| table.take(after.id));
        self.entries.push(Entry {
            object: object.name.clone(),
            kind: EntryKind::Erase,
            before: taken,
            after,
            root: None,
        });
    }
}
