//! A whole statement, query by query.

use super::super::condition::{Comparison, Condition, Membership, Operand};
use super::super::name::{Alias, FieldPath, may_name_object};
use super::super::query::{FieldSet, Grouping, Query, SelectItem, TypeOf};
use super::condition::{Clause, Visited};
use super::fault::BoundFault;
use super::parents::Parents;
use super::transport::Transport;
use super::{MAX_CHARACTERS, MAX_FIELDS_RECORDS, condition, items};

/// Most parents of a statement. Source: SOQL relationship query limits.
const MAX_PARENTS: usize = 55;
/// Most queries for children of a statement. Source: SOQL relationship query limits.
const MAX_CHILDREN: usize = 20;
/// Deepest queries for children, the outermost counted. Source: the same, API 58.0 and later.
const MAX_LEVELS: usize = 5;
/// Most queries inside IN. Source: SOQL, "Semi-joins with IN and anti-joins with NOT IN".
const MAX_SEMI_JOINS: usize = 2;
/// Most records that OFFSET leaves out. Source: SOQL, `OFFSET`.
const MAX_OFFSET: u32 = 2_000;

/// Checks `query` against every bound that can be told before it is written.
pub(crate) fn check(query: &Query, transport: Transport) -> Result<(), BoundFault> {
    let mut statement = Statement::default();
    statement.query(query, 1)?;
    for (what, n, max) in [
        ("parents", statement.parents.n_parents(), MAX_PARENTS),
        ("queries for children", statement.n_children, MAX_CHILDREN),
        ("queries inside IN", statement.n_semi_joins, MAX_SEMI_JOINS),
    ] {
        if n > max {
            return Err(BoundFault::TooMany { what, n, max });
        }
    }
    if transport == Transport::Bulk { check_bulk(query) } else { Ok(()) }
}

/// Checks the length of the written statement.
pub(crate) fn check_text(soql: &str, transport: Transport) -> Result<(), BoundFault> {
    if soql.len() > MAX_CHARACTERS {
        let n_characters = soql.chars().count();
        if n_characters > MAX_CHARACTERS {
            return Err(BoundFault::TooLong { n_characters });
        }
    }
    transport.check_length(soql)
}

/// What is counted over all queries of a statement.
#[derive(Default)]
struct Statement {
    parents: Parents,
    n_queries: usize,
    n_children: usize,
    n_semi_joins: usize,
}

impl Statement {
    fn query(&mut self, query: &Query, level: usize) -> Result<(), BoundFault> {
        if level > MAX_LEVELS {
            return Err(BoundFault::TooDeep { what: "queries for children", max: MAX_LEVELS });
        }
        self.n_queries += 1;
        let number = self.n_queries;
        items::check(query)?;
        check_source(query)?;
        check_fields_bound(query)?;
        match query.offset {
            Some(n) if n > MAX_OFFSET => {
                return Err(BoundFault::OffsetTooLarge { n, max: MAX_OFFSET });
            }
            _ => {}
        }
        self.parents_of_items(query, number);
        self.conditions(query, number, level)?;
        for item in &query.items {
            if let SelectItem::Children(inner) = item {
                self.n_children += 1;
                check_child(inner)?;
                self.query(inner, level + 1)?;
            }
        }
        Ok(())
    }

    fn parents_of_items(&mut self, query: &Query, number: usize) {
        let mut add = |field: &FieldPath| self.parents.add(number, query, field);
        for item in &query.items {
            match item {
                SelectItem::Field(field)
                | SelectItem::Label(field)
                | SelectItem::Formatted(field)
                | SelectItem::Aggregate(_, field, _) => add(field),
                SelectItem::TypeOf(_)
                | SelectItem::CountRecords
                | SelectItem::Fields(_)
                | SelectItem::Children(_) => {}
            }
        }
        query.order.iter().map(|key| key.operand.field()).for_each(&mut add);
        query.grouping.iter().flat_map(Grouping::fields).for_each(&mut add);
        let relationships = query.items.iter().filter_map(|item| match item {
            SelectItem::TypeOf(TypeOf { relationship, .. }) => Some(relationship),
            _ => None,
        });
        let joined = query.source.joined.iter().map(|(path, _)| path);
        for relationship in relationships.chain(joined) {
            self.parents.add_relationship(number, query, relationship);
        }
    }

    fn conditions(&mut self, query: &Query, number: usize, level: usize) -> Result<(), BoundFault> {
        let clauses = [(Clause::Where, &query.condition), (Clause::Having, &query.having)];
        for (clause, tree) in clauses {
            let Some(tree) = tree else { continue };
            condition::check(query, clause, tree, &mut |visited| match visited {
                Visited::Field(field) => {
                    self.parents.add(number, query, field);
                    Ok(())
                }
                Visited::SemiJoin(field, inner) => self.semi_join(field, inner, level),
            })?;
        }
        Ok(())
    }

