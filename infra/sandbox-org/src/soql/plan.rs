//! A query checked against the schema.

use std::sync::Arc;

use super::aggregate::Column;
use super::ast::{Comparison, Condition, Function, Item, Literal, Name, Operand, Query};
use super::condition::{Set, Test, pattern};
use super::error::SoqlError;
use super::path::Path;
use super::render::{Leaf, Shape};
use super::{literal, parser};
use crate::ids::RecordId;
use crate::org::{Org, Value};
use crate::schema::{Field, FieldKind, ObjectType};

/// Most rows that OFFSET may skip. Source: SOQL OFFSET.
const MAX_OFFSET: usize = 2_000;

/// Most rows of a query with `FIELDS(ALL)`. Source: SOQL, `FIELDS()`.
const MAX_ALL_FIELDS: usize = 200;

/// What a query gives back.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Only the number of rows.
    Count,
    /// Rows.
    Rows(Shape),
    /// Groups of rows.
    Groups { by: Vec<Path>, columns: Vec<Column>, having: Option<Condition> },
}

/// A key of the order.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) function: Option<Function>,
    pub(super) path: Path,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A query checked against the schema, ready to be run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) object: Arc<ObjectType>,
    pub(super) test: Option<Test>,
    pub(super) output: Output,
    pub(super) order: Vec<Key>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    pub(super) all_rows: bool,
}

impl Plan {
    /// Reads and checks a query; `all_rows` includes the recycle bin, `now` is in seconds.
    ///
    /// # Errors
    /// The platform's code and words: `MALFORMED_QUERY`, `INVALID_TYPE`, `INVALID_FIELD` and the like.
    pub(crate) fn new(org: &Org, text: &str, all_rows: bool, now: i64) -> Result<Self, SoqlError> {
        let query = parser::parse(text)?;
        Planner { org, text, now, all_rows }.plan(&query)
    }
}

pub(super) struct Planner<'a> {
    pub(super) org: &'a Org,
    pub(super) text: &'a str,
    pub(super) now: i64,
    pub(super) all_rows: bool,
}

/// Where the names of a query are looked up.
pub(super) struct Scope<'a> {
    pub(super) object: &'a Arc<ObjectType>,
    pub(super) alias: Option<&'a str>,
}

