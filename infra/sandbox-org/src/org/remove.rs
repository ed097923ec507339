//! Deletes, undeletes, and what is gone for good.

use std::sync::Arc;

use super::check;
use super::commit::{EntryKind, Outcome, Settled};
use super::error::RecordError;
use super::row::Value;
use super::write::Writer;
use crate::ids::RecordId;
use crate::schema::{ObjectType, position};

impl Writer<'_> {
    /// Puts a row into the recycle bin, and what goes with it.
    pub(super) fn delete(&mut self, id: &str) -> Settled {
        self.delete_with(id, None)
    }

    fn delete_with(&mut self, id: &str, root: Option<RecordId>) -> Settled {
        let (object, mut row) = self.find(None, id)?;
        self.check_cases(&object, row.id)?;
        self.lock(&object, Some(&row), &row)?;
        let id = row.id;
        if object.name == "Account" {
            for contact in self.org.pointing("Contact", "AccountId", id) {
                self.delete_with(&contact.to_string(), Some(id))?;
            }
        }
        row.set(position::IS_DELETED, Value::Bool(true));
        row.set(position::MODIFIED_DATE, Value::Instant(self.now));
        row.set(position::MODIFIED_BY, Value::Id(self.author.user));
        self.keep(&object, row, EntryKind::Delete, root);
        Ok(Outcome { id, created: false })
    }

    /// Refuses to delete an account or a contact that cases hang on.
    fn check_cases(&self, object: &ObjectType, id: RecordId) -> Result<(), RecordError> {
        let field = match object.name.as_str() {
            "Account" => "AccountId",
            "Contact" => "ContactId",
            _ => return Ok(()),
        };
        let cases = self.org.pointing("Case", field, id);
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

    /// Takes a row out of the recycle bin, with what went there because of it.
    pub(super) fn undelete(&mut self, id: &str) -> Settled {
        let outcome = self.undelete_one(id)?;
        for along in self.org.deleted.taken_along(outcome.id) {
            if self.org.row(along).is_some_and(|(_, row)| row.is_deleted()) {
                self.undelete_one(&along.to_string())?;
            }
        }
        Ok(outcome)
    }

    fn undelete_one(&mut self, id: &str) -> Settled {
        let (object, mut row) = self.find_any(None, id)?;
        if !row.is_deleted() {
            let message = "entity is not in the recycle bin";
            return Err(RecordError::new("UNDELETE_FAILED", message));
        }
        self.lock(&object, Some(&row), &row)?;
        row.set(position::IS_DELETED, Value::Bool(false));
        if let Some(place) = object.place("MasterRecordId") {
            row.set(place, Value::Null);
        }
        check::check_unique(self.org, &object, &row)?;
        let id = row.id;
        self.save(&object, row, EntryKind::Undelete);
        Ok(Outcome { id, created: false })
    }

    /// Takes a row out for good, from the recycle bin or past it.
    pub(super) fn erase(&mut self, id: &str) -> Settled {
        let (object, row) = self.find_any(None, id)?;
        let id = row.id;
        if !row.is_deleted() {
            self.check_cases(&object, id)?;
            self.lock(&object, Some(&row), &row)?;
        }
        let along = self.along(&object, id);
        for contact in along {
            self.erase(&contact.to_string())?;
        }
        self.drop_row(&object, row);
        Ok(Outcome { id, created: false })
    }

    /// Returns the rows that are gone for good when this one is.
    fn along(&self, object: &Arc<ObjectType>, id: RecordId) -> Vec<RecordId> {
        let mut along = self.org.deleted.taken_along(id);
        along.retain(|id| self.org.row(*id).is_some_and(|(_, row)| row.is_deleted()));
        if object.name == "Account" {
            along.extend(self.org.pointing("Contact", "AccountId", id));
        }
        along
    }
}
