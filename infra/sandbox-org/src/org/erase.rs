//! Takes rows out of the org without a stay in the recycle bin.

use super::commit::{Entry, EntryKind, Outcome, Settled};
use super::state::Org;
use crate::ids::RecordId;

impl Org {
    /// Takes a row out for good, outside any commit: the journal.
    pub(crate) fn purge(&mut self, id: RecordId, at: i64) {
        let known = self.schema().by_prefix(id.prefix()).map(|object| object.name.clone());
        if let Some(table) = known.and_then(|name| self.tables.get_mut(&name)) {
            table.purge(id, at);
        }
    }

    /// Takes a row out for good. What is refused for a delete is refused here too.
    pub(super) fn erase(&mut self, id: &str, now: i64, entries: &mut Vec<Entry>) -> Settled {
        let (object, row) = self.find(None, id)?;
        self.writable(&object.name)?;
        self.check_cases(&object, row.id)?;
        if object.name == "Account" {
            for contact in self.pointing("Contact", "AccountId", row.id) {
                self.erase(&contact.to_string(), now, entries)?;
            }
        }
        let id = row.id;
        if let Some(table) = self.tables.get_mut(&object.name) {
            let before = table.purge(id, now);
            let object = object.name.clone();
            entries.push(Entry { object, kind: EntryKind::Erase, before, after: row });
        }
        Ok(Outcome { id, created: false })
    }
}
