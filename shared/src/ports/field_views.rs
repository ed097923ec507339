//! Mapped custom fields as typed columns, for those who read the database itself.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::model::Entity;

/// What a column of a custom field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Text, and ids of our rows.
    Text,
    /// True or false.
    Bool,
    /// A number, whole or not.
    Number,
    /// A day.
    Date,
    /// An instant.
    Datetime,
}

impl ColumnKind {
    /// Returns the name used in mappings and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Date => "date",
            Self::Datetime => "datetime",
        }
    }
}

/// A custom field that is mapped: `custom.NAME` of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CustomField {
    entity: Entity,
    name: String,
    kind: ColumnKind,
}

impl CustomField {
    /// Names a field of `entity` by what stands behind `custom.`; `None` when that is not made of
    /// ASCII letters, digits and `_` alone, as every name in a mapping is.
    pub fn new(entity: Entity, name: &str, kind: ColumnKind) -> Option<Self> {
        let is_plain = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        is_plain.then(|| Self { entity, name: name.to_owned(), kind })
    }

    /// Returns the entity.
    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// Returns its name, without `custom.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }
}

/// Longest name of a column, in bytes. Source: PostgreSQL, "Identifiers and Key Words".
const MAX_NAME_BYTES: usize = 63;

/// What every row has beside its id and what sync writes.
const ROW_COLUMNS: [&str; 7] =
    ["is_deleted", "connection", "object", "record_id", "version", "created_at", "updated_at"];

/// A custom field with the column under which it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldColumn {
    /// The field.
    pub field: CustomField,
    /// The name of its column.
    pub column: String,
}

/// The typed columns of every mapped custom field; each field once, ordered by entity and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldColumns(Vec<FieldColumn>);

impl FieldColumns {
    /// Names the columns of `fields`.
    ///
    /// A field's column has its name. Where the table has a column of that name it is
    /// `custom_NAME`, and where that is another field's, `custom_NAME_2` and so on. A field that two
    /// connections map as two kinds is text.
    pub fn of(fields: impl IntoIterator<Item = CustomField>) -> Self {
        let mut kinds: BTreeMap<(Entity, String), ColumnKind> = BTreeMap::new();
        for CustomField { entity, name, kind } in fields {
            let agreed = kinds.entry((entity, name)).or_insert(kind);
            if *agreed != kind {
                *agreed = ColumnKind::Text;
            }
        }
        let plain = |entity| Self::plain(entity).map(move |name| (entity, name.to_owned()));
        let mut taken: BTreeSet<_> = Entity::ALL.into_iter().flat_map(plain).collect();
        let fields = kinds.into_iter().map(|((entity, name), kind)| {
            let is_free = taken.insert((entity, name.to_ascii_lowercase()));
            (CustomField { entity, name, kind }, is_free)
        });
        let fields: Vec<_> = fields.collect();
        let columns = fields.into_iter().map(|(field, is_free)| {
            let column = match is_free {
                true => field.name.clone(),
                false => other_name(&field, &mut taken),
            };
            FieldColumn { field, column }
        });
        Self(columns.collect())
    }

    /// Lists the columns that the view of `entity` has without any custom field.
    pub fn plain(entity: Entity) -> impl Iterator<Item = &'static str> {
        let made: &[&str] = match entity {
            Entity::Contact => &["full_name"],
            Entity::Account | Entity::Case => &[],
        };
        let own = entity.columns().iter().chain(made);
        ["id"].iter().chain(own).chain(&ROW_COLUMNS).copied()
    }

    /// Lists them all.
    pub fn iter(&self) -> impl Iterator<Item = &FieldColumn> {
        self.0.iter()
    }

    /// Lists those of one entity.
    pub fn of_entity(&self, entity: Entity) -> impl Iterator<Item = &FieldColumn> {
        self.0.iter().filter(move |it| it.field.entity == entity)
    }
}

/// Finds a name that is not taken for the column of `field`, and takes it.
fn other_name(field: &CustomField, taken: &mut BTreeSet<(Entity, String)>) -> String {
    let cut = |n_more: usize| {
        let long = format!("custom_{}", field.name);
        long.chars().take(MAX_NAME_BYTES.saturating_sub(n_more)).collect::<String>()
    };
    let mut column = cut(0);
    let mut place = 2_usize;
    while !taken.insert((field.entity, column.to_ascii_lowercase())) {
        let end = format!("_{place}");
        column = format!("{}{end}", cut(end.len()));
        place += 1;
    }
    column
}

/// Keeps a view for each entity, with the columns of its table and one typed column for each mapped
/// custom field: `account_fields`, `contact_fields` and `case_fields` where there is SQL.
///
/// # Contract
///
/// - Publishing shows exactly the columns given, or changes nothing. Publishing the same again
///   changes nothing and says so.
/// - A value that does not fit its column is no value there; it stops no query.
/// - A view shows every row: what a person may see is no matter of the database.
#[async_trait]
pub trait FieldViews: Send + Sync {
    /// Shows `columns` and no others; tells whether anything was to be done.
    ///
    /// # Errors
    ///
    /// As the platform answers, such as `Rejected` when the views must not be made.
    async fn publish(&self, columns: &FieldColumns) -> Result<bool, PortError>;

    /// Returns what is shown; nothing as long as nothing was published.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn published(&self) -> Result<FieldColumns, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(entity: Entity, name: &str, kind: ColumnKind) -> CustomField {
        CustomField::new(entity, name, kind).unwrap()
    }

    fn text(name: &str) -> CustomField {
        field(Entity::Case, name, ColumnKind::Text)
    }

    fn names(fields: Vec<CustomField>) -> Vec<String> {
        FieldColumns::of(fields).iter().map(|it| it.column.clone()).collect()
    }

    #[test]
    fn names_that_are_no_names_of_a_mapping_are_refused() {
        for name in ["", "a b", "a\"b", "a'b", "a.b", "ä", &"a".repeat(64)] {
            assert_eq!(CustomField::new(Entity::Case, name, ColumnKind::Text), None, "{name}");
        }
    }

    #[test]
    fn columns_have_the_names_of_their_fields_unless_those_are_taken() {
        assert_eq!(names(vec![text("fee"), text("judge")]), ["fee", "judge"]);
        assert_eq!(
            names(vec![text("status"), text("custom_status"), text("ID")]),
            ["custom_ID", "custom_status", "custom_status_2"]
        );
        let account = field(Entity::Account, "status", ColumnKind::Text);
        assert_eq!(names(vec![account]), ["status"]);
    }

    #[test]
    fn names_never_become_too_long_nor_equal() {
        let long = "x".repeat(56);
        let names = names(vec![text("Status"), text("status"), text(&long), text("custom_Status")]);
        let lower: BTreeSet<_> = names.iter().map(|it| it.to_ascii_lowercase()).collect();
        assert_eq!(lower.len(), 4, "{names:?}");
        assert!(names.iter().all(|it| it.len() <= MAX_NAME_BYTES));
    }

    #[test]
    fn field_of_two_kinds_is_text_and_stands_once() {
        let fields = [ColumnKind::Number, ColumnKind::Bool, ColumnKind::Number];
        let columns = FieldColumns::of(fields.map(|kind| field(Entity::Case, "fee", kind)));

        let kinds: Vec<_> = columns.iter().map(|it| it.field.kind()).collect();
        assert_eq!(kinds, [ColumnKind::Text]);
    }

    #[test]
    fn order_of_the_fields_does_not_matter() {
        let (one, other) = (text("status"), text("custom_status"));
        assert_eq!(FieldColumns::of([one.clone(), other.clone()]), FieldColumns::of([other, one]));
    }
}
