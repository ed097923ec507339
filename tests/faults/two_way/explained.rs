//! A model of what may happen to an accepted change, checked against the org's history of commits and
//! our audit log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::RecordKey;

/// A field of a record, by our names.
type Place = (String, String);

/// One value that a field got over there.
struct There {
    value: Value,
    is_ours: bool,
}

/// One value that a field got here.
struct Here {
    before: Value,
    after: Value,
    is_person: bool,
    /// Values that did not stand, each by a named policy.
    decided: Vec<Value>,
}

/// What each field went through on either side, in order.
pub(super) struct Explained {
    there: BTreeMap<Place, Vec<There>>,
    here: BTreeMap<Place, Vec<Here>>,
}

impl Explained {
    /// Reads the org's history and an export of the audit log; `fields` are pairs of our name and the
    /// name over there.
    pub(super) fn new(history: &str, audit: &str, fields: &[(&str, &str)]) -> Self {
        let mut it = Self { there: BTreeMap::new(), here: BTreeMap::new() };
        for line in history.lines() {
            it.take_commit(&serde_json::from_str(line).unwrap(), fields);
        }
        for line in audit.lines() {
            it.take_audit_row(&serde_json::from_str(line).unwrap(), fields);
        }
        it
    }

    fn take_commit(&mut self, commit: &Value, fields: &[(&str, &str)]) {
        // Only our changes come by an API; the others are made inside the org.
        let is_ours = commit["origin"].as_str().is_some_and(|it| !it.is_empty());
        for entry in commit["entries"].as_array().unwrap() {
            if entry["object"] != "Case" {
                continue;
            }
            let row = entity_id(entry["id"].as_str().unwrap());
            for (local, remote) in fields {
                let change = &entry["changes"][remote];
                if change.is_object() {
                    let value = change["after"].clone();
                    let place = (row.clone(), (*local).to_owned());
                    self.there.entry(place).or_default().push(There { value, is_ours });
                }
            }
        }
    }

    fn take_audit_row(&mut self, row: &Value, fields: &[(&str, &str)]) {
        let Some(changes) = row["changes"].as_str() else { return };
        let changes: Vec<Value> = serde_json::from_str(changes).unwrap();
        let is_person = row["actor"].as_str().unwrap().starts_with("person:");
        for change in changes {
            let field = change["field"].as_str().unwrap();
            if !fields.iter().any(|(local, _)| *local == field) {
                continue;
            }
            let decisions = change["decisions"].as_array().cloned().unwrap_or_default();
            let place = (row["entity_id"].as_str().unwrap().to_owned(), field.to_owned());
            self.here.entry(place).or_default().push(Here {
                before: change["before"].clone(),
                after: change["after"].clone(),
                is_person,
                decided: decisions.iter().map(|it| it["other"].clone()).collect(),
            });
        }
    }

    /// Checks that every accepted change is in the final state, was followed by a later one that knew
    /// it, or lost by a named policy; and that no value was written twice.
    pub(super) fn check(&self, n_changes: usize) {
        let n_here = self.here.values().flatten().filter(|it| it.is_person).count();
        // A change that found its value there already is none: none of these does.
        assert_eq!(n_here, n_changes, "changes that were accepted here are not in the audit log");
        let mut faults = Vec::new();
        for (place, life) in &self.there {
            self.check_there(place, life, &mut faults);
        }
        for (place, life) in &self.here {
            self.check_here(place, life, &mut faults);
        }
        assert!(
            faults.is_empty(),
            "{} faults: {:#?}",
            faults.len(),
            &faults[..faults.len().min(10)]
        );
    }

    fn check_there(&self, place: &Place, life: &[There], faults: &mut Vec<String>) {
        let known = self.known_here(place);
        let mut written = BTreeSet::new();
        for (idx, it) in life.iter().enumerate() {
            if it.is_ours && !written.insert(it.value.to_string()) {
                // It may be written anew where somebody else's value stood in between.
                if life[..idx].last().is_none_or(|before| before.is_ours) {
                    faults.push(format!("{place:?}: {} was written twice", it.value));
                }
            }
            let is_replaced_by_us = life.get(idx + 1).is_some_and(|next| next.is_ours);
            if !it.is_ours && is_replaced_by_us && !known.contains(&it.value.to_string()) {
                faults.push(format!("{place:?}: {} was written over unseen", it.value));
            }
        }
    }

    /// Returns the values that the audit log tells of a field.
    fn known_here(&self, place: &Place) -> BTreeSet<String> {
        let life = self.here.get(place).map(Vec::as_slice).unwrap_or_default();
        life.iter()
            .flat_map(|it| [&it.before, &it.after].into_iter().chain(&it.decided))
            .map(ToString::to_string)
            .collect()
    }

    fn check_here(&self, place: &Place, life: &[Here], faults: &mut Vec<String>) {
        let there = self.there.get(place).map(Vec::as_slice).unwrap_or_default();
        for pair in life.windows(2) {
            if pair[0].after != pair[1].before {
                faults.push(format!(
                    "{place:?}: {} became {} without a row",
                    pair[0].after, pair[1].before
                ));
            }
        }
        for (idx, it) in life.iter().enumerate().filter(|(_, it)| it.is_person) {
            let has_reached = there.iter().any(|seen| seen.value == it.after);
            let is_decided = life.iter().any(|later| later.decided.contains(&it.after));
            let by_person = life[idx + 1..].iter().any(|later| later.is_person);
            if !(has_reached || is_decided || by_person) {
                faults.push(format!("{place:?}: {} was lost on its way there", it.after));
            }
        }
        if let (Some(here), Some(there)) = (life.last(), there.last())
            && here.after != there.value
        {
            faults.push(format!("{place:?}: {} here, {} there", here.after, there.value));
        }
    }
}

fn entity_id(record_id: &str) -> String {
    let key = RecordKey {
        connection: ConnectionId::parse("main").unwrap(),
        object: ObjectName::parse("Case").unwrap(),
        record_id: RecordId::parse(record_id).unwrap(),
    };
    key.entity_id().to_string()
}
