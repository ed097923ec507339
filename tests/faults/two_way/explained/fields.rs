//! What may happen to a new value of a field.

use std::collections::BTreeSet;

use serde_json::Value;

use super::life::{Change, Deed, Here, Life, There};

/// One field of one record.
pub(super) struct Field<'a> {
    pub(super) row: &'a str,
    pub(super) name: &'static str,
    pub(super) life: &'a Life,
}

impl Field<'_> {
    fn there(&self) -> impl Iterator<Item = (usize, &There, &Value)> {
        let all = self.life.there.iter().enumerate();
        all.filter_map(|(idx, it)| Some((idx, it, it.fields.get(self.name)?)))
    }

    fn here(&self) -> impl Iterator<Item = (usize, &Here, &Change)> {
        let all = self.life.here.iter().enumerate();
        all.filter_map(|(idx, it)| Some((idx, it, it.changes.get(self.name)?)))
    }

    /// Adds to `faults` what is not explained.
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        self.check_there(faults);
        self.check_here(faults);
        self.check_end(faults);
    }

    /// Returns the values that the audit log tells of the field.
    fn known(&self) -> BTreeSet<String> {
        let told = self.here().flat_map(|(_, _, it)| {
            let decided = it.decided.iter().map(|(other, _)| other);
            [&it.before, &it.after].into_iter().chain(decided)
        });
        told.map(ToString::to_string).collect()
    }

    /// Their values are not overwritten, nor deleted, unless the audit log tells them; no value of
    /// ours is written twice.
    fn check_there(&self, faults: &mut Vec<String>) {
        let (row, name, known) = (self.row, self.name, self.known());
        let life: Vec<_> = self.there().collect();
        let mut written = BTreeSet::new();
        for (place, (idx, it, value)) in life.iter().enumerate() {
            if it.is_ours && !written.insert(value.to_string()) {
                // It may be written anew where somebody else's value stood in between.
                if place.checked_sub(1).is_none_or(|before| life[before].1.is_ours) {
                    faults.push(format!("{row} {name}: {value} was written twice"));
                }
            }
            if it.is_ours || known.contains(&value.to_string()) {
                continue;
            }
            if life.get(place + 1).is_some_and(|(_, next, _)| next.is_ours) {
                faults.push(format!("{row} {name}: {value} was written over unseen"));
            }
            let next = self.life.there[idx + 1..].iter().find(|it| it.deed != Deed::Touch);
            if next.is_some_and(|it| it.is_ours && it.deed == Deed::Delete) {
                faults.push(format!("{row} {name}: {value} was deleted unseen"));
            }
        }
    }

    /// Values that people give here reach the org, or lose by a named policy, or to a person.
    fn check_here(&self, faults: &mut Vec<String>) {
        let (row, name) = (self.row, self.name);
        let life: Vec<_> = self.here().collect();
        for pair in life.windows(2) {
            let ((_, _, first), (_, _, second)) = (&pair[0], &pair[1]);
            if first.after != second.before {
                let (after, before) = (&first.after, &second.before);
                faults.push(format!("{row} {name}: {after} became {before} without a row"));
            }
        }
        for (idx, it, change) in life.iter().filter(|(_, it, _)| it.is_person) {
            let has_reached = self.there().any(|(_, _, value)| *value == change.after);
            let is_told = |later: &Change| later.decided.iter().any(|it| it.0 == change.after);
            let is_decided = life.iter().any(|(_, _, later)| is_told(later));
            let later = &self.life.here[idx + 1..];
            let by_person = later.iter().any(|later| {
                later.is_person && (later.changes.contains_key(name) || later.kind == "deleted")
            });
            // Who loses a conflict about a deletion loses what was changed of the record.
            let with_record = later.iter().any(|later| later.decides_presence("remote"));
            if !(has_reached || is_decided || by_person || with_record || it.kind == "deleted") {
                let value = &change.after;
                faults.push(format!("{row} {name}: {value} was lost on its way there"));
            }
        }
    }

    /// Of a record that is there in the end both sides hold the same.
    fn check_end(&self, faults: &mut Vec<String>) {
        if self.life.is_deleted_there() && self.life.is_deleted_here() {
            return;
        }
        if let (Some((_, _, here)), Some((_, _, there))) = (self.here().last(), self.there().last())
            && here.after != *there
        {
            let (row, name, here) = (self.row, self.name, &here.after);
            faults.push(format!("{row} {name}: {here} here, {there} there"));
        }
    }
}
