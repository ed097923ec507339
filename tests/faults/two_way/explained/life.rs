//! What records went through on either side: the org's history of commits and our audit log.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;

use serde_json::Value;

use crate::two_way::kinds::{KINDS, Kind};

/// What a commit did to a record over there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Update,
    Delete,
    Undelete,
    /// It changed because another one did, such as when its parent was merged.
    Touch,
}

/// One commit, as far as it is about one record.
#[derive(Debug)]
pub(super) struct There {
    pub(super) deed: Deed,
    /// It came by an API: only ours do.
    pub(super) is_ours: bool,
    /// It was deleted with the account that it belongs to, not for itself.
    pub(super) is_taken_along: bool,
    /// New values of the fields that are changed, by our names.
    pub(super) fields: BTreeMap<&'static str, Value>,
    /// What tells who made it.
    pub(super) mark: Option<String>,
    /// The record it became part of.
    pub(super) master: Option<String>,
}

/// One field of a row of the audit log.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) before: Value,
    pub(super) after: Value,
    /// Values that did not stand, each by a named policy, and who won.
    pub(super) decided: Vec<(Value, String)>,
}

/// One row of the audit log.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) kind: String,
    pub(super) is_person: bool,
    pub(super) changes: BTreeMap<String, Change>,
}

impl Here {
    /// Tells whether it says who won a conflict about deleting the record, and that `winner` did.
    pub(super) fn decides_presence(&self, winner: &str) -> bool {
        let change = self.changes.get("is_deleted");
        change.is_some_and(|it| it.decided.iter().any(|(_, side)| side == winner))
    }
}

/// What one record went through, in order on each side.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) kind: Option<&'static Kind>,
    /// How it was named over there.
    pub(super) records: BTreeSet<String>,
    pub(super) there: Vec<There>,
    pub(super) here: Vec<Here>,
}

impl Life {
    /// Tells whether the record is deleted over there in the end.
    pub(super) fn is_deleted_there(&self) -> bool {
        let turns = [Deed::Create, Deed::Delete, Deed::Undelete];
        let last = self.there.iter().rfind(|it| turns.contains(&it.deed));
        last.is_some_and(|it| it.deed == Deed::Delete)
    }

    /// Tells whether the row counts as deleted in the end.
    pub(super) fn is_deleted_here(&self) -> bool {
        let last = self.here.iter().rfind(|it| it.kind != "updated");
        last.is_some_and(|it| it.kind == "deleted")
    }
}

/// The lives of all records that were changed after the beginning, by the ids of their rows.
#[derive(Debug, Default)]
pub(in crate::two_way) struct Lives {
    pub(super) by_row: BTreeMap<String, Life>,
    /// Rows that were made here, by the records that were made for them.
    made_here: HashMap<String, String>,
}

impl Lives {
    /// Takes a page of the history; returns the number of its last commit.
    pub(in crate::two_way) fn take_history(&mut self, page: &str) -> Option<i64> {
        let mut last = None;
        for line in page.lines() {
            let commit: Value = serde_json::from_str(line).unwrap();
            last = commit["number"].as_i64();
            // What people do inside the org comes by no API.
            let is_ours = commit["origin"].as_str().is_some_and(|it| !it.is_empty());
            let entries = commit["entries"].as_array().unwrap();
            let deletes_account =
                entries.iter().any(|it| it["object"] == "Account" && it["kind"] == "delete");
            for entry in entries {
                let is_taken_along = deletes_account && entry["object"] == "Contact";
                self.take_entry(entry, is_ours, is_taken_along);
            }
        }
        last
    }

    /// Returns the id of the row that stands for a record.
    pub(super) fn row_of(&self, kind: &Kind, record: &str) -> String {
        self.made_here.get(record).cloned().unwrap_or_else(|| kind.row_id(record))
    }

    fn take_entry(&mut self, entry: &Value, is_ours: bool, is_taken_along: bool) {
        let Some(kind) = Kind::of_object(entry["object"].as_str().unwrap()) else { return };
        let record = entry["id"].as_str().unwrap();
        let after = |field: &str| &entry["changes"][field]["after"];
        if let Some(row) = after("MoodBridge_Id__c").as_str() {
            self.made_here.insert(record.to_owned(), row.to_owned());
        }
        let row = self.row_of(kind, record);
        let life = self.by_row.entry(row).or_default();
        life.kind = Some(kind);
        life.records.insert(record.to_owned());
        let changed = |(local, remote, _): &(&'static str, &'static str, &str)| {
            let is_changed = entry["changes"][*remote].is_object();
            is_changed.then(|| (*local, after(remote).clone()))
        };
        life.there.push(There {
            deed: match entry["kind"].as_str().unwrap() {
                "create" => Deed::Create,
                "update" => Deed::Update,
                "delete" => Deed::Delete,
                "undelete" => Deed::Undelete,
                "touch" => Deed::Touch,
                other => panic!("nobody does {other}"),
            },
            is_ours,
            is_taken_along,
            fields: kind.fields.iter().filter_map(changed).collect(),
            mark: after(kind.mark.1).as_str().map(ToOwned::to_owned),
            master: after("MasterRecordId").as_str().map(ToOwned::to_owned),
        });
    }

    /// Takes the audit log. `open` begins it anew: rows that nobody changed after the beginning are
    /// left out, and which these are is known only at its end.
    pub(in crate::two_way) fn take_audit<R: BufRead>(&mut self, open: impl Fn() -> R) {
        for row in rows(open()).filter(is_of_person) {
            self.by_row.entry(row["entity_id"].as_str().unwrap().to_owned()).or_default();
        }
        for row in rows(open()) {
            if let Some(life) = self.by_row.get_mut(row["entity_id"].as_str().unwrap()) {
                let entity = row["entity"].as_str().unwrap();
                life.kind = KINDS.into_iter().find(|it| it.object.to_lowercase() == entity);
                life.here.push(here(&row));
            }
        }
    }
}

/// Reads the rows of an export, without its closing line.
fn rows(export: impl BufRead) -> impl Iterator<Item = Value> {
    let all = export.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    all.filter(|row| row["changes"].is_string())
}

fn is_of_person(row: &Value) -> bool {
    row["actor"].as_str().unwrap().starts_with("person:")
}

fn here(row: &Value) -> Here {
    let changes: Vec<Value> = serde_json::from_str(row["changes"].as_str().unwrap()).unwrap();
    let change = |it: &Value| {
        let decisions = it["decisions"].as_array().cloned().unwrap_or_default();
        let decided = decisions.iter().map(|decision| {
            assert!(decision["policy"].is_string(), "a decision names no policy: {row}");
            (decision["other"].clone(), decision["winner"].as_str().unwrap().to_owned())
        });
        let change = Change {
            before: it["before"].clone(),
            after: it["after"].clone(),
            decided: decided.collect(),
        };
        (it["field"].as_str().unwrap().to_owned(), change)
    };
    Here {
        kind: row["kind"].as_str().unwrap().to_owned(),
        is_person: is_of_person(row),
        changes: changes.iter().map(change).collect(),
    }
}
