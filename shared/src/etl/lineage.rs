//! From which columns of the source the columns of the sink come.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::kind::ColumnKind;

/// Where one column comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnLineage {
    /// Its name in the sink.
    pub column: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
    /// The columns of the source whose values it is made of.
    pub from: BTreeSet<String>,
    /// The steps that made or changed it, in order.
    pub by: Vec<String>,
}

/// Where the columns come from, step by step.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    columns: BTreeMap<String, (BTreeSet<String>, Vec<String>)>,
    /// The columns of the source that decide which rows are there.
    pub filtered_by: BTreeSet<String>,
}

impl Lineage {
    /// Begins with the columns of a source.
    pub fn of_source<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let own = |it: &str| (it.to_owned(), (BTreeSet::from([it.to_owned()]), Vec::new()));
        Self { columns: names.into_iter().map(own).collect(), filtered_by: BTreeSet::new() }
    }

    fn sources(&self, used: &BTreeSet<String>) -> BTreeSet<String> {
        used.iter().filter_map(|it| self.columns.get(it)).flat_map(|it| it.0.clone()).collect()
    }

    /// Notes that `step` makes `column` of the columns `used`.
    pub fn derive(&mut self, column: &str, used: &BTreeSet<String>, step: &str) {
        let from = self.sources(used);
        let mut by: Vec<String> = Vec::new();
        for name in used {
            for earlier in self.columns.get(name).map_or(&[][..], |it| &it.1) {
                if !by.contains(earlier) {
                    by.push(earlier.clone());
                }
            }
        }
        by.push(step.to_owned());
        self.columns.insert(column.to_owned(), (from, by));
    }

    /// Notes that the columns `used` decide which rows go on.
    pub fn filter(&mut self, used: &BTreeSet<String>) {
        let from = self.sources(used);
        self.filtered_by.extend(from);
    }

    /// Notes that `step` gives `from` the name `to`.
    pub fn rename(&mut self, from: &str, to: &str, step: &str) {
        if let Some((sources, mut by)) = self.columns.remove(from) {
            by.push(step.to_owned());
            self.columns.insert(to.to_owned(), (sources, by));
        }
    }

    /// Notes that `step` takes `column` from elsewhere.
    pub fn bring(&mut self, column: &str, from: String, step: &str) {
        self.columns.insert(column.to_owned(), (BTreeSet::from([from]), vec![step.to_owned()]));
    }

    /// Notes that `column` comes from elsewhere, too.
    pub fn add_source(&mut self, column: &str, from: String, step: &str) {
        let (sources, by) = self.columns.entry(column.to_owned()).or_default();
        sources.insert(from);
        if !by.iter().any(|it| it == step) {
            by.push(step.to_owned());
        }
    }

    /// Notes that `step` puts the columns `made`, each of those it uses, in place of all but `kept`.
    pub fn regroup(&mut self, kept: &[String], made: &[(String, BTreeSet<String>)], step: &str) {
        let before = self.clone();
        self.columns.retain(|name, _| kept.contains(name));
        for (column, used) in made {
            let mut one = before.clone();
            one.derive(column, used, step);
            self.columns.extend(one.columns.remove_entry(column));
        }
    }

    /// Tells where `column` comes from.
    pub fn of(&self, column: &str, kind: ColumnKind) -> ColumnLineage {
        let (from, by) = self.columns.get(column).cloned().unwrap_or_default();
        ColumnLineage { column: column.to_owned(), kind, from, by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lineage_follows_names_through_steps() {
        let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
        let mut lineage = Lineage::of_source(["opened", "closed", "fee"]);
        lineage.rename("opened", "begun", "steps.0");
        lineage.derive("days", &set(&["begun", "closed"]), "steps.1");
        lineage.derive("late", &set(&["days"]), "steps.2");
        lineage.filter(&set(&["days"]));

        let late = lineage.of("late", ColumnKind::Bool);
        assert_eq!(late.from, set(&["closed", "opened"]));
        assert_eq!(late.by, ["steps.0", "steps.1", "steps.2"]);
        assert_eq!(lineage.of("fee", ColumnKind::Long).from, set(&["fee"]));
        assert_eq!(lineage.filtered_by, set(&["closed", "opened"]));

        // What is made sees what was there before, not what is made beside it.
        lineage.bring("name", "file:a.csv#name".to_owned(), "steps.3");
        let made = [("fee".to_owned(), set(&["late"])), ("n".to_owned(), set(&["fee"]))];
        lineage.regroup(&["name".to_owned()], &made, "steps.4");
        assert_eq!(lineage.of("fee", ColumnKind::Long).from, set(&["closed", "opened"]));
        assert_eq!(lineage.of("n", ColumnKind::Long).from, set(&["fee"]));
        assert_eq!(lineage.of("name", ColumnKind::Text).from, set(&["file:a.csv#name"]));
        assert_eq!(lineage.of("late", ColumnKind::Bool).from, set(&[]));
    }
}
