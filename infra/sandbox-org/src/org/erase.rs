//! Takes rows out of the org without a stay in the recycle bin.

use super::commit::{Entry, EntryKind, Outcome, Settled};
use super::state::Org;

impl Org {
    /// Takes a row out for good. What is refused for a delete is refused here too.
    pub(super) fn erase(&mut self, id: &str, entries: &mut Vec<Entry>) -> Settled {
        let (object, row) = self.find(None, id)?;
        self.writable(&object.name)?;
        self.check_cases(&object, row.id)?;
        if object.name == "Account" {
            for contact in self.pointing("Contact", "AccountId", row.id) {
                self.erase(&contact.to_string(), entries)?;
            }
        }
        let id = row.id;
        if let Some(table) = self.tables.get_mut(&object.name) {
            let before = table.take(id);
            let object = object.name.clone();
            entries.push(Entry { object, kind: EntryKind::Erase, before, after: row });
        }
        Ok(Outcome { id, created: false })
    }
}
