//! Writes rows as JSON, in the order of the SELECT list.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::path::Path;
use super::plan::Plan;
use crate::org::{Org, Row};
use crate::schema::{FieldKind, ObjectType};

/// What is written of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) leaves: Vec<Leaf>,
}

/// One key of a row's JSON.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Field { name: String, position: usize, kind: FieldKind },
    Parent { name: String, field: usize, target: Arc<ObjectType>, shape: Shape },
    Children { name: String, field: usize, plan: Box<Plan> },
}

impl Shape {
    /// Adds a field; false when it is there already.
    pub(super) fn add(&mut self, path: &Path) -> bool {
        let mut shape = self;
        for step in &path.steps {
            let known = shape.leaves.iter().position(
                |leaf| matches!(leaf, Leaf::Parent { field, .. } if *field == step.field),
            );
            let idx = known.unwrap_or_else(|| {
                shape.leaves.push(Leaf::Parent {
                    name: step.name.clone(),
                    field: step.field,
                    target: Arc::clone(&step.target),
                    shape: Self::default(),
                });
                shape.leaves.len() - 1
            });
            match shape.leaves.get_mut(idx) {
                Some(Leaf::Parent { shape: inner, .. }) => shape = inner,
                _ => return false,
            }
        }
        let twice = shape
            .leaves
            .iter()
            .any(|leaf| matches!(leaf, Leaf::Field { position, .. } if *position == path.position));
        if !twice {
            let (name, position, kind) = (path.name.clone(), path.position, path.kind);
            shape.leaves.push(Leaf::Field { name, position, kind });
        }
        !twice
    }

    /// Returns the place of the first field, when it belongs to the row itself.
    pub(super) fn first_position(&self) -> Option<usize> {
        match self.leaves.first() {
            Some(Leaf::Field { position, .. }) => Some(*position),
            _ => None,
        }
    }
}

/// Writes one row.
pub(super) fn row(
    org: &Org,
    object: &Arc<ObjectType>,
    shape: &Shape,
    row: &Row,
    version: &str,
    into: &mut String,
) {
    let _ = write!(
        into,
        r#"{{"attributes":{{"type":"{0}","url":"/services/data/{version}/sobjects/{0}/{1}"}}"#,
        object.name, row.id
    );
    for leaf in &shape.leaves {
        match leaf {
            Leaf::Field { name, position, kind } => {
                let json = field_json(object, row, *position, *kind);
                let _ = write!(into, r#","{name}":{json}"#);
            }
            Leaf::Parent { name, field, target, shape } => {
                let _ = write!(into, r#","{name}":"#);
                let parent =
                    row.get(*field).as_id().and_then(|id| org.table(&target.name)?.row(id));
                match parent {
                    Some(parent) => self::row(org, target, shape, parent, version, into),
                    None => into.push_str("null"),
                }
            }
            Leaf::Children { name, field, plan } => {
                let _ = write!(into, r#","{name}":"#);
                children(org, plan, *field, row, version, into);
            }
        }
    }
    into.push('}');
}

fn children(org: &Org, plan: &Plan, field: usize, parent: &Row, version: &str, into: &mut String) {
    // The condition on the parent comes after ORDER BY and LIMIT would, so those are applied here.
    let unlimited = Plan { limit: None, offset: 0, ..plan.clone() };
    let rows: Vec<&Row> = unlimited
        .rows(org)
        .into_iter()
        .filter(|row| row.get(field).as_id() == Some(parent.id))
        .collect();
    let rows = plan.window(rows);
    if rows.is_empty() {
        into.push_str("null");
        return;
    }
    let _ = write!(into, r#"{{"totalSize":{},"done":true,"records":["#, rows.len());
    for (idx, row) in rows.iter().enumerate() {
        if idx > 0 {
            into.push(',');
        }
        plan.write_row(org, row.id, version, into);
    }
    into.push_str("]}");
}

/// Returns the JSON of one field; addresses are put together from their parts.
fn field_json(object: &ObjectType, row: &Row, position: usize, kind: FieldKind) -> Json {
    if kind != FieldKind::Address {
        return row.get(position).to_json(kind);
    }
    let compound = object.fields.get(position).map_or("", |field| field.name.as_str());
    let stem = compound.strip_suffix("Address").unwrap_or(compound);
    let part = |name: &str| {
        let place = object.place(&format!("{stem}{name}"));
        place.map_or(Json::Null, |place| row.get(place).to_json(FieldKind::Text))
    };
    let parts = [part("City"), part("Country"), part("PostalCode"), part("State"), part("Street")];
    if parts.iter().all(Json::is_null) {
        return Json::Null;
    }
    let [city, country, postal_code, state, street] = parts;
    json!({
        "city": city, "country": country, "geocodeAccuracy": null, "latitude": null,
        "longitude": null, "postalCode": postal_code, "state": state, "street": street,
    })
}

/// Writes one row with all fields, or those named by position.
pub(crate) fn record(object: &ObjectType, row: &Row, positions: &[usize], version: &str) -> Json {
    let mut all = serde_json::Map::new();
    let url = format!("/services/data/{version}/sobjects/{}/{}", object.name, row.id);
    all.insert("attributes".into(), json!({"type": object.name, "url": url}));
    for position in positions {
        if let Some(field) = object.fields.get(*position).filter(|field| field.is_visible()) {
            all.insert(field.name.clone(), field_json(object, row, *position, field.kind));
        }
    }
    Json::Object(all)
}
