//! Merges: one row stays, up to two others become part of it.

use serde_json::{Map, Value as Json};

use super::commit::{EntryKind, Outcome, Settled};
use super::error::RecordError;
use super::row::Value;
use super::write::Writer;
use crate::ids::RecordId;
use crate::schema::position;

/// Objects whose rows can be merged.
const MERGEABLE: &[&str] = &["Account", "Contact"];

/// Most rows that become part of another at once. Source: SOAP API guide, `merge()`.
const MAX_LOSERS: usize = 2;

fn failed(message: impl Into<String>) -> RecordError {
    RecordError::new("MERGE_FAILED", message)
}

impl Writer<'_> {
    /// Merges rows into `master`, which takes `fields`.
    ///
    /// The losers go into the recycle bin and name the winner. Rows that pointed to them point to the
    /// winner from then on, without anybody having changed them.
    pub(super) fn merge(
        &mut self,
        object: &str,
        master: &str,
        losers: &[String],
        fields: &Map<String, Json>,
    ) -> Settled {
        let known = self.writable(object)?;
        if !MERGEABLE.contains(&known.name.as_str()) {
            return Err(failed(format!("entity type cannot be merged: {}", known.name)));
        }
        if !(1..=MAX_LOSERS).contains(&losers.len()) {
            return Err(failed("The number of records to merge must be one or two"));
        }
        let (known, winner) = self.find(Some(&known.name), master)?;
        let mut gone = Vec::new();
        for id in losers {
            let (_, row) = self.find(Some(&known.name), id)?;
            if row.id == winner.id || gone.contains(&row.id) {
                return Err(failed("records to merge must be different from each other"));
            }
            gone.push(row.id);
            let mut row = row;
            self.lock(&known, Some(&row), &row)?;
            row.set(position::IS_DELETED, Value::Bool(true));
            row.set(position::MODIFIED_DATE, Value::Instant(self.now));
            row.set(position::MODIFIED_BY, Value::Id(self.author.user));
            if let Some(place) = known.place("MasterRecordId") {
                row.set(place, Value::Id(winner.id));
            }
            self.keep(&known, row, EntryKind::Delete, None);
        }
        for id in gone {
            self.reparent(id, winner.id);
        }
        // Read anew, as the winner itself may have pointed to a loser.
        let (known, winner) = self.find(Some(&known.name), master)?;
        let outcome = Outcome { id: winner.id, created: false };
        self.update(&known, &winner, fields)?;
        Ok(outcome)
    }

    /// Lets all rows that point to `old` point to `new`.
    fn reparent(&mut self, old: RecordId, new: RecordId) {
        for object in self.org.schema.objects().cloned().collect::<Vec<_>>() {
            for (place, field) in object.fields.iter().enumerate() {
                if !field.is_parent() || field.name == "MasterRecordId" {
                    continue;
                }
                for id in self.org.pointing(&object.name, &field.name, old) {
                    let Some(mut row) =
                        self.org.table(&object.name).and_then(|table| table.row(id)).cloned()
                    else {
                        continue;
                    };
                    row.set(place, Value::Id(new));
                    self.keep(&object, row, EntryKind::Touch, None);
                }
            }
        }
    }
}
