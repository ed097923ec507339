//! A field reached from a row, over parents where need be.

use std::sync::Arc;

use super::ast::Name;
use super::error::SoqlError;
use crate::org::{Org, Row, Value};
use crate::schema::{Field, FieldKind, ObjectType, Schema};

/// Parents that a path may climb. Source: SOQL relationship limits.
const MAX_PARENTS: usize = 5;

/// One step to a parent.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The reference that is followed.
    pub(super) field: usize,
    /// Name as the API writes it.
    pub(super) name: String,
    /// Where it leads.
    pub(super) target: Arc<ObjectType>,
}

/// A field reached from a row.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
    pub(super) position: usize,
    pub(super) kind: FieldKind,
    pub(super) name: String,
}

impl Path {
    /// Finds the field that `name` means on `object`.
    pub(super) fn resolve(
        schema: &Schema,
        object: &Arc<ObjectType>,
        alias: Option<&str>,
        name: &Name,
        query: &str,
    ) -> Result<(Self, Field), SoqlError> {
        let mut parts: Vec<&str> = name.text.split('.').collect();
        let own = |part: &&str| {
            alias.is_some_and(|alias| alias.eq_ignore_ascii_case(part))
                || (object.name.eq_ignore_ascii_case(part) && object.relationship(part).is_none())
        };
        if parts.len() > 1 && parts.first().is_some_and(own) {
            parts.remove(0);
        }
        let last = parts.pop().unwrap_or_default();
        let mut here = Arc::clone(object);
        let mut steps = Vec::new();
        for part in parts {
            let step = here.relationship(part).and_then(|(field, definition)| {
                let target = Arc::clone(schema.target(definition)?);
                Some(Step { field, name: definition.relationship.clone()?, target })
            });
            let Some(step) = step.filter(|_| steps.len() < MAX_PARENTS) else {
                let reason = format!(
                    "Didn't understand relationship '{part}' in field path. If you are attempting to use a \
                     custom relationship, be sure to append the '__r' after the custom relationship name. \
                     Please reference your WSDL or the describe call for the appropriate names."
                );
                return Err(SoqlError::at("INVALID_FIELD", query, name.at, &reason));
            };
            here = Arc::clone(&step.target);
            steps.push(step);
        }
        let Some((position, field)) = here.field(last) else {
            let reason = format!(
                "No such column '{last}' on entity '{}'. If you are attempting to use a custom field, be sure \
                 to append the '__c' after the custom field name. Please reference your WSDL or the describe \
                 call for the appropriate names.",
                here.name
            );
            return Err(SoqlError::at("INVALID_FIELD", query, name.at, &reason));
        };
        let field = field.clone();
        let path = Self { steps, position, kind: field.kind, name: field.name.clone() };
        Ok((path, field))
    }

    /// Returns the value for `row`; a missing parent gives null.
    pub(super) fn value<'a>(&self, org: &'a Org, row: &'a Row) -> &'a Value {
        const NULL: &Value = &Value::Null;
        let mut here = row;
        for step in &self.steps {
            let parent =
                here.get(step.field).as_id().and_then(|id| org.table(&step.target.name)?.row(id));
            match parent {
                Some(parent) => here = parent,
                None => return NULL,
            }
        }
        here.get(self.position)
    }
}
