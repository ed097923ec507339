//! Which worked-out values can have changed, so that only those are read again.
//!
//! A platform moves no stamp when a formula gives another value, so no read of changes finds it.
//! Source: `SystemModstamp` moves with writes only; formula fields are not stored.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::ids::ObjectName;

/// A field that a formula reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Dependency {
    /// Relationships that lead from the record to the one with the field; none for its own.
    pub via: Vec<String>,
    /// The object that has the field.
    pub object: ObjectName,
    /// The field.
    pub field: String,
}

/// What else changes a worked-out value, and shows in no changed field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherCause {
    /// The time of day.
    Clock,
    /// Who reads it.
    Reader,
    /// Settings, labels, rates or permissions of the org.
    Settings,
    /// Records that point here: a roll-up.
    Children,
    /// A field that the reading user may not see.
    Unseen,
    /// A formula that was not understood, or not told.
    Unknown,
}

/// What a worked-out field is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DependsOn {
    /// The object with the field.
    pub object: ObjectName,
    /// The worked-out field.
    pub field: String,
    /// The fields it reads, over formulas in between, and the references on the way.
    pub paths: BTreeSet<Dependency>,
    /// What else changes it.
    pub causes: BTreeSet<OtherCause>,
}

impl DependsOn {
    /// Tells whether every change of the value shows in a changed field.
    pub fn is_tracked(&self) -> bool {
        self.causes.is_empty()
    }
}

/// A worked-out field that must be read again, and of which records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Stale {
    /// The object of the records.
    pub object: ObjectName,
    /// The field to read again.
    pub field: String,
    /// Relationships that lead from those records to the changed one; none when it is the record
    /// itself.
    pub via: Vec<String>,
}

/// Finds what must be read again after a change.
#[derive(Clone, Debug, Default)]
pub struct Dependents {
    /// By object and field, in small letters.
    by_source: BTreeMap<String, BTreeMap<String, BTreeSet<Stale>>>,
    untracked: Vec<DependsOn>,
}

impl Dependents {
    /// Indexes worked-out fields by what they are made from.
    pub fn new(all: impl IntoIterator<Item = DependsOn>) -> Self {
        let mut dependents = Self::default();
        for one in all {
            for path in &one.paths {
                let stale = Stale {
                    object: one.object.clone(),
                    field: one.field.clone(),
                    via: path.via.clone(),
                };
                dependents
                    .by_source
                    .entry(path.object.as_str().to_ascii_lowercase())
                    .or_default()
                    .entry(path.field.to_ascii_lowercase())
                    .or_default()
                    .insert(stale);
            }
            if !one.is_tracked() {
                dependents.untracked.push(one);
            }
        }
        dependents
    }

    /// Lists what must be read again when these fields of a record of `object` changed, each once.
    pub fn of_changed<'a>(
        &self,
        object: &ObjectName,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<Stale> {
        let Some(of_object) = self.by_source.get(&object.as_str().to_ascii_lowercase()) else {
            return BTreeSet::new();
        };
        fields
            .into_iter()
            .filter_map(|field| of_object.get(&field.to_ascii_lowercase()))
            .flatten()
            .cloned()
            .collect()
    }

    /// Lists what must be read again when it is not known which fields of a record changed.
    pub fn of_any_change(&self, object: &ObjectName) -> BTreeSet<Stale> {
        let of_object = self.by_source.get(&object.as_str().to_ascii_lowercase());
        of_object.into_iter().flat_map(BTreeMap::values).flatten().cloned().collect()
    }

    /// Lists the worked-out fields that change without a changed field: only a schedule keeps
    /// them fresh.
    pub fn untracked(&self) -> &[DependsOn] {
        &self.untracked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectName {
        ObjectName::parse(name).unwrap()
    }

    fn path(via: &[&str], on: &str, field: &str) -> Dependency {
        let via = via.iter().map(|it| (*it).to_owned()).collect();
        Dependency { via, object: object(on), field: field.to_owned() }
    }

    fn depends(field: &str, paths: &[Dependency], causes: &[OtherCause]) -> DependsOn {
        DependsOn {
            object: object("Case"),
            field: field.to_owned(),
            paths: paths.iter().cloned().collect(),
            causes: causes.iter().copied().collect(),
        }
    }

    fn stale(field: &str, via: &[&str]) -> Stale {
        let via = via.iter().map(|it| (*it).to_owned()).collect();
        Stale { object: object("Case"), field: field.to_owned(), via }
    }

    fn dependents() -> Dependents {
        Dependents::new([
            depends("Fee__c", &[path(&[], "Case", "Hours__c"), path(&[], "Case", "Rate__c")], &[]),
            depends(
                "Client__c",
                &[path(&[], "Case", "AccountId"), path(&["Account"], "Account", "Name")],
                &[],
            ),
            depends("Age__c", &[path(&[], "Case", "CreatedDate")], &[OtherCause::Clock]),
        ])
    }

    #[test]
    fn only_formulas_that_read_a_changed_field_are_read_again() {
        let found = dependents().of_changed(&object("case"), ["hours__c", "Rate__c", "Subject"]);
        assert_eq!(found, BTreeSet::from([stale("Fee__c", &[])]));
        assert!(dependents().of_changed(&object("Contact"), ["Name"]).is_empty());
    }

    #[test]
    fn change_of_a_parent_leads_to_its_children() {
        let found = dependents().of_changed(&object("Account"), ["Name"]);
        assert_eq!(found, BTreeSet::from([stale("Client__c", &["Account"])]));
        let moved = dependents().of_changed(&object("Case"), ["AccountId"]);
        assert_eq!(moved, BTreeSet::from([stale("Client__c", &[])]));
    }

    #[test]
    fn unknown_change_reads_again_all_that_can_have_changed() {
        let found = dependents().of_any_change(&object("Case"));
        let fields: Vec<&str> = found.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["Age__c", "Client__c", "Fee__c"]);
    }

    #[test]
    fn formula_of_the_time_of_day_is_left_to_a_schedule() {
        let dependents = dependents();
        let fields: Vec<&str> = dependents.untracked().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["Age__c"]);
    }
}
