//! Walks a query and looks up every name in it.

use shared::ids::SalesforceId;

use super::super::bounds::Transport;
use super::super::condition::{Comparison, Condition, Function, Operand};
use super::super::literal::Literal;
use super::super::name::FieldPath;
use super::super::query::{FieldSet, Grouping, Query, SelectItem, TypeOf};
use super::fault::{NameFault, NameFaultKind, NameFaults};
use super::scope::{Found, Scope, closest};
use crate::schema::{DescribeSet, FieldDescribe, FieldType, ObjectDescribe};

/// Checks every name of `query` against what the org says, and what may be done with each field.
///
/// # Errors
/// [`NameFaults`] with every fault, each with the name that was probably meant.
pub fn check(query: &Query, describes: &DescribeSet) -> Result<(), NameFaults> {
    run(query, describes, Transport::Body)
}

/// Checks the same, and that Bulk carries every field that is selected.
///
/// # Errors
/// [`NameFaults`] with every fault, each with the name that was probably meant.
pub fn check_for_bulk(query: &Query, describes: &DescribeSet) -> Result<(), NameFaults> {
    run(query, describes, Transport::Bulk)
}

fn run(query: &Query, describes: &DescribeSet, transport: Transport) -> Result<(), NameFaults> {
    let mut check = Check { describes, transport, faults: Vec::new() };
    check.statement(query);
    if check.faults.is_empty() { Ok(()) } else { Err(NameFaults(check.faults)) }
}

