//! Writes a query as text.

use std::fmt::Write as _;

use super::bounds::{self, BoundFault, Transport};
use super::condition::{Condition, Group, Inclusion, Membership, Operand};
use super::literal::{Literal, push_escaped};
use super::name::FieldPath;
use super::query::{
    Direction, Grouping, Nulls, OrderKey, Query, Recency, SelectItem, Tracking, TypeOf,
};

impl Query {
    /// Writes the query, when it keeps the bounds that hold however it travels.
    ///
    /// # Errors
    /// [`BoundFault`] names the bound that is broken and what to do.
    pub fn to_soql(&self) -> Result<String, BoundFault> {
        self.to_soql_for(Transport::Body)
    }

    /// Writes the query, when it keeps the bounds of `transport` too.
    ///
    /// # Errors
    /// [`BoundFault`] names the bound that is broken and what to do.
    pub fn to_soql_for(&self, transport: Transport) -> Result<String, BoundFault> {
        bounds::check(self, transport)?;
        let mut soql = String::with_capacity(64 + 24 * self.items.len());
        push_query(&mut soql, self);
        bounds::check_text(&soql, transport)?;
        Ok(soql)
    }
}

fn push_query(soql: &mut String, query: &Query) {
    soql.push_str("SELECT ");
    push_list(soql, &query.items, push_item);
    soql.push_str(" FROM ");
    soql.push_str(query.source.object.as_str());
    if let Some(alias) = &query.source.alias {
        push_word(soql, alias.as_str());
    }
    for (path, alias) in &query.source.joined {
        soql.push_str(", ");
        soql.push_str(path.as_str());
        push_word(soql, alias.as_str());
    }
    if let Some(scope) = query.scope {
        soql.push_str(" USING SCOPE ");
        soql.push_str(scope.name());
    }
    if let Some(condition) = &query.condition {
        soql.push_str(" WHERE ");
        push_condition(soql, condition);
    }
    if let Some(access) = query.access {
        soql.push_str(" WITH ");
        soql.push_str(access.name());
    }
    push_groups(soql, query);
    push_tail(soql, query);
}

fn push_groups(soql: &mut String, query: &Query) {
    if let Some(grouping) = &query.grouping {
        soql.push_str(" GROUP BY ");
        let function = match grouping {
            Grouping::Fields(_) => None,
            Grouping::Rollup(_) => Some("ROLLUP("),
            Grouping::Cube(_) => Some("CUBE("),
        };
        soql.push_str(function.unwrap_or_default());
        push_list(soql, grouping.fields(), push_field);
        if function.is_some() {
            soql.push(')');
        }
    }
    if let Some(having) = &query.having {
        soql.push_str(" HAVING ");
        push_condition(soql, having);
    }
}

fn push_tail(soql: &mut String, query: &Query) {
    if !query.order.is_empty() {
        soql.push_str(" ORDER BY ");
        push_list(soql, &query.order, push_key);
    }
    if let Some(limit) = query.limit {
        let _ = write!(soql, " LIMIT {limit}");
    }
    if let Some(offset) = query.offset {
        let _ = write!(soql, " OFFSET {offset}");
    }
    soql.push_str(match query.recency {
        Some(Recency::View) => " FOR VIEW",
        Some(Recency::Reference) => " FOR REFERENCE",
        None => "",
    });
    soql.push_str(match query.tracking {
        Some(Tracking::Tracking) => " UPDATE TRACKING",
        Some(Tracking::ViewStat) => " UPDATE VIEWSTAT",
        None => "",
    });
    if query.is_locking {
        soql.push_str(" FOR UPDATE");
    }
}

fn push_list<T>(soql: &mut String, list: &[T], push: impl Fn(&mut String, &T)) {
    for (idx, one) in list.iter().enumerate() {
        if idx > 0 {
            soql.push_str(", ");
        }
        push(soql, one);
    }
}

fn push_word(soql: &mut String, word: &str) {
    soql.push(' ');
    soql.push_str(word);
}

fn push_field(soql: &mut String, field: &FieldPath) {
    soql.push_str(field.as_str());
}

fn push_call(soql: &mut String, function: &str, argument: &str) {
    for part in [function, "(", argument, ")"] {
        soql.push_str(part);
    }
}

