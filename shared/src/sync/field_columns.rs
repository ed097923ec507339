//! Which custom fields the mappings in force have, and what their columns hold.

use tracing::{info, warn};

use super::mapping::{CUSTOM_PREFIX, FieldMapping, Mappings};
use crate::error::chain;
use crate::ports::{CustomField, FieldColumns, FieldViews};

/// Names the columns of every custom field of `mappings`, which are those of all connections.
pub fn field_columns<'a>(mappings: impl IntoIterator<Item = &'a Mappings>) -> FieldColumns {
    let mut fields = Vec::new();
    for mapping in mappings.into_iter().flat_map(Mappings::objects) {
        fields.extend(mapping.fields.iter().filter_map(|field: &FieldMapping| {
            let name = field.local.strip_prefix(CUSTOM_PREFIX)?;
            CustomField::new(mapping.entity, name, field.column_kind())
        }));
    }
    FieldColumns::of(fields)
}

/// Has `views` show the custom fields of `mappings`. Nothing else rests on the views: when they
/// cannot be made, a warning says so and the work goes on.
pub async fn publish_fields<'a>(
    views: &dyn FieldViews,
    mappings: impl IntoIterator<Item = &'a Mappings>,
) {
    let columns = field_columns(mappings);
    match views.publish(&columns).await {
        Ok(true) => {
            info!(n_columns = columns.iter().count(), "views of custom fields were made anew");
        }
        Ok(false) => {}
        Err(error) => warn!(error = %chain(&error),
            "views of custom fields were not made: those who read the database see the old ones"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entity;
    use crate::ports::{ColumnKind, MemoryFieldViews};
    use crate::sync::{ObjectMapping, read_mapping};

    fn mapping(fields: &str) -> ObjectMapping {
        let text = format!("object: Matter__c\nentity: case\nfields:\n{fields}");
        read_mapping("matter.yaml", &text).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    #[test]
    fn columns_hold_what_conversions_make_of_the_field() {
        let mapped = mapping(
            "  - { remote: Name, local: title }\n\
             \x20 - { remote: A__c, local: custom.a }\n\
             \x20 - { remote: B__c, local: custom.b, type: bool, convert: [invert], direction: in }\n\
             \x20 - { remote: C__c, local: custom.c, type: number, convert: [{ scale: 100 }] }\n\
             \x20 - { remote: D__c, local: custom.d, type: date }\n\
             \x20 - { remote: E__c, local: custom.e, type: datetime }\n\
             \x20 - { remote: F__c, local: custom.f, type: datetime, convert: [day], direction: in }\n\
             \x20 - { remote: G__c, local: custom.g, type: date, convert: [{ prefix: 'D ' }] }\n\
             \x20 - { remote: H__c, local: custom.h, references: Account }\n",
        );

        let columns = field_columns(&[Mappings::new("salesforce", [mapped])]);

        let kinds: Vec<_> = columns
            .of_entity(Entity::Case)
            .map(|it| (it.column.as_str(), it.field.kind()))
            .collect();
        assert_eq!(
            kinds,
            [
                ("a", ColumnKind::Text),
                ("b", ColumnKind::Bool),
                ("c", ColumnKind::Number),
                ("d", ColumnKind::Date),
                ("e", ColumnKind::Datetime),
                ("f", ColumnKind::Date),
                ("g", ColumnKind::Text),
                ("h", ColumnKind::Text),
            ]
        );
    }

    #[tokio::test]
    async fn fields_of_every_connection_are_published() {
        let views = MemoryFieldViews::default();
        let one = mapping("  - { remote: A__c, local: custom.a }\n");
        let other = mapping("  - { remote: B__c, local: custom.b, type: number }\n");
        let mappings = [one, other].map(|it| Mappings::new("salesforce", [it]));

        publish_fields(&views, &mappings).await;

        let published = views.published().await.unwrap();
        let names: Vec<_> = published.iter().map(|it| it.column.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