    fn semi_join(
        &mut self,
        field: &FieldPath,
        inner: &Query,
        level: usize,
    ) -> Result<(), BoundFault> {
        self.n_semi_joins += 1;
        if inner.condition.as_ref().is_some_and(has_semi_join) {
            let rule = "must not hold another query";
            return Err(BoundFault::SemiJoin { field: field.to_string(), rule });
        }
        self.query(inner, level)
    }
}

fn has_semi_join(condition: &Condition) -> bool {
    // No deeper than the walk that comes next: beyond it the condition is refused anyway.
    fn within(condition: &Condition, depth: usize) -> bool {
        depth <= condition::MAX_NESTING
            && match condition {
                Condition::MemberOf(..) => true,
                Condition::Not(inner) => within(inner, depth + 1),
                Condition::All(group) | Condition::Any(group) => {
                    group.conditions().iter().any(|it| within(it, depth + 1))
                }
                _ => false,
            }
    }
    within(condition, 1)
}

fn check_source(query: &Query) -> Result<(), BoundFault> {
    let name = query.source.object.as_str();
    if !may_name_object(name) {
        return Err(BoundFault::Reserved { name: name.to_owned() });
    }
    let mut aliases: Vec<&Alias> = query.source.alias.iter().collect();
    for (_, alias) in &query.source.joined {
        if aliases.iter().any(|it| it.is_same(alias)) {
            return Err(BoundFault::Duplicate { name: alias.to_string() });
        }
        aliases.push(alias);
    }
    Ok(())
}

fn check_child(query: &Query) -> Result<(), BoundFault> {
    let is_counting = query.items.iter().any(|it| matches!(it, SelectItem::CountRecords));
    if is_counting || query.is_grouped() {
        return Err(BoundFault::Exclusive { what: "groups", with: "a query for children" });
    }
    Ok(())
}

/// Checks that `FIELDS()` of an unknown number of fields is asked of few records.
fn check_fields_bound(query: &Query) -> Result<(), BoundFault> {
    let unbounded = query.items.iter().find_map(|item| match item {
        SelectItem::Fields(set @ (FieldSet::All | FieldSet::Custom)) => Some(set.name()),
        _ => None,
    });
    let Some(set) = unbounded else { return Ok(()) };
    let max = u32::try_from(MAX_FIELDS_RECORDS).unwrap_or(u32::MAX);
    let is_limited = query.limit.is_some_and(|limit| limit <= max);
    let n_ids = query.condition.as_ref().and_then(|it| n_ids(query, it));
    if is_limited || n_ids.is_some_and(|n| n <= MAX_FIELDS_RECORDS) {
        Ok(())
    } else {
        Err(BoundFault::FieldsUnbounded { set })
    }
}

/// Counts the Ids that records must have one of, when the condition says so.
fn n_ids(query: &Query, condition: &Condition) -> Option<usize> {
    let own = query.own_names();
    let is_id = |field: &FieldPath| field.without_own(&own).eq_ignore_ascii_case("Id");
    let n_of = |condition: &Condition| match condition {
        Condition::Compare(Operand::Field(field), Comparison::Equal, _) if is_id(field) => Some(1),
        Condition::Member(field, Membership::In, values) if is_id(field) => Some(values.len()),
        _ => None,
    };
    match condition {
        Condition::All(group) => group.conditions().iter().find_map(n_of),
        single => n_of(single),
    }
}

/// Checks what a Bulk query job cannot do. Source: Bulk API 2.0 guide, "SOQL considerations".
fn check_bulk(query: &Query) -> Result<(), BoundFault> {
    let exclusive = |what| Err(BoundFault::Exclusive { what, with: "Bulk: read it by REST" });
    if query.is_grouped() || query.grouping.is_some() {
        return exclusive("groups and functions over them");
    }
    if query.offset.is_some() {
        return exclusive("OFFSET");
    }
    for item in &query.items {
        match item {
            SelectItem::TypeOf(_) => return exclusive("TYPEOF"),
            SelectItem::Children(_) => return exclusive("a query for children"),
            SelectItem::CountRecords => return exclusive("COUNT()"),
            SelectItem::Fields(FieldSet::All | FieldSet::Custom) => {
                return exclusive("FIELDS(ALL) and FIELDS(CUSTOM)");
            }
            _ => {}
        }
    }
    Ok(())
}

impl Query {
    /// Tells whether a Bulk query job can cut the object into ranges of ids and read them at once:
    /// an order or a limit prevents it.
    pub fn allows_id_ranges(&self) -> bool {
        self.order.is_empty() && self.limit.is_none()
    }
}
