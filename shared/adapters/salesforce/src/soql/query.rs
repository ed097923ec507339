//! A query: what is selected, from where, of which records, in which order.
//!
//! The builder and the parser share these types. Source: SOQL and SOSL reference, "SELECT".

use shared::ids::ObjectName;

use super::condition::{Condition, Function, Operand};
use super::name::{Alias, FieldPath};

/// The fields that `FIELDS()` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldSet {
    /// Every field: only of 200 records at most, never by Bulk.
    All,
    /// The standard ones.
    Standard,
    /// The custom ones: only of 200 records at most, never by Bulk.
    Custom,
}

impl FieldSet {
    const ALL: [(Self, &'static str); 3] =
        [(Self::All, "ALL"), (Self::Standard, "STANDARD"), (Self::Custom, "CUSTOM")];

    /// Returns the set's name in SOQL.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| it.eq_ignore_ascii_case(word)).map(|(it, _)| *it)
    }
}

/// The fields to read of a reference that may lead to several objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeOf {
    /// The relationship, such as `What`.
    pub relationship: FieldPath,
    /// For each object the fields to read there; one or more.
    pub cases: Vec<(ObjectName, Vec<FieldPath>)>,
    /// The fields to read of every other object.
    pub otherwise: Vec<FieldPath>,
}

/// One thing that is selected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectItem {
    /// A field.
    Field(FieldPath),
    /// Only the number of records; stands alone: `COUNT()`.
    CountRecords,
    /// A function over a field, with the name of its column: `expr0` and so on by default.
    Aggregate(Function, FieldPath, Option<Alias>),
    /// The label of a picklist value in the user's language: `toLabel()`.
    Label(FieldPath),
    /// A number, date or amount as the user's locale writes it: `FORMAT()`.
    Formatted(FieldPath),
    /// The fields of a set.
    Fields(FieldSet),
    /// Fields of a reference by the object it leads to.
    TypeOf(TypeOf),
    /// Records that point here; FROM names the relationship, such as `Cases`.
    Children(Box<Query>),
}

impl From<FieldPath> for SelectItem {
    fn from(field: FieldPath) -> Self {
        Self::Field(field)
    }
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The object, or the relationship in a query for children.
    pub object: ObjectName,
    /// A short name for it.
    pub alias: Option<Alias>,
    /// Parents with short names of their own, each reached from a short name before it.
    pub joined: Vec<(FieldPath, Alias)>,
}

/// Whose records are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those whose actions are delegated to the user.
    Delegated,
    /// All that the user may see.
    Everything,
    /// Those that the user owns.
    Mine,
    /// Those of the user and of the queues the user is in.
    MineAndMyGroups,
    /// Those of the user's territories.
    MyTerritory,
    /// Those of the territories of the user's team.
    MyTeamTerritory,
    /// Those of the user's account teams.
    Team,
    /// Those that a scoping rule leaves.
    ScopingRule,
}

impl Scope {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Delegated, "delegated"),
        (Self::Everything, "everything"),
        (Self::Mine, "mine"),
        (Self::MineAndMyGroups, "mine_and_my_groups"),
        (Self::MyTerritory, "my_territory"),
        (Self::MyTeamTerritory, "my_team_territory"),
        (Self::Team, "team"),
        (Self::ScopingRule, "scopingRule"),
    ];

    /// Returns the scope's name in SOQL.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| it.eq_ignore_ascii_case(word)).map(|(it, _)| *it)
    }
}

/// Which access rules hold: `WITH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessMode {
    /// Fails when a field or object is closed to the user.
    SecurityEnforced,
    /// As the user.
    User,
    /// As the system.
    System,
}

impl AccessMode {
    const ALL: [(Self, &'static str); 3] = [
        (Self::SecurityEnforced, "SECURITY_ENFORCED"),
        (Self::User, "USER_MODE"),
        (Self::System, "SYSTEM_MODE"),
    ];

    /// Returns the mode's name in SOQL.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| it.eq_ignore_ascii_case(word)).map(|(it, _)| *it)
    }
}

/// How records are gathered into groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// By the values of these fields.
    Fields(Vec<FieldPath>),
    /// With subtotals, by up to three fields.
    Rollup(Vec<FieldPath>),
    /// With subtotals of every combination, by up to three fields.
    Cube(Vec<FieldPath>),
}

impl Grouping {
    /// Returns the fields that records are grouped by.
    pub fn fields(&self) -> &[FieldPath] {
        match self {
            Self::Fields(fields) | Self::Rollup(fields) | Self::Cube(fields) => fields,
        }
    }
}

/// Which way records are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first.
    Descending,
}

/// Where records without a value stand. Without a word they stand first, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// In front.
    First,
    /// At the end; the org ignores this for fields of a parent.
    Last,
}

/// One key of the order. Equal keys come in no stable order: end with `Id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// What is ordered by.
    pub operand: Operand,
    /// Which way.
    pub direction: Direction,
    /// Where empty ones stand, when that is said.
    pub nulls: Option<Nulls>,
}

