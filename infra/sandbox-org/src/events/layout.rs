//! Which fields events have, and where they stand in them.

use crate::schema::{Field, FieldKind, ObjectType};

/// Fields that events leave out. Source: Change Data Capture guide, event body fields.
const LEFT_OUT: &[&str] =
    &["Id", "IsDeleted", "SystemModstamp", "ContactPhone", "ContactMobile", "ContactEmail"];

/// Returns where a field stands in an event: the compound field around it, and its name there.
#[must_use]
pub(crate) fn place<'a>(object: &ObjectType, field: &'a Field) -> (Option<&'a str>, &'a str) {
    if let Some(compound) = field.part_of.as_deref() {
        let stem = compound.strip_suffix("Address").unwrap_or(compound);
        return (Some(compound), field.name.strip_prefix(stem).unwrap_or(&field.name));
    }
    let named = object.name == "Contact"
        && matches!(field.name.as_str(), "FirstName" | "LastName" | "Salutation");
    (named.then_some("Name"), field.name.as_str())
}

/// Tells whether events never carry a field by itself: derived values, and compounds that its parts fill.
#[must_use]
pub(crate) fn is_left_out(object: &ObjectType, field: &Field) -> bool {
    LEFT_OUT.contains(&field.name.as_str())
        || field.kind == FieldKind::Address
        || (object.name == "Contact" && field.name == "Name")
}
