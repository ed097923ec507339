//! What may be selected together.

use std::collections::HashSet;

use super::super::condition::Operand;
use super::super::name::{Alias, FieldPath};
use super::super::query::{FieldSet, Grouping, Query, SelectItem, TypeOf};
use super::fault::BoundFault;

/// Most fields of a `ROLLUP` or `CUBE`. Source: SOQL, `GROUP BY ROLLUP`.
const MAX_SUBTOTAL_FIELDS: usize = 3;

/// Checks the items of one query, its groups and its order against each other.
pub(super) fn check(query: &Query) -> Result<(), BoundFault> {
    if query.items.is_empty() {
        return Err(BoundFault::Empty { what: "the SELECT list" });
    }
    if query.items.iter().any(|it| matches!(it, SelectItem::CountRecords)) {
        return check_count(query);
    }
    if query.is_grouped() {
        return check_groups(query);
    }
    if query.having.is_some() {
        return Err(BoundFault::Exclusive { what: "HAVING", with: "records that are not grouped" });
    }
    for key in &query.order {
        if let Operand::Aggregate(function, field) = &key.operand {
            return Err(BoundFault::AggregateOfRecords {
                function: function.name(),
                field: field.to_string(),
                clause: "the ORDER BY of records",
            });
        }
    }
    check_records(query)
}

fn check_count(query: &Query) -> Result<(), BoundFault> {
    let exclusive = |with| Err(BoundFault::Exclusive { what: "COUNT()", with });
    if query.items.len() > 1 {
        exclusive("another item")
    } else if query.grouping.is_some() || query.having.is_some() {
        exclusive("GROUP BY or HAVING: count a field instead")
    } else if !query.order.is_empty() {
        exclusive("ORDER BY")
    } else {
        Ok(())
    }
}

fn check_groups(query: &Query) -> Result<(), BoundFault> {
    let grouped: &[FieldPath] = query.grouping.as_ref().map_or(&[], Grouping::fields);
    match &query.grouping {
        Some(_) if grouped.is_empty() => return Err(BoundFault::Empty { what: "GROUP BY" }),
        Some(Grouping::Rollup(_) | Grouping::Cube(_)) if grouped.len() > MAX_SUBTOTAL_FIELDS => {
            return Err(BoundFault::TooMany {
                what: "fields in ROLLUP or CUBE",
                n: grouped.len(),
                max: MAX_SUBTOTAL_FIELDS,
            });
        }
        None if query.limit.is_some() => {
            return Err(BoundFault::Exclusive {
                what: "LIMIT",
                with: "functions over all records: there is one row",
            });
        }
        None if query.having.is_some() => {
            return Err(BoundFault::Exclusive { what: "HAVING", with: "no GROUP BY" });
        }
        _ => {}
    }
    let own = query.own_names();
    let is_grouped = |field: &FieldPath| {
        let wanted = field.without_own(&own);
        grouped.iter().any(|it| it.without_own(&own).eq_ignore_ascii_case(wanted))
    };
    let mut columns = Columns::default();
    for item in &query.items {
        let field = match item {
            SelectItem::Field(field) | SelectItem::Label(field) | SelectItem::Formatted(field) => {
                field
            }
            SelectItem::Aggregate(_, _, alias) => {
                columns.add(alias.as_ref())?;
                continue;
            }
            SelectItem::CountRecords => continue,
            SelectItem::Fields(_) => return exclusive_with_groups("FIELDS()"),
            SelectItem::TypeOf(_) => return exclusive_with_groups("TYPEOF"),
            SelectItem::Children(_) => return exclusive_with_groups("a query for children"),
        };
        if !is_grouped(field) {
            return Err(BoundFault::NotGrouped { field: field.to_string() });
        }
    }
    let operands = query.order.iter().map(|key| &key.operand);
    for operand in operands {
        if let Operand::Field(field) = operand
            && !is_grouped(field)
        {
            return Err(BoundFault::NotGrouped { field: field.to_string() });
        }
    }
    Ok(())
}

fn exclusive_with_groups(what: &'static str) -> Result<(), BoundFault> {
    Err(BoundFault::Exclusive { what, with: "groups" })
}

/// The columns that functions fill.
#[derive(Default)]
struct Columns {
    names: HashSet<String>,
    n_unnamed: usize,
}

impl Columns {
    /// Adds a column; one without a name is called `expr0`, `expr1` and so on.
    fn add(&mut self, alias: Option<&Alias>) -> Result<(), BoundFault> {
        let name = alias.map_or_else(
            || format!("expr{}", self.n_unnamed),
            |alias| alias.as_str().to_ascii_lowercase(),
        );
        self.n_unnamed += usize::from(alias.is_none());
        if self.names.contains(&name) {
            return Err(BoundFault::Duplicate { name });
        }
        self.names.insert(name);
        Ok(())
    }
}

fn check_records(query: &Query) -> Result<(), BoundFault> {
    let own = query.own_names();
    let mut seen: HashSet<String> = HashSet::new();
    let mut sets: Vec<FieldSet> = Vec::new();
    for item in &query.items {
        let name = match item {
            SelectItem::Field(field) | SelectItem::Label(field) | SelectItem::Formatted(field) => {
                field.without_own(&own).to_ascii_lowercase()
            }
            SelectItem::Children(inner) => format!("({}", inner.source.object).to_ascii_lowercase(),
            SelectItem::TypeOf(type_of) => {
                check_type_of(type_of)?;
                format!("typeof {}", type_of.relationship).to_ascii_lowercase()
            }
            SelectItem::Fields(set) => {
                sets.push(*set);
                format!("fields({}", set.name())
            }
            SelectItem::CountRecords | SelectItem::Aggregate(..) => continue,
        };
        if !seen.insert(name.clone()) {
            return Err(BoundFault::Duplicate { name });
        }
    }
    let is_covered = |name: &String| {
        let is_own = !name.contains(['.', '(', ' ']);
        is_own && sets.iter().any(|set| covers(*set, name))
    };
    if let Some(name) = seen.iter().find(|name| is_covered(name)) {
        return Err(BoundFault::Duplicate { name: name.clone() });
    }
    if sets.len() > 1 && sets.contains(&FieldSet::All) {
        return Err(BoundFault::Exclusive { what: "FIELDS(ALL)", with: "another FIELDS()" });
    }
    Ok(())
}

/// Tells whether a set holds a field with this name in small letters.
fn covers(set: FieldSet, name: &str) -> bool {
    match set {
        FieldSet::All => true,
        FieldSet::Custom => name.ends_with("__c"),
        FieldSet::Standard => !name.ends_with("__c"),
    }
}

fn check_type_of(type_of: &TypeOf) -> Result<(), BoundFault> {
    if type_of.cases.is_empty() {
        return Err(BoundFault::Empty { what: "TYPEOF without WHEN" });
    }
    let mut objects: HashSet<String> = HashSet::new();
    for (object, fields) in &type_of.cases {
        if fields.is_empty() {
            return Err(BoundFault::Empty { what: "THEN of TYPEOF" });
        }
        if !objects.insert(object.as_str().to_ascii_lowercase()) {
            return Err(BoundFault::Duplicate { name: object.to_string() });
        }
    }
    Ok(())
}
