//! The Avro schema of an object's events, and where each of its fields stands in them.
//!
//! Source: Pub/Sub API guide, "Event Deserialization Considerations"; Change Data Capture guide,
//! "Change Event Fields". The header comes first, compound fields nest, the rest is in the order of
//! describe. Fields that the subscriber may not see are in the schema and never have a value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::events::{is_left_out, place};
use crate::schema::{Field, FieldKind, ObjectType};

/// The kinds of change, in the order of the enum. Source: Change Data Capture guide, `changeType`.
pub(super) const CHANGE_TYPES: [&str; 10] = [
    "CREATE",
    "UPDATE",
    "DELETE",
    "UNDELETE",
    "GAP_CREATE",
    "GAP_UPDATE",
    "GAP_DELETE",
    "GAP_UNDELETE",
    "GAP_OVERFLOW",
    "SNAPSHOT",
];

/// A field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Top {
    /// One field of the object, by its place there.
    Plain(usize),
    /// A compound field: its parts, by their places in the object.
    Compound(Vec<usize>),
}

/// The schema of an object's events.
#[derive(Clone, Debug)]
pub(super) struct EventSchema {
    /// Follows from the schema: it changes whenever a field does.
    pub(super) id: String,
    /// The Avro schema.
    pub(super) json: String,
    /// The fields behind the header.
    pub(super) tops: Vec<Top>,
}

impl EventSchema {
    /// Makes the schema of the events of `object` as it is.
    pub(super) fn of(object: &ObjectType) -> Self {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (position, field) in object.fields.iter().enumerate() {
            if field.is_gone || is_left_out(object, field) {
                continue;
            }
            let (compound, name) = place(object, field);
            let part = Part { name, position, field };
            let known = groups.iter_mut().find(|it| compound.is_some() && it.compound == compound);
            match known {
                Some(group) => group.parts.push(part),
                None => groups.push(Group { compound, parts: vec![part] }),
            }
        }
        let mut declared: Vec<(String, Json)> = Vec::new();
        let mut fields = vec![header()];
        let mut tops = Vec::with_capacity(groups.len());
        for group in groups {
            let positions = || group.parts.iter().map(|it| it.position);
            match group.compound {
                Some(compound) => {
                    let kind = group.record(compound, &mut declared);
                    fields.push(json!({"name": compound, "type": ["null", kind], "default": null}));
                    tops.push(Top::Compound(positions().collect()));
                }
                None => {
                    fields.extend(group.parts.iter().map(Part::described));
                    tops.extend(positions().map(Top::Plain));
                }
            }
        }
        let json = json!({
            "name": format!("{}ChangeEvent", object.name.replace("__c", "__")),
            "namespace": "com.sforce.eventbus", "type": "record", "fields": fields,
        })
        .to_string();
        let digest = Sha256::digest(json.as_bytes());
        let id = URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default());
        Self { id, json, tops }
    }
}

struct Part<'a> {
    name: &'a str,
    position: usize,
    field: &'a Field,
}

impl Part<'_> {
    fn described(&self) -> Json {
        let kind = match self.field.kind {
            FieldKind::Boolean => "boolean",
            FieldKind::Date | FieldKind::DateTime => "long",
            FieldKind::Double | FieldKind::Currency => "double",
            FieldKind::Int => "int",
            _ => "string",
        };
        json!({"name": self.name, "type": ["null", kind], "default": null})
    }
}

/// Fields of the object that stand together.
struct Group<'a> {
    compound: Option<&'a str>,
    parts: Vec<Part<'a>>,
}

impl Group<'_> {
    /// Declares the record of a compound field; one with the same parts is named instead.
    fn record(&self, compound: &str, declared: &mut Vec<(String, Json)>) -> Json {
        let parts: Json = self.parts.iter().map(Part::described).collect();
        if let Some((name, _)) = declared.iter().find(|it| it.1 == parts) {
            return json!(name);
        }
        let stem = if compound.ends_with("Address") { "Address" } else { "PersonName" };
        let name = match declared.iter().any(|it| it.0 == stem) {
            true => compound.to_owned(),
            false => stem.to_owned(),
        };
        declared.push((name.clone(), parts.clone()));
        json!({"type": "record", "name": name, "fields": parts})
    }
}

/// The field that every event begins with.
fn header() -> Json {
    let field = |name: &str, kind: Json| json!({"name": name, "type": kind});
    let texts = || json!({"type": "array", "items": "string"});
    let change_type = json!({"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES});
    json!({"name": "ChangeEventHeader", "type": {
        "type": "record", "name": "ChangeEventHeader",
        "fields": [
            field("entityName", json!("string")),
            field("recordIds", texts()),
            field("changeType", change_type),
            field("changeOrigin", json!("string")),
            field("transactionKey", json!("string")),
            field("sequenceNumber", json!("int")),
            field("commitTimestamp", json!("long")),
            field("commitNumber", json!("long")),
            field("commitUser", json!("string")),
            field("nulledFields", texts()),
            field("diffFields", texts()),
            field("changedFields", texts()),
        ],
    }})
}