impl OrderKey {
    /// Orders the smallest first.
    pub fn ascending(operand: impl Into<Operand>) -> Self {
        Self { operand: operand.into(), direction: Direction::Ascending, nulls: None }
    }

    /// Orders the largest first.
    pub fn descending(operand: impl Into<Operand>) -> Self {
        Self { operand: operand.into(), direction: Direction::Descending, nulls: None }
    }

    /// Says where empty ones stand.
    #[must_use]
    pub fn with_nulls(self, nulls: Nulls) -> Self {
        Self { nulls: Some(nulls), ..self }
    }
}

/// What the user is taken to have done with the records: `FOR VIEW`, `FOR REFERENCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recency {
    /// Looked at them.
    View,
    /// Followed a reference to them.
    Reference,
}

/// What is counted for articles: `UPDATE TRACKING`, `UPDATE VIEWSTAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tracking {
    /// The words that were searched for.
    Tracking,
    /// The views.
    ViewStat,
}

/// A whole query. It is checked against the bounds of the platform when it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// What is selected; one item or more.
    pub items: Vec<SelectItem>,
    /// Where from.
    pub source: Source,
    /// Whose records: `USING SCOPE`.
    pub scope: Option<Scope>,
    /// What records must fulfil: `WHERE`.
    pub condition: Option<Condition>,
    /// Which access rules hold: `WITH`.
    pub access: Option<AccessMode>,
    /// How they are grouped: `GROUP BY`.
    pub grouping: Option<Grouping>,
    /// What groups must fulfil: `HAVING`.
    pub having: Option<Condition>,
    /// The order: `ORDER BY`.
    pub order: Vec<OrderKey>,
    /// Most records: `LIMIT`.
    pub limit: Option<u32>,
    /// Records to leave out at the start, 2,000 at most: `OFFSET`.
    pub offset: Option<u32>,
    /// What the user is taken to have done.
    pub recency: Option<Recency>,
    /// What is counted.
    pub tracking: Option<Tracking>,
    /// Whether the records are locked: `FOR UPDATE`.
    pub is_locking: bool,
}

impl Query {
    /// Selects `items` of `object`.
    pub fn new<T: Into<SelectItem>>(
        object: ObjectName,
        items: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            items: items.into_iter().map(Into::into).collect(),
            source: Source { object, alias: None, joined: Vec::new() },
            scope: None,
            condition: None,
            access: None,
            grouping: None,
            having: None,
            order: Vec::new(),
            limit: None,
            offset: None,
            recency: None,
            tracking: None,
            is_locking: false,
        }
    }

    /// Selects one thing more.
    #[must_use]
    pub fn with_item(mut self, item: impl Into<SelectItem>) -> Self {
        self.items.push(item.into());
        self
    }

    /// Gives the object a short name.
    #[must_use]
    pub fn with_alias(mut self, alias: Alias) -> Self {
        self.source.alias = Some(alias);
        self
    }

    /// Asks only for what lies in `scope`.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Asks for `condition` too, beside any asked for before.
    #[must_use]
    pub fn with_condition(self, condition: Condition) -> Self {
        let condition = match self.condition {
            Some(before) => before.and(condition),
            None => condition,
        };
        Self { condition: Some(condition), ..self }
    }

    /// Gathers records into groups.
    #[must_use]
    pub fn with_grouping(self, grouping: Grouping) -> Self {
        Self { grouping: Some(grouping), ..self }
    }

    /// Asks for groups that fulfil `condition`.
    #[must_use]
    pub fn with_having(self, condition: Condition) -> Self {
        Self { having: Some(condition), ..self }
    }

    /// Orders by one key more.
    #[must_use]
    pub fn with_order(mut self, key: OrderKey) -> Self {
        self.order.push(key);
        self
    }

    /// Orders by `Id` too, unless that is said already, so that equal records always come in the
    /// same order.
    #[must_use]
    pub fn with_stable_order(self) -> Self {
        let own = self.own_names();
        let is_id = |key: &OrderKey| {
            let Operand::Field(field) = &key.operand else { return false };
            field.without_own(&own).eq_ignore_ascii_case("Id")
        };
        if self.order.iter().any(is_id) {
            self
        } else {
            self.with_order(OrderKey::ascending(FieldPath::id()))
        }
    }

    /// Asks for `limit` records at most.
    #[must_use]
    pub fn with_limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Leaves out the first `offset` records.
    #[must_use]
    pub fn with_offset(self, offset: u32) -> Self {
        Self { offset: Some(offset), ..self }
    }

    /// Tells whether records are gathered into groups, with or without `GROUP BY`.
    pub fn is_grouped(&self) -> bool {
        let is_aggregate = |it: &SelectItem| matches!(it, SelectItem::Aggregate(..));
        self.grouping.is_some() || self.items.iter().any(is_aggregate)
    }

    /// Returns what may stand in front of a path without leading away: the alias and the object.
    pub(super) fn own_names(&self) -> [&str; 2] {
        let object = self.source.object.as_str();
        [self.source.alias.as_ref().map_or(object, Alias::as_str), object]
    }
}
