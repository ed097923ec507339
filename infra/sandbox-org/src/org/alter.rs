//! The schema changes while the org runs, and the rows with it.

use std::sync::Arc;

use super::row::{Row, Value, parse_date, parse_instant};
use super::state::Org;
use crate::ids::RecordId;
use crate::schema::{AlterError, Alteration, Field, FieldKind, ObjectType};

impl Org {
    /// Changes the schema; returns the object and how many rows lost a value by it.
    ///
    /// Rows keep their stamps: nobody changed them, which is why pollers cannot see it.
    ///
    /// # Errors
    /// The object or field is not there, there already, or cannot be so; nothing has changed then.
    pub(crate) fn alter(
        &mut self,
        alteration: &Alteration,
    ) -> Result<(Arc<ObjectType>, usize), AlterError> {
        let name = alteration.object();
        let known = self.schema.object(name);
        let known = known.ok_or_else(|| AlterError::UnknownObject { object: name.to_owned() })?;
        let old = Arc::clone(known);
        let mut object = (*old).clone();
        let altered = object.alter(alteration)?;
        self.schema = Arc::new(self.schema.with(&object));
        for table in self.tables.values_mut() {
            if let Some(object) = self.schema.object(&table.object.name) {
                table.object = Arc::clone(object);
            }
        }
        let object = self.schema.object(name).map_or(old.clone(), Arc::clone);
        let n_lost = if altered.is_emptied || altered.is_recast {
            self.recast(&old, &object, altered.place)
        } else {
            0
        };
        if let Some(table) = self.tables.get_mut(&object.name) {
            table.index();
        }
        Ok((object, n_lost))
    }

    /// Reads the values of a field again, as what it holds now; returns how many were lost.
    fn recast(&mut self, old: &ObjectType, new: &ObjectType, place: usize) -> usize {
        let (Some(from), Some(to)) = (old.fields.get(place), new.fields.get(place)) else {
            return 0;
        };
        let Some(table) = self.tables.get_mut(&new.name) else { return 0 };
        let holders: Vec<Row> =
            table.rows().filter(|row| !row.get(place).is_null()).cloned().collect();
        let mut n_lost = 0;
        for mut row in holders {
            let text = row.get(place).to_xml_text(from.kind).unwrap_or_default();
            let value = if to.is_gone { Value::Null } else { recast(to, &text) };
            let is_lost = value.to_xml_text(to.kind).is_none_or(|new| new != text);
            n_lost += usize::from(is_lost);
            row.set(place, value);
            table.put(row);
        }
        n_lost
    }
}

/// Reads a text as a value of `field`; null when it is none.
fn recast(field: &Field, text: &str) -> Value {
    match field.kind {
        FieldKind::Boolean => text.parse().map_or(Value::Null, Value::Bool),
        FieldKind::Double | FieldKind::Currency | FieldKind::Int => {
            text.parse().map_or(Value::Null, Value::Number)
        }
        FieldKind::Date => parse_date(text).map_or(Value::Null, Value::Date),
        FieldKind::DateTime => parse_instant(text).map_or(Value::Null, Value::Instant),
        FieldKind::Reference | FieldKind::Id => {
            RecordId::parse(text).map_or(Value::Null, Value::Id)
        }
        _ if field.length > 0 => {
            let cut: String = text.chars().take(field.length).collect();
            Value::Text(cut.into_boxed_str())
        }
        _ => Value::Text(text.into()),
    }
}
