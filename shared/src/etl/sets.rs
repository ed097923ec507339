//! Steps that look at many rows at once.

use std::collections::BTreeSet;

use super::fault::no_such_name;
use super::place::{Sink, Source};
use super::step::Step;

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Those with a match, once for each match.
    Inner,
    /// All of them, once for each match; those without one have no values in the new columns.
    Left,
    /// Those with a match, once.
    Semi,
    /// Those without a match.
    Anti,
}

impl JoinKind {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Left => "left",
            Self::Semi => "semi",
            Self::Anti => "anti",
        }
    }

    /// Tells whether rows get columns of the other file.
    pub const fn gives_columns(self) -> bool {
        matches!(self, Self::Inner | Self::Left)
    }
}

/// Rows are matched with those of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The other file.
    pub with: Source,
    /// Which rows go on.
    pub kind: JoinKind,
    /// The columns that must be the same: ours, and that of the other file. A missing value matches
    /// nothing.
    pub on: Vec<(String, String)>,
    /// The columns of the other file that rows get, each with its name here; `None` for all that are not
    /// in `on`.
    pub take: Option<Vec<(String, String)>>,
    /// Whether the other file has at most one row of each key. A row that finds two is rejected.
    pub is_lookup: bool,
}

impl Join {
    /// Returns the columns that rows get: the name in the other file, and the one here.
    pub fn taken(&self) -> Vec<(String, String)> {
        match &self.take {
            _ if !self.kind.gives_columns() => Vec::new(),
            Some(take) => take.clone(),
            None => {
                let is_key = |name: &String| self.on.iter().any(|it| it.1 == *name);
                let names = self.with.columns.iter().map(|it| &it.name);
                names.filter(|it| !is_key(it)).map(|it| (it.clone(), it.clone())).collect()
            }
        }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.on.is_empty() {
            faults.push("`on` names no columns: write such as `on: {contact_id: id}`".to_owned());
        }
        let known: Vec<&str> = self.with.columns.iter().map(|it| it.name.as_str()).collect();
        let taken = self.take.iter().flatten();
        for name in self.on.iter().map(|it| &it.1).chain(taken.map(|it| &it.0)) {
            if !known.contains(&name.as_str()) {
                faults.push(no_such_name("column of `with`", name, &known));
            }
        }
        if !self.kind.gives_columns() && (self.take.is_some() || self.is_lookup) {
            let kind = self.kind.as_str();
            faults.push(format!(
                "a join of the kind `{kind}` takes no columns: remove `take` and `lookup`"
            ));
        }
        faults.extend(twice(self.taken().iter().map(|it| it.1.as_str())));
        faults
    }
}

/// Rows become one for each group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// The columns whose values make a group; none for all rows together.
    pub by: Vec<String>,
    /// The columns that are made, each with its expression.
    pub make: Vec<(String, String)>,
}

impl Aggregate {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.make.is_empty() {
            faults.push("makes no columns: write such as `make: {n: count(*)}`".to_owned());
        }
        let names = self.by.iter().chain(self.make.iter().map(|it| &it.0));
        faults.extend(twice(names.map(String::as_str)));
        faults
    }
}

/// A column that decides an order. Rows without a value come last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The column.
    pub column: String,
    /// Whether great values come first.
    pub is_descending: bool,
}

impl OrderBy {
    /// Small values come first.
    pub fn ascending(column: impl Into<String>) -> Self {
        Self { column: column.into(), is_descending: false }
    }

    /// Great values come first.
    pub fn descending(column: impl Into<String>) -> Self {
        Self { column: column.into(), is_descending: true }
    }
}

/// Which of the rows with the same key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first.
    First,
    /// The last.
    Last,
}

impl Keep {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

/// One row of each key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduplicate {
    /// The columns of the key. A row with a missing value in one is always kept.
    pub by: Vec<String>,
    /// Which row is kept.
    pub keep: Keep,
    /// The order of which it is the first or last; behind it, and without one, that in which rows came. A
    /// row without a value is kept only when none has one.
    pub order: Vec<OrderBy>,
}

/// Rows become versions of what they tell of, each with the time from and to which it held: a slowly
/// changing dimension of type 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The columns that tell what a row tells of.
    pub key: Vec<String>,
    /// The columns of which a change makes a new version.
    pub compare: Vec<String>,
    /// The expression that gives the day or the instant from which a row holds.
    pub valid_from: String,
    /// The versions so far: what this step gave before. It may be missing.
    pub against: Sink,
}

impl History {
    /// The column that tells from when a version held.
    pub const VALID_FROM: &str = "valid_from";
    /// The column that tells to when, not included; without a value it still holds.
    pub const VALID_TO: &str = "valid_to";
    /// The column that tells whether a version still holds.
    pub const IS_CURRENT: &str = "is_current";

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.key.is_empty() || self.compare.is_empty() {
            faults.push("needs columns in `key` and in `compare`".to_owned());
        }
        faults.extend(twice(self.key.iter().chain(&self.compare).map(String::as_str)));
        faults
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut again = names.filter(|it| !seen.insert(*it));
    again.next().map(|name| format!("`{name}` is there twice: keep one"))
}

impl Step {
    /// Tells whether it looks at many rows at once.
    pub const fn is_set_wise(&self) -> bool {
        matches!(
            self,
            Self::Join(_)
                | Self::Aggregate(_)
                | Self::Deduplicate(_)
                | Self::Sort(_)
                | Self::History(_)
        )
    }

    /// Says what is wrong with it that needs neither columns nor expressions to be known.
    pub(super) fn faults(&self) -> Vec<String> {
        match self {
            Self::Join(it) => it.faults(),
            Self::Aggregate(it) => it.faults(),
            Self::Deduplicate(it) if it.by.is_empty() => {
                vec!["`by` names no columns: name those of the key".to_owned()]
            }
            Self::Deduplicate(it) => twice(it.by.iter().map(String::as_str)).into_iter().collect(),
            Self::Sort(order) if order.is_empty() => vec!["names no columns".to_owned()],
            Self::History(it) => it.faults(),
            _ => Vec::new(),
        }
    }
}
