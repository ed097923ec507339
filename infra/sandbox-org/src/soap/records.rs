//! Records in messages, and what came of them.

use serde_json::{Map, Value as Json};

use super::element::Element;
use super::envelope::put;
use crate::ids::RecordId;
use crate::org::{RecordError, Settled};

/// A record of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SoapRecord {
    /// Object.
    pub(super) object: String,
    /// Id, when it has one.
    pub(super) id: Option<String>,
    /// Values by field name; null for the fields that are to be emptied.
    pub(super) fields: Map<String, Json>,
}

/// Reads a record: its type, its fields, and the fields that are to be emptied.
pub(super) fn read(element: &Element) -> SoapRecord {
    let mut record = SoapRecord::default();
    for child in &element.children {
        let text = child.text.clone();
        match child.name.as_str() {
            "type" => text.trim().clone_into(&mut record.object),
            "Id" | "id" if !child.is_nil => record.id = Some(text.trim().to_owned()),
            "Id" | "id" => {}
            "fieldsToNull" => {
                record.fields.insert(text.trim().to_owned(), Json::Null);
            }
            // Nil means "not told" here: only `fieldsToNull` empties a field.
            _ if child.is_nil => {}
            name => {
                record.fields.insert(name.to_owned(), Json::String(text));
            }
        }
    }
    record
}

/// What a result tells besides the id and the errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing.
    Plain,
    /// Whether the record is new.
    Created,
}

/// Writes what came of one record.
pub(super) fn result(settled: &Settled, named: Option<RecordId>, told: Told) -> String {
    let mut xml = String::from("<result>");
    match settled {
        Ok(done) => {
            if told == Told::Created {
                put(&mut xml, "created", &done.created.to_string());
            }
            put(&mut xml, "id", &done.id.to_string());
            put(&mut xml, "success", "true");
        }
        Err(refusal) => {
            if told == Told::Created {
                put(&mut xml, "created", "false");
            }
            error(&mut xml, refusal);
            match named {
                Some(id) => put(&mut xml, "id", &id.to_string()),
                None => xml.push_str("<id xsi:nil=\"true\"/>"),
            }
            put(&mut xml, "success", "false");
        }
    }
    xml.push_str("</result>");
    xml
}

/// Writes an error.
pub(super) fn error(into: &mut String, refusal: &RecordError) {
    into.push_str("<errors>");
    for field in &refusal.fields {
        put(into, "fields", field);
    }
    put(into, "message", &refusal.message);
    put(into, "statusCode", refusal.code);
    into.push_str("</errors>");
}
