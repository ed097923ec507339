//! Rules of the platform that look at a row as a whole.

use super::error::RecordError;
use super::row::{Row, Value};
use super::state::Org;
use crate::ids::RecordId;
use crate::schema::ObjectType;

/// Most steps that are followed to find a circle; longer chains of parents do not occur.
const MAX_STEPS: usize = 100;

/// Checks a row that is to be saved.
pub(super) fn check(
    org: &Org,
    object: &ObjectType,
    before: Option<&Row>,
    row: &Row,
) -> Result<(), RecordError> {
    for (place, field) in object.fields.iter().enumerate() {
        let value = row.get(place);
        if before.is_some_and(|before| before.get(place) == value) {
            continue;
        }
        let Some(id) = value.as_id() else { continue };
        if field.name == "OwnerId" && !org.is_active(id) {
            let message = format!(
                "operation performed with inactive user [{id}] as owner of {}",
                object.label.to_lowercase()
            );
            return Err(RecordError::new("INACTIVE_OWNER_OR_USER", message).with_field(&field.name));
        }
        let leads_to_itself = field.is_parent() && field.reference_to.contains(&object.name);
        if leads_to_itself && comes_back(org, object, place, row.id, id) {
            let message = format!("attempt to violate hierarchy constraints: {}", field.name);
            return Err(RecordError::new("CIRCULAR_DEPENDENCY", message).with_field(&field.name));
        }
    }
    Ok(())
}

/// Tells whether parents of `parent` lead back to `start`.
fn comes_back(
    org: &Org,
    object: &ObjectType,
    place: usize,
    start: RecordId,
    parent: RecordId,
) -> bool {
    let mut here = parent;
    for _ in 0..MAX_STEPS {
        if here == start {
            return true;
        }
        let next =
            org.table(&object.name).and_then(|table| table.row(here)).map(|row| row.get(place));
        let Some(Value::Id(next)) = next else { return false };
        here = *next;
    }
    false
}
