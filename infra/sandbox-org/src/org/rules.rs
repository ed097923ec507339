//! What the org itself writes when a row is saved: defaults, names, what follows from a status.

use super::row::{Row, Value};
use super::state::Org;
use crate::ids::RecordId;
use crate::schema::{FieldKind, ObjectType, position};

/// Statuses that close a case.
const CLOSED: &[&str] = &["Settled", "Closed"];

/// Fills a new row before the request's values.
pub(super) fn fill_defaults(object: &ObjectType, row: &mut Row, user: RecordId) {
    for (place, field) in object.fields.iter().enumerate() {
        if let Some(default) = &field.default {
            let value = match field.kind {
                FieldKind::Boolean => Value::Bool(default == "true"),
                _ => Value::Text(default.as_str().into()),
            };
            row.set(place, value);
        } else if field.kind == FieldKind::Boolean && place != position::IS_DELETED {
            row.set(place, Value::Bool(false));
        }
        if field.name == "OwnerId" {
            row.set(place, Value::Id(user));
        }
    }
}

/// Derives fields from others, after the request's values.
pub(super) fn derive(org: &Org, object: &ObjectType, row: &mut Row, now: i64) {
    match object.name.as_str() {
        "Case" => derive_case(org, object, row, now),
        "Contact" | "User" => derive_person(object, row),
        _ => {}
    }
}

fn text_at(object: &ObjectType, row: &Row, name: &str) -> Option<String> {
    row.get(object.place(name)?).as_text().map(str::to_owned)
}

fn derive_person(object: &ObjectType, row: &mut Row) {
    let parts = ["FirstName", "LastName"];
    let name: Vec<String> = parts.iter().filter_map(|part| text_at(object, row, part)).collect();
    if let Some(place) = object.place("Name") {
        row.set(place, Value::Text(name.join(" ").into_boxed_str()));
    }
}

fn derive_case(org: &Org, object: &ObjectType, row: &mut Row, now: i64) {
    // A row has no such place: what is put there is lost, what is read from there is null.
    let place = |name| object.place(name).unwrap_or(usize::MAX);
    if row.get(place("CaseNumber")).is_null() {
        let number = format!("{:08}", 1_000 + row.id.number());
        row.set(place("CaseNumber"), Value::Text(number.into_boxed_str()));
    }
    let status = text_at(object, row, "Status");
    let closed = status.as_deref().is_some_and(|status| CLOSED.contains(&status));
    row.set(place("IsClosed"), Value::Bool(closed));
    if !closed {
        row.set(place("ClosedDate"), Value::Null);
    } else if row.get(place("ClosedDate")).is_null() {
        row.set(place("ClosedDate"), Value::Instant(now));
    }
    let contact = row
        .get(place("ContactId"))
        .as_id()
        .and_then(|id| org.table("Contact").and_then(|table| Some((table, table.row(id)?))));
    for (field, source) in
        [("ContactPhone", "Phone"), ("ContactMobile", "MobilePhone"), ("ContactEmail", "Email")]
    {
        let value = contact
            .and_then(|(table, row)| Some(row.get(table.object.place(source)?).clone()))
            .unwrap_or_default();
        row.set(place(field), value);
    }
    if row.get(place("AccountId")).is_null()
        && let Some((table, contact)) = contact
        && let Some(account) = table.object.place("AccountId")
    {
        row.set(place("AccountId"), contact.get(account).clone());
    }
}