impl Planner<'_> {
    fn plan(&self, query: &Query) -> Result<Plan, SoqlError> {
        let object = self.org.schema().object(&query.object.text).ok_or_else(|| {
            let reason = format!(
                "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to \
                 append the '__c' after the entity name. Please reference your WSDL or the describe call for \
                 the appropriate names.",
                query.object.text
            );
            SoqlError::at("INVALID_TYPE", self.text, query.object.at, &reason)
        })?;
        self.plan_on(query, &Arc::clone(object))
    }

    /// Checks `query` against `object`, which its FROM means.
    pub(super) fn plan_on(
        &self,
        query: &Query,
        object: &Arc<ObjectType>,
    ) -> Result<Plan, SoqlError> {
        let scope = Scope { object, alias: query.alias.as_deref() };
        if query.offset > MAX_OFFSET {
            let reason = "Maximum SOQL offset allowed is 2000";
            return Err(SoqlError::whole("NUMBER_OUTSIDE_VALID_RANGE", reason));
        }
        let order = query
            .order_by
            .iter()
            .map(|key| {
                let (function, name) = match &key.operand {
                    Operand::Field(name) => (None, name),
                    Operand::Aggregate(function, name) => (Some(*function), name),
                };
                let (path, field) = self.path(&scope, name)?;
                if field.kind == FieldKind::TextArea && field.length > 255 {
                    let reason =
                        format!("field '{}' can not be sorted in a query call", field.name);
                    return Err(SoqlError::at("INVALID_FIELD", self.text, name.at, &reason));
                }
                let (descending, nulls_last) = (key.descending, key.nulls_last);
                Ok(Key { function, path, descending, nulls_last })
            })
            .collect::<Result<_, _>>()?;
        let test = query.condition.as_ref().map(|c| self.test(&scope, c)).transpose()?;
        Ok(Plan {
            object: Arc::clone(object),
            test,
            output: self.output(query, &scope)?,
            order,
            limit: query.limit,
            offset: query.offset,
            all_rows: self.all_rows,
        })
    }

    pub(super) fn path(&self, scope: &Scope<'_>, name: &Name) -> Result<(Path, Field), SoqlError> {
        Path::resolve(self.org.schema(), scope.object, scope.alias, name, self.text)
    }

    fn output(&self, query: &Query, scope: &Scope<'_>) -> Result<Output, SoqlError> {
        if query.items.iter().any(|item| matches!(item, Item::CountRows)) {
            let alone = query.items.len() == 1 && query.group_by.is_empty();
            if !alone {
                return Err(SoqlError::whole("MALFORMED_QUERY", "unexpected token: COUNT()"));
            }
            return Ok(Output::Count);
        }
        let aggregated = query.items.iter().any(|item| matches!(item, Item::Aggregate { .. }));
        if aggregated || !query.group_by.is_empty() {
            return self.groups(query, scope);
        }
        let mut shape = Shape::default();
        for item in &query.items {
            match item {
                Item::Field(name) => {
                    let (path, _) = self.path(scope, name)?;
                    if !shape.add(&path) {
                        let reason = format!("duplicate field selected: {}", name.text);
                        return Err(SoqlError::at("INVALID_FIELD", self.text, name.at, &reason));
                    }
                }
                Item::AllFields { which, at } => {
                    self.all_fields(&mut shape, scope, query, which, *at)?;
                }
                Item::Children(inner) => shape.leaves.push(self.children(scope, inner)?),
                Item::Aggregate { .. } | Item::CountRows => {}
            }
        }
        Ok(Output::Rows(shape))
    }

    fn all_fields(
        &self,
        shape: &mut Shape,
        scope: &Scope<'_>,
        query: &Query,
        which: &str,
        at: usize,
    ) -> Result<(), SoqlError> {
        if which != "STANDARD" && query.limit.is_none_or(|limit| limit > MAX_ALL_FIELDS) {
            let reason = "The SOQL FIELDS function must have a LIMIT of at most 200";
            return Err(SoqlError::at("MALFORMED_QUERY", self.text, at, reason));
        }
        let before = shape.leaves.len();
        for (_, field) in scope.object.visible() {
            let wanted = match which {
                "ALL" => true,
                "CUSTOM" => field.is_custom(),
                "STANDARD" => !field.is_custom(),
                _ => false,
            };
            if wanted {
                let name = Name { text: field.name.clone(), at };
                shape.add(&self.path(scope, &name)?.0);
            }
        }
        if shape.leaves.len() == before {
            let reason = "'FIELDS(...)' expansion function must result in at least one field being selected.";
            return Err(SoqlError::whole("MALFORMED_QUERY", reason));
        }
        Ok(())
    }

    fn children(&self, scope: &Scope<'_>, inner: &Query) -> Result<Leaf, SoqlError> {
        let wanted = &inner.object;
        let relationship =
            scope.object.children.iter().find(|c| c.name.eq_ignore_ascii_case(&wanted.text));
        let found = relationship.and_then(|relationship| {
            let object = self.org.schema().object(&relationship.object)?;
            Some((relationship, object, object.field(&relationship.field)?.0))
        });
        let Some((relationship, object, field)) = found else {
            let reason = format!(
                "Didn't understand relationship '{}' in FROM part of query call. If you are attempting to use a \
                 custom relationship, be sure to append the '__r' after the custom relationship name. Please \
                 reference your WSDL or the describe call for the appropriate names.",
                wanted.text
            );
            return Err(SoqlError::at("INVALID_TYPE", self.text, wanted.at, &reason));
        };
        let plan = self.plan_on(inner, &Arc::clone(object))?;
        Ok(Leaf::Children { name: relationship.name.clone(), field, plan: Box::new(plan) })
    }

    fn groups(&self, query: &Query, scope: &Scope<'_>) -> Result<Output, SoqlError> {
        let by: Vec<Path> = query
            .group_by
            .iter()
            .map(|name| self.path(scope, name).map(|(path, _)| path))
            .collect::<Result<_, _>>()?;
        let mut columns = Vec::new();
        let mut n_unnamed = 0;
        for item in &query.items {
            match item {
                Item::Field(name) => {
                    let (path, field) = self.path(scope, name)?;
                    let grouped =
                        query.group_by.iter().any(|g| g.text.eq_ignore_ascii_case(&name.text));
                    if !grouped {
                        let reason = format!("Field must be grouped or aggregated: {}", field.name);
                        return Err(SoqlError::at("MALFORMED_QUERY", self.text, name.at, &reason));
                    }
                    columns.push(Column { name: field.name, function: None, path });
                }
                Item::Aggregate { function, field, alias } => {
                    let name = alias.clone().unwrap_or_else(|| {
                        n_unnamed += 1;
                        format!("expr{}", n_unnamed - 1)
                    });
                    let (path, _) = self.path(scope, field)?;
                    columns.push(Column { name, function: Some(*function), path });
                }
                _ => {
                    let reason = "Grouped query cannot use child relationships in the SELECT list";
                    return Err(SoqlError::whole("MALFORMED_QUERY", reason));
                }
            }
        }
        Ok(Output::Groups { by, columns, having: query.having.clone() })
    }

    fn test(&self, scope: &Scope<'_>, condition: &Condition) -> Result<Test, SoqlError> {
        let all = |list: &[Condition]| {
            list.iter().map(|inner| self.test(scope, inner)).collect::<Result<Vec<_>, _>>()
        };
        match condition {
            Condition::And(list) => Ok(Test::And(all(list)?)),
            Condition::Or(list) => Ok(Test::Or(all(list)?)),
            Condition::Not(inner) => Ok(Test::Not(Box::new(self.test(scope, inner)?))),
            Condition::Compare { operand: Operand::Aggregate(..), .. } => Err(SoqlError::whole(
                "MALFORMED_QUERY",
                "Aggregate functions are not supported in WHERE",
            )),
            Condition::Compare { operand: Operand::Field(name), comparison, literal } => {
                self.comparison(scope, name, *comparison, literal)
            }
            Condition::In { field: name, literals, negated } => {
                let (path, field) = self.filterable(scope, name)?;
                let mut set = Set::default();
                for literal in literals {
                    set.add(self.value(name, &field, literal)?);
                }
                Ok(Test::OneOf { path, set, negated: *negated })
            }
            Condition::InQuery { field: name, query, negated } => {
                let (path, _) = self.filterable(scope, name)?;
                let plan = Planner { all_rows: false, ..*self }.plan(query)?;
                let mut set = Set::default();
                for value in plan.first_column(self.org) {
                    set.add(value);
                }
                Ok(Test::OneOf { path, set, negated: *negated })
            }
            Condition::Includes { field: name, sets, negated } => {
                let (path, _) = self.filterable(scope, name)?;
                let sets = sets
                    .iter()
                    .map(|set| set.to_lowercase().split(';').map(str::to_owned).collect())
                    .collect();
                Ok(Test::Includes { path, sets, negated: *negated })
            }
        }
    }

    fn filterable(&self, scope: &Scope<'_>, name: &Name) -> Result<(Path, Field), SoqlError> {
        let (path, field) = self.path(scope, name)?;
        if !field.filterable {
            let reason = format!("field '{}' can not be filtered in a query call", field.name);
            return Err(SoqlError::at("INVALID_FIELD", self.text, name.at, &reason));
        }
        Ok((path, field))
    }

    fn comparison(
        &self,
        scope: &Scope<'_>,
        name: &Name,
        comparison: Comparison,
        written: &Literal,
    ) -> Result<Test, SoqlError> {
        let (path, field) = self.filterable(scope, name)?;
        if comparison == Comparison::Like {
            let pattern = pattern(written).filter(|_| field.kind.is_text());
            return pattern.map(|pattern| Test::Like { path, pattern }).ok_or_else(|| {
                SoqlError::at(
                    "INVALID_QUERY_FILTER_OPERATOR",
                    self.text,
                    name.at,
                    "invalid operator",
                )
            });
        }
        match written {
            Literal::Relative { word, count }
                if matches!(field.kind, FieldKind::Date | FieldKind::DateTime) =>
            {
                let (from, until) = literal::range(word, *count, self.now)
                    .ok_or_else(|| self.mistyped(name, &field))?;
                Ok(Test::Range { path, comparison, from, until })
            }
            _ => Ok(Test::Compare { path, comparison, value: self.value(name, &field, written)? }),
        }
    }

    fn value(&self, name: &Name, field: &Field, literal: &Literal) -> Result<Value, SoqlError> {
        match (field.kind, literal) {
            (_, Literal::Null) => Ok(Value::Null),
            (FieldKind::Id | FieldKind::Reference, Literal::Text(text)) if text.is_empty() => {
                Ok(Value::Null)
            }
            (FieldKind::Id | FieldKind::Reference, Literal::Text(text)) => {
                RecordId::parse(text).map(Value::Id).ok_or_else(|| {
                    let reason = format!("invalid ID field: {text}");
                    SoqlError::at("INVALID_QUERY_FILTER_OPERATOR", self.text, name.at, &reason)
                })
            }
            (FieldKind::Boolean, Literal::Bool(yes)) => Ok(Value::Bool(*yes)),
            (FieldKind::Date, Literal::Date(days)) => Ok(Value::Date(*days)),
            (FieldKind::DateTime, Literal::Instant(at)) => Ok(Value::Instant(*at)),
            (FieldKind::Double | FieldKind::Currency | FieldKind::Int, Literal::Number(number)) => {
                Ok(Value::Number(*number))
            }
            (kind, Literal::Text(text)) if kind.is_text() => {
                Ok(if text.is_empty() { Value::Null } else { Value::Text(text.as_str().into()) })
            }
            _ => Err(self.mistyped(name, field)),
        }
    }

    fn mistyped(&self, name: &Name, field: &Field) -> SoqlError {
        let kind = if field.kind == FieldKind::DateTime { "dateTime" } else { field.kind.name() };
        let quoted = if field.kind.is_text() { "should be" } else { "should not be" };
        let kind = if field.kind.is_text() { "string" } else { kind };
        let reason = format!(
            "value of filter criterion for field '{}' must be of type {kind} and {quoted} enclosed in quotes",
            field.name
        );
        SoqlError::at("INVALID_FIELD", self.text, name.at, &reason)
    }
}