struct Check<'a> {
    describes: &'a DescribeSet,
    transport: Transport,
    faults: Vec<NameFault>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, name: &str, object: &str, kind: NameFaultKind) {
        let (name, object) = (name.to_owned(), object.to_owned());
        self.faults.push(NameFault { name, object, kind, nearest: None });
    }

    fn statement(&mut self, query: &Query) {
        let name = query.source.object.as_str();
        match self.describes.get(name) {
            Some(object) => self.query(query, object),
            None => {
                let names = self.describes.objects().map(|it| it.name().as_str());
                let nearest = closest(name, names);
                let (name, object) = (name.to_owned(), String::new());
                let kind = NameFaultKind::UnknownObject;
                self.faults.push(NameFault { name, object, kind, nearest });
            }
        }
    }

    fn query(&mut self, query: &Query, object: &'a ObjectDescribe) {
        let scope = Scope::open(self.describes, object, &query.source, &mut self.faults);
        for item in &query.items {
            self.item(&scope, item);
        }
        for tree in query.condition.iter().chain(&query.having) {
            self.condition(&scope, tree);
        }
        for field in query.grouping.iter().flat_map(Grouping::fields) {
            self.demand(&scope, field, NameFaultKind::NotGroupable, |it| it.groupable);
        }
        for key in &query.order {
            match &key.operand {
                Operand::Field(field) => {
                    self.demand(&scope, field, NameFaultKind::NotSortable, |it| it.sortable);
                }
                Operand::Aggregate(function, field) => self.aggregate(&scope, *function, field),
            }
        }
    }

    /// Looks a field up; a fault is noted.
    fn find(&mut self, scope: &Scope<'a>, path: &FieldPath) -> Option<Found<'a>> {
        scope.field(path).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// Looks a field up and asks something of it.
    fn demand(
        &mut self,
        scope: &Scope<'a>,
        path: &FieldPath,
        kind: NameFaultKind,
        holds: impl Fn(&FieldDescribe) -> bool,
    ) -> Option<Found<'a>> {
        let found = self.find(scope, path)?;
        if let Found::Field(object, field) = found
            && !holds(field)
        {
            self.fault(path.as_str(), object.name().as_str(), kind);
            return None;
        }
        Some(found)
    }

    fn item(&mut self, scope: &Scope<'a>, item: &SelectItem) {
        match item {
            SelectItem::Field(path) | SelectItem::Label(path) | SelectItem::Formatted(path) => {
                let is_bulk = self.transport == Transport::Bulk;
                self.demand(scope, path, NameFaultKind::NotInBulk, |field| {
                    let is_blob = field.field_type == FieldType::Base64;
                    !is_bulk || !(is_blob || field.field_type.is_compound())
                });
            }
            SelectItem::CountRecords => {}
            SelectItem::Aggregate(function, path, _) => self.aggregate(scope, *function, path),
            SelectItem::Fields(set) => self.field_set(scope, *set),
            SelectItem::TypeOf(type_of) => self.type_of(scope, type_of),
            SelectItem::Children(inner) => self.children(scope, inner),
        }
    }

    fn aggregate(&mut self, scope: &Scope<'a>, function: Function, path: &FieldPath) {
        self.demand(scope, path, NameFaultKind::NotAggregatable, |field| {
            let needs_number = matches!(function, Function::Sum | Function::Avg);
            field.aggregatable.unwrap_or(true) && (!needs_number || field.field_type.is_number())
        });
    }

    fn field_set(&mut self, scope: &Scope<'a>, set: FieldSet) {
        let is_in_set = |field: &FieldDescribe| match set {
            FieldSet::All => true,
            FieldSet::Standard => !field.custom,
            FieldSet::Custom => field.custom,
        };
        if !scope.object.fields.iter().any(is_in_set) {
            let name = format!("FIELDS({})", set.name());
            self.fault(&name, scope.object.name().as_str(), NameFaultKind::NoFields);
        }
    }

    fn type_of(&mut self, scope: &Scope<'a>, type_of: &TypeOf) {
        let name = type_of.relationship.as_str();
        match scope.reference(&type_of.relationship) {
            Err(fault) => return self.faults.push(fault),
            Ok(field) if !field.is_polymorphic() => {
                self.fault(name, scope.object.name().as_str(), NameFaultKind::NotPolymorphic);
                return;
            }
            Ok(_) => {}
        }
        for (object, fields) in &type_of.cases {
            let as_query = Query::new(object.clone(), fields.iter().cloned());
            self.statement(&as_query);
        }
    }

    fn children(&mut self, scope: &Scope<'a>, inner: &Query) {
        let name = inner.source.object.as_str();
        let own = scope.object.name().as_str();
        let Some(children) = scope.object.children(name) else {
            let relationships = scope.object.child_relationships.iter();
            let names = relationships.filter_map(|it| it.relationship_name.as_deref());
            self.faults.push(NameFault {
                name: name.to_owned(),
                object: own.to_owned(),
                kind: NameFaultKind::UnknownChildren,
                nearest: closest(name, names),
            });
            return;
        };
        match self.describes.get(children.child_object.as_str()) {
            Some(object) => self.query(inner, object),
            None => self.fault(name, children.child_object.as_str(), NameFaultKind::NotDescribed),
        }
    }

    fn condition(&mut self, scope: &Scope<'a>, condition: &Condition) {
        match condition {
            Condition::All(group) | Condition::Any(group) => {
                group.conditions().iter().for_each(|it| self.condition(scope, it));
            }
            Condition::Not(inner) => self.condition(scope, inner),
            Condition::Compare(Operand::Aggregate(function, path), _, _)
            | Condition::Like(Operand::Aggregate(function, path), _) => {
                self.aggregate(scope, *function, path);
            }
            Condition::Compare(Operand::Field(path), comparison, value) => {
                self.compared(scope, path, std::slice::from_ref(value));
                self.ordered(scope, path, *comparison);
            }
            Condition::Member(path, _, values) => self.compared(scope, path, values),
            Condition::Like(Operand::Field(path), _) => {
                let is_text = |it: &FieldType| {
                    it.is_text() && !matches!(it, FieldType::Id | FieldType::Reference)
                };
                self.for_type(scope, path, "text", is_text);
            }
            Condition::Picklist(path, _, _) => {
                let wanted = "picklists of several values";
                self.for_type(scope, path, wanted, |it| *it == FieldType::MultiPicklist);
            }
            Condition::MemberOf(path, _, inner) => {
                let is_key = |it: &FieldType| matches!(it, FieldType::Id | FieldType::Reference);
                self.for_type(scope, path, "ids and references", is_key);
                self.statement(inner);
                if let (Some(object), [SelectItem::Field(selected)]) =
                    (self.describes.get(inner.source.object.as_str()), inner.items.as_slice())
                    && let Some(field) = object.field(selected.as_str())
                    && !is_key(&field.field_type)
                {
                    let kind = NameFaultKind::WrongOperator { wanted: "ids and references" };
                    self.fault(selected.as_str(), object.name().as_str(), kind);
                }
            }
        }
    }

    fn filtered(&mut self, scope: &Scope<'a>, path: &FieldPath) -> Option<Found<'a>> {
        self.demand(scope, path, NameFaultKind::NotFilterable, |it| it.filterable)
    }

    fn for_type(
        &mut self,
        scope: &Scope<'a>,
        path: &FieldPath,
        wanted: &'static str,
        holds: impl Fn(&FieldType) -> bool,
    ) {
        if let Some(Found::Field(object, field)) = self.filtered(scope, path)
            && !holds(&field.field_type)
        {
            let kind = NameFaultKind::WrongOperator { wanted };
            self.fault(path.as_str(), object.name().as_str(), kind);
        }
    }

    fn ordered(&mut self, scope: &Scope<'a>, path: &FieldPath, comparison: Comparison) {
        let needs_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if let Ok(Found::Field(object, field)) = scope.field(path)
            && needs_order
            && matches!(field.field_type, FieldType::Boolean | FieldType::MultiPicklist)
        {
            let kind = NameFaultKind::WrongOperator { wanted: "values that have an order" };
            self.fault(path.as_str(), object.name().as_str(), kind);
        }
    }

    fn compared(&mut self, scope: &Scope<'a>, path: &FieldPath, values: &[Literal]) {
        let Some(found) = self.filtered(scope, path) else { return };
        let (Found::Field(object, _), Some(field_type)) = (found, found.field_type()) else {
            return;
        };
        if let Some(wanted) = values.iter().find_map(|value| wanted_instead(field_type, value)) {
            let kind = NameFaultKind::WrongType { wanted };
            self.fault(path.as_str(), object.name().as_str(), kind);
        }
    }
}

/// Returns what a field of this type is compared with, when `value` is something else.
fn wanted_instead(field_type: &FieldType, value: &Literal) -> Option<&'static str> {
    let is_id = |text: &str| text.is_empty() || SalesforceId::parse(text).is_ok();
    let (fits, wanted) = match (field_type, value) {
        (_, Literal::Null) | (FieldType::Other(_) | FieldType::Time, _) => (true, ""),
        (FieldType::Id | FieldType::Reference, value) => {
            let fits = matches!(value, Literal::Text(text) if is_id(text));
            (fits, "a record id of 15 or 18 characters, in quotes")
        }
        (FieldType::Boolean, value) => (matches!(value, Literal::Bool(_)), "TRUE or FALSE"),
        (FieldType::Date, value) => (
            matches!(value, Literal::Date(_) | Literal::Relative(_)),
            "a day without quotes, such as 2026-01-31",
        ),
        (FieldType::DateTime, value) => (
            matches!(value, Literal::Instant(_) | Literal::Relative(_)),
            "an instant without quotes, such as 2026-01-31T10:00:00Z",
        ),
        (FieldType::Currency, value) => {
            (matches!(value, Literal::Number(_) | Literal::Money(_)), "a number or an amount")
        }
        (number, value) if number.is_number() => (matches!(value, Literal::Number(_)), "a number"),
        (text, value) if text.is_text() => {
            (matches!(value, Literal::Text(_)), "text in single quotes")
        }
        _ => (true, ""),
    };
    (!fits).then_some(wanted)
}