/// Appends one item of the SELECT list.
pub(super) fn push_item(soql: &mut String, item: &SelectItem) {
    match item {
        SelectItem::Field(field) => push_field(soql, field),
        SelectItem::CountRecords => soql.push_str("COUNT()"),
        SelectItem::Aggregate(function, field, alias) => {
            push_call(soql, function.name(), field.as_str());
            if let Some(alias) = alias {
                push_word(soql, alias.as_str());
            }
        }
        SelectItem::Label(field) => push_call(soql, "toLabel", field.as_str()),
        SelectItem::Formatted(field) => push_call(soql, "FORMAT", field.as_str()),
        SelectItem::Fields(set) => push_call(soql, "FIELDS", set.name()),
        SelectItem::TypeOf(type_of) => push_type_of(soql, type_of),
        SelectItem::Children(query) => {
            soql.push('(');
            push_query(soql, query);
            soql.push(')');
        }
    }
}

fn push_type_of(soql: &mut String, type_of: &TypeOf) {
    soql.push_str("TYPEOF ");
    soql.push_str(type_of.relationship.as_str());
    for (object, fields) in &type_of.cases {
        soql.push_str(" WHEN ");
        soql.push_str(object.as_str());
        soql.push_str(" THEN ");
        push_list(soql, fields, push_field);
    }
    if !type_of.otherwise.is_empty() {
        soql.push_str(" ELSE ");
        push_list(soql, &type_of.otherwise, push_field);
    }
    soql.push_str(" END");
}

fn push_operand(soql: &mut String, operand: &Operand) {
    match operand {
        Operand::Field(field) => push_field(soql, field),
        Operand::Aggregate(function, field) => push_call(soql, function.name(), field.as_str()),
    }
}

fn push_key(soql: &mut String, key: &OrderKey) {
    push_operand(soql, &key.operand);
    if key.direction == Direction::Descending {
        soql.push_str(" DESC");
    }
    soql.push_str(match key.nulls {
        Some(Nulls::First) => " NULLS FIRST",
        Some(Nulls::Last) => " NULLS LAST",
        None => "",
    });
}

fn push_condition(soql: &mut String, condition: &Condition) {
    match condition {
        Condition::All(group) => push_group(soql, group, " AND "),
        Condition::Any(group) => push_group(soql, group, " OR "),
        // In parentheses of its own: how far `NOT` reaches is then never in question.
        Condition::Not(inner) => {
            soql.push_str("(NOT ");
            push_nested(soql, inner);
            soql.push(')');
        }
        Condition::Compare(operand, comparison, value) => {
            push_operand(soql, operand);
            push_word(soql, comparison.sign());
            soql.push(' ');
            value.write(soql);
        }
        Condition::Like(operand, pattern) => {
            push_operand(soql, operand);
            soql.push_str(" LIKE ");
            pattern.write(soql);
        }
        Condition::Member(field, membership, values) => {
            push_membership(soql, field, *membership);
            push_list(soql, values, |soql, value: &Literal| value.write(soql));
            soql.push(')');
        }
        Condition::MemberOf(field, membership, query) => {
            push_membership(soql, field, *membership);
            push_query(soql, query);
            soql.push(')');
        }
        Condition::Picklist(field, inclusion, sets) => {
            push_field(soql, field);
            soql.push_str(match inclusion {
                Inclusion::Includes => " INCLUDES (",
                Inclusion::Excludes => " EXCLUDES (",
            });
            push_list(soql, sets, |soql, set| {
                soql.push('\'');
                push_escaped(soql, &set.joined());
                soql.push('\'');
            });
            soql.push(')');
        }
    }
}

fn push_membership(soql: &mut String, field: &FieldPath, membership: Membership) {
    push_field(soql, field);
    soql.push_str(match membership {
        Membership::In => " IN (",
        Membership::NotIn => " NOT IN (",
    });
}

/// A group inside a group stands in parentheses: SOQL refuses `AND` beside `OR`.
fn push_group(soql: &mut String, group: &Group, joint: &str) {
    for (idx, inner) in group.conditions().iter().enumerate() {
        if idx > 0 {
            soql.push_str(joint);
        }
        push_nested(soql, inner);
    }
}

fn push_nested(soql: &mut String, condition: &Condition) {
    if matches!(condition, Condition::All(_) | Condition::Any(_)) {
        soql.push('(');
        push_condition(soql, condition);
        soql.push(')');
    } else {
        push_condition(soql, condition);
    }
}
